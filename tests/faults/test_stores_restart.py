"""Real servers killed and started again under the pipeline: it goes on by itself, and nothing is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from src.extract.landing import Landing
from src.extract.manager import ExtractionManager
from src.lake.minio_store import MinioStore
from src.lake.spool import Spool
from src.lake.store import Bucket
from src.warehouse.engine import create_database, open_warehouse
from src.warehouse.schema import migrate
from src.warehouse.tables import fact_orderbook, lake_objects
from tests.builders import read_table
from tests.faults.collector import collect
from tests.faults.private_servers import PrivateServer, private_mariadb, private_s3
from tests.service.rig import EverLater, Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as made:
        yield made


@pytest.fixture
def s3(rig: Rig, tmp_path: Path) -> Iterator[PrivateServer]:
    """Give a running S3 server that is the rig's lake."""
    process, server = private_s3(tmp_path)
    with process:
        rig.lake = MinioStore(server.endpoint, server.access_key, server.secret_key)
        rig.lake.ensure_buckets()
        yield process


@pytest.fixture
def mariadb(rig: Rig, tmp_path: Path) -> Iterator[PrivateServer]:
    """Give a running MariaDB that is the rig's warehouse."""
    process, server = private_mariadb(tmp_path)
    with process:
        rig.warehouse.close()
        create_database(server.url("restarted"))
        rig.warehouse = open_warehouse(server.url("restarted"))
        migrate(rig.warehouse)
        yield process
        rig.warehouse.close()


def has_only_known_objects(rig: Rig) -> bool:
    """Whether lake and catalog name the same objects."""
    catalogued = {row.object_key for row in rig.rows(lake_objects)}
    return catalogued == {stat.key for stat in rig.lake.list_keys(Bucket.RAW)}


def test_s3_server_stopped_for_minutes(rig: Rig, s3: PrivateServer, tmp_path: Path) -> None:
    collector = collect(rig)
    collector.process.extraction.close()
    landing = Landing(rig.lake, rig.warehouse, EverLater(rig.clock), Spool(tmp_path / "spool"))
    collector.process.extraction = ExtractionManager(
        collector.process.exchange, rig.warehouse, landing, rig.clock, workers=2
    )
    collector.cycle()
    s3.kill()
    for _ in range(3):
        collector.cycle()
    assert not collector.is_whole()
    s3.start()
    collector.heal("S3 server stopped", "check that it runs")
    assert has_only_known_objects(rig)
    captured = {row["captured_at"] for row in read_table(rig.warehouse, fact_orderbook, symbol="BTCUSDT")}
    assert len(captured) == 5  # one each minute, those of the outage among them


class KillOnce:
    """Kills the server at the first LOAD DATA into *table*: before it, or done but not committed."""

    def __init__(self, rig: Rig, server: PrivateServer, moment: str, table: str = "fact_klines") -> None:
        self.is_done = False
        self._server = server
        self._table = table
        event.listen(rig.warehouse.engine, moment, self._look)

    def _look(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        is_load = statement.startswith("LOAD DATA") and f"TABLE {self._table} " in statement
        if is_load and not self.is_done:
            self.is_done = True
            self._server.kill()


def test_mariadb_killed_in_the_middle_of_a_load(rig: Rig, mariadb: PrivateServer) -> None:
    collector = collect(rig)
    for moment in ("before_cursor_execute", "after_cursor_execute"):
        collector.process.extraction.run_once()
        killing = KillOnce(rig, mariadb, moment)
        for _ in range(3):
            collector.cycle()
        assert killing.is_done
        mariadb.start()
        collector.heal(f"MariaDB killed {moment.split('_')[0]} LOAD", "check that the server runs")
        assert has_only_known_objects(rig)
