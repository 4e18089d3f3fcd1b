"""What those ask who watch, on each engine: marks that grow, runs that changed, outcomes, what is stuck."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from src.clock import SystemClock
from src.domain import MINUTE_MS, Interval, SeriesKey, Window
from src.jobs.asking import ask_fetch, cancel
from src.lake.local_store import LocalStore
from src.services.health import read_health
from src.warehouse import run_states, tokens
from src.warehouse.budgets import list_budget_rows, lock_budget
from src.warehouse.changes import list_changed_runs, read_mark, read_versions
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.gaps import GapFilter, GapRow, GapState, GapWrites, count_open, list_gaps, write_gaps
from src.warehouse.homes import FOLDER, LakeHome
from src.warehouse.jobs import set_enabled
from src.warehouse.notifications import News, NewsKind, Severity, count_unread, list_notifications, notify
from src.warehouse.quarantine import release_object
from src.warehouse.run_outcomes import (
    RunOutcomes,
    count_open_runs,
    find_fetching_pace,
    find_last_result,
    list_stuck,
    read_outcomes,
)
from src.warehouse.run_progress import add_event
from src.warehouse.run_tables import runs
from src.warehouse.runs import BATCH, NewRun, RunState, create_run
from src.warehouse.schema import migrate
from src.warehouse.series import ensure_series, list_series, set_keep_days
from src.warehouse.series_runs import list_children_after, list_last_of_series
from src.warehouse.tables import quarantined_rows
from src.warehouse.tokens import NewToken
from tests.api.rig import END_MS, minutes
from tests.builders import make_object, open_pipeline

BTC = SeriesKey("binance", "BTCUSDT", Interval.M1)
WINDOW = Window(END_MS, END_MS + 60 * MINUTE_MS)


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Warehouse]:
    opened = open_warehouse(warehouse_url)
    migrate(opened)
    yield opened
    opened.close()


def read(warehouse: Warehouse, ask: Any, *arguments: Any) -> Any:
    with warehouse.read() as connection:
        return ask(connection, *arguments)


def end(warehouse: Warehouse, run_id: int, state: RunState) -> None:
    token = warehouse.run(lambda connection: run_states.claim(connection, run_id, "test"))
    assert token
    assert warehouse.run(lambda c: run_states.finish(c, run_id, token, state, {"x": 1}, None))


def test_each_change_moves_the_mark_on(warehouse: Warehouse) -> None:
    news = News(NewsKind.RUN_FAILED, "job:cycle", Severity.ERROR, "title", "body")
    begun = read(warehouse, read_mark)
    assert (begun.loads, begun.jobs, begun.news_ms, begun.event_id, begun.run_id) == (0, 0, 0, 0, 0)
    batch = ask_fetch(warehouse, [BTC], WINDOW, "test")
    cancel(warehouse, [batch], "test")
    warehouse.run(lambda connection: notify(connection, news))
    warehouse.run(lambda connection: set_enabled(connection, "cycle", enabled=False, by="test"))
    now = read(warehouse, read_mark)
    assert begun.is_before(now)
    assert now.run_id > begun.run_id
    assert now.event_id > begun.event_id
    assert now.news_ms > 0
    assert now.jobs == 1
    assert {row.id for row in read(warehouse, list_changed_runs, begun)} >= {batch}
    assert read(warehouse, count_unread) == 1
    [told] = read(warehouse, list_notifications)
    assert read(warehouse, lambda c: list_notifications(c, before=(told.last_ms, told.id))) == []


def test_loads_are_counted_by_series(warehouse_url: str, tmp_path: Path) -> None:
    with open_pipeline(warehouse_url, LocalStore(tmp_path / "lake")) as pipeline:
        pipeline.land(
            make_object("BTCUSDT", minutes(END_MS, END_MS + 5 * MINUTE_MS), END_MS + 10 * MINUTE_MS)
        )
        pipeline.load()
        [version] = read(pipeline.warehouse, read_versions).values()
        assert (version.key, version.last_open_ms) == (BTC, END_MS + 4 * MINUTE_MS)
        assert read(pipeline.warehouse, read_mark).loads == version.load_version
        row = {"object_id": 1, "row_index": 0, "exchange": "binance", "symbol": "BTCUSDT"}
        bad = quarantined_rows.insert().values(**row, interval_code="1m", reason="odd", raw="[]")
        assert not pipeline.warehouse.run(lambda connection: release_object(connection, 1))
        pipeline.warehouse.run(lambda connection: connection.execute(bad))
        assert pipeline.warehouse.run(lambda connection: release_object(connection, 1))
        assert not pipeline.warehouse.run(lambda connection: release_object(connection, 1))


def test_outcomes_are_summed_up(warehouse: Warehouse) -> None:
    job = NewRun("watch_disk", "live", "schedule", "test", job_id="watch_disk")
    ids = [warehouse.run(lambda connection: create_run(connection, job)) for _ in range(3)]
    for run_id, state in zip(ids, (RunState.SUCCEEDED, RunState.FAILED), strict=False):
        end(warehouse, run_id, state)
    late = runs.update().where(runs.c.id == ids[0]).values(started_at=END_MS, finished_at=END_MS + 1_234)
    warehouse.run(lambda connection: connection.execute(late))
    assert read(warehouse, read_outcomes, END_MS)[RunState.SUCCEEDED] == RunOutcomes(1, 1_234)
    assert read(warehouse, read_outcomes, END_MS + 2_000).keys() == {RunState.FAILED}
    assert read(warehouse, find_last_result, "watch_disk") == (END_MS + 1_234, {"x": 1})
    assert read(warehouse, count_open_runs) == {RunState.QUEUED: 1}


def test_pace_of_fetching_is_that_of_the_newest_large_batches(warehouse: Warehouse) -> None:
    assert read(warehouse, find_fetching_pace) is None
    # The oldest counts no more, the small one never does; the one of an hour was paused.
    for candles, took_s in (
        (999_999, 1),
        (20_000, 10),
        (10_000, 10),
        (20_000, 3_600),
        (500, 1),
        (30_000, 10),
        (20_000, 10),
    ):
        batch = NewRun(BATCH, "history", "manual", "test")
        run_id = warehouse.run(partial(create_run, new=batch))
        ended = {"started_at": END_MS, "finished_at": END_MS + took_s * 1_000, "state": "succeeded"}
        change = runs.update().where(runs.c.id == run_id).values(**ended, loaded=candles)
        warehouse.run(partial(Connection.execute, statement=change))
    assert read(warehouse, find_fetching_pace) == 2_000


def test_batch_that_was_paused_tells_no_pace(warehouse: Warehouse) -> None:
    run_id = warehouse.run(partial(create_run, new=NewRun(BATCH, "history", "manual", "test")))
    child = warehouse.run(partial(create_run, new=NewRun("fetch_window", "history", "manual", "test")))
    took = {"started_at": END_MS, "finished_at": END_MS + 10_000, "state": "succeeded", "loaded": 20_000}
    for changed, values in ((run_id, took), (child, {"parent_id": run_id})):
        change = runs.update().where(runs.c.id == changed).values(**values)
        warehouse.run(partial(Connection.execute, statement=change))
    assert read(warehouse, find_fetching_pace) == 2_000
    warehouse.run(partial(add_event, run_id=child, kind="paused", message="stopped: pause"))
    assert read(warehouse, find_fetching_pace) is None


def test_runs_without_life_and_those_that_wait_long_are_found(warehouse: Warehouse) -> None:
    ids = [warehouse.run(lambda c: create_run(c, NewRun("cycle", "live", "x", "y"))) for _ in range(3)]
    warehouse.run(lambda connection: run_states.claim(connection, ids[0], "test"))
    warehouse.run(lambda connection: run_states.claim(connection, ids[1], "test"))
    silent = runs.update().where(runs.c.id == ids[0]).values(heartbeat_at=END_MS)
    waiting = runs.update().where(runs.c.id == ids[2]).values(created_at=END_MS)
    for change in (silent, waiting):
        warehouse.run(partial(Connection.execute, statement=change))
    assert read(warehouse, list_stuck, MINUTE_MS, MINUTE_MS) == ([ids[0]], [ids[2]])


def test_last_run_of_each_series_and_pages_of_a_batch(warehouse: Warehouse) -> None:
    ask_fetch(warehouse, [BTC], WINDOW, "test")
    eth = SeriesKey("binance", "ETHUSDT", Interval.H1)
    batch = ask_fetch(warehouse, [BTC, eth], WINDOW, "test")
    last = read(warehouse, list_last_of_series)
    assert {key: row.parent_id for key, row in last.items()} == {BTC: batch, eth: batch}
    [first] = read(warehouse, list_children_after, batch, 0, 1)
    [second] = read(warehouse, list_children_after, batch, first.id, 5, [RunState.QUEUED])
    assert (first.series, second.series) == (BTC, eth)


def test_gaps_are_counted_and_paged(warehouse: Warehouse) -> None:
    warehouse.run(lambda connection: ensure_series(connection, [BTC], tracked=True))
    [row] = read(warehouse, list_series)
    windows = [Window(END_MS + at * MINUTE_MS, END_MS + (at + 2) * MINUTE_MS) for at in (0, 10, 20)]
    added = [GapRow(0, row.id, window, 2, detected_ms=END_MS) for window in windows]
    warehouse.run(lambda connection: write_gaps(connection, GapWrites(added=added)))
    assert read(warehouse, count_open) == {GapState.DETECTED: (3, 6)}
    newest = read(warehouse, list_gaps, GapFilter(), 1)[0]
    rest = read(warehouse, list_gaps, GapFilter(before=(newest.window.end_ms, newest.id)))
    assert [gap.window for gap in [newest, *rest]] == windows[::-1]


def test_days_to_keep_are_set_and_forgotten(warehouse: Warehouse) -> None:
    warehouse.run(lambda connection: ensure_series(connection, [BTC], tracked=True))
    for days in (7, 0, None):
        warehouse.run(partial(set_keep_days, keys=[BTC], days=days))
        assert read(warehouse, list_series)[0].keep_days == days


def test_tokens_that_are_valid_are_told_apart(warehouse: Warehouse) -> None:
    def add(connection: Any) -> list[int]:
        parents = [tokens.add_token(connection, NewToken(n, "viewer", "test"), f"secret {n}") for n in "ab"]
        for name in "ab":
            row = tokens.find_token(connection, f"secret {name}")
            assert row
            tokens.add_session(connection, row, END_MS + 10)
        tokens.revoke(connection, parents[1])
        return parents

    parents = warehouse.run(add)
    ids = [*parents, *(one + 2 for one in parents)]
    assert read(warehouse, tokens.list_live_ids, ids, END_MS) == {parents[0], parents[0] + 2}
    assert read(warehouse, tokens.list_live_ids, ids, END_MS + 10) == {parents[0]}
    assert read(warehouse, tokens.list_live_ids, [], END_MS) == frozenset()


def test_health_is_read_on_each_engine(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.run(lambda connection: lock_budget(connection, "binance", "default"))
    assert [row[:2] for row in read(warehouse, list_budget_rows)] == [("binance", "default")]
    lake, home = LocalStore(tmp_path / "lake"), LakeHome(FOLDER, str(tmp_path / "lake"))
    told = read_health(warehouse, warehouse.pool_numbers(), lambda: lake, home, SystemClock())
    assert {"warehouse", "exchange binance", "runs", "disk"} <= {one.name for one in told.components}
