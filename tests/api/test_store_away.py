"""The API while the warehouse is away: it lives, says so, and goes on when it is back."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from src.api.app import create_app
from src.api.serving import serve
from src.wiring import build, warehouse_url
from tests.api.rig import Client, settings_for


@pytest.fixture
def away(tmp_path: Path) -> Client:
    """Return a client of an API whose MySQL server is not there."""
    settings = settings_for(tmp_path, mysql_host="127.0.0.1", mysql_port=9, mysql_user="nobody")
    return Client(create_app(settings, build(settings)).test_client(use_cookies=False))


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Give the port of a server that takes connections and never says a word."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        yield one.getsockname()[1]


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


@pytest.mark.parametrize("path", ["/api/openapi.json", "/api/docs", "/api/docs/start.js"])
def test_what_is_always_open_is_open_then_too(away: Client, path: str) -> None:
    assert away.get(path).status_code == 200


def test_session_tells_what_anybody_may_and_recognises_nobody(away: Client) -> None:
    told: Any = away.get("/api/session").json
    assert (told["role"], told["name"], told["logged_in"]) == ("viewer", None, False)
    for headers in ({"Authorization": "Bearer ch_x"}, {"Cookie": "candlehouse_session_8000=x"}):
        answer = away.get("/api/session", headers=headers)
        assert answer.status_code == 503, headers


def test_metrics_tell_that_the_warehouse_is_away(away: Client) -> None:
    text = away.get("/metrics").text
    assert "candlehouse_warehouse_up 0.0" in text
    assert "candlehouse_pool_connections" in text


def test_metrics_tell_no_more_than_that_to_whom_nobody_knows(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, mysql_host="127.0.0.1", mysql_port=9, mysql_user="me", host="0.0.0.0")
    client = Client(create_app(settings, build(settings)).test_client())
    assert client.get("/metrics").status_code == 401
    assert client.get("/api/session").json["role"] is None  # type: ignore[index]
    answer = client.get("/metrics", headers={"Authorization": "Bearer ch_whatever"})
    assert (answer.status_code, answer.text) == (200, "candlehouse_warehouse_up 0.0\n")


def test_api_becomes_ready_by_itself_when_the_warehouse_is_there(tmp_path: Path) -> None:
    """Whoever waits for readiness sends nothing else before: somebody has to see to the schema."""
    folder = tmp_path / "data"
    folder.write_text("in the way of the folder")
    settings = settings_for(folder)
    parts = build(settings)
    client = Client(create_app(settings, parts).test_client())
    assert client.get("/health/ready").status_code == 503
    folder.unlink()
    deadline = time.monotonic() + 30
    while client.get("/health/ready").status_code != 200:
        assert time.monotonic() < deadline
    assert "candlehouse_warehouse_up 1.0" in client.get("/metrics").text
    parts.warehouse.close()


def test_a_warehouse_that_hangs_keeps_nobody_waiting(tmp_path: Path, silent_port: int) -> None:
    settings = settings_for(tmp_path, mysql_host="127.0.0.1", mysql_port=silent_port, mysql_user="me")
    client = Client(create_app(settings, build(settings)).test_client())
    begun = time.monotonic()
    assert client.get("/health/ready").status_code == 503
    assert "candlehouse_warehouse_up 0.0" in client.get("/metrics").text
    assert client.get("/api/session").status_code == 200
    assert client.get("/api/symbols").status_code == 503
    # Two seconds of it for each of the first two, five for the last one.
    assert time.monotonic() - begun < 20


def test_api_is_served_soon_though_the_warehouse_hangs(
    tmp_path: Path, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(tmp_path, mysql_host="127.0.0.1", mysql_port=silent_port, mysql_user="me", port=0)
    told: list[str] = []
    served: list[float] = []

    def note(_make: object, bound: socket.socket) -> None:
        served.append(time.monotonic())
        bound.close()

    for run in ("run_gunicorn", "run_waitress"):
        monkeypatch.setattr(f"src.api.serving.{run}", note)
    begun = time.monotonic()
    serve(settings, told.append)
    assert served[0] - begun < 9
    assert "the warehouse is away" in told[0]


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
