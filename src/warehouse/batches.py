"""Batches: a run that has children and sums them up. It is never claimed; its state follows from theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from src.warehouse.columns import utc_now
from src.warehouse.run_tables import runs
from src.warehouse.runs import BATCH, ENDS, RunState

_OPEN = [state.value for state in RunState if not state.is_end]
_COUNTED = ("done", "fetched", "loaded", "batches_done")
_KNOWN = ("total", "expected", "batches_total")

Measure = Callable[[int, int], tuple[float | None, int | None]]


def list_open_batches(connection: Connection) -> list[int]:
    """List the batches that have not come to an end."""
    query = select(runs.c.id).where(runs.c.state.in_(_OPEN), runs.c.kind == BATCH)
    return list(connection.scalars(query))


def count_states(connection: Connection, parent_id: int) -> Counter[RunState]:
    """Count a batch's children by state."""
    query = select(runs.c.state, func.count()).where(runs.c.parent_id == parent_id).group_by(runs.c.state)
    return Counter({RunState(state): count for state, count in connection.execute(query)})


def list_child_states(connection: Connection, parent_id: int) -> dict[int, RunState]:
    """Return the state of each child of a batch, in the order asked for; an index holds all that it reads."""
    query = select(runs.c.id, runs.c.state).where(runs.c.parent_id == parent_id)
    return {run_id: RunState(state) for run_id, state in sorted(connection.execute(query).all())}


def sum_up(connection: Connection, parent_id: int, measure: Measure | None = None) -> RunState | None:
    """Write into a batch what its children add up to; return its state if it came to an end just now.

    *measure* tells from what is done, and of how much, the rate a second and the time left in ms.
    """
    state = batch_state(count_states(connection, parent_id))
    sums = _sums(connection, parent_id)
    if state is not RunState.RUNNING:
        sums["time_left_ms"] = 0 if state is RunState.SUCCEEDED else None
    elif measure and sums["total"]:
        sums["rate"], sums["time_left_ms"] = measure(sums["done"], sums["total"])
    is_this = runs.c.id == parent_id
    begun = {} if state is RunState.QUEUED else {"started_at": func.coalesce(runs.c.started_at, utc_now())}
    ended = {"finished_at": utc_now() if state.is_end else None}
    turned = runs.update().where(is_this, runs.c.state != state.value)
    is_new = connection.execute(turned.values(state=state.value, **begun, **ended)).rowcount == 1
    connection.execute(runs.update().where(is_this).values(**sums, heartbeat_at=utc_now()))
    return state if is_new and state.is_end else None


def list_parents(connection: Connection, run_ids: Sequence[int]) -> list[int]:
    """List the batches that these runs are, or belong to."""
    chosen = runs.c.id.in_(run_ids)
    belonging = select(runs.c.parent_id).where(chosen, runs.c.parent_id.is_not(None)).distinct()
    own = select(runs.c.id).where(chosen, runs.c.kind == BATCH)
    return sorted({*connection.scalars(belonging), *connection.scalars(own)})


def batch_state(counts: Counter[RunState]) -> RunState:
    """Return what a batch is when its children are in these states."""
    if counts[RunState.RUNNING]:
        return RunState.RUNNING
    if counts[RunState.QUEUED]:
        is_begun = any(counts[state] for state in ENDS)
        return RunState.RUNNING if is_begun else RunState.QUEUED
    for stopped in (RunState.PAUSED, RunState.CANCELLED):
        if counts[stopped]:
            return stopped
    failed = counts[RunState.FAILED]
    if failed and failed == counts.total():
        return RunState.FAILED
    if failed or counts[RunState.PARTLY_FAILED]:
        return RunState.PARTLY_FAILED
    return RunState.SUCCEEDED


def _sums(connection: Connection, parent_id: int) -> dict[str, Any]:
    columns = [func.sum(runs.c[name]).label(name) for name in (*_COUNTED, *_KNOWN)]
    row = connection.execute(select(*columns).where(runs.c.parent_id == parent_id)).one()
    known = {name: None if getattr(row, name) is None else int(getattr(row, name)) for name in _KNOWN}
    return {**{name: int(getattr(row, name) or 0) for name in _COUNTED}, **known}
