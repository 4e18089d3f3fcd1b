"""The API while the warehouse is away: it lives, says so, and goes on when it is back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from src.api.app import create_app
from src.wiring import build, warehouse_url
from tests.api.rig import Client, settings_for


@pytest.fixture
def away(tmp_path: Path) -> Client:
    """Return a client of an API whose MySQL server is not there."""
    settings = settings_for(tmp_path, mysql_host="127.0.0.1", mysql_port=9, mysql_user="nobody")
    return Client(create_app(settings, build(settings)).test_client())


def test_api_lives_and_says_that_it_is_not_ready(away: Client) -> None:
    assert away.get("/health/live").json == {"ok": True}
    answer = away.get("/health/ready")
    assert answer.status_code == 503
    assert "127.0.0.1" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("path", ["/api/health", "/api/data-ingestion/health"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer ch_whatever"}])
def test_health_says_what_is_away_and_what_to_do(away: Client, path: str, headers: dict[str, str]) -> None:
    answer = away.get(path, headers=headers)
    told: Any = answer.json
    assert (answer.status_code, told["status"]) == (200, "down")
    found = {one["name"]: one for one in told["components"]}
    assert "127.0.0.1:9" in found["warehouse"]["found"]
    assert found["warehouse"]["advice"]
    assert "lake" in found


def test_health_says_no_more_than_that_to_whom_nobody_knows(tmp_path: Path) -> None:
    """Whose token it is stands in the warehouse; who has none is refused as ever."""
    settings = settings_for(tmp_path, mysql_host="127.0.0.1", mysql_port=9, mysql_user="me", host="0.0.0.0")
    client = Client(create_app(settings, build(settings)).test_client())
    assert client.get("/api/health").status_code == 401
    told: Any = client.get("/api/health", headers={"Authorization": "Bearer ch_whatever"}).json
    assert [one["name"] for one in told["components"]] == ["warehouse"]
    assert (told["status"], "127.0.0.1" in str(told)) == ("down", False)


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/symbols"), ("POST", "/api/tokens")])
def test_what_needs_the_warehouse_says_so(away: Client, method: str, path: str) -> None:
    answer = away.ask(method, path, json={"name": "x"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json["type"] == "urn:candlehouse:problem:store-unavailable"  # type: ignore[index]


def test_api_goes_on_when_the_warehouse_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.write_text("in the way of the folder")
    settings = settings_for(folder)
    parts = build(settings)
    client = Client(create_app(settings, parts).test_client())
    assert client.get("/api/symbols").status_code == 503
    folder.unlink()
    assert client.get("/api/symbols").status_code == 200
    assert warehouse_url(settings).endswith("warehouse.db")
    parts.warehouse.close()
