"""Upgrades of a warehouse with data in it: copied first, resumable, and nothing lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from src.errors import SchemaError
from src.lake.local_store import LocalStore
from src.warehouse import upgrading
from src.warehouse.engine import Warehouse
from src.warehouse.schema import find_version, migrate
from src.warehouse.tables import fact_klines, hourly_klines, schema_migrations
from tests.builders import DAY_START_MS, Pipeline, make_kline, make_object, open_pipeline, read_table

STEP = "ALTER TABLE symbols ADD COLUMN note INTEGER;\nCREATE TABLE extra (id INTEGER PRIMARY KEY);\n"


@pytest.fixture
def pipeline(warehouse_url: str, tmp_path: Path) -> Iterator[Pipeline]:
    lake = LocalStore(tmp_path / "lake")
    lake.ensure_buckets()
    with open_pipeline(warehouse_url, lake) as opened:
        opened.land(make_object("BTCUSDT", [make_kline(DAY_START_MS)]))
        opened.load()
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder in which one step follows on the shipped ones, for both kinds of database."""
    made = tmp_path / "migrations"
    made.mkdir()
    for file in Path("sql/migrations").resolve().glob("*.sql"):
        (made / file.name).write_text(file.read_text())
    number = 1 + max(int(file.name[:4]) for file in made.iterdir())
    for dialect in ("mysql", "sqlite"):
        (made / f"{number:04d}_note.{dialect}.sql").write_text(STEP)
    return made


def version_of(warehouse: Warehouse) -> int:
    with warehouse.read() as connection:
        return find_version(connection) or 0


def test_data_and_pipeline_survive_an_upgrade(pipeline: Pipeline, folder: Path) -> None:
    before = [read_table(pipeline.warehouse, table) for table in (fact_klines, hourly_klines)]
    start = version_of(pipeline.warehouse)
    assert f"applied migration {start + 1:04d} note" in migrate(pipeline.warehouse, folder)
    assert [read_table(pipeline.warehouse, table) for table in (fact_klines, hourly_klines)] == before
    pipeline.land(make_object("ETHUSDT", [make_kline(DAY_START_MS)]))
    assert pipeline.load().loaded.inserted == 1


def test_step_that_was_cut_off_is_finished(
    pipeline: Pipeline, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off = upgrading.Migration.statements

    def fail_after_the_first(step: upgrading.Migration) -> list[str]:
        return [*cut_off(step)[:1], "SELECT no_such_column FROM series"]

    start = version_of(pipeline.warehouse)
    with monkeypatch.context() as patch:
        patch.setattr(upgrading.Migration, "statements", fail_after_the_first)
        with pytest.raises(Exception, match="no_such_column"):
            migrate(pipeline.warehouse, folder)
    assert version_of(pipeline.warehouse) == start
    migrate(pipeline.warehouse, folder)
    assert version_of(pipeline.warehouse) == start + 1
    with pipeline.warehouse.read() as connection:
        assert connection.exec_driver_sql("SELECT note FROM symbols").all() == []
        assert connection.exec_driver_sql("SELECT id FROM extra").all() == []


def test_sqlite_is_copied_before_it_is_changed(pipeline: Pipeline, folder: Path) -> None:
    if pipeline.warehouse.is_mysql:
        assert upgrading.back_up(pipeline.warehouse, 1) is None
        return
    start = version_of(pipeline.warehouse)
    migrate(pipeline.warehouse, folder)
    copy = Path(f"{pipeline.warehouse.engine.url.database}.schema-{start:04d}.bak")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT symbol FROM fact_klines").fetchall() == [("BTCUSDT",)]
        assert connection.execute("SELECT MAX(version) FROM schema_migrations").fetchone() == (start,)


def test_without_room_for_the_copy_nothing_is_changed(
    pipeline: Pipeline, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if pipeline.warehouse.is_mysql:
        return  # a server is not copied

    def no_room(_: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device", str(target))

    before = read_table(pipeline.warehouse, schema_migrations)
    monkeypatch.setattr(Path, "replace", no_room)
    with pytest.raises(SchemaError, match="no copy of it could be made"):
        migrate(pipeline.warehouse, folder)
    assert read_table(pipeline.warehouse, schema_migrations) == before


def test_long_rewrite_on_a_server_is_announced(
    pipeline: Pipeline, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(upgrading, "_MANY_ROWS", 0)
    migrate(pipeline.warehouse, folder)
    said = capfd.readouterr()
    assert ("this may take long" in said.out + said.err) == pipeline.warehouse.is_mysql
