"""Moving the warehouse from SQLite into MariaDB and MySQL: every table, every value, at any crash."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BigInteger, select
from structlog.testing import capture_logs

from src.clock import SystemClock
from src.errors import CandlehouseError, ConfigurationError
from src.jobs.leadership import Leadership
from src.maintenance.moving_warehouse import (
    WarehouseMover,
    WarehouseReport,
    check_differences,
)
from src.maintenance.warehouse_home import check_copy
from src.settings import load_settings
from src.warehouse import copying
from src.warehouse.copying import COPIED, FACTS
from src.warehouse.digests import digest_table, is_own_note
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.run_tables import app_settings, notifications
from src.warehouse.schema import migrate
from src.warehouse.tables import fact_klines, lake_objects, metadata
from src.wiring import build
from tests.servers import DatabaseServer
from tests.unit.test_cli import environment, fail, run, succeed  # noqa: F401  environment is a fixture
from tests.warehouse_rows import fill_table

ROWS = 11


class Crash(Exception):
    """The process dies here."""


@dataclass
class Move:
    """A SQLite warehouse full of everything, and an empty one on a server."""

    source: Warehouse
    target: Warehouse
    progress: list[tuple[str, int, int]] = field(default_factory=list)
    on_progress: Callable[[str], None] = lambda _: None

    def run(self) -> WarehouseReport:
        def tell(phase: str, done: int, total: int) -> None:
            self.progress.append((phase, done, total))
            self.on_progress(phase)

        clock = SystemClock()
        return WarehouseMover(self.source, self.target, clock, "old.db", "the server", tell).run()


@pytest.fixture(scope="module")
def full_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a warehouse with rows in every table, once."""
    file = tmp_path_factory.mktemp("full") / "warehouse.db"
    opened = open_warehouse(f"sqlite:///{file}")
    migrate(opened)
    for table in COPIED:
        fill_table(opened, table, ROWS)
    opened.close()
    return file


@pytest.fixture
def source(full_file: Path, tmp_path: Path) -> Iterator[Warehouse]:
    (tmp_path / "data").mkdir()
    opened = open_warehouse(f"sqlite:///{shutil.copy(full_file, tmp_path / 'data' / 'warehouse.db')}")
    yield opened
    opened.close()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_FACTS_A_CHUNK", 5)
    monkeypatch.setattr(copying, "_ROWS_A_CHUNK", 4)


@pytest.fixture
def any_move(source: Warehouse, database_url: str, small_chunks: None) -> Iterator[Move]:
    """Give a move into MariaDB and into MySQL in turn."""
    yield from _open(source, database_url)


@pytest.fixture
def move(source: Warehouse, mariadb_url: str, small_chunks: None) -> Iterator[Move]:
    yield from _open(source, mariadb_url)


def _open(source: Warehouse, url: str) -> Iterator[Move]:
    target = open_warehouse(url)
    migrate(target)
    yield Move(source, target)
    target.close()


def rows_of(warehouse: Warehouse, name: str) -> list[tuple[Any, ...]]:
    table = metadata.tables[name]
    with warehouse.read() as connection:
        rows = [tuple(row) for row in connection.execute(select(table))]
    return sorted((row for row in rows if table is not app_settings or not is_own_note(row[0])), key=repr)


def assert_equal(move: Move) -> None:
    for table in COPIED:
        found = rows_of(move.target, table.name)
        assert len(found) == ROWS
        assert found == rows_of(move.source, table.name), table.name


def test_every_table_arrives_with_every_value_and_goes_on_from_there(any_move: Move) -> None:
    report = any_move.run()
    assert report.differences == []
    assert (report.tables, report.days) == (len(COPIED), ROWS * len(FACTS))
    assert report.copied == report.rows
    assert_equal(any_move)
    assert any_move.progress[-1][1] == any_move.progress[-1][2]
    assert count_partitions(any_move.target) > 5
    assert insert_object(any_move.target) == ROWS + 1


def count_partitions(warehouse: Warehouse) -> int:
    query = (
        "SELECT COUNT(*) FROM information_schema.partitions WHERE table_schema = DATABASE() "
        "AND table_name = 'fact_klines'"
    )
    with warehouse.read() as connection:
        return int(connection.exec_driver_sql(query).scalar_one())


def insert_object(warehouse: Warehouse) -> int:
    """Add an object to the catalog and return the id that it got."""
    with warehouse.write() as connection:
        some = dict(connection.execute(select(lake_objects).limit(1)).mappings().one())
        values = {name: value for name, value in some.items() if name != "id"} | {"object_key": "new"}
        added = connection.execute(lake_objects.insert().values(values)).inserted_primary_key
    assert added is not None
    return int(added[0])


def test_crash_after_crash_leaves_what_the_next_run_completes(
    any_move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = copying._insert, [0]

    def die(*arguments: Any) -> None:
        real(*arguments)
        left[0] -= 1
        if left[0] == 0:
            raise Crash

    monkeypatch.setattr(copying, "_insert", die)
    for chunks in (1, 2, 9, 30):
        left[0] = chunks
        with pytest.raises(Crash):
            any_move.run()
        with pytest.raises(
            ConfigurationError, match=r"copy of old\.db that was cut off: \./candlehouse migr"
        ):
            check_copy(any_move.target)
    assert check_copy(any_move.source) is None
    assert any_move.run().differences == []
    assert_equal(any_move)
    assert check_copy(any_move.target) is None


def test_second_run_does_nothing(move: Move) -> None:
    move.run()
    with move.target.write() as connection:
        connection.execute(fact_klines.delete())  # the new warehouse goes its own way
    again = move.run()
    assert again.moved_at is not None
    assert again.copied == 0


def test_what_was_queued_meanwhile_is_copied_too(move: Move) -> None:
    def queue(phase: str) -> None:
        if phase == "comparing":
            move.on_progress = lambda _: None
            values = {"kind": "k", "subject": "s", "severity": "info", "title": "t", "body": "b"}
            with move.source.write() as connection:
                connection.execute(notifications.insert().values(values))

    move.on_progress = queue
    assert move.run().differences == []
    assert rows_of(move.target, "notifications") == rows_of(move.source, "notifications")
    assert len(rows_of(move.target, "notifications")) == ROWS + 1


def test_difference_is_named_by_series_and_day_and_nothing_is_switched(move: Move) -> None:
    def damage(phase: str) -> None:
        if phase == "comparing":
            with move.target.write() as connection:
                first = fact_klines.c.exchange == "V1"
                connection.execute(fact_klines.update().where(first).values(trade_count=1))

    move.on_progress = damage
    report = move.run()
    assert len(report.differences) == 1
    assert report.differences[0].startswith("fact_klines V1 V1 V1 of day 2026-01-08: 1 rows and 1 rows")
    with pytest.raises(CandlehouseError, match=r"not equal to its source, and nothing was switched: fact"):
        check_differences(report)
    assert check_copy(move.source) is None
    move.on_progress = lambda _: None
    assert move.run().differences == []


def test_database_that_holds_other_data_is_refused(move: Move, tmp_path: Path) -> None:
    fill_table(move.target, notifications, 1)
    with pytest.raises(ConfigurationError, match=r"holds data already \(notifications\): name an empty"):
        move.run()


def test_copy_of_another_warehouse_is_refused(move: Move, tmp_path: Path) -> None:
    move.run()
    other = open_warehouse(f"sqlite:///{tmp_path}/other.db")
    migrate(other)
    with pytest.raises(ConfigurationError, match=r"holds the copy of another warehouse, old\.db"):
        Move(other, move.target).run()
    other.close()


def test_text_that_does_not_fit_is_named_with_its_row_before_anything_is_copied(move: Move) -> None:
    # Two bytes a letter, and one more than fits.
    is_third = notifications.c.id == rows_of(move.source, "notifications")[2][0]
    with move.source.write() as connection:
        connection.execute(notifications.update().where(is_third).values(body="é" * 32_768))
    with pytest.raises(
        CandlehouseError, match=r"of notifications \S+: body has 65,536 bytes\. Shorten"
    ) as told:
        move.run()
    assert "old.db" in str(told.value)
    assert all(rows_of(move.target, table.name) == [] for table in COPIED)
    with move.source.write() as connection:
        connection.execute(notifications.update().where(is_third).values(body="é" * 32_767 + "e"))
    assert move.run().differences == []
    assert_equal(move)


def test_digests_change_with_every_number_of_every_table(source: Warehouse) -> None:
    for table in COPIED:
        with source.read() as connection:
            before = digest_table(connection, table)
        for column in (column for column in table.columns if isinstance(column.type, BigInteger)):
            with source.write() as connection:
                connection.execute(table.update().values({column.name: column + 1_000_000}))
            with source.read() as connection:
                after = digest_table(connection, table)
            assert after != before, column
            before = after


# --- the command ---


@pytest.fixture
def server_url(mariadb_server: DatabaseServer, mariadb_database: str) -> str:
    return mariadb_server.url(mariadb_database).replace("mysql+mysqlconnector", "mysql")


@pytest.mark.usefixtures("environment")
def test_command_moves_and_says_what_to_set(source: Warehouse, server_url: str, tmp_path: Path) -> None:
    source.close()
    told = succeed("migrate-warehouse", "--to", server_url, "--rename-source")
    assert f"{len(COPIED)} tables, " in told
    assert "all compared and equal, facts by 33 days of series" in told
    assert "MYSQL_HOST=127.0.0.1\n" in told
    assert not (tmp_path / "data" / "warehouse.db").exists()
    assert (tmp_path / "data" / "warehouse.db.moved").exists()
    moved = str(tmp_path / "data" / "warehouse.db.moved")
    again = json.loads(succeed("migrate-warehouse", "--to", server_url, "--source", moved, "--json"))
    assert again["moved_at"] is not None


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("what", ["TABLE mine (id INT)", "VIEW mine AS SELECT 1"])
def test_command_refuses_a_database_of_somebody_else_and_makes_nothing_in_it(
    source: Warehouse, server_url: str, what: str
) -> None:
    source.close()
    theirs = open_warehouse(server_url.replace("mysql:", "mysql+mysqlconnector:"))
    with theirs.write() as connection:
        connection.exec_driver_sql(f"CREATE {what}")
    assert "holds what is none of Candlehouse's (mine)" in fail(2, "migrate-warehouse", "--to", server_url)
    with theirs.read() as connection:
        assert list(connection.exec_driver_sql("SHOW TABLES")) == [("mine",)]
    theirs.close()


@pytest.mark.usefixtures("environment")
def test_command_refuses_while_a_daemon_leads(source: Warehouse, server_url: str) -> None:
    daemon = Leadership(source, SystemClock())
    assert daemon.try_acquire()
    try:
        assert "works with these stores: stop it" in fail(1, "migrate-warehouse", "--to", server_url)
    finally:
        daemon.resign()


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "there is no warehouse to move"),
        (("--source", "/dev/null"), "does not exist|is a|where to"),
        (("--to", "mysql://h/d"), "there is no warehouse to move"),
    ],
)
def test_command_says_what_is_wrong(arguments: tuple[str, ...], told: str) -> None:
    result = run("migrate-warehouse", *arguments)
    assert result.exit_code == 2
    assert any(words in result.stderr for words in told.split("|"))


@pytest.mark.usefixtures("environment", "source")
@pytest.mark.parametrize("to", [None, "sqlite:///x", "mysql://localhost", "nonsense"])
def test_command_needs_a_database_to_move_to(to: str | None) -> None:
    result = run("migrate-warehouse", *(("--to", to) if to else ()))
    assert result.exit_code == 2
    assert "accepted is mysql://" in result.stderr or "where to?" in result.stderr


def test_start_on_the_old_warehouse_warns(
    source: Warehouse,
    server_url: str,
    environment: pytest.MonkeyPatch,  # noqa: F811
) -> None:
    environment.setenv("CANDLEHOUSE_LOG", "warning")
    succeed("migrate-warehouse", "--to", server_url)
    app = build(load_settings())
    with capture_logs() as logs:
        app.starter.prepare_warehouse()
    app.warehouse.close()
    (warning,) = (line for line in logs if line["event"] == "warehouse was moved away")
    assert "this warehouse was moved to " in warning["problem"]
