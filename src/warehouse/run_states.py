"""How runs change their state: always compare-and-set, so that each change happens once, whoever tries.

A worker proves by its token that the run is still its own. The token moves on whenever somebody else gets
to decide: a claim, a requeue after a crash, a run past its time limit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, case, func, select

from src.errors import RunRevoked
from src.warehouse.columns import utc_now
from src.warehouse.run_tables import runs
from src.warehouse.runs import BATCH, RunState

CANCEL, PAUSE = "cancel", "pause"
_WISHED = {CANCEL: RunState.CANCELLED, PAUSE: RunState.PAUSED}
# Kinds of error: only the first is not worth another try.
PERMANENT, TRANSIENT, UNEXPECTED, TIMEOUT, ABANDONED = (
    "permanent",
    "transient",
    "unexpected",
    "timeout",
    "abandoned",
)

_is_leaf = runs.c.kind != BATCH

# Made once: it ends every transaction of a run.
_TOKEN = (
    select(runs.c.token)
    .where(runs.c.id == bindparam("run"), runs.c.state == RunState.RUNNING.value)
    .with_for_update(read=True)
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed: *kind* as above, *error* says what, for which series and window, and what to do."""

    kind: str
    error: Mapping[str, Any]
    traceback: str | None = None


def list_claimable(connection: Connection, lane: str, limit: int, only: int | None = None) -> list[int]:
    """List queued runs of a lane, oldest first; with *only*, that one if it is."""
    query = (
        select(runs.c.id)
        .where(runs.c.state == RunState.QUEUED.value, runs.c.lane == lane, _is_leaf)
        .order_by(runs.c.id)
        .limit(limit)
    )
    if only is not None:
        query = query.where(runs.c.id == only)
    return list(connection.scalars(query))


def claim(connection: Connection, run_id: int, worker: str) -> int | None:
    """Take a queued run for *worker* and return its token; None when somebody else was faster."""
    changed = _change(
        connection,
        runs.c.id == run_id,
        runs.c.state == RunState.QUEUED.value,
        state=RunState.RUNNING.value,
        token=runs.c.token + 1,
        worker=worker,
        attempt=runs.c.attempt + 1,
        fruitless=runs.c.fruitless + 1,
        wish=None,
        waiting_for=None,
        started_at=func.coalesce(runs.c.started_at, utc_now()),
        heartbeat_at=utc_now(),
        finished_at=None,
    )
    if not changed:
        return None
    return int(connection.execute(select(runs.c.token).where(runs.c.id == run_id)).scalar_one())


def check_run_token(connection: Connection, run_id: int, token: int) -> None:
    """Raise RunRevoked unless the run is running under this token; the row stays locked, shared."""
    if connection.execute(_TOKEN, {"run": run_id}).scalar() != token:
        raise RunRevoked(run_id)


def finish(
    connection: Connection, run_id: int, token: int, state: RunState, result: Any, failure: Failure | None
) -> bool:
    """End a run that is still ours; whether it was."""
    return _change(
        connection,
        *_is_ours(run_id, token),
        state=state.value,
        wish=None,
        waiting_for=None,
        time_left_ms=0 if state is RunState.SUCCEEDED else None,
        result=None if result is None else json.dumps(result, default=str),
        error_kind=failure.kind if failure else None,
        error=json.dumps(dict(failure.error), default=str) if failure else None,
        traceback=failure.traceback if failure else None,
        finished_at=utc_now(),
    )


def begin_attempt(connection: Connection, run_id: int, token: int) -> bool:
    """Count another attempt of a run that goes on by itself; whether it is still ours."""
    again = {"attempt": runs.c.attempt + 1, "fruitless": runs.c.fruitless + 1}
    return _change(connection, *_is_ours(run_id, token), **again)


def release(connection: Connection, run_id: int, token: int) -> RunState | None:
    """Give up a run and return what it is then: what it was asked to be, else queued again; None if not ours.

    The row's wish decides and not what stopped its worker: a run asked to be cancelled is that in a shutdown
    too, and one resumed while it was stopping goes on. What people or a shutdown ended costs no attempt.
    """
    ours = select(runs.c.wish).where(*_is_ours(run_id, token)).with_for_update()
    found = connection.execute(ours).one_or_none()
    if found is None:
        return None
    state = _WISHED.get(found.wish, RunState.QUEUED)
    _change(
        connection,
        *_is_ours(run_id, token),
        state=state.value,
        wish=None,
        waiting_for=None,
        time_left_ms=None,
        attempt=runs.c.attempt - 1 if state is RunState.QUEUED else runs.c.attempt,
        fruitless=runs.c.fruitless - 1,
        finished_at=utc_now() if state is RunState.CANCELLED else None,
    )
    return state


def revoke(connection: Connection, run_id: int, token: int, failure: Failure) -> bool:
    """Fail a run whose worker does not end by itself; from now on its writes are refused."""
    return finish(connection, run_id, token, RunState.FAILED, None, failure) and _change(
        connection, runs.c.id == run_id, token=runs.c.token + 1
    )


def ask(connection: Connection, run_ids: Sequence[int], wish: str) -> int:
    """Ask that these runs, or the runs of these batches, pause or be cancelled; return how many it concerns.

    What is not running changes at once; what is running is told by its worker.
    """
    target = RunState.CANCELLED if wish == CANCEL else RunState.PAUSED
    chosen = _lock_leaves(connection, run_ids)
    idle = [RunState.QUEUED.value, *([RunState.PAUSED.value] if wish == CANCEL else [])]
    ended = utc_now() if wish == CANCEL else None
    at_once = _count(connection, chosen, runs.c.state.in_(idle), state=target.value, finished_at=ended)
    running = _count(connection, chosen, runs.c.state == RunState.RUNNING.value, wish=wish)
    return at_once + running


def resume(connection: Connection, run_ids: Sequence[int]) -> int:
    """Queue paused and cancelled runs again, or those of these batches; return how many."""
    chosen = _lock_leaves(connection, run_ids)
    stopped = runs.c.state.in_([RunState.PAUSED.value, RunState.CANCELLED.value])
    # One that is still ending its last step only has to forget that it was asked to.
    is_asked = (runs.c.state == RunState.RUNNING.value) & runs.c.wish.is_not(None)
    kept = _count(connection, chosen, is_asked, wish=None)
    return kept + _count(connection, chosen, stopped, **_queued())


@dataclass(frozen=True, slots=True)
class Retried:
    """What a retry did: ids queued again, left since their attempts are used up, failed for good."""

    retried: list[int]
    skipped_for_attempts: list[int]
    permanent: list[int]


def retry(connection: Connection, run_ids: Sequence[int], *, force: bool = False) -> Retried:
    """Queue failed runs again, or the failed ones of these batches; *force* tries in any case."""
    chosen = _lock_leaves(connection, run_ids)
    failed = runs.c.state.in_([RunState.FAILED.value, RunState.PARTLY_FAILED.value])
    query = select(runs.c.id, runs.c.error_kind, runs.c.fruitless, runs.c.attempt_limit)
    found = connection.execute(query.where(chosen, failed).order_by(runs.c.id)).all()
    permanent = [] if force else [row.id for row in found if row.error_kind == PERMANENT]
    used_up = [] if force else [row.id for row in found if row.fruitless >= row.attempt_limit]
    used_up = [run_id for run_id in used_up if run_id not in permanent]
    chosen_ids = [row.id for row in found if row.id not in {*permanent, *used_up}]
    fruitless = {"fruitless": 0} if force else {}
    _count(connection, runs.c.id.in_(chosen_ids), failed, **_queued(), **fruitless)
    return Retried(chosen_ids, used_up, permanent)


def list_running(connection: Connection, worker: str) -> list[int]:
    """List what *worker* has claimed and not ended."""
    mine = (runs.c.state == RunState.RUNNING.value) & (runs.c.worker == worker)
    return list(connection.scalars(select(runs.c.id).where(mine)))


def list_orphans(connection: Connection, worker: str) -> list[int]:
    """List what other workers left running: only the leader runs anything, so it is nobody's."""
    others = (runs.c.state == RunState.RUNNING.value) & (runs.c.worker != worker)
    return list(connection.scalars(select(runs.c.id).where(others)))


def requeue(connection: Connection, run_ids: Sequence[int], exhausted: Failure) -> None:
    """Queue running runs again whose worker is gone; *exhausted* is what is said of the hopeless.

    What was asked to pause or be cancelled is that now, and what has used up its attempts without progress
    fails.
    """
    is_cancelled, is_paused = runs.c.wish == CANCEL, runs.c.wish == PAUSE
    is_spent = runs.c.wish.is_(None) & (runs.c.fruitless >= runs.c.attempt_limit)
    state = case(
        (is_cancelled, RunState.CANCELLED.value),
        (is_paused, RunState.PAUSED.value),
        (is_spent, RunState.FAILED.value),
        else_=RunState.QUEUED.value,
    )
    left = runs.update().where(runs.c.id.in_(run_ids), runs.c.state == RunState.RUNNING.value)
    connection.execute(
        left.ordered_values(
            (runs.c.error_kind, case((is_spent, exhausted.kind), else_=None)),
            (runs.c.error, case((is_spent, json.dumps(dict(exhausted.error))), else_=None)),
            (runs.c.finished_at, case((is_cancelled | is_spent, utc_now()), else_=None)),
            (runs.c.token, runs.c.token + 1),
            (runs.c.waiting_for, None),
            (runs.c.time_left_ms, None),
            (runs.c.state, state),
            # MySQL assigns from left to right: what the others are computed from changes last.
            (runs.c.wish, None),
        )
    )


def list_wishes(connection: Connection, worker: str) -> dict[int, str]:
    """Return what running runs of *worker* were asked to do."""
    mine = (runs.c.state == RunState.RUNNING.value) & (runs.c.worker == worker)
    query = select(runs.c.id, runs.c.wish).where(mine, runs.c.wish.is_not(None))
    return {row.id: row.wish for row in connection.execute(query)}


def _lock_leaves(connection: Connection, run_ids: Sequence[int]) -> ColumnElement[bool]:
    """Lock these runs, and those of these batches, in the order of their ids; return what says "one of them".

    Without the lock one that is being claimed or given back meanwhile would slip through between two updates.
    """
    own = select(runs.c.id).where(runs.c.id.in_(run_ids), _is_leaf)
    belonging = select(runs.c.id).where(runs.c.parent_id.in_(run_ids), _is_leaf)
    chosen = runs.c.id.in_(sorted({*connection.scalars(own), *connection.scalars(belonging)}))
    connection.execute(select(runs.c.id).where(chosen).order_by(runs.c.id).with_for_update()).all()
    return chosen


def _queued() -> dict[str, Any]:
    cleared = ("wish", "finished_at", "error", "error_kind", "traceback", "result", "time_left_ms")
    return {"state": RunState.QUEUED.value, **dict.fromkeys(cleared)}


def _is_ours(run_id: int, token: int) -> tuple[ColumnElement[bool], ...]:
    return runs.c.id == run_id, runs.c.state == RunState.RUNNING.value, runs.c.token == token


def _change(connection: Connection, *conditions: ColumnElement[bool], **values: Any) -> bool:
    return _count(connection, *conditions, **values) == 1


def _count(connection: Connection, *conditions: ColumnElement[bool], **values: Any) -> int:
    return connection.execute(runs.update().where(*conditions).values(**values)).rowcount
