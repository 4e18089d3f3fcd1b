"""The lease: one holder at a time, by the database's clock, and a token that moves on with each of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import select

from src.errors import LeadershipLost
from src.warehouse.columns import utc_now
from src.warehouse.dialects import later
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.leases import Lease, acquire, check_token, find_lease, release, renew
from src.warehouse.run_tables import leases

NAME = "leader"


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Warehouse]:
    opened = open_warehouse(warehouse_url)
    leases.create(opened.engine)
    yield opened
    opened.close()


def take(
    warehouse: Warehouse, holder: str, ttl_s: float = 60, dead_holder: str | None = None
) -> Lease | None:
    return warehouse.run(lambda connection: acquire(connection, NAME, holder, ttl_s, dead_holder))


def get(warehouse: Warehouse, holder: str, ttl_s: float = 60) -> Lease:
    lease = take(warehouse, holder, ttl_s)
    assert lease
    return lease


def found(warehouse: Warehouse) -> Lease:
    with warehouse.read() as connection:
        lease = find_lease(connection, NAME)
    assert lease
    return lease


def is_ours(warehouse: Warehouse, lease: Lease) -> bool:
    try:
        warehouse.run(lambda connection: check_token(connection, NAME, lease.token))
    except LeadershipLost:
        return False
    return True


def test_database_tells_the_time_in_some_seconds(warehouse: Warehouse) -> None:
    with warehouse.read() as connection:
        now_ms, soon_ms = connection.execute(select(utc_now(), later(2.5, connection))).one()
    assert 0 <= soon_ms - now_ms - 2500 <= 5, "both are asked for in one statement"


def test_lease_that_nobody_ever_held_is_taken(warehouse: Warehouse) -> None:
    with warehouse.read() as connection:
        assert find_lease(connection, NAME) is None
    lease = get(warehouse, "one")
    assert (lease.holder, lease.token, lease.is_expired) == ("one", 1, False)
    assert abs(lease.expires_at_ms - lease.acquired_at_ms - 60_000) <= 5
    assert found(warehouse) == lease


def test_lease_that_is_held_is_not_taken(warehouse: Warehouse) -> None:
    lease = get(warehouse, "one")
    assert take(warehouse, "two") is None
    assert take(warehouse, "one") is None, "the name of a holder proves nothing"
    assert found(warehouse) == lease


def test_expired_lease_is_taken_under_the_next_token(warehouse: Warehouse) -> None:
    first = get(warehouse, "one", ttl_s=0.1)
    time.sleep(0.15)
    assert found(warehouse).is_expired
    second = get(warehouse, "two")
    assert (second.holder, second.token) == ("two", first.token + 1)
    assert not is_ours(warehouse, first)
    assert is_ours(warehouse, second)


def test_lease_of_a_dead_holder_is_taken_before_it_expires(warehouse: Warehouse) -> None:
    first = get(warehouse, "one")
    assert take(warehouse, "two", dead_holder="another") is None
    second = take(warehouse, "two", dead_holder="one")
    assert second
    assert second.token == first.token + 1


def test_renewed_lease_outlives_its_first_term(warehouse: Warehouse) -> None:
    lease = get(warehouse, "one", ttl_s=0.1)
    assert warehouse.run(lambda connection: renew(connection, lease, 60))
    time.sleep(0.15)
    assert take(warehouse, "two") is None
    assert found(warehouse).acquired_at_ms == lease.acquired_at_ms


def test_expired_lease_that_nobody_took_is_still_its_holders(warehouse: Warehouse) -> None:
    lease = get(warehouse, "one", ttl_s=0.05)
    time.sleep(0.1)
    assert found(warehouse).is_expired
    assert is_ours(warehouse, lease)
    assert warehouse.run(lambda connection: renew(connection, lease, 60))
    assert take(warehouse, "two") is None


def test_released_lease_is_free_at_once_and_its_token_never_comes_again(warehouse: Warehouse) -> None:
    first = get(warehouse, "one")
    assert warehouse.run(lambda connection: release(connection, first))
    assert found(warehouse).is_expired
    assert get(warehouse, "two").token == first.token + 1


def test_former_holder_neither_renews_nor_releases(warehouse: Warehouse) -> None:
    first = get(warehouse, "one")
    warehouse.run(lambda connection: release(connection, first))
    second = get(warehouse, "two")
    assert not warehouse.run(lambda connection: renew(connection, first, 60))
    assert not warehouse.run(lambda connection: release(connection, first))
    assert found(warehouse) == second


def test_leases_of_other_names_are_not_touched(warehouse: Warehouse) -> None:
    lease = get(warehouse, "one")
    other = warehouse.run(lambda connection: acquire(connection, "another", "two", 60))
    assert other
    assert other.token == 1
    assert found(warehouse) == lease


def test_lease_that_is_not_there_is_nobodys(warehouse: Warehouse) -> None:
    with pytest.raises(LeadershipLost, match="'leader' went to another process"):
        warehouse.run(lambda connection: check_token(connection, NAME, 1))


@pytest.mark.parametrize("was_held", [False, True], ids=["never held", "given back"])
def test_exactly_one_of_many_takes_it(warehouse: Warehouse, warehouse_url: str, was_held: bool) -> None:
    if was_held:
        former = get(warehouse, "former")
        warehouse.run(lambda connection: release(connection, former))
    threads = 8
    line = threading.Barrier(threads)

    def race(number: int) -> Lease | None:
        with closing(open_warehouse(warehouse_url)) as own:
            line.wait()
            return take(own, f"racer {number}")

    with ThreadPoolExecutor(threads) as pool:
        won = [lease for lease in pool.map(race, range(threads)) if lease]
    assert won == [found(warehouse)]
    assert won[0].token == (2 if was_held else 1)
