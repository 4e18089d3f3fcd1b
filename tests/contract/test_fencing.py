"""The fence: a transaction whose writer lost its right is rolled back, whenever it lost it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, event, select

from src.errors import LeadershipLost, RunRevoked
from src.warehouse.engine import Warehouse, guarded_by, open_warehouse
from src.warehouse.leases import Lease, acquire, check_token, find_lease, renew
from src.warehouse.run_tables import leases

NAME = "leader"
NUMBERS = Table("numbers", MetaData(), Column("n", Integer, primary_key=True, autoincrement=False))


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Warehouse]:
    opened = open_warehouse(warehouse_url)
    make_tables(opened)
    yield opened
    opened.close()


@pytest.fixture
def other(warehouse: Warehouse, warehouse_url: str) -> Iterator[Warehouse]:
    """Give the warehouse as another process has it, where nothing is guarded."""
    opened = open_warehouse(warehouse_url)
    yield opened
    opened.close()


def make_tables(warehouse: Warehouse) -> None:
    leases.create(warehouse.engine)
    NUMBERS.create(warehouse.engine)


def lead(warehouse: Warehouse) -> Lease:
    """Take the lease, whoever has it, and guard what *warehouse* writes from here on."""

    def take(connection: Connection) -> Lease:
        found = find_lease(connection, NAME)
        lease = acquire(connection, NAME, "us", 60, dead_holder=found.holder if found else None)
        assert lease
        return lease

    lease = warehouse.run(take, guarded=False)
    warehouse.guard = lambda: partial(check_token, name=NAME, token=lease.token)
    return lease


def insert(connection: Connection, number: int) -> None:
    connection.execute(NUMBERS.insert().values(n=number))


def write(warehouse: Warehouse, number: int) -> None:
    warehouse.run(partial(insert, number=number))


def numbers(warehouse: Warehouse) -> list[int]:
    with warehouse.read() as connection:
        return list(connection.scalars(select(NUMBERS.c.n).order_by(NUMBERS.c.n)))


def test_leader_writes(warehouse: Warehouse, other: Warehouse) -> None:
    lead(warehouse)
    write(warehouse, 1)
    write(other, 2)
    assert numbers(warehouse) == [1, 2], "who does not lead is not asked: a command queues runs, say"


def test_leader_that_was_replaced_cannot_write(warehouse: Warehouse, other: Warehouse) -> None:
    lead(warehouse)
    lead(other)
    with pytest.raises(LeadershipLost, match=r"nothing of this transaction was written and nothing is lost"):
        write(warehouse, 1)
    write(other, 2)
    assert numbers(warehouse) == [2]


def test_transaction_is_not_tried_again_once_leadership_is_lost(
    warehouse: Warehouse, other: Warehouse
) -> None:
    lead(warehouse)
    lead(other)
    tries: list[Connection] = []
    with pytest.raises(LeadershipLost):
        warehouse.run(tries.append)
    assert len(tries) == 1


def test_transaction_begun_under_an_older_token_is_refused_though_we_lead_again(database_url: str) -> None:
    # On SQLite nobody can take the lease while anybody writes.
    with closing(open_warehouse(database_url)) as warehouse, closing(open_warehouse(database_url)) as again:
        make_tables(warehouse)
        lead(warehouse)

        def write_across_two_terms() -> None:
            with warehouse.write() as connection:
                insert(connection, 1)
                lead(again)
                warehouse.guard = again.guard

        with pytest.raises(LeadershipLost):
            write_across_two_terms()
        write(warehouse, 2)
        assert numbers(warehouse) == [2]


def test_lease_does_not_change_hands_between_the_check_and_the_commit(
    warehouse: Warehouse, other: Warehouse
) -> None:
    lead(warehouse)
    order: list[str] = []
    with ThreadPoolExecutor(1) as pool:

        def pause_before_the_commit(_: Connection) -> None:
            taking = pool.submit(lead, other)
            taking.add_done_callback(lambda _: order.append("taken"))
            time.sleep(0.5)
            order.append("committed")

        event.listen(warehouse.engine, "commit", pause_before_the_commit, once=True)
        write(warehouse, 1)
    assert order == ["committed", "taken"]
    with pytest.raises(LeadershipLost):
        write(warehouse, 2)
    assert numbers(other) == [1]


def test_what_everybody_may_write_is_not_guarded(warehouse: Warehouse, other: Warehouse) -> None:
    lead(warehouse)
    lead(other)
    warehouse.run(partial(insert, number=1), guarded=False)
    assert numbers(warehouse) == [1]


# --- checks of a thread's own ---


def refuse(_: Connection) -> None:
    raise RunRevoked(7)


def test_thread_with_a_check_that_refuses_cannot_write_and_others_can(warehouse: Warehouse) -> None:
    with guarded_by(refuse):
        with pytest.raises(RunRevoked, match="run 7 may not write any more"):
            write(warehouse, 1)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(write, warehouse, 2).result()
    write(warehouse, 3)
    assert numbers(warehouse) == [2, 3]


def test_checks_are_the_last_statements_and_the_leaders_the_very_last(warehouse: Warehouse) -> None:
    lead(warehouse)
    executed: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        executed.append(statement.split(maxsplit=1)[0] + " " + statement.split()[1])

    def check(connection: Connection) -> None:
        connection.execute(select(NUMBERS.c.n))

    event.listen(warehouse.engine, "before_cursor_execute", note)
    with guarded_by(check):
        write(warehouse, 1)
    assert executed[-3:] == ["INSERT INTO", "SELECT numbers.n", "SELECT leases.token"]


def test_renewals_and_writes_of_many_threads_do_not_stand_in_each_others_way(warehouse: Warehouse) -> None:
    lease = lead(warehouse)
    with ThreadPoolExecutor(4) as pool:
        written = [pool.submit(write, warehouse, number) for number in range(80)]
        while not all(one.done() for one in written):
            assert warehouse.run(lambda connection: renew(connection, lease, 60), guarded=False)
    assert all(one.exception() is None for one in written)
    assert numbers(warehouse) == list(range(80))
