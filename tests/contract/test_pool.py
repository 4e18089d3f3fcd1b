"""The connection pool: its size, its numbers, and connections that died or grew old in it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from src.errors import WarehouseUnavailable
from src.settings import load_settings
from src.warehouse.engine import PoolNumbers, Warehouse, open_warehouse, sqlite_url
from src.wiring import build
from tests.servers import DatabaseServer


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Warehouse]:
    opened = open_warehouse(warehouse_url, pool_size=2)
    yield opened
    opened.close()


def session_id(warehouse: Warehouse) -> Any:
    with warehouse.read() as connection:
        return connection.execute(text("SELECT CONNECTION_ID()")).scalar()


def test_numbers_follow_what_is_taken_and_given_back(warehouse: Warehouse) -> None:
    assert warehouse.pool_numbers() == PoolNumbers(size=2, most=12, checked_out=0, idle=0, overflow=0)
    with ExitStack() as taken:
        for _ in range(3):
            taken.enter_context(warehouse.read())
        assert warehouse.pool_numbers() == PoolNumbers(size=2, most=12, checked_out=3, idle=0, overflow=1)
    assert warehouse.pool_numbers() == PoolNumbers(size=2, most=12, checked_out=0, idle=2, overflow=0)


def test_setting_decides_the_size() -> None:
    app = build(load_settings(mysql_host="127.0.0.1", mysql_user="nobody", mysql_pool_size=3))
    assert app.warehouse.pool_numbers().size == 3, "known before anything is connected"


def test_pool_that_stays_exhausted_says_what_to_raise() -> None:
    engine = create_engine("sqlite://", poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.05)
    warehouse = Warehouse(engine)
    with (
        warehouse.read(),
        pytest.raises(WarehouseUnavailable, match="MYSQL_POOL_SIZE"),
        warehouse.read(),
    ):
        pass
    warehouse.close()


def test_connections_that_the_server_dropped_are_replaced_unseen(
    database_url: str, database_server: DatabaseServer
) -> None:
    with closing(open_warehouse(database_url)) as warehouse:
        dropped = session_id(warehouse)
        with closing(database_server.connect()) as other, closing(other.cursor()) as cursor:
            cursor.execute(f"KILL {dropped}")
        time.sleep(1.1)  # one that was used a moment ago is not asked whether it is still there
        assert session_id(warehouse) != dropped


def test_reading_takes_one_round_trip_a_statement(database_url: str) -> None:
    with closing(open_warehouse(database_url, pool_size=1)) as warehouse:
        session_id(warehouse)
        before = statements(warehouse)
        for _ in range(3):
            session_id(warehouse)
        assert statements(warehouse) - before == 3 + 1


def statements(warehouse: Warehouse) -> int:
    """Return how many this session has sent, this one included."""
    with warehouse.read() as connection:
        return int(connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Questions'").one()[1])


def test_session_that_has_read_writes_in_transactions_again(warehouse_url: str) -> None:
    with closing(open_warehouse(warehouse_url, pool_size=1)) as warehouse:
        with warehouse.write() as connection:
            connection.execute(text("CREATE TABLE t (n INT)"))
        for _ in range(2):
            with warehouse.read() as connection:
                assert connection.execute(text("SELECT n FROM t")).all() == []
            with suppress(RuntimeError), warehouse.write() as connection:
                connection.execute(text("INSERT INTO t VALUES (1)"))
                raise RuntimeError
        warehouse.run(lambda connection: connection.execute(text("INSERT INTO t VALUES (2)")))
    with closing(open_warehouse(warehouse_url)) as other, other.read() as connection:
        assert connection.execute(text("SELECT n FROM t")).all() == [(2,)]


def test_connections_are_replaced_when_they_are_half_an_hour_old(database_url: str) -> None:
    with closing(open_warehouse(database_url)) as warehouse:
        with warehouse.read() as connection:
            young = connection.execute(text("SELECT CONNECTION_ID()")).scalar()
            record: Any = connection.connection._connection_record
        assert session_id(warehouse) == young
        record.starttime -= 1_801
        assert session_id(warehouse) != young


def test_nobody_waits_longer_for_an_answer_than_they_said(database_url: str) -> None:
    started = time.monotonic()
    with (
        closing(open_warehouse(database_url, answer_s=1)) as warehouse,
        pytest.raises(WarehouseUnavailable),
        warehouse.read() as connection,
    ):
        connection.execute(text("SELECT SLEEP(60)"))
    assert time.monotonic() - started < 30


def test_new_connection_reads_while_another_one_writes(warehouse: Warehouse) -> None:
    with warehouse.write() as connection:
        connection.execute(text("CREATE TABLE t (n INT)"))
        connection.execute(text("INSERT INTO t VALUES (0)"))
    started = time.monotonic()
    with warehouse.write() as writer:
        writer.execute(text("UPDATE t SET n = 1"))
        with warehouse.read() as reader:
            assert reader.execute(text("SELECT n FROM t")).scalar() == 0
    assert time.monotonic() - started < 5


def test_checks_do_not_wait_for_locks(warehouse_url: str) -> None:
    lock = "UPDATE t SET n = 1" if warehouse_url.startswith("mysql") else "SELECT 1"
    with (
        closing(open_warehouse(warehouse_url)) as worker,
        closing(open_warehouse(warehouse_url, 2, 2)) as check,
    ):
        with worker.write() as connection:
            connection.execute(text("CREATE TABLE t (n INT)"))
            connection.execute(text("INSERT INTO t VALUES (0)"))
        started = time.monotonic()
        with worker.write() as held:
            held.execute(text(lock))
            with pytest.raises(DBAPIError, match=r"(?i)lock"):
                check.run(lambda connection: connection.execute(text(lock)))
        assert time.monotonic() - started < 5


def test_sqlite_serves_the_writers_of_a_process_in_the_order_they_came(tmp_path: Path) -> None:
    served: list[int] = []
    with closing(open_warehouse(sqlite_url(tmp_path / "warehouse.db"))) as warehouse:
        writers = [
            threading.Thread(target=warehouse.run, args=(lambda _, n=number: served.append(n),))
            for number in range(20)  # more than there are connections
        ]
        with warehouse.write():
            for writer in writers:
                writer.start()
                time.sleep(0.02)
        for writer in writers:
            writer.join()
    assert served == list(range(20))
