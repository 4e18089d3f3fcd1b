"""The budget of one process: minutes, shares, the exchange's own count, blocks, an absent warehouse."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from src.clock import ManualClock
from src.domain import Lane
from src.errors import RunRevoked, SourceBlocked, SourcePermanent, StoreUnavailable
from src.extract.budget import Budget
from src.extract.lanes import in_lane
from src.extract.reserving import Reservation
from src.fair_lock import FairLock
from src.warehouse.budgets import BudgetRow, find_budget
from src.warehouse.engine import Warehouse, guarded_by, open_warehouse
from src.warehouse.tables import exchange_budget

MINUTE_MS = 60_000
# A full minute of the exchange, and of our clock unless a test says otherwise.
T0 = 1_767_968_400_000


class Flaky(Warehouse):
    """A warehouse that is away while ``is_away``."""

    is_away = False

    def run(self, work: Callable[[Connection], Any], *, guarded: bool = True) -> Any:
        if self.is_away:
            raise StoreUnavailable("the warehouse cannot be reached")
        return super().run(work, guarded=guarded)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Flaky]:
    flaky = Flaky(open_warehouse(f"sqlite:///{tmp_path}/warehouse.db").engine)
    exchange_budget.create(flaky.engine)
    yield flaky
    flaky.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(T0)


def a_budget(warehouse: Warehouse, clock: ManualClock, share: float = 1.0, limit: int | None = 100) -> Budget:
    budget = Budget(warehouse, "binance", "default", share, clock)
    if limit is not None:
        budget.set_limit(limit)
    return budget


def stored(warehouse: Warehouse) -> BudgetRow:
    with warehouse.read() as connection:
        row = find_budget(connection, "binance", "default")
    assert row is not None
    return row


def test_weight_is_reserved_in_the_row(warehouse: Flaky, clock: ManualClock) -> None:
    budget = a_budget(warehouse, clock)
    assert budget.acquire(30) == Reservation(30, T0)
    budget.acquire(12)
    assert (stored(warehouse).used_weight, stored(warehouse).minute_start_ms) == (42, T0)


def test_used_up_minute_is_waited_out_and_the_next_starts_from_nought(
    warehouse: Flaky, clock: ManualClock
) -> None:
    budget = a_budget(warehouse, clock, share=0.8)
    clock.advance(10_000)
    for lane, weight in ((Lane.LIVE, 60), (Lane.REPAIR, 8), (Lane.HISTORY, 12)):
        with in_lane(lane):
            budget.acquire(weight)
    assert clock.slept_s == []
    assert budget.acquire(1) == Reservation(1, T0 + MINUTE_MS)
    assert sum(clock.slept_s) == pytest.approx(50, abs=0.1)
    assert stored(warehouse).used_weight == 1


def test_only_the_configured_share_is_used(warehouse: Flaky, clock: ManualClock) -> None:
    budget = a_budget(warehouse, clock, share=0.5)
    budget.acquire(50)
    assert budget.acquire(1).minute_start_ms == T0 + MINUTE_MS


def test_request_heavier_than_the_whole_share_is_refused_not_waited_for(
    warehouse: Flaky, clock: ManualClock
) -> None:
    budget = a_budget(warehouse, clock, share=0.5)
    with pytest.raises(SourcePermanent, match=r"weight 51 exceeds .* 50 .*CANDLEHOUSE_BUDGET_SHARE"):
        budget.acquire(51)
    assert clock.slept_s == []


def test_unknown_limit_never_keeps_from_asking_for_it(warehouse: Flaky, clock: ManualClock) -> None:
    budget = a_budget(warehouse, clock, share=0.001, limit=None)
    assert budget.acquire(20).weight == 20


def test_two_budgets_of_one_address_share_the_row(warehouse: Flaky, clock: ManualClock) -> None:
    one, other = a_budget(warehouse, clock), a_budget(warehouse, clock)
    one.acquire(60)
    assert other.acquire(60).minute_start_ms == T0 + MINUTE_MS


def test_other_addresses_have_budgets_of_their_own(warehouse: Flaky, clock: ManualClock) -> None:
    a_budget(warehouse, clock).acquire(100)
    elsewhere = Budget(warehouse, "binance", "office", 1.0, clock)
    assert elsewhere.acquire(100).minute_start_ms == T0


def test_exchanges_own_count_is_followed(warehouse: Flaky, clock: ManualClock) -> None:
    budget = a_budget(warehouse, clock)
    budget.observe(budget.acquire(1), used_weight=95)
    assert budget.acquire(5).minute_start_ms == T0
    assert stored(warehouse).used_weight == 100
    assert budget.acquire(1).minute_start_ms == T0 + MINUTE_MS


def test_a_lower_count_gives_nothing_back(warehouse: Flaky, clock: ManualClock) -> None:
    budget = a_budget(warehouse, clock)
    budget.observe(budget.acquire(60), used_weight=2)
    budget.acquire(1)
    assert stored(warehouse).used_weight == 61


def test_a_count_that_comes_late_says_nothing_about_the_new_minute(
    warehouse: Flaky, clock: ManualClock
) -> None:
    budget = a_budget(warehouse, clock)
    reservation = budget.acquire(1)
    clock.advance(MINUTE_MS)
    budget.observe(reservation, used_weight=100)
    assert budget.acquire(1).minute_start_ms == T0 + MINUTE_MS
    assert stored(warehouse).used_weight == 1


def test_minutes_are_the_exchanges(warehouse: Flaky, clock: ManualClock) -> None:
    budget = a_budget(warehouse, clock)
    budget.follow_clock(lambda: clock.now_ms() + 25_000)
    budget.acquire(100)
    budget.acquire(1)
    assert sum(clock.slept_s) == pytest.approx(35, abs=0.1)


def test_row_in_the_next_minute_is_joined_not_turned_back(warehouse: Flaky, clock: ManualClock) -> None:
    ahead = a_budget(warehouse, clock)
    ahead.follow_clock(lambda: clock.now_ms() + MINUTE_MS)
    ahead.acquire(70)
    assert a_budget(warehouse, clock).acquire(7) == Reservation(7, T0 + MINUTE_MS)
    assert stored(warehouse).used_weight == 77


def test_row_from_a_wrong_clock_is_started_again(warehouse: Flaky, clock: ManualClock) -> None:
    wrong = a_budget(warehouse, clock)
    wrong.follow_clock(lambda: clock.now_ms() + 60 * MINUTE_MS)
    wrong.acquire(100)
    assert a_budget(warehouse, clock).acquire(7) == Reservation(7, T0)


def test_block_stops_this_process_and_every_later_one(warehouse: Flaky, clock: ManualClock) -> None:
    budget = a_budget(warehouse, clock)
    budget.block(T0 + 5_000, "429, too many requests")
    for one in (budget, a_budget(warehouse, clock)):
        with pytest.raises(SourceBlocked, match="429") as blocked:
            one.acquire(1)
        assert blocked.value.until_ms == T0 + 5_250


def test_block_ends_by_itself(warehouse: Flaky, clock: ManualClock) -> None:
    budget = a_budget(warehouse, clock)
    budget.block(T0 + 5_000, "429")
    clock.advance(5_249)
    with pytest.raises(SourceBlocked):
        budget.acquire(1)
    clock.advance(1)
    assert budget.acquire(1).weight == 1


def test_revoked_run_reserves_nothing_but_still_tells_of_a_block(
    warehouse: Flaky, clock: ManualClock
) -> None:
    def revoked(_: Connection) -> None:
        raise RunRevoked(7)

    budget = a_budget(warehouse, clock)
    with guarded_by(revoked):
        with pytest.raises(RunRevoked):
            budget.acquire(1)
        budget.block(T0 + 5_000, "429")
    assert (stored(warehouse).used_weight, stored(warehouse).blocked_until_ms) == (0, T0 + 5_250)


def test_block_is_only_ever_extended(warehouse: Flaky, clock: ManualClock) -> None:
    one, other = a_budget(warehouse, clock), a_budget(warehouse, clock)
    one.block(T0 + 120_000, "418")
    other.block(T0 + 2_000, "429")
    assert (stored(warehouse).blocked_until_ms, stored(warehouse).block_reason) == (T0 + 120_250, "418")
    clock.advance(10_000)
    with pytest.raises(SourceBlocked, match="418"):
        other.acquire(1)


def test_block_that_comes_while_a_thread_reserves_stops_it_too(warehouse: Flaky, clock: ManualClock) -> None:
    budget = a_budget(warehouse, clock)
    honest = warehouse.run
    other = threading.Thread(target=budget.block, args=(T0 + 1_000, "429"))

    def run_while_another_is_refused(work: Callable[[Connection], Any], *, guarded: bool = True) -> Any:
        warehouse.run = honest  # type: ignore[method-assign]
        result = honest(work, guarded=guarded)
        other.start()
        while budget._block.until_ms == 0:
            time.sleep(0.001)
        return result

    warehouse.run = run_while_another_is_refused  # type: ignore[method-assign]
    with pytest.raises(SourceBlocked):
        budget.acquire(1)
    other.join()


def test_long_or_odd_reasons_do_not_keep_a_block_from_being_stored(
    warehouse: Flaky, clock: ManualClock
) -> None:
    a_budget(warehouse, clock).block(T0 + 1_000, "é" * 500)
    assert stored(warehouse).block_reason == "?" * 64


def test_who_knows_the_row_goes_on_while_the_warehouse_is_away(warehouse: Flaky, clock: ManualClock) -> None:
    budget = a_budget(warehouse, clock)
    warehouse.is_away = True
    budget.acquire(100)
    assert budget.acquire(1).minute_start_ms == T0 + MINUTE_MS


def test_who_never_read_the_row_may_be_banned_and_does_not_call(warehouse: Flaky, clock: ManualClock) -> None:
    warehouse.is_away = True
    with pytest.raises(StoreUnavailable):
        Budget(warehouse, "binance", "default", 1.0, clock).acquire(1)


def test_block_met_while_the_warehouse_is_away_is_stored_when_it_is_back(
    warehouse: Flaky, clock: ManualClock
) -> None:
    budget = a_budget(warehouse, clock)
    warehouse.is_away = True
    budget.block(T0 + 60_000, "418")
    with pytest.raises(SourceBlocked):
        budget.acquire(1)
    warehouse.is_away = False
    with pytest.raises(SourceBlocked):
        budget.acquire(1)
    assert stored(warehouse).blocked_until_ms == T0 + 60_250


def test_turns_go_round_among_waiting_threads() -> None:
    lock = FairLock()
    order: list[int] = []
    threads = [threading.Thread(target=_take, args=(lock, order, n)) for n in range(4)]
    with lock:
        for number, thread in enumerate(threads):
            thread.start()
            while len(lock._waiting) <= number:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3]
    with lock:
        assert not lock._waiting


def _take(lock: FairLock, order: list[int], number: int) -> None:
    with lock:
        order.append(number)


def test_limit_outlives_the_process(warehouse: Flaky, clock: ManualClock) -> None:
    a_budget(warehouse, clock, limit=10)
    with pytest.raises(SourcePermanent):
        a_budget(warehouse, clock, limit=None).acquire(11)
