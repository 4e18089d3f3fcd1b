"""A warehouse made once for each engine and emptied before each test: such tests are many and small."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from src.warehouse.engine import Warehouse
from tests import servers
from tests.run_builders import RUN_TABLES, open_runs


@pytest.fixture(scope="session", params=["sqlite", "mariadb", "mysql"])
def _tables_of_runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    if request.param == "sqlite":
        with open_runs(f"sqlite:///{tmp_path_factory.mktemp('runs')}/warehouse.db") as opened:
            yield opened
        return
    server: servers.DatabaseServer = request.getfixturevalue(f"{request.param}_server")
    with servers.fresh_database(server) as name, open_runs(server.url(name)) as opened:
        yield opened


@pytest.fixture
def runs_warehouse(_tables_of_runs: Warehouse) -> Warehouse:
    """Return a warehouse that has the tables of runs and no rows, once for each engine."""
    with _tables_of_runs.write() as connection:
        for table in RUN_TABLES:
            connection.execute(table.delete())
    return _tables_of_runs
