"""A warehouse made once for each engine and emptied before each test: such tests are many and small."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from src.lake.local_store import LocalStore
from src.warehouse.columns import metadata
from src.warehouse.engine import Warehouse
from src.warehouse.tables import schema_migrations
from tests import servers
from tests.ageing_rig import AgeingRig, s3_lake
from tests.builders import Pipeline, open_pipeline
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


@pytest.fixture(scope="session", params=["sqlite", "mariadb", "mysql"])
def _full_pipeline(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("pipeline")
    if request.param == "sqlite":
        with open_pipeline(f"sqlite:///{folder}/warehouse.db", LocalStore(folder / "lake")) as opened:
            yield opened
        return
    server: servers.DatabaseServer = request.getfixturevalue(f"{request.param}_server")
    with (
        servers.fresh_database(server) as name,
        open_pipeline(server.url(name), LocalStore(folder / "lake")) as opened,
    ):
        yield opened


@pytest.fixture
def lake_folder(tmp_path: Path) -> Path:
    """Return the folder of ``emptied_pipeline``'s lake."""
    return tmp_path / "data_lake"


@pytest.fixture
def emptied_pipeline(_full_pipeline: Pipeline, lake_folder: Path) -> Pipeline:
    """Return a pipeline with all tables and no rows, once for each engine; the lake is the test's own."""
    with _full_pipeline.warehouse.write() as connection:
        for table in metadata.tables.values():
            if table is not schema_migrations:
                connection.execute(table.delete())
    lake = LocalStore(lake_folder)
    lake.ensure_buckets()
    return Pipeline(_full_pipeline.warehouse, lake)


@pytest.fixture
def rig(emptied_pipeline: Pipeline) -> Iterator[AgeingRig]:
    """Give what ages: SQLite with a folder, a server with S3."""
    if not emptied_pipeline.warehouse.is_mysql:
        yield AgeingRig(emptied_pipeline)
        return
    with s3_lake() as lake:
        yield AgeingRig(Pipeline(emptied_pipeline.warehouse, lake))
