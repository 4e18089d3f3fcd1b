"""Sessions whose client falls silent: the server ends them, and nobody but their own transaction notices."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, select, text

from src.errors import WarehouseUnavailable
from src.warehouse.engine import Warehouse, open_warehouse
from tests.servers import DatabaseServer

SILENCE_S = 1
_PATIENCE_S = 10

NUMBERS = Table("numbers", MetaData(), Column("n", Integer, primary_key=True, autoincrement=False))


@pytest.fixture
def warehouse(database_url: str) -> Iterator[Warehouse]:
    opened = open_warehouse(database_url, silence_s=SILENCE_S)
    NUMBERS.create(opened.engine)
    yield opened
    opened.close()


def numbers(warehouse: Warehouse) -> list[int]:
    with warehouse.read() as connection:
        return list(connection.scalars(select(NUMBERS.c.n)))


def sessions(warehouse: Warehouse, count: int) -> list[int]:
    """Have *count* sessions at once; return their ids."""
    with ExitStack() as taken:
        opened = [taken.enter_context(warehouse.read()) for _ in range(count)]
        return [int(one.execute(text("SELECT CONNECTION_ID()")).scalar_one()) for one in opened]


def wait_until_ended(server: DatabaseServer, ids: list[int]) -> None:
    """Return once the server has ended these sessions, all of which are silent."""
    until = time.monotonic() + _PATIENCE_S
    with closing(server.connect()) as connection, closing(connection.cursor()) as cursor:
        while True:
            cursor.execute("SHOW PROCESSLIST")
            if not {row[0] for row in cursor.fetchall()} & set(ids):
                return
            assert time.monotonic() < until, "the server does not mind their silence"
            time.sleep(0.05)


def test_idle_pool_goes_on_without_a_word(
    warehouse: Warehouse, database_server: DatabaseServer, caplog: pytest.LogCaptureFixture
) -> None:
    before = sessions(warehouse, 3)
    wait_until_ended(database_server, before)
    with caplog.at_level(logging.WARNING):
        warehouse.run(lambda connection: connection.execute(NUMBERS.insert().values(n=1)))
        after = sessions(warehouse, 3)
    assert numbers(warehouse) == [1]
    assert not set(after) & set(before)
    assert not caplog.records


def test_pool_that_is_kept_alive_keeps_its_sessions(warehouse: Warehouse) -> None:
    before = sessions(warehouse, 3)
    until = time.monotonic() + 1.5 * SILENCE_S
    while time.monotonic() < until:
        warehouse.keep_alive()
        time.sleep(0.1)
    assert sorted(sessions(warehouse, 3)) == sorted(before)
    assert warehouse.pool_numbers().idle == 3


def fall_silent(warehouse: Warehouse, server: DatabaseServer, *statements: Any) -> None:
    """Insert a number, wait for the end of the session, go on with *statements* and commit."""
    with warehouse.write() as connection:
        connection.execute(NUMBERS.insert().values(n=1))
        wait_until_ended(server, [connection.execute(text("SELECT CONNECTION_ID()")).scalar_one()])
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize("statements", [(), (select(NUMBERS),)], ids=["commit", "statement"])
def test_transaction_that_fell_silent_is_rolled_back_and_says_so(
    warehouse: Warehouse,
    database_server: DatabaseServer,
    statements: tuple[Any, ...],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(WarehouseUnavailable, match=r"was ended.*rolled back.*was halted meanwhile"),
    ):
        fall_silent(warehouse, database_server, *statements)
    assert numbers(warehouse) == []
    fresh = NUMBERS.insert().values(n=1)
    warehouse.run(lambda connection: connection.execute(fresh))  # waits for no lock of the silent one
    assert numbers(warehouse) == [1]
    assert not caplog.records


def test_checks_have_sessions_like_any_other_client(database_url: str) -> None:
    def wait_timeout(warehouse: Warehouse) -> Any:
        with closing(warehouse), warehouse.read() as connection:
            return connection.execute(text("SELECT @@wait_timeout")).scalar()

    assert wait_timeout(open_warehouse(database_url)) == 15
    assert wait_timeout(open_warehouse(database_url, patience_s=3)) > 15
