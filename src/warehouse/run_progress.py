"""What a run tells while it works: its progress, its finished chunks, its events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from src.domain import Window
from src.warehouse import dialects
from src.warehouse.columns import utc_now
from src.warehouse.run_tables import run_chunks, run_events, runs
from src.warehouse.runs import RunState

DONE, FAILED = "done", "failed"
# Of what an exchange lacks, so many windows are told with a run; the chunks know them all.
_MISSING_TOLD = 100


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a run that is finished; *missing* are the windows for which the exchange had nothing."""

    window: Window
    state: str
    fetched: int
    expected: int
    missing: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a run, UTC ms."""

    at_ms: int
    kind: str
    message: str


_PROGRESS = [
    "unit",
    "done",
    "total",
    "batches_done",
    "batches_total",
    "current_series",
    "current_open_time",
    "fetched",
    "loaded",
    "expected",
    "rate",
    "time_left_ms",
    "waiting_for",
    "steps",
]
_SAVE = (
    update(runs)
    .where(
        runs.c.id == bindparam("b_id"),
        runs.c.token == bindparam("b_token"),
        runs.c.state == RunState.RUNNING.value,
    )
    .values(heartbeat_at=utc_now(), **{name: bindparam(f"b_{name}") for name in _PROGRESS})
)


def save_progress(connection: Connection, progress: Sequence[dict[str, Any]]) -> None:
    """Write the progress of many runs at once; each names ``id``, ``token`` and all of ``_PROGRESS``."""
    if progress:
        rows = [{f"b_{name}": one[name] for name in ("id", "token", *_PROGRESS)} for one in progress]
        connection.execute(_SAVE, rows)


def finish_chunk(connection: Connection, run_id: int, token: int, chunk: Chunk) -> None:
    """Note that a chunk is finished; attempts without progress are counted anew from here."""
    row = {
        "run_id": run_id,
        "start_time": chunk.window.start_ms,
        "end_time": chunk.window.end_ms,
        "state": chunk.state,
        "fetched": chunk.fetched,
        "expected": chunk.expected,
        "missing": json.dumps([(one.start_ms, one.end_ms) for one in chunk.missing]),
    }
    connection.execute(dialects.upsert(run_chunks, connection, row, list(row)))
    is_ours = (runs.c.id == run_id) & (runs.c.token == token)
    connection.execute(runs.update().where(is_ours).values(fruitless=1))


def list_chunks(connection: Connection, run_id: int) -> list[Chunk]:
    """List the finished chunks of a run by time."""
    query = select(run_chunks).where(run_chunks.c.run_id == run_id).order_by(run_chunks.c.start_time)
    return [
        Chunk(
            Window(row.start_time, row.end_time),
            row.state,
            row.fetched,
            row.expected or 0,
            tuple(Window(*pair) for pair in json.loads(row.missing or "[]")),
        )
        for row in connection.execute(query)
    ]


def save_missing(connection: Connection, run_id: int, missing: Sequence[Window]) -> None:
    """Tell with the run what the exchange lacked, the first windows of it."""
    told = [(one.start_ms, one.end_ms) for one in missing[:_MISSING_TOLD]]
    connection.execute(runs.update().where(runs.c.id == run_id).values(missing=json.dumps(told)))


def add_event(connection: Connection, run_id: int, kind: str, message: str) -> None:
    """Add to the story of a run."""
    connection.execute(run_events.insert().values(run_id=run_id, kind=kind, message=message))


def add_events(connection: Connection, run_ids: Sequence[int], kind: str, message: str) -> None:
    """Add the same to the story of many runs."""
    if run_ids:
        rows = [{"run_id": run_id, "kind": kind, "message": message} for run_id in run_ids]
        connection.execute(run_events.insert(), rows)


def list_events(connection: Connection, run_id: int, limit: int = 200) -> list[Event]:
    """Return the newest events of a run, oldest of them first."""
    query = (
        select(run_events).where(run_events.c.run_id == run_id).order_by(run_events.c.id.desc()).limit(limit)
    )
    return [Event(row.at, row.kind, row.message) for row in reversed(connection.execute(query).all())]


def now_of(connection: Connection) -> int:
    """Return the database's clock, UTC ms."""
    return int(connection.execute(select(func.coalesce(utc_now(), utc_now()))).scalar_one())
