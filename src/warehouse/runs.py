"""Runs as rows: what was asked for, how far it is, what came of it.

How a run's state changes is in ``run_states``; its chunks, events and progress are in ``run_progress``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, exists, func, not_, select

from src.domain import Interval, Lane, SeriesKey, Window
from src.errors import NotFound
from src.warehouse.run_tables import run_chunks, run_events, runs

BATCH = "batch"


class RunState(StrEnum):
    """Where a run stands; the last four are ends."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    PARTLY_FAILED = "partly_failed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        return self in ENDS


ENDS = (RunState.SUCCEEDED, RunState.PARTLY_FAILED, RunState.FAILED, RunState.CANCELLED)


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be: *series* and *window* where it is about one, *unit* of what ``total`` counts."""

    kind: str
    lane: str
    origin: str
    requested_by: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    job_id: str | None = None
    series: SeriesKey | None = None
    window: Window | None = None
    unit: str = ""
    total: int | None = None
    expected: int | None = None
    batches_total: int | None = None
    attempt_limit: int = 3
    time_limit_s: int | None = None


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as the warehouse knows it; times in UTC ms, *rate* in units a second."""

    id: int
    parent_id: int | None
    job_id: str | None
    kind: str
    lane: str
    parameters: dict[str, Any]
    origin: str
    requested_by: str
    series: SeriesKey | None
    window: Window | None
    state: RunState
    wish: str | None
    token: int
    worker: str | None
    attempt: int
    fruitless: int
    attempt_limit: int
    time_limit_s: int | None
    unit: str
    done: int
    total: int | None
    batches_done: int
    batches_total: int | None
    current_series: str | None
    current_open_ms: int | None
    fetched: int
    loaded: int
    expected: int | None
    rate: float | None
    time_left_ms: int | None
    waiting_for: str | None
    steps: dict[str, str]
    missing: list[tuple[int, int]]
    result: Any
    error_kind: str | None
    error: dict[str, Any] | None
    traceback: str | None
    created_ms: int
    started_ms: int | None
    heartbeat_ms: int | None
    finished_ms: int | None

    @property
    def is_batch(self) -> bool:
        return self.kind == BATCH

    @property
    def share_received(self) -> float | None:
        """Return which part of the expected candles the exchange had, None while nothing is expected."""
        return self.fetched / self.expected if self.expected else None


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to list; None leaves a question open.

    *top_only* leaves out the children of batches, *skip_routine* the scheduled live work that went well.
    """

    job_id: str | None = None
    kind: str | None = None
    states: Sequence[RunState] = ()
    parent_id: int | None = None
    top_only: bool = False
    skip_routine: bool = False
    before_id: int | None = None
    symbol: str | None = None
    interval: Interval | None = None


def create_run(connection: Connection, new: NewRun) -> int:
    """Queue a run and return its id."""
    return int(connection.execute(runs.insert().values(**_values(new))).lastrowid)


def create_batch(connection: Connection, parent: NewRun, children: Sequence[NewRun]) -> int:
    """Queue a batch with its children, all in one go; return the batch's id."""
    parent_id = create_run(connection, parent)
    connection.execute(runs.insert(), [{**_values(child), "parent_id": parent_id} for child in children])
    return parent_id


def get_run(connection: Connection, run_id: int) -> RunRow:
    """Return a run; NotFound when there is none of that id."""
    found = connection.execute(select(runs).where(runs.c.id == run_id)).one_or_none()
    if found is None:
        raise NotFound(f"there is no run {run_id}", "./candlehouse runs list shows which there are")
    return _from_row(found)


def list_runs(connection: Connection, wanted: RunFilter, limit: int = 50) -> list[RunRow]:
    """List runs, newest first; the next page begins *before_id* the last one's id."""
    return list_run_rows(
        connection, select(runs).where(*_conditions(wanted)).order_by(runs.c.id.desc()).limit(limit)
    )


def list_run_rows(connection: Connection, query: Select[Any]) -> list[RunRow]:
    """Return the runs that a query of the whole table's columns finds."""
    return [_from_row(row) for row in connection.execute(query)]


def list_children(connection: Connection, parent_id: int) -> list[RunRow]:
    """List the runs of a batch in the order in which they were asked for."""
    query = select(runs).where(runs.c.parent_id == parent_id).order_by(runs.c.id)
    return [_from_row(row) for row in connection.execute(query)]


def list_by_ids(connection: Connection, run_ids: Sequence[int]) -> list[RunRow]:
    """List these runs by id, without those that are not there."""
    query = select(runs).where(runs.c.id.in_(run_ids)).order_by(runs.c.id)
    return [_from_row(row) for row in connection.execute(query)]


def find_unfinished(connection: Connection, job_id: str) -> int | None:
    """Return the id of a run of this job that has not come to an end, None when there is none."""
    open_states = [state.value for state in RunState if not state.is_end]
    # Wrapped, so that no index on the job is used: its history is long, what is unfinished is not.
    is_of_job = func.coalesce(runs.c.job_id, "") == job_id
    query = select(func.max(runs.c.id)).where(runs.c.state.in_(open_states), is_of_job)
    return connection.execute(query).scalar()


def prune_runs(connection: Connection, before_ms: int, limit: int = 1000) -> int:
    """Delete at most *limit* runs that ended before then, with all that belongs to them; return how many.

    A batch's children stay as long as the batch.
    """
    old = select(runs.c.id).where(*_is_prunable(before_ms)).order_by(runs.c.finished_at).limit(limit)
    ids = list(connection.scalars(old))
    for column in (run_events.c.run_id, run_chunks.c.run_id, runs.c.id):
        connection.execute(column.table.delete().where(column.in_(ids)))
    return len(ids)


def count_prunable(connection: Connection, before_ms: int) -> int:
    """Count what ``prune_runs`` would delete in the end."""
    query = select(func.count()).select_from(runs).where(*_is_prunable(before_ms))
    return connection.execute(query).scalar_one()


def _is_prunable(before_ms: int) -> tuple[ColumnElement[bool], ...]:
    batch = runs.alias("batch")
    is_kept = exists().where(
        batch.c.id == runs.c.parent_id, batch.c.finished_at.is_(None) | (batch.c.finished_at >= before_ms)
    )
    return runs.c.finished_at < before_ms, ~is_kept


def _conditions(wanted: RunFilter) -> Iterable[ColumnElement[bool]]:
    for name in ("job_id", "kind", "parent_id", "symbol"):
        value = getattr(wanted, name)
        if value is not None:
            yield runs.c[name] == value
    if wanted.states:
        yield runs.c.state.in_([state.value for state in wanted.states])
    if wanted.top_only:
        yield runs.c.parent_id.is_(None)
    if wanted.skip_routine:
        is_live_job = (runs.c.lane == Lane.LIVE.value) & runs.c.job_id.is_not(None)
        yield not_(is_live_job & (runs.c.state == RunState.SUCCEEDED.value))
    if wanted.interval is not None:
        yield runs.c.interval_code == wanted.interval.value
    if wanted.before_id is not None:
        yield runs.c.id < wanted.before_id


def _values(new: NewRun) -> dict[str, Any]:
    same = ("kind", "lane", "origin", "requested_by", "job_id", "unit", "total", "expected", "batches_total")
    limits = ("attempt_limit", "time_limit_s")
    series, window = new.series, new.window
    return {
        **{name: getattr(new, name) for name in (*same, *limits)},
        "parameters": json.dumps(dict(new.parameters)),
        "exchange": series.exchange if series else None,
        "symbol": series.symbol if series else None,
        "interval_code": series.interval.value if series else None,
        "window_start": window.start_ms if window else None,
        "window_end": window.end_ms if window else None,
    }


_SAME = [
    "id",
    "parent_id",
    "job_id",
    "kind",
    "lane",
    "origin",
    "requested_by",
    "wish",
    "token",
    "worker",
    "attempt",
    "fruitless",
    "attempt_limit",
    "time_limit_s",
    "unit",
    "done",
    "total",
    "batches_done",
    "batches_total",
    "current_series",
    "fetched",
    "loaded",
    "expected",
    "rate",
    "time_left_ms",
    "waiting_for",
    "error_kind",
    "traceback",
]


def _from_row(row: Row[Any]) -> RunRow:
    series = SeriesKey(row.exchange, row.symbol, Interval(row.interval_code)) if row.symbol else None
    window = None if row.window_start is None else Window(row.window_start, row.window_end)
    return RunRow(
        **{name: getattr(row, name) for name in _SAME},
        parameters=json.loads(row.parameters),
        series=series,
        window=window,
        state=RunState(row.state),
        current_open_ms=row.current_open_time,
        steps=json.loads(row.steps or "{}"),
        missing=[tuple(pair) for pair in json.loads(row.missing or "[]")],
        result=json.loads(row.result or "null"),
        error=json.loads(row.error or "null"),
        created_ms=row.created_at,
        started_ms=row.started_at,
        heartbeat_ms=row.heartbeat_at,
        finished_ms=row.finished_at,
    )
