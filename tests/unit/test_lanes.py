"""Lanes of the budget: floors that hold, that melt, and that let nothing lie idle."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.clock import ManualClock
from src.domain import MINUTE_MS, Lane
from src.errors import SourcePermanent
from src.extract.budget import Budget
from src.extract.lanes import current_lane, in_lane
from src.extract.minutes import FLOORS, MinuteUse
from src.warehouse.budgets import BudgetRow, find_budget
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.tables import exchange_budget

T0 = 1_767_968_400_000
LIVE, REPAIR, HISTORY = Lane.LIVE, Lane.REPAIR, Lane.HISTORY


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = open_warehouse(f"sqlite:///{tmp_path}/warehouse.db")
    exchange_budget.create(opened.engine)
    yield opened
    opened.close()


class Waited(Exception):
    """Somebody would sleep now."""


class Turns(ManualClock):
    """A clock for many who take turns: who would sleep says so instead."""

    def sleep(self, seconds: float) -> None:
        raise Waited(seconds)


class Callers:
    """Callers of several lanes in one process, and what each lane got in each minute of the exchange."""

    def __init__(self, warehouse: Warehouse, allowed: int) -> None:
        self.clock = Turns(T0)
        self.budget = Budget(warehouse, "binance", "default", 0.5, self.clock)
        self.budget.set_limit(2 * allowed)
        self.got: Counter[tuple[Lane, int]] = Counter()
        self.waited_ms: Counter[Lane] = Counter()
        self._turns: list[tuple[int, int, Lane, Iterator[tuple[int, int]]]] = []
        self._numbers = count()

    def add(self, lane: Lane, requests: Iterator[tuple[int, int]]) -> None:
        """Let one more caller ask: each time so many milliseconds after the last answer, for that weight."""
        self._queue(T0, lane, requests)

    def run_until(self, end_ms: int) -> None:
        while self._turns and self._turns[0][0] < end_ms:
            at_ms, _, lane, requests = heapq.heappop(self._turns)
            self.clock.advance(max(0, at_ms - self.clock.now_ms()))
            pause_ms, weight = next(requests)
            self._ask(lane, weight, requests, pause_ms)

    def _ask(self, lane: Lane, weight: int, requests: Iterator[tuple[int, int]], pause_ms: int) -> None:
        try:
            with in_lane(lane):
                reserved = self.budget.acquire(weight)
        except Waited as wait:
            wait_ms = round(wait.args[0] * 1000)
            self.waited_ms[lane] += wait_ms
            self._queue(self.clock.now_ms() + wait_ms, lane, again(pause_ms, weight, requests))
        else:
            self.got[lane, (reserved.minute_start_ms - T0) // MINUTE_MS] += weight
            self._queue(self.clock.now_ms() + pause_ms, lane, requests)

    def _queue(self, at_ms: int, lane: Lane, requests: Iterator[tuple[int, int]]) -> None:
        heapq.heappush(self._turns, (at_ms, next(self._numbers), lane, requests))


def again(pause_ms: int, weight: int, requests: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    yield pause_ms, weight
    yield from requests


def steadily(pause_ms: int, weight: int = 2) -> Iterator[tuple[int, int]]:
    while True:
        yield pause_ms, weight


def stored(warehouse: Warehouse) -> BudgetRow:
    with warehouse.read() as connection:
        row = find_budget(connection, "binance", "default")
    assert row is not None
    return row


def test_thread_asks_for_live_unless_it_says_otherwise() -> None:
    with in_lane(HISTORY), in_lane(REPAIR):
        assert current_lane() is REPAIR
    assert current_lane() is LIVE


def test_row_says_what_repair_and_history_used_and_begins_anew_each_minute(warehouse: Warehouse) -> None:
    clock = ManualClock(T0)
    budget = Budget(warehouse, "binance", "default", 1.0, clock)
    budget.set_limit(1000)
    for lane, weight in ((LIVE, 1), (REPAIR, 20), (HISTORY, 300)):
        with in_lane(lane):
            budget.acquire(weight)
    row = stored(warehouse)
    assert (row.used_weight, row.repair_weight, row.history_weight) == (321, 20, 300)
    clock.advance(MINUTE_MS)
    budget.acquire(1)
    row = stored(warehouse)
    assert (row.used_weight, row.repair_weight, row.history_weight) == (1, 0, 0)


@pytest.mark.parametrize("lane", list(Lane))
def test_lane_that_is_alone_uses_nearly_everything(warehouse: Warehouse, lane: Lane) -> None:
    callers = Callers(warehouse, 200)
    for _ in range(4):
        callers.add(lane, steadily(50))
    callers.run_until(T0 + 3 * MINUTE_MS)
    assert all(190 <= callers.got[lane, minute] <= 200 for minute in range(3)), callers.got


@pytest.mark.parametrize("lane", list(Lane))
def test_lane_that_is_alone_and_asks_evenly_is_never_held_back(warehouse: Warehouse, lane: Lane) -> None:
    callers = Callers(warehouse, 200)
    callers.add(lane, steadily(600))
    callers.run_until(T0 + 2 * MINUTE_MS)
    assert callers.waited_ms[lane] == 0
    assert callers.got[lane, 0] == callers.got[lane, 1] == 200


def test_each_lane_has_its_floor_when_all_ask_without_end(warehouse: Warehouse) -> None:
    callers = Callers(warehouse, 200)
    for lane, many in ((HISTORY, 8), (LIVE, 2), (REPAIR, 1)):
        for _ in range(many):
            callers.add(lane, steadily(20))
    callers.run_until(T0 + 3 * MINUTE_MS)
    for minute in range(3):
        got = {lane: callers.got[lane, minute] for lane in Lane}
        assert all(got[lane] >= 2 * FLOORS[lane] for lane in Lane), got
        assert 190 <= sum(got.values()) <= 200


def test_live_that_needs_its_floor_evenly_hardly_waits_whatever_history_does(warehouse: Warehouse) -> None:
    callers = Callers(warehouse, 200)
    for _ in range(8):
        callers.add(HISTORY, steadily(10))
        callers.add(REPAIR, steadily(10))
    callers.add(LIVE, steadily(2_000))
    callers.run_until(T0 + 3 * MINUTE_MS)
    # Only what it asks for in a minute's last seconds may begin with the next.
    assert callers.waited_ms[LIVE] <= 3 * 3_000
    assert sum(callers.got[LIVE, minute] for minute in range(3)) >= 3 * 58


@pytest.mark.parametrize("second", [0, 10, 20, 30])
def test_live_that_needs_its_floor_at_once_has_it(warehouse: Warehouse, second: int) -> None:
    callers = Callers(warehouse, 200)
    for _ in range(8):
        callers.add(HISTORY, steadily(10))
        callers.add(REPAIR, steadily(10))
    callers.run_until(T0 + second * 1000)
    callers.clock.advance(max(0, T0 + second * 1000 - callers.clock.now_ms()))
    for _ in range(30):
        callers.budget.acquire(2)
    assert stored(warehouse).used_weight <= 200


def test_other_programs_calls_count_as_nobodys(warehouse: Warehouse) -> None:
    clock = Turns(T0)
    budget = Budget(warehouse, "binance", "default", 1.0, clock)
    budget.set_limit(200)
    budget.observe(budget.acquire(1), used_weight=100)
    with in_lane(HISTORY):
        budget.acquire(21)  # 59 of live's floor and 20 of repair's are kept
        with pytest.raises(Waited):
            budget.acquire(1)
    for _ in range(59):
        budget.acquire(1)


@pytest.mark.parametrize("lane", list(Lane))
def test_what_other_programs_left_goes_to_any_lane_within_its_floor(warehouse: Warehouse, lane: Lane) -> None:
    budget = Budget(warehouse, "binance", "default", 1.0, Turns(T0))
    budget.set_limit(200)
    budget.observe(budget.acquire(1), used_weight=190)  # less is left than the floors of any two lanes
    with in_lane(lane):
        budget.acquire(10)
        with pytest.raises(Waited):
            budget.acquire(1)


@pytest.mark.parametrize("lane", list(Lane))
@pytest.mark.parametrize(("allowed", "weight"), [(5, 5), (50, 40), (250, 250), (300, 250), (960, 250)])
def test_every_request_that_can_fit_into_a_minute_does_so_in_this_one(
    warehouse: Warehouse, lane: Lane, allowed: int, weight: int
) -> None:
    clock = ManualClock(T0)
    budget = Budget(warehouse, "binance", "default", 1.0, clock)
    budget.set_limit(allowed)
    with in_lane(lane):
        assert budget.acquire(weight).minute_start_ms == T0
        with pytest.raises(SourcePermanent):
            budget.acquire(allowed + 1)


def test_wait_for_a_floor_lasts_until_it_has_melted_and_no_longer(warehouse: Warehouse) -> None:
    clock = ManualClock(T0 + 5_000)
    budget = Budget(warehouse, "binance", "default", 1.0, clock)
    budget.set_limit(100)
    with in_lane(HISTORY):
        budget.acquire(60)  # the floors of live and repair are left, 40 of them
        budget.acquire(10)
    # 30 of 40 can be kept: a quarter of the 28 seconds in which they melt is over.
    assert clock.slept_s == [pytest.approx(25 + 28 / 4)]


def test_many_that_wait_do_not_all_go_to_the_row(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    callers = Callers(warehouse, 200)
    for _ in range(20):
        callers.add(HISTORY, steadily(1))
    writes = count_calls(monkeypatch, warehouse)
    callers.run_until(T0 + MINUTE_MS)
    assert callers.got[HISTORY, 0] >= 190
    assert writes() <= 110


def count_calls(monkeypatch: pytest.MonkeyPatch, warehouse: Warehouse) -> Callable[[], int]:
    calls, honest = count(), warehouse.run

    def counted(work: Callable[..., object], *, guarded: bool = True) -> object:
        next(calls)
        return honest(work, guarded=guarded)

    monkeypatch.setattr(warehouse, "run", counted)
    return lambda: next(calls)


def test_share_can_be_changed_while_running(warehouse: Warehouse) -> None:
    clock = ManualClock(T0)
    budget = Budget(warehouse, "binance", "default", 0.5, clock)
    budget.set_limit(100)
    with pytest.raises(SourcePermanent):
        budget.acquire(51)
    budget.set_share(0.9)
    assert budget.acquire(51).minute_start_ms == T0
    budget.set_share(0.5)
    assert budget.acquire(1).minute_start_ms == T0 + MINUTE_MS


# --- for any sequence of requests --------------------------------------------------------------------------

LANES = st.sampled_from(list(Lane))
# Milliseconds since the one before, the lane, its weight.
REQUESTS = st.lists(st.tuples(st.integers(0, 9_000), LANES, st.integers(1, 250)), max_size=60)


def spend(allowed: int, requests: list[tuple[int, Lane, int]]) -> Iterator[tuple[MinuteUse, int, Lane, int]]:
    """Make each request of a minute that fits when it is asked for; give the use after it."""
    spent, elapsed_ms = dict.fromkeys(Lane, 0), 0
    for pause_ms, lane, weight in requests:
        elapsed_ms += pause_ms
        if elapsed_ms >= MINUTE_MS:
            return
        use = MinuteUse(allowed, sum(spent.values()), dict(spent))
        if use.find_wait_ms(lane, weight, elapsed_ms) == 0:
            spent[lane] += weight
        yield MinuteUse(allowed, sum(spent.values()), dict(spent)), elapsed_ms, lane, weight


@given(st.integers(1, 6_000), REQUESTS)
def test_allowed_weight_is_never_exceeded(allowed: int, requests: list[tuple[int, Lane, int]]) -> None:
    for use, *_ in spend(allowed, requests):
        assert use.used <= allowed


@given(st.integers(1, 6_000), REQUESTS)
def test_every_lane_can_spend_its_floor_as_long_as_floors_are_whole(
    allowed: int, requests: list[tuple[int, Lane, int]]
) -> None:
    for use, elapsed_ms, *_ in spend(allowed, requests):
        if elapsed_ms > 30_000:
            return
        for lane in Lane:
            left = allowed * FLOORS[lane] // 100 - use.spent[lane]
            assert left <= 0 or use.find_wait_ms(lane, left, elapsed_ms) == 0


@given(st.integers(1, 6_000), REQUESTS, LANES, st.integers(1, 250))
def test_a_wait_is_as_long_as_needed_and_no_longer(
    allowed: int, requests: list[tuple[int, Lane, int]], lane: Lane, weight: int
) -> None:
    for use, elapsed_ms, *_ in spend(allowed, requests):
        wait_ms = use.find_wait_ms(lane, weight, elapsed_ms)
        if wait_ms is None:
            assert use.used + weight > allowed
        else:
            assert use.find_wait_ms(lane, weight, elapsed_ms + wait_ms) == 0
            assert wait_ms == 0 or use.find_wait_ms(lane, weight, elapsed_ms + wait_ms - 1) == 1
            assert elapsed_ms + wait_ms <= max(elapsed_ms, 58_000)


@pytest.fixture(scope="module")
def many_budgets(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[], tuple[Budget, ManualClock]]]:
    """Give a function that returns a new budget and its clock."""
    opened = open_warehouse(f"sqlite:///{tmp_path_factory.mktemp('budgets')}/warehouse.db")
    exchange_budget.create(opened.engine)
    numbers = count()

    def make() -> tuple[Budget, ManualClock]:
        clock = ManualClock(T0)
        return Budget(opened, "binance", f"address-{next(numbers)}", 1.0, clock), clock

    yield make
    opened.close()


@settings(max_examples=25)
@given(
    st.integers(250, 2_000),
    st.lists(st.tuples(st.integers(0, 9_000), LANES, st.integers(1, 250)), max_size=15),
)
def test_no_minute_of_a_budget_exceeds_what_is_allowed(
    many_budgets: Callable[[], tuple[Budget, ManualClock]],
    allowed: int,
    requests: list[tuple[int, Lane, int]],
) -> None:
    budget, clock = many_budgets()
    budget.set_limit(allowed)
    used: Counter[int] = Counter()
    for pause_ms, lane, weight in requests:
        clock.advance(pause_ms)
        with in_lane(lane):
            used[budget.acquire(weight).minute_start_ms] += weight
    assert all(weight <= allowed for weight in used.values())
