"""The budget's row on every engine: times to the millisecond, and no weight lost between many writers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from src.clock import SystemClock
from src.domain import MINUTE_MS, Lane
from src.errors import SourceBlocked, SourceResting
from src.extract.budget import Budget
from src.extract.lanes import in_lane
from src.warehouse.budgets import HALF_OPEN, BudgetRow, find_budget, lock_budget, save_budget
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.tables import exchange_budget

T0 = 1_767_968_400_123


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Warehouse]:
    opened = open_warehouse(warehouse_url)
    exchange_budget.create(opened.engine)
    yield opened
    opened.close()


def find(warehouse: Warehouse, egress: str = "default") -> BudgetRow | None:
    with warehouse.read() as connection:
        return find_budget(connection, "binance", egress)


def test_row_is_made_when_it_is_first_locked(warehouse: Warehouse) -> None:
    assert find(warehouse) is None
    assert warehouse.run(lambda c: lock_budget(c, "binance", "default")) == BudgetRow()
    assert find(warehouse) == BudgetRow()
    assert find(warehouse, "office") is None


def test_row_comes_back_as_it_was_saved(warehouse: Warehouse) -> None:
    row = BudgetRow(
        T0 - T0 % MINUTE_MS, 4_711, 6_000, T0, "418, address banned", HALF_OPEN, 7, T0 + 1, 11, 4_000
    )

    def save(connection: object) -> None:
        lock_budget(connection, "binance", "default")  # type: ignore[arg-type]
        save_budget(connection, "binance", "default", row)  # type: ignore[arg-type]

    warehouse.run(save)
    assert find(warehouse) == row


def test_row_made_by_many_at_once_is_made_once(warehouse: Warehouse) -> None:
    start = threading.Barrier(8)

    def lock(_: int) -> BudgetRow:
        start.wait(10)
        return warehouse.run(lambda c: lock_budget(c, "binance", "default"))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lock, range(8))) == [BudgetRow()] * 8


def test_no_weight_is_lost_between_two_processes_of_four_threads(warehouse: Warehouse) -> None:
    frozen = T0 - T0 % MINUTE_MS

    def budget() -> Budget:
        made = Budget(warehouse, "binance", "default", 1.0, SystemClock())
        made.follow_clock(lambda: frozen)  # all within one minute, however slow this machine is
        made.set_limit(6_000)
        return made

    budgets = [budget(), budget()]  # each is what a process has: one budget for all its threads
    lanes = list(Lane)

    def acquire(number: int) -> None:
        with in_lane(lanes[number % 3]):
            budgets[number % 2].acquire(2)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(acquire, range(210)))
    row = find(warehouse)
    assert row is not None
    assert (row.used_weight, row.minute_start_ms) == (420, frozen)
    assert (row.repair_weight, row.history_weight) == (140, 140)


def test_block_is_seen_by_another_connection_at_once(warehouse: Warehouse) -> None:
    clock = SystemClock()
    one, other = (Budget(warehouse, "binance", "default", 1.0, clock) for _ in range(2))
    other.acquire(1)
    one.block(clock.now_ms() + 60_000, "429, too many requests")
    with pytest.raises(SourceBlocked):
        other.acquire(1)


def test_failures_of_many_at_once_are_all_counted_and_the_rest_is_seen_at_once(warehouse: Warehouse) -> None:
    clock = SystemClock()
    budgets = [Budget(warehouse, "binance", "default", 1.0, clock) for _ in range(2)]
    budgets[1].acquire(1)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: budgets[n % 2].failed("no answer"), range(4)))
    row = find(warehouse)
    assert row is not None
    assert (row.breaker_state, row.breaker_failures) == ("closed", 4)
    budgets[0].failed("no answer")
    with pytest.raises(SourceResting):
        budgets[1].acquire(1)
