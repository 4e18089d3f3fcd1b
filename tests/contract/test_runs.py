"""Runs as rows: kept as they were asked for, found again, listed in pages, and pruned when they are old."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, event, select

from src.domain import DAY_MS, HOUR_MS, Interval, SeriesKey, Window
from src.errors import NotFound
from src.warehouse import batches, run_progress, run_states, runs
from src.warehouse.engine import Warehouse
from src.warehouse.run_progress import DONE, Chunk
from src.warehouse.run_tables import run_chunks, run_events
from src.warehouse.run_tables import runs as table
from src.warehouse.runs import RunFilter, RunState
from tests.builders import DAY_START_MS
from tests.run_builders import (
    DAY,
    MINUTES,
    NEW,
    NEW_BATCH,
    WORKER,
    ask,
    claim,
    open_runs,
    put,
    queue,
    queue_batch,
    read,
    start,
)


@pytest.fixture
def warehouse(runs_warehouse: Warehouse) -> Warehouse:
    return runs_warehouse


def ids_of(warehouse: Warehouse, limit: int = 50, **wanted: Any) -> list[int]:
    return [run.id for run in ask(warehouse, lambda c: runs.list_runs(c, RunFilter(**wanted), limit))]


# --- asked for ---


def test_run_comes_back_as_it_was_asked_for(warehouse: Warehouse) -> None:
    before_ms = ask(warehouse, run_progress.now_of)
    parameters = {"checksums": True, "note": "für Anna – „ganz“"}
    new = replace(NEW, parameters=parameters, job_id="reconcile_lake", attempt_limit=5, time_limit_s=90)
    run = read(warehouse, warehouse.run(lambda c: runs.create_run(c, new)))
    for name in ("kind", "lane", "origin", "requested_by", "job_id", "series", "window", "unit"):
        assert getattr(run, name) == getattr(new, name), name
    assert (run.parameters, run.attempt_limit, run.time_limit_s) == (parameters, 5, 90)
    assert (run.total, run.expected, run.batches_total) == (1_440, 1_440, 1)
    assert (run.state, run.wish, run.token, run.attempt, run.fruitless) == (RunState.QUEUED, None, 0, 0, 0)
    assert (run.done, run.fetched, run.loaded, run.steps, run.missing, run.error) == (0, 0, 0, {}, [], None)
    assert (run.worker, run.started_ms, run.heartbeat_ms, run.finished_ms) == (None, None, None, None)
    assert before_ms <= run.created_ms <= before_ms + 60_000


def test_run_of_no_series_and_no_window_has_none(warehouse: Warehouse) -> None:
    run = read(warehouse, queue(warehouse, kind="cycle", series=None, window=None, total=None, expected=None))
    assert (run.series, run.window, run.total, run.share_received) == (None, None, None, None)


def test_minutes_and_months_are_two_series(warehouse: Warehouse) -> None:
    month = SeriesKey("binance", "BTCUSDT", Interval.MO1)
    assert [read(warehouse, queue(warehouse, series=key)).series for key in (MINUTES, month)] == [
        MINUTES,
        month,
    ]


def test_unknown_run_is_not_found_and_the_error_says_how_to_find_one(warehouse: Warehouse) -> None:
    with pytest.raises(NotFound, match=r"there is no run 4711: \./candlehouse runs list"):
        read(warehouse, 4711)


def test_batch_of_500_is_made_whole_in_the_order_asked_for(warehouse: Warehouse) -> None:
    keys = [SeriesKey("binance", f"S{number:03d}USDT", Interval.M1) for number in range(500)]
    children = [replace(NEW, series=key) for key in keys]
    began_s = time.perf_counter()
    batch = warehouse.run(lambda c: runs.create_batch(c, NEW_BATCH, children))
    print(f"batch of 500: {1000 * (time.perf_counter() - began_s):.0f} ms")  # noqa: T201 - shown with -s
    found = ask(warehouse, lambda c: runs.list_children(c, batch))
    assert [child.series for child in found] == keys
    assert {(child.parent_id, child.state, child.window) for child in found} == {
        (batch, RunState.QUEUED, DAY)
    }
    assert read(warehouse, batch).is_batch


def test_batch_that_fails_half_way_leaves_nothing(warehouse: Warehouse) -> None:
    bad = replace(NEW, series=SeriesKey("binance", "S" * 99, Interval.M1), kind=None)  # type: ignore[arg-type]
    with pytest.raises(Exception, match=r"(?i)null"):
        warehouse.run(lambda c: runs.create_batch(c, NEW_BATCH, [NEW, bad]))
    assert ids_of(warehouse) == []


# --- listed ---


def test_runs_are_listed_newest_first_in_pages(warehouse: Warehouse) -> None:
    made = [queue(warehouse) for _ in range(5)]
    first = ids_of(warehouse, 2)
    second = ids_of(warehouse, 2, before_id=first[-1])
    third = ids_of(warehouse, 2, before_id=second[-1])
    assert [*first, *second, *third] == made[::-1]
    assert ids_of(warehouse, 2, before_id=third[-1]) == []


def test_filters_narrow_and_work_together(warehouse: Warehouse) -> None:
    cycle = queue(warehouse, kind="cycle", job_id="cycle")
    batch, children = queue_batch(warehouse, 3)
    claim(warehouse, children[0])
    put(warehouse, children[1], state="failed")
    assert ids_of(warehouse, job_id="cycle") == ids_of(warehouse, kind="cycle") == [cycle]
    assert ids_of(warehouse, top_only=True) == [batch, cycle]
    assert ids_of(warehouse, parent_id=batch) == children[::-1]
    failed_or_running = [RunState.FAILED, RunState.RUNNING]
    assert ids_of(warehouse, states=failed_or_running) == [children[1], children[0]]
    assert ids_of(warehouse, states=[RunState.QUEUED], kind="fetch_window") == [children[2]]
    assert ids_of(warehouse, states=[RunState.PAUSED]) == []


def test_unfinished_run_of_a_job_is_found_until_it_ends(warehouse: Warehouse) -> None:
    def unfinished() -> int | None:
        return ask(warehouse, lambda c: runs.find_unfinished(c, "cycle"))

    queue(warehouse, job_id="other")
    assert unfinished() is None
    run_id, token = start(warehouse, job_id="cycle")
    for state in ("queued", "running", "paused"):
        put(warehouse, run_id, state=state)
        assert unfinished() == run_id
    for end in runs.ENDS:
        put(warehouse, run_id, state=end.value)
        assert unfinished() is None
    assert token == 1


# --- progress, chunks, events ---


PROGRESS: dict[str, Any] = {
    "unit": "candles",
    "done": 700,
    "total": 1_440,
    "batches_done": 1,
    "batches_total": 2,
    "current_series": str(MINUTES),
    "current_open_time": DAY_START_MS + HOUR_MS,
    "fetched": 690,
    "loaded": 600,
    "expected": 1_440,
    "rate": 123.5,
    "time_left_ms": 6_000,
    "waiting_for": "the exchange: 58 s to go",
    "steps": '{"fetch": "running"}',
}


def save(warehouse: Warehouse, *keys: tuple[int, int], **changes: Any) -> None:
    rows = [{"id": run_id, "token": token, **PROGRESS, **changes} for run_id, token in keys]
    warehouse.run(lambda c: run_progress.save_progress(c, rows))


def test_progress_of_many_runs_is_saved_at_once(warehouse: Warehouse) -> None:
    started = [start(warehouse) for _ in range(3)]
    put(warehouse, started[0][0], heartbeat_at=DAY_START_MS)
    save(warehouse, *started)
    for run_id, _ in started:
        run = read(warehouse, run_id)
        assert (run.done, run.total, run.fetched, run.loaded, run.expected) == (700, 1_440, 690, 600, 1_440)
        assert (run.current_series, run.current_open_ms) == (str(MINUTES), DAY_START_MS + HOUR_MS)
        assert (run.rate, run.time_left_ms, run.waiting_for) == (123.5, 6_000, "the exchange: 58 s to go")
        assert run.steps == {"fetch": "running"}
        assert run.share_received == 690 / 1_440
        assert run.heartbeat_ms is not None
        assert run.heartbeat_ms > DAY_START_MS


def test_progress_under_an_old_token_or_after_the_end_is_refused(warehouse: Warehouse) -> None:
    (stale, token), (ended, end_token), (ours, our_token) = (start(warehouse) for _ in range(3))
    put(warehouse, stale, token=token + 1)
    put(warehouse, ended, state="failed")
    save(warehouse, (stale, token), (ended, end_token), (ours, our_token))
    assert [read(warehouse, run_id).done for run_id in (stale, ended, ours)] == [0, 0, 700]


def test_nothing_to_save_is_no_error(warehouse: Warehouse) -> None:
    save(warehouse)
    warehouse.run(lambda c: run_progress.add_events(c, [], "asked", "nobody"))


def test_finished_chunk_counts_fruitless_attempts_anew(warehouse: Warehouse) -> None:
    run_id, token = start(warehouse)
    put(warehouse, run_id, fruitless=3)
    chunk = Chunk(DAY, DONE, 1_430, 1_440, (Window(DAY_START_MS, DAY_START_MS + 600_000),))
    warehouse.run(lambda c: run_progress.finish_chunk(c, run_id, token, chunk))
    assert read(warehouse, run_id).fruitless == 1
    assert ask(warehouse, lambda c: run_progress.list_chunks(c, run_id)) == [chunk]


def test_chunk_finished_under_an_old_token_changes_no_count(warehouse: Warehouse) -> None:
    run_id, token = start(warehouse)
    put(warehouse, run_id, fruitless=3, token=token + 1)
    warehouse.run(lambda c: run_progress.finish_chunk(c, run_id, token, Chunk(DAY, DONE, 1, 1)))
    assert read(warehouse, run_id).fruitless == 3


def test_chunks_are_listed_by_time_and_one_done_again_is_one(warehouse: Warehouse) -> None:
    run_id, token = start(warehouse)
    days = [Window(DAY_START_MS + n * DAY_MS, DAY_START_MS + (n + 1) * DAY_MS) for n in range(3)]
    for window, fetched in ((days[2], 5), (days[0], 6), (days[1], 7), (days[2], 8)):
        chunk = Chunk(window, DONE, fetched, 1_440)
        warehouse.run(lambda c, chunk=chunk: run_progress.finish_chunk(c, run_id, token, chunk))  # type: ignore[misc]
    found = ask(warehouse, lambda c: run_progress.list_chunks(c, run_id))
    assert [(chunk.window, chunk.fetched) for chunk in found] == list(zip(days, (6, 7, 8), strict=True))


def test_missing_windows_told_are_the_first_hundred(warehouse: Warehouse) -> None:
    run_id, _ = start(warehouse)
    missing = [Window(DAY_START_MS + n * HOUR_MS, DAY_START_MS + n * HOUR_MS + 60_000) for n in range(150)]
    warehouse.run(lambda c: run_progress.save_missing(c, run_id, missing))
    assert read(warehouse, run_id).missing == [(one.start_ms, one.end_ms) for one in missing[:100]]


def test_events_are_the_newest_told_in_order(warehouse: Warehouse) -> None:
    first, second = queue(warehouse), queue(warehouse)
    for number in range(4):
        text = f"attempt {number} – began"
        warehouse.run(lambda c, text=text: run_progress.add_event(c, first, "started", text))  # type: ignore[misc]
    warehouse.run(
        lambda c: run_progress.add_events(c, [first, second], "asked", "cancel asked for by anna@pi")
    )
    events = ask(warehouse, lambda c: run_progress.list_events(c, first, limit=3))
    assert [(event.kind, event.message) for event in events] == [
        ("started", "attempt 2 – began"),
        ("started", "attempt 3 – began"),
        ("asked", "cancel asked for by anna@pi"),
    ]
    assert all(event.at_ms > DAY_START_MS for event in events)
    assert len(ask(warehouse, lambda c: run_progress.list_events(c, second))) == 1


# --- pruned ---


OLD_MS, CUT_MS, NEW_MS = DAY_START_MS, DAY_START_MS + DAY_MS, DAY_START_MS + 2 * DAY_MS


def end(warehouse: Warehouse, at_ms: int, *run_ids: int) -> None:
    for run_id in run_ids:
        put(warehouse, run_id, state="succeeded", finished_at=at_ms)


def prune(warehouse: Warehouse, limit: int = 1000) -> int:
    return warehouse.run(lambda c: runs.prune_runs(c, CUT_MS, limit))


def test_pruning_takes_what_ended_long_ago_with_all_that_belongs_to_it(warehouse: Warehouse) -> None:
    old, new, unfinished = queue(warehouse), queue(warehouse), queue(warehouse)
    chunk = Chunk(DAY, DONE, 1, 1)
    for run_id in (old, new, unfinished):
        token = claim(warehouse, run_id)

        def belong(connection: Connection, run_id: int = run_id, token: int = token) -> None:
            run_progress.finish_chunk(connection, run_id, token, chunk)
            run_progress.add_event(connection, run_id, "started", "began")

        warehouse.run(belong)
    end(warehouse, OLD_MS, old)
    end(warehouse, NEW_MS, new)
    assert ask(warehouse, lambda c: runs.count_prunable(c, CUT_MS)) == 1
    assert prune(warehouse) == 1
    assert ids_of(warehouse) == [unfinished, new]
    assert ask(warehouse, lambda c: set(c.scalars(select(run_chunks.c.run_id)))) == {new, unfinished}
    assert ask(warehouse, lambda c: set(c.scalars(select(run_events.c.run_id)))) == {new, unfinished}
    assert prune(warehouse) == 0


@pytest.mark.parametrize("batch_end_ms", [None, NEW_MS], ids=["open", "ended lately"])
def test_children_stay_as_long_as_their_batch(warehouse: Warehouse, batch_end_ms: int | None) -> None:
    batch, children = queue_batch(warehouse, 2)
    end(warehouse, OLD_MS, *children)
    if batch_end_ms:
        end(warehouse, batch_end_ms, batch)
    assert ask(warehouse, lambda c: runs.count_prunable(c, CUT_MS)) == prune(warehouse) == 0
    end(warehouse, OLD_MS, batch)
    assert ask(warehouse, lambda c: runs.count_prunable(c, CUT_MS)) == prune(warehouse) == 3


def test_pruning_goes_in_steps_until_nothing_is_left(warehouse: Warehouse) -> None:
    for _ in range(5):
        end(warehouse, OLD_MS, queue(warehouse))
    assert [prune(warehouse, 2) for _ in range(4)] == [2, 2, 1, 0]


# --- what it costs ---


def test_what_is_asked_all_the_time_scans_no_table(mariadb_url: str) -> None:
    with open_runs(mariadb_url) as warehouse:
        batch, queued = queue_batch(warehouse, 20)
        ended = {**runs._values(NEW), "state": "succeeded", "parent_id": batch}
        # Not queued first and then changed: what indexes held before counts until the server cleans up.
        warehouse.run(lambda c: c.execute(table.insert(), [ended] * 1_960))
        for _ in range(20):
            start(warehouse, job_id="cycle")
        warehouse.run(lambda c: c.exec_driver_sql("ANALYZE TABLE runs").all())
        asked: dict[str, Callable[[Connection], Any]] = {
            "claimable": lambda c: run_states.list_claimable(c, "history", 16),
            "wishes": lambda c: run_states.list_wishes(c, WORKER),
            "running": lambda c: run_states.list_running(c, WORKER),
            "orphans": lambda c: run_states.list_orphans(c, "other"),
            "run": lambda c: runs.get_run(c, batch),
            "some": lambda c: runs.list_by_ids(c, queued),
            "unfinished": lambda c: runs.find_unfinished(c, "cycle"),
            "batches": batches.list_open_batches,
            "page": lambda c: runs.list_runs(c, RunFilter(before_id=50), 20),
        }
        plans = {name: plan_of(warehouse, question) for name, question in asked.items()}
        plan_of_children = plan_of(warehouse, lambda c: batches.list_child_states(c, batch))
    wide = {name: plan for name, plan in plans.items() if not is_narrow(plan)}
    assert wide == {}, wide
    assert [(row["type"], row["Extra"]) for row in plan_of_children] == [("ref", "Using index")]


def plan_of(warehouse: Warehouse, question: Callable[[Connection], Any]) -> list[dict[str, Any]]:
    """Return how the server looks for what *question* asks in one statement."""
    caught: list[tuple[str, Any]] = []

    def catch(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if not statement.startswith("SET autocommit"):  # how a session turns to reading
            caught.append((statement, parameters))

    event.listen(warehouse.engine, "before_cursor_execute", catch)
    try:
        ask(warehouse, question)
    finally:
        event.remove(warehouse.engine, "before_cursor_execute", catch)
    [(statement, parameters)] = caught
    with warehouse.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
        return [dict(row) for row in plan.mappings()]


def is_narrow(plan: list[dict[str, Any]]) -> bool:
    return all(row["type"] not in {"ALL", "index"} and int(row["rows"]) < 100 for row in plan)
