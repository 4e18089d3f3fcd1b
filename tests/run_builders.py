"""Runs for tests: described, queued in a warehouse that holds nothing else, or as rows that were read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import Connection, update

from src.domain import DAY_MS, Interval, SeriesKey, Window
from src.warehouse import run_states
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.run_tables import run_chunks, run_events, runs
from src.warehouse.runs import BATCH, NewRun, RunRow, RunState, create_batch, create_run, get_run
from tests.builders import CAPTURED_MS, DAY_START_MS

T = TypeVar("T")

RUN_TABLES = (runs, run_chunks, run_events)
WORKER = "pi/4711"
MINUTES = SeriesKey("binance", "BTCUSDT", Interval.M1)
DAY = Window(DAY_START_MS, DAY_START_MS + DAY_MS)
NEW = NewRun(
    kind="fetch_window",
    lane="history",
    origin="manual",
    requested_by="anna@pi",
    series=MINUTES,
    window=DAY,
    unit="candles",
    total=1_440,
    expected=1_440,
    batches_total=1,
)
NEW_BATCH = NewRun(
    kind=BATCH, lane="history", origin="manual", requested_by="anna@pi", parameters={"series": 2}, window=DAY
)


@contextmanager
def open_runs(url: str) -> Iterator[Warehouse]:
    """Give a warehouse with nothing but the tables of runs."""
    opened = open_warehouse(url)
    try:
        for table in RUN_TABLES:
            table.create(opened.engine)
        yield opened
    finally:
        opened.close()


def queue(warehouse: Warehouse, **changes: Any) -> int:
    return warehouse.run(lambda connection: create_run(connection, replace(NEW, **changes)))


def queue_batch(warehouse: Warehouse, children: int, **changes: Any) -> tuple[int, list[int]]:
    """Queue a batch with so many children; return its id and theirs."""
    described = [replace(NEW, **changes)] * children
    batch = warehouse.run(lambda connection: create_batch(connection, NEW_BATCH, described))
    return batch, list(range(batch + 1, batch + 1 + children))


def claim(warehouse: Warehouse, run_id: int, worker: str = WORKER) -> int:
    """Claim a run that is known to be queued; return its token."""
    token = warehouse.run(lambda connection: run_states.claim(connection, run_id, worker))
    assert token is not None
    return token


def start(warehouse: Warehouse, **changes: Any) -> tuple[int, int]:
    """Queue a run and claim it; return its id and token."""
    run_id = queue(warehouse, **changes)
    return run_id, claim(warehouse, run_id)


def read(warehouse: Warehouse, run_id: int) -> RunRow:
    with warehouse.read() as connection:
        return get_run(connection, run_id)


def ask(warehouse: Warehouse, question: Callable[[Connection], T]) -> T:
    with warehouse.read() as connection:
        return question(connection)


def state_of(warehouse: Warehouse, run_id: int) -> RunState:
    return read(warehouse, run_id).state


def put(warehouse: Warehouse, run_id: int, **values: Any) -> None:
    """Bring a run into a state that would take long to come to by itself."""
    warehouse.run(
        lambda connection: connection.execute(update(runs).where(runs.c.id == run_id).values(**values))
    )


def make_row(**changes: Any) -> RunRow:
    """Return a run as it is read: a day of minutes, half of it fetched."""
    row = RunRow(
        id=7,
        parent_id=None,
        job_id=None,
        kind="fetch_window",
        lane="history",
        parameters={},
        origin="manual",
        requested_by="anna@pi",
        series=MINUTES,
        window=DAY,
        state=RunState.RUNNING,
        wish=None,
        token=1,
        worker=WORKER,
        attempt=1,
        fruitless=1,
        attempt_limit=3,
        time_limit_s=None,
        unit="candles",
        done=720,
        total=1_440,
        batches_done=0,
        batches_total=1,
        current_series=str(MINUTES),
        current_open_ms=DAY.start_ms + 719 * 60_000,
        fetched=720,
        loaded=500,
        expected=1_440,
        rate=360.0,
        time_left_ms=2_000,
        waiting_for=None,
        steps={},
        missing=[],
        result=None,
        error_kind=None,
        error=None,
        traceback=None,
        created_ms=CAPTURED_MS,
        started_ms=CAPTURED_MS + 1_000,
        heartbeat_ms=CAPTURED_MS + 3_000,
        finished_ms=None,
    )
    return replace(row, **changes)
