"""``./candlehouse token``: made, listed, revoked; what is made here opens the API."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from src.cli import main
from tests.api.rig import open_api, settings_for


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CANDLEHOUSE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CANDLEHOUSE_LOG", "error")
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    # A command configures logging for its whole process.
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["token", *arguments])


def test_token_opens_the_api_until_it_is_revoked(tmp_path: Path) -> None:
    secret = run("create", "grafana").stdout.strip()
    made = json.loads(run("create", "anna", "--role", "operator", "--json").stdout)
    assert secret.startswith("ch_")
    with open_api(settings_for(tmp_path, host="0.0.0.0")) as api:
        grafana, anna = api.bearing(secret), api.bearing(made["token"])
        assert (grafana.get("/api/symbols").status_code, grafana.get("/api/tokens").status_code) == (200, 403)
        assert anna.get("/api/tokens").status_code == 200
        assert "revoked anna (operator)" in run("revoke", str(made["id"])).stdout
        assert anna.get("/api/tokens").status_code == 401


def test_list_shows_tokens_and_never_what_opens_the_door() -> None:
    secret = run("create", "grafana", "--expires", "2100-01-31").stdout.strip()
    assert "2100-01-31T00:00Z" in run("list").stdout
    listed = json.loads(run("list", "--json").stdout)
    assert [(row["name"], row["role"]) for row in listed] == [("grafana", "viewer")]
    assert not {"token", "token_hash"} & set(listed[0])
    assert secret not in run("list").stdout
    run("revoke", str(listed[0]["id"]))
    assert json.loads(run("list", "--json").stdout) == []
    assert len(json.loads(run("list", "--revoked", "--json").stdout)) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["revoke", "99"], 1, "there is no token 99"),
        (["create", "x", "--expires", "2020-01-01"], 2, "a time to come"),
        (["create", "x", "--role", "king"], 2, "king"),
        (["create", "ü"], 2, "ASCII"),
        (["create", "x" * 65], 2, "1 to 64"),
    ],
)
def test_what_cannot_be_done_is_told(arguments: list[str], status: int, told: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, told in result.stderr) == (status, True)


def test_token_of_the_environment_is_revoked_there_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_api(settings_for(tmp_path, token="sixteen characters")):
        token_id = json.loads(run("list", "--json").stdout)[0]["id"]
    result = run("revoke", str(token_id))
    assert (result.exit_code, "CANDLEHOUSE_TOKEN" in result.stderr) == (1, True)
