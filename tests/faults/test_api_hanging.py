"""The API while its database hangs: it says so within seconds, and goes on when that goes on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.api.rig import Api, Client, open_api, settings_for
from tests.faults.harness import eventually
from tests.faults.private_servers import private_mariadb

pytestmark = pytest.mark.timeout(300)

# Twice two seconds; the rest is for a busy machine.
_ANSWERS_WITHIN_S = 15.0


def warehouse_of(client: Client) -> dict[str, Any]:
    told: Any = client.get("/api/health").json
    return next(one for one in told["components"] if one["name"] == "warehouse")


def answered(client: Client, path: str) -> int:
    started = time.monotonic()
    status = client.get(path).status_code
    assert time.monotonic() - started < _ANSWERS_WITHIN_S, path
    return status


def ask_while_it_hangs(api: Api) -> None:
    for client in (api.anybody, api.viewer):
        started = time.monotonic()
        told = warehouse_of(client)
        assert time.monotonic() - started < _ANSWERS_WITHIN_S
        assert told["status"] == "down"
        assert told["advice"]
    assert answered(api.anybody, "/health/live") == 200
    assert answered(api.anybody, "/health/ready") == 503
    assert answered(api.anybody, "/metrics") == 200


def test_health_tells_of_a_database_that_hangs(tmp_path: Path) -> None:
    server, database = private_mariadb(tmp_path)
    settings = settings_for(tmp_path / "data", mysql=database.url("candlehouse"))
    with server, open_api(settings) as api:
        assert warehouse_of(api.anybody)["status"] == "healthy"
        assert api.anybody.get("/metrics").status_code == 200
        with server.frozen():
            ask_while_it_hangs(api)
        eventually(lambda: warehouse_of(api.anybody)["status"] == "healthy", "the warehouse is there again")
        assert api.anybody.get("/health/ready").status_code == 200
