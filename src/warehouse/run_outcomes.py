"""What came of runs, summed up: outcomes since a moment, those that are stuck, a job's last result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from src.domain import Lane
from src.warehouse import dialects
from src.warehouse.run_progress import now_of
from src.warehouse.run_tables import run_events, runs
from src.warehouse.runs import BATCH, RunState

_c = runs.c
_MOST_STUCK = 20
# Of less, starting and ending take most of the time.
_LARGE, _PACES = 10_000, 5


@dataclass(frozen=True, slots=True)
class RunOutcomes:
    """How many runs ended so, and how long they took together."""

    runs: int
    took_ms: int


def read_outcomes(connection: Connection, since_ms: int) -> dict[RunState, RunOutcomes]:
    """Sum up the runs that ended since then, batches left out, by how they ended."""
    found: dict[RunState, RunOutcomes] = {}
    for (_, state), one in read_outcomes_by_kind(connection, since_ms).items():
        before = found.get(state, RunOutcomes(0, 0))
        found[state] = RunOutcomes(before.runs + one.runs, before.took_ms + one.took_ms)
    return found


def read_outcomes_by_kind(connection: Connection, since_ms: int) -> dict[tuple[str, RunState], RunOutcomes]:
    """Sum up the runs that ended since then, batches left out, by kind and how they ended."""
    took = func.sum(
        dialects.epoch_ms(_c.finished_at, connection) - dialects.epoch_ms(_c.started_at, connection)
    )
    query = (
        select(_c.kind, _c.state, func.count(), took)
        .where(_c.finished_at >= since_ms, _c.kind != BATCH)
        .group_by(_c.kind, _c.state)
    )
    return {
        (kind, RunState(state)): RunOutcomes(count, int(took or 0))
        for kind, state, count, took in connection.execute(query)
    }


def find_fetching_pace(connection: Connection) -> float | None:
    """Return how many candles a second the newest large batches loaded, the middle one of them.

    None where there was none. One that was paused in between would seem slow, and is left out.
    """
    took = dialects.epoch_ms(_c.finished_at, connection) - dialects.epoch_ms(_c.started_at, connection)
    query = (
        select(_c.loaded, took)
        .where(_c.state == RunState.SUCCEEDED.value, _c.lane == Lane.HISTORY.value)
        .where(_c.kind == BATCH, _c.loaded >= _LARGE, _c.started_at.is_not(None), ~_was_paused())
        .order_by(_c.id.desc())
        .limit(_PACES)
    )
    paces = [loaded * 1000 / int(took_ms) for loaded, took_ms in connection.execute(query) if took_ms]
    return median(paces) if paces else None


def _was_paused() -> ColumnElement[bool]:
    """Whether a run of the batch was paused while it ran."""
    child = runs.alias("child")
    paused = select(run_events.c.id).join(child, child.c.id == run_events.c.run_id)
    return paused.where(child.c.parent_id == _c.id, run_events.c.kind == RunState.PAUSED.value).exists()


def list_stuck(connection: Connection, silent_ms: int, queued_ms: int) -> tuple[list[int], list[int]]:
    """List runs that run and have shown no life for so long, and those that are queued for so long."""
    now_ms = now_of(connection)
    is_silent = and_(
        _c.state == RunState.RUNNING.value, _c.kind != BATCH, _c.heartbeat_at < now_ms - silent_ms
    )
    is_queued = and_(
        _c.state == RunState.QUEUED.value,
        _c.kind != BATCH,
        _c.parent_id.is_(None),
        _c.created_at < now_ms - queued_ms,
    )
    query = select(_c.id, _c.state).where(or_(is_silent, is_queued)).order_by(_c.id).limit(_MOST_STUCK)
    rows = connection.execute(query).all()
    return _of(rows, RunState.RUNNING), _of(rows, RunState.QUEUED)


def _of(rows: Sequence[Any], state: RunState) -> list[int]:
    return [row.id for row in rows if row.state == state.value]


def find_last_result(connection: Connection, job_id: str) -> tuple[int, Any] | None:
    """Return when a job went well last, and its result."""
    query = (
        select(_c.finished_at, _c.result)
        .where(_c.job_id == job_id, _c.state == RunState.SUCCEEDED.value)
        .order_by(_c.id.desc())
        .limit(1)
    )
    found = connection.execute(query).one_or_none()
    return None if found is None else (found.finished_at, json.loads(found.result or "null"))


def count_open_runs(connection: Connection) -> dict[RunState, int]:
    """Count the runs that have not ended, batches left out, by state."""
    open_states = [state.value for state in RunState if not state.is_end]
    query = select(_c.state, func.count()).where(_c.state.in_(open_states), _c.kind != BATCH)
    return {RunState(state): count for state, count in connection.execute(query.group_by(_c.state))}
