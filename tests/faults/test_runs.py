"""Runs in a real daemon: killed and taken up, cancelled and resumed, told about while they work.

CANDLEHOUSE_TEST_RUN_SYMBOLS and _DAYS make the batch larger; ``bench.batch`` runs 10 symbols and 30 days.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from src.domain import Interval
from src.jobs import asking
from src.warehouse.run_progress import list_events
from src.warehouse.runs import RunState
from tests.faults.batches import START_MS, Batch, asked_windows, find_needless, running_pipeline
from tests.faults.harness import Pipeline, eventually
from tests.faults.test_daemon import stores

# On a busy machine each wait may take its whole patience, and says what it waited for when that ends.
pytestmark = pytest.mark.timeout(300)

__all__ = ["stores"]

SYMBOLS = int(os.environ.get("CANDLEHOUSE_TEST_RUN_SYMBOLS", "4"))
DAYS = int(os.environ.get("CANDLEHOUSE_TEST_RUN_DAYS", "14"))
INTERVALS = (Interval.M1, Interval.H1)
# Each answer takes this long, so that a batch lasts as long as is needed to meet it on its way.
_LATENCY = "slow:path=klines,delay=0.25"
# A second is promised; the machine may be busy.
_STOPS_WITHIN_S = 3.0

MakePipeline = Callable[..., Pipeline]


@pytest.fixture
def make_pipeline(tmp_path: Path, stores: dict[str, str]) -> Iterator[MakePipeline]:
    """Give a function that makes a pipeline, on both pairs of stores in turn."""
    yield from _making(tmp_path, stores)


@pytest.fixture
def make_local_pipeline(tmp_path: Path) -> Iterator[MakePipeline]:
    """Give a function that makes a pipeline on SQLite and a folder, where other stores change nothing."""
    yield from _making(tmp_path, {})


def _making(tmp_path: Path, stores: dict[str, str]) -> Iterator[MakePipeline]:
    made: list[Any] = []

    def make(*faults: str, symbols: int = SYMBOLS, **options: Any) -> Pipeline:
        context = running_pipeline(tmp_path, symbols, stores, *faults, **options)
        made.append(context)
        return context.__enter__()

    yield make
    for context in made:
        context.__exit__(None, None, None)


def test_killed_batch_is_taken_up_where_it_was(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(_LATENCY)
    with pipeline.daemon() as daemon:
        daemon.wait_for("daemon started")
        batch = Batch(pipeline, INTERVALS, DAYS)
        eventually(lambda: batch.done_share() >= 0.4, "two fifths of the batch")
        daemon.kill()
    before, in_flight = {child.id: child for child in batch.children()}, batch.chunks_in_flight()
    with pipeline.daemon() as daemon:
        batch.wait_until_ended()
        daemon.end()
    after = {child.id: child for child in batch.children()}
    assert batch.row().state is RunState.SUCCEEDED
    assert list(after) == list(before)
    for run_id, child in after.items():
        was = before[run_id]
        assert child.attempt == (2 if was.state is RunState.RUNNING else 1), was
        assert child.state is RunState.SUCCEEDED
        assert child.fetched == child.loaded == child.expected
    assert find_needless(asked_windows(pipeline, START_MS), in_flight) == []
    assert batch.find_differences() == []


def test_time_left_is_about_right_after_the_first_tenth(make_local_pipeline: MakePipeline) -> None:
    pipeline = make_local_pipeline(_LATENCY)
    with pipeline.daemon() as daemon:
        daemon.wait_for("daemon started")
        batch = Batch(pipeline, INTERVALS, DAYS)
        told_s, told_at = batch.wait_for_time_left(0.1), time.monotonic()
        batch.wait_until_ended()
        took_s = time.monotonic() - told_at
        daemon.end()
    # 20 % are promised on a quiet machine; a busy one, whose load comes and goes, gets threefold either way.
    assert took_s / 3 - 2 <= told_s <= 3 * took_s + 2, f"told {told_s:.1f} s, it took {took_s:.1f} s"


def test_cancel_stops_all_at_once_and_resume_finishes_them(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(_LATENCY)
    with pipeline.daemon() as daemon:
        daemon.wait_for("daemon started")
        batch = Batch(pipeline, INTERVALS, DAYS)
        eventually(lambda: batch.done_share() >= 0.2, "a fifth of the batch")
        pipeline.simulator.faults.clear()
        pipeline.simulator.add_fault("429:path=klines,retry_after=60,count=1")
        pipeline.simulator.add_fault(_LATENCY)
        eventually(lambda: any(child.waiting_for for child in batch.children()), "a run that waits")
        started = time.monotonic()
        asking.cancel(batch.warehouse, [batch.id], "a test")
        eventually(lambda: batch.row().state is RunState.CANCELLED, "all are cancelled")
        assert time.monotonic() - started < _STOPS_WITHIN_S
        asked = len(pipeline.simulator.requests)
        time.sleep(1)
        assert len(asked_windows(pipeline, START_MS)) <= asked
        cancelled = [child for child in batch.children() if child.state is RunState.CANCELLED]
        assert cancelled
        eventually(lambda: _is_loaded(batch), "what was fetched is loaded")
        pipeline.simulator.clock.advance(60_000)
        _forget_block(pipeline)
    with pipeline.daemon() as daemon:
        asking.resume(batch.warehouse, [batch.id], "a test")
        batch.wait_until_ended()
        daemon.end()
    assert batch.row().state is RunState.SUCCEEDED
    assert {child.id for child in batch.children()} >= {child.id for child in cancelled}
    with batch.warehouse.read() as connection:
        told = [event.kind for event in list_events(connection, cancelled[0].id)]
    assert told[:2] == ["cancelled", "started"]
    assert batch.find_differences() == []


def _is_loaded(batch: Batch) -> bool:
    from sqlalchemy import func, select

    from src.warehouse.tables import lake_objects

    query = select(func.count()).where(lake_objects.c.state == "landed", lake_objects.c.run_id.is_not(None))
    with batch.warehouse.read() as connection:
        return connection.scalar(query) == 0


def _forget_block(pipeline: Pipeline) -> None:
    """Nobody waits a minute in a test: the block that a new process would read is taken back."""
    from src.warehouse.tables import exchange_budget

    pipeline.app.warehouse.run(lambda c: c.execute(exchange_budget.update().values(blocked_until=None)))


def test_pause_and_resume_keep_what_was_done(make_local_pipeline: MakePipeline) -> None:
    pipeline = make_local_pipeline(_LATENCY, symbols=2)
    with pipeline.daemon() as daemon:
        daemon.wait_for("daemon started")
        batch = Batch(pipeline, (Interval.M1,), 14)
        eventually(lambda: any(child.batches_done for child in batch.children()), "a finished chunk")
        asking.pause(batch.warehouse, [batch.id], "a test")
        eventually(lambda: batch.row().state is RunState.PAUSED, "all are paused")
        asked = asked_windows(pipeline, START_MS)
        time.sleep(1)
        assert asked_windows(pipeline, START_MS) == asked
        asking.resume(batch.warehouse, [batch.id], "a test")
        batch.wait_until_ended()
        daemon.end()
    assert batch.row().state is RunState.SUCCEEDED
    assert batch.find_differences() == []


def test_unknown_symbol_fails_alone_for_good_and_is_not_retried(make_local_pipeline: MakePipeline) -> None:
    pipeline = make_local_pipeline(symbols=1)
    with pipeline.daemon() as daemon:
        daemon.wait_for("daemon started")
        batch = Batch(pipeline, (Interval.H1,), 2, also=("NOSUCHUSDT",))
        batch.wait_until_ended()
        good, bad = batch.children()
        assert asking.retry(batch.warehouse, [batch.id], "a test").permanent == [bad.id]
        daemon.end()
    assert (good.state, bad.state) == (RunState.SUCCEEDED, RunState.FAILED)
    assert batch.row().state is RunState.PARTLY_FAILED
    assert bad.error
    assert (bad.attempt, bad.error_kind, bad.error["series"]) == (1, "permanent", str(bad.series))
    assert "start a new run" in bad.error["todo"]


def test_history_does_not_hold_up_the_cycle(make_local_pipeline: MakePipeline) -> None:
    """A backfill that uses up its share of the minute costs live data at most one cycle."""
    pipeline = make_local_pipeline(symbols=4, weight_limit=300)
    with pipeline.daemon(CANDLEHOUSE_CYCLE_SECONDS="2") as daemon:
        daemon.wait_for("cycle done")
        batch = Batch(pipeline, (Interval.M1,), 28)
        eventually(lambda: daemon.count("budget used up") > 0, "history has used up its share")
        before = daemon.count("cycle done")
        started = time.monotonic()
        time.sleep(10)
        cycles, seconds = daemon.count("cycle done") - before, time.monotonic() - started
        assert cycles >= seconds / 2 - 2, "cycles came late"
        waiting = [line for line in daemon.events() if line["event"] == "budget used up"]
        assert {line["lane"] for line in waiting} == {"history"}
        assert not batch.row().state.is_end
        asking.cancel(batch.warehouse, [batch.id], "a test")
        daemon.end()
