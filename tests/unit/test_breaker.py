"""The breaker: what opens it, who may try again, and that all processes on an address share it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from structlog.testing import capture_logs

from src.clock import ManualClock
from src.errors import SourceBlocked, SourceResting, StoreUnavailable
from src.extract.breaker import Breaker, after_answer
from src.extract.budget import Budget
from src.warehouse.budgets import CLOSED, HALF_OPEN, OPEN, BudgetRow, find_budget
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.tables import exchange_budget

T0 = 1_767_968_400_000
REST_MS = 60_000
WHY = "binance: no answer within 15 s"


class Counting(Warehouse):
    """A warehouse that counts its write transactions, and is away while ``is_away``."""

    is_away = False
    writes = 0

    def run(self, work: Callable[[Connection], Any], *, guarded: bool = True) -> Any:
        if self.is_away:
            raise StoreUnavailable("the warehouse cannot be reached")
        self.writes += 1
        return super().run(work, guarded=guarded)


class Sleeper(ManualClock):
    """A clock that lets something happen while somebody sleeps."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.meanwhile()


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Counting]:
    counting = Counting(open_warehouse(f"sqlite:///{tmp_path}/warehouse.db").engine)
    exchange_budget.create(counting.engine)
    yield counting
    counting.close()


@pytest.fixture
def clock() -> Sleeper:
    return Sleeper(T0)


def a_budget(warehouse: Warehouse, clock: ManualClock, breaker: Breaker | None = None) -> Budget:
    """Return what a process started now would have."""
    return Budget(warehouse, "binance", "default", 1.0, clock, breaker=breaker or Breaker())


def opened(warehouse: Warehouse, clock: ManualClock) -> Budget:
    budget = a_budget(warehouse, clock)
    for _ in range(5):
        budget.acquire(1)
        budget.failed(WHY)
    return budget


def stored(warehouse: Warehouse) -> BudgetRow:
    with warehouse.read() as connection:
        row = find_budget(connection, "binance", "default")
    assert row is not None
    return row


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    row, breaker = BudgetRow(), Breaker(failures=3)
    for expected in (CLOSED, CLOSED, OPEN):
        row = breaker.after_failure(row, T0)
        assert row.breaker_state == expected
    assert (row.breaker_failures, row.breaker_opened_at_ms) == (3, T0)


def test_an_answer_between_begins_the_count_anew() -> None:
    row, breaker = BudgetRow(), Breaker(failures=2)
    for _ in range(5):
        row = after_answer(breaker.after_failure(row, T0))
    assert row == BudgetRow()


def test_failure_of_a_call_sent_before_does_not_prolong_the_rest() -> None:
    row = Breaker(failures=1).after_failure(BudgetRow(), T0)
    assert Breaker(failures=1).after_failure(row, T0 + 20_000) == row


@pytest.mark.parametrize(
    ("state", "now_ms", "until_ms"),
    [
        (CLOSED, T0, None),
        (OPEN, T0 + REST_MS - 1, T0 + REST_MS),
        (OPEN, T0 + REST_MS, None),
        (HALF_OPEN, T0 + REST_MS - 1, T0 + REST_MS),  # the probe is on its way
        (HALF_OPEN, T0 + REST_MS, None),  # who sent it must have died
        (OPEN, T0 - 600_000, None),  # our clock was set back since
    ],
)
def test_rest_is_over_in_time_whatever_the_clock_does(state: str, now_ms: int, until_ms: int | None) -> None:
    row = BudgetRow(breaker_state=state, breaker_failures=5, breaker_opened_at_ms=T0)
    assert Breaker(rest_ms=REST_MS).rests_until_ms(row, now_ms) == until_ms


def test_probe_gets_time_to_report_even_when_rests_are_short() -> None:
    row = BudgetRow(breaker_state=HALF_OPEN, breaker_opened_at_ms=T0)
    assert Breaker(rest_ms=1_000).rests_until_ms(row, T0 + 31_000) is not None


def test_open_breaker_stops_this_process_and_every_later_one(warehouse: Counting, clock: Sleeper) -> None:
    budget = opened(warehouse, clock)
    for one in (budget, a_budget(warehouse, clock)):
        with pytest.raises(
            SourceResting, match=r"5 calls failed in a row.* nothing needs to be done"
        ) as rests:
            one.acquire(1)
        assert rests.value.until_ms == T0 + REST_MS
    with pytest.raises(SourceResting, match=r"the last: no answer within 15 s"):
        budget.acquire(1)
    assert clock.slept_s == []
    row = stored(warehouse)
    assert (row.breaker_state, row.breaker_failures, row.breaker_opened_at_ms) == (OPEN, 5, T0)
    assert row.used_weight == 5


def test_breaker_can_be_changed_while_running(warehouse: Counting, clock: Sleeper) -> None:
    budget = a_budget(warehouse, clock)
    budget.set_breaker(Breaker(failures=1, rest_ms=7_000))
    budget.acquire(1)
    budget.failed(WHY)
    with pytest.raises(SourceResting, match=r"1 calls? failed in a row") as rests:
        budget.acquire(1)
    assert rests.value.until_ms == T0 + 7_000


def test_failures_of_several_processes_are_counted_together(warehouse: Counting, clock: Sleeper) -> None:
    budgets = [a_budget(warehouse, clock) for _ in range(5)]
    for budget in budgets:
        budget.failed(WHY)
    with pytest.raises(SourceResting):
        budgets[0].acquire(1)


def test_success_of_another_process_resets_the_count(warehouse: Counting, clock: Sleeper) -> None:
    failing, healthy = a_budget(warehouse, clock), a_budget(warehouse, clock)
    for _ in range(10):
        failing.acquire(1)
        failing.failed(WHY)
        healthy.acquire(1)
        healthy.answered()
    assert stored(warehouse).breaker_state == CLOSED


def test_one_probe_at_a_time_and_its_answer_closes(warehouse: Counting, clock: Sleeper) -> None:
    opened(warehouse, clock)
    clock.advance(REST_MS)
    one, other = a_budget(warehouse, clock), a_budget(warehouse, clock)
    assert one.acquire(1).is_probe
    with pytest.raises(SourceResting):
        other.acquire(1)
    one.answered()
    assert not other.acquire(1).is_probe
    assert (stored(warehouse).breaker_state, stored(warehouse).breaker_failures) == (CLOSED, 0)


def test_probe_that_fails_opens_it_again(warehouse: Counting, clock: Sleeper) -> None:
    budget = opened(warehouse, clock)
    clock.advance(REST_MS)
    assert budget.acquire(1).is_probe
    clock.advance(7_000)
    budget.failed(WHY)
    with pytest.raises(SourceResting) as rests:
        budget.acquire(1, is_probe=True)
    assert rests.value.until_ms == T0 + 2 * REST_MS + 7_000
    assert stored(warehouse).breaker_failures == 6


def test_others_wait_a_little_for_what_the_probe_finds(warehouse: Counting, clock: Sleeper) -> None:
    opened(warehouse, clock)
    clock.advance(REST_MS)
    one, other = a_budget(warehouse, clock), a_budget(warehouse, clock)
    one.acquire(1)
    clock.meanwhile = one.answered
    assert other.acquire(1).weight == 1
    assert len(clock.slept_s) == 1


def test_call_that_probes_may_go_on_at_the_next_host(warehouse: Counting, clock: Sleeper) -> None:
    budget = opened(warehouse, clock)
    clock.advance(REST_MS)
    assert budget.acquire(1).is_probe
    assert budget.acquire(1, is_probe=True).is_probe


def test_probe_that_never_reports_is_replaced(warehouse: Counting, clock: Sleeper) -> None:
    opened(warehouse, clock)
    clock.advance(REST_MS)
    a_budget(warehouse, clock).acquire(1)
    clock.advance(REST_MS)
    assert a_budget(warehouse, clock).acquire(1).is_probe


def test_block_goes_before_a_rest(warehouse: Counting, clock: Sleeper) -> None:
    budget = opened(warehouse, clock)
    budget.block(T0 + 300_000, "418")
    with pytest.raises(SourceBlocked, match="418"):
        budget.acquire(1)


def test_minute_that_is_used_up_is_no_probe(warehouse: Counting, clock: Sleeper) -> None:
    budget = opened(warehouse, clock)
    budget.set_limit(5)
    clock.advance(1_000)
    late = Budget(warehouse, "binance", "default", 1.0, clock, breaker=Breaker(rest_ms=1_000))
    seen: list[str] = []
    clock.meanwhile = lambda: seen.append(stored(warehouse).breaker_state)
    assert late.acquire(5).is_probe
    assert seen == [OPEN]


def test_well_exchange_costs_no_further_write(warehouse: Counting, clock: Sleeper) -> None:
    budget = a_budget(warehouse, clock)
    for _ in range(3):
        budget.acquire(1)
        budget.answered()
    assert warehouse.writes == 3


def test_probe_that_was_abandoned_is_made_by_the_next_call(warehouse: Counting, clock: Sleeper) -> None:
    one = opened(warehouse, clock)
    clock.advance(REST_MS)
    assert one.acquire(1).is_probe
    with capture_logs() as logs:
        one.abandoned()
    assert logs == []
    assert a_budget(warehouse, clock).acquire(1).is_probe


def test_abandoned_call_leaves_a_breaker_as_others_left_it(warehouse: Counting, clock: Sleeper) -> None:
    one = opened(warehouse, clock)
    one.abandoned()
    with pytest.raises(SourceResting):
        one.acquire(1)
    one.answered()
    one.abandoned()
    assert stored(warehouse).breaker_state == CLOSED


def test_it_works_from_memory_while_the_warehouse_is_away(warehouse: Counting, clock: Sleeper) -> None:
    budget = a_budget(warehouse, clock)
    budget.acquire(1)
    warehouse.is_away = True
    for _ in range(5):
        budget.failed(WHY)
    with pytest.raises(SourceResting):
        budget.acquire(1)
    clock.advance(REST_MS)
    assert budget.acquire(1).is_probe
    budget.answered()
    assert not budget.acquire(1).is_probe


def test_each_change_is_logged_once(warehouse: Counting, clock: Sleeper) -> None:
    with capture_logs() as logs:
        budget = opened(warehouse, clock)
        others = [a_budget(warehouse, clock) for _ in range(3)]
        for one in (budget, *others):
            one.failed(WHY)
            with pytest.raises(SourceResting):
                one.acquire(1)
        clock.advance(REST_MS)
        others[0].acquire(1)
        others[0].answered()
        for one in (budget, *others):
            one.acquire(1)
            one.answered()
    told = [line["event"] for line in logs]
    assert told == ["exchange rests", "exchange tried again", "exchange works again"]
    assert logs[0]["last_failure"] == "no answer within 15 s"
