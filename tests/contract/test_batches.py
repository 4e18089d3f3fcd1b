"""Batches: what a batch is and adds up to follows from its children, and each end is told once."""

from __future__ import annotations

from collections import Counter
from itertools import combinations_with_replacement

import pytest

from src.warehouse import batches
from src.warehouse.batches import Measure, batch_state
from src.warehouse.engine import Warehouse
from src.warehouse.runs import ENDS, RunState
from tests.run_builders import ask, claim, put, queue, queue_batch, read

QUEUED, RUNNING, PAUSED, SUCCEEDED, PARTLY_FAILED, FAILED, CANCELLED = RunState


@pytest.fixture
def warehouse(runs_warehouse: Warehouse) -> Warehouse:
    return runs_warehouse


def sum_up(warehouse: Warehouse, batch: int, measure: Measure | None = None) -> RunState | None:
    return warehouse.run(lambda connection: batches.sum_up(connection, batch, measure))


# --- the state ---


@pytest.mark.parametrize(
    ("children", "state"),
    [
        ([], SUCCEEDED),
        ([QUEUED, QUEUED], QUEUED),
        ([QUEUED, RUNNING], RUNNING),
        ([QUEUED, SUCCEEDED], RUNNING),
        ([QUEUED, FAILED], RUNNING),
        ([RUNNING, PAUSED, FAILED, CANCELLED], RUNNING),
        ([QUEUED, PAUSED], QUEUED),
        ([PAUSED, PAUSED], PAUSED),
        ([PAUSED, SUCCEEDED, FAILED, CANCELLED], PAUSED),
        ([SUCCEEDED, CANCELLED, FAILED], CANCELLED),
        ([SUCCEEDED, SUCCEEDED], SUCCEEDED),
        ([SUCCEEDED, FAILED], PARTLY_FAILED),
        ([SUCCEEDED, PARTLY_FAILED], PARTLY_FAILED),
        ([FAILED, PARTLY_FAILED], PARTLY_FAILED),
        ([FAILED, FAILED], FAILED),
    ],
    ids=lambda value: " ".join(value) or "none" if isinstance(value, list) else value.value,
)
def test_state_follows_from_the_children(children: list[RunState], state: RunState) -> None:
    assert batch_state(Counter(children)) is state


def test_batch_has_ended_exactly_when_all_its_children_have() -> None:
    for children in combinations_with_replacement(RunState, 3):
        assert batch_state(Counter(children)).is_end == all(child.is_end for child in children), children


# --- the sums ---


def test_batch_adds_up_its_children_and_no_others(warehouse: Warehouse) -> None:
    batch, children = queue_batch(warehouse, 3)
    _, others = queue_batch(warehouse, 1)
    for number, run_id in enumerate((*children, *others), 1):
        put(
            warehouse, run_id, done=100 * number, fetched=90 * number, loaded=80 * number, batches_done=number
        )
    assert sum_up(warehouse, batch) is None
    run = read(warehouse, batch)
    assert (run.done, run.fetched, run.loaded, run.batches_done) == (600, 540, 480, 6)
    assert (run.total, run.expected, run.batches_total) == (4_320, 4_320, 3)
    assert (run.state, run.started_ms, run.finished_ms) == (QUEUED, None, None)


def test_children_that_know_no_total_give_none(warehouse: Warehouse) -> None:
    batch, _ = queue_batch(warehouse, 2, total=None, expected=None, batches_total=None)
    sum_up(warehouse, batch)
    run = read(warehouse, batch)
    assert (run.total, run.expected, run.batches_total, run.share_received) == (None, None, None, None)


def test_batch_begins_with_its_first_child_and_beats_as_its_heart(warehouse: Warehouse) -> None:
    batch, (first, second) = queue_batch(warehouse, 2)
    claim(warehouse, first)
    sum_up(warehouse, batch)
    run = read(warehouse, batch)
    assert run.state is RUNNING
    assert run.heartbeat_ms is not None
    began_ms = run.started_ms
    assert began_ms is not None
    put(warehouse, first, state="succeeded")
    claim(warehouse, second)
    sum_up(warehouse, batch)
    assert (read(warehouse, batch).state, read(warehouse, batch).started_ms) == (RUNNING, began_ms)


def test_measure_tells_rate_and_time_left_while_it_is_running(warehouse: Warehouse) -> None:
    batch, (first, second) = queue_batch(warehouse, 2)
    asked: list[tuple[int, int]] = []

    def measure(done: int, total: int) -> tuple[float | None, int | None]:
        asked.append((done, total))
        return 12.5, 4_000

    sum_up(warehouse, batch, measure)
    assert (asked, read(warehouse, batch).rate) == ([], None)
    claim(warehouse, first)
    put(warehouse, first, done=720)
    sum_up(warehouse, batch, measure)
    assert asked == [(720, 2_880)]
    assert (read(warehouse, batch).rate, read(warehouse, batch).time_left_ms) == (12.5, 4_000)
    put(warehouse, first, state="paused")
    put(warehouse, second, state="paused")
    sum_up(warehouse, batch, measure)
    assert (read(warehouse, batch).state, read(warehouse, batch).time_left_ms) == (PAUSED, None)
    assert len(asked) == 1


@pytest.mark.parametrize(("state", "left_ms"), [(SUCCEEDED, 0), (FAILED, None), (CANCELLED, None)])
def test_ended_batch_has_no_time_left(warehouse: Warehouse, state: RunState, left_ms: int | None) -> None:
    batch, (child,) = queue_batch(warehouse, 1)
    put(warehouse, batch, state="running", time_left_ms=9_000)
    put(warehouse, child, state=state.value)
    assert sum_up(warehouse, batch) is state
    assert read(warehouse, batch).time_left_ms == left_ms


# --- its end ---


@pytest.mark.parametrize("state", ENDS)
def test_end_is_told_once(warehouse: Warehouse, state: RunState) -> None:
    batch, (child,) = queue_batch(warehouse, 1)
    claim(warehouse, child)
    assert sum_up(warehouse, batch) is None
    put(warehouse, child, state=state.value)
    assert sum_up(warehouse, batch) is state
    run = read(warehouse, batch)
    assert run.state is state
    assert run.finished_ms is not None
    assert sum_up(warehouse, batch) is None
    assert read(warehouse, batch).finished_ms == run.finished_ms


def test_batch_whose_child_is_tried_again_is_open_again(warehouse: Warehouse) -> None:
    batch, (child, _) = queue_batch(warehouse, 2)
    put(warehouse, child, state="failed")
    put(warehouse, child + 1, state="succeeded")
    assert sum_up(warehouse, batch) is PARTLY_FAILED
    put(warehouse, child, state="queued")
    assert sum_up(warehouse, batch) is None
    assert (read(warehouse, batch).state, read(warehouse, batch).finished_ms) == (RUNNING, None)
    put(warehouse, child, state="succeeded")
    assert sum_up(warehouse, batch) is SUCCEEDED


# --- found ---


def test_open_batches_are_those_that_have_not_ended(warehouse: Warehouse) -> None:
    made = {state: queue_batch(warehouse, 1)[0] for state in RunState}
    for state, batch in made.items():
        put(warehouse, batch, state=state.value)
    queue(warehouse)
    found = ask(warehouse, batches.list_open_batches)
    assert sorted(found) == sorted([made[QUEUED], made[RUNNING], made[PAUSED]])


def test_parents_are_the_batches_named_and_those_of_the_runs_named(warehouse: Warehouse) -> None:
    first, _ = queue_batch(warehouse, 1)
    second, children = queue_batch(warehouse, 2)
    alone = queue(warehouse)
    found = ask(warehouse, lambda c: batches.list_parents(c, [first, *children, alone]))
    assert found == [first, second]
    assert ask(warehouse, lambda c: batches.list_parents(c, [alone])) == []


def test_children_are_counted_and_told_by_state(warehouse: Warehouse) -> None:
    batch, children = queue_batch(warehouse, 3)
    put(warehouse, children[1], state="failed")
    assert ask(warehouse, lambda c: batches.count_states(c, batch)) == {QUEUED: 2, FAILED: 1}
    states = ask(warehouse, lambda c: batches.list_child_states(c, batch))
    assert states == dict(zip(children, (QUEUED, FAILED, QUEUED), strict=True))
