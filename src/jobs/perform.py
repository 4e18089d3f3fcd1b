"""One execution of a run, from its claim to its end: whatever happens, its state says what.

A stop leaves at once; an error that may pass is tried again while attempts are left; a store that is away
is waited for, since that is nobody's fault.
"""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from sqlalchemy import Connection

from src.clock import Clock
from src.domain import format_utc
from src.errors import (
    CandlehouseError,
    ConfigurationError,
    LeadershipLost,
    NoRoom,
    NotFound,
    RunRevoked,
    SourcePermanent,
    SourceTransient,
    Stopped,
    StoreUnavailable,
)
from src.jobs.context import Kind, Outcome, RunContext
from src.jobs.progress import Progress
from src.stopping import Stop, stopping_by
from src.warehouse import run_states
from src.warehouse.engine import Warehouse, guarded_by
from src.warehouse.run_progress import add_event, save_progress
from src.warehouse.run_states import Failure, begin_attempt, check_run_token, finish, release
from src.warehouse.runs import RunState, get_run

log = structlog.get_logger()

_STORE_RETRY_S = 5.0
_RETRY_S = (2.0, 10.0, 30.0)


class Performer:
    """Executes runs that were claimed; *on_end* hears how each ended, by id and state."""

    def __init__(
        self,
        warehouse: Warehouse,
        clock: Clock,
        kinds: Mapping[str, Kind],
        on_end: Callable[[int, RunState], None] = lambda _run, _state: None,
    ) -> None:
        self._warehouse = warehouse
        self._clock = clock
        self._kinds = kinds
        self._on_end = on_end

    def perform(self, run_id: int, token: int, stop: Stop, progress: Progress) -> None:
        """Execute a run under *token* until it ends or *stop* is set; never raises."""
        bound = structlog.contextvars.bound_contextvars(run=run_id)
        try:
            with bound, stopping_by(stop), guarded_by(lambda c: check_run_token(c, run_id, token)):
                context = self._open(run_id, stop, progress)
                outcome = self._execute(context, token)
            self._close(context, token, outcome)
        except (RunRevoked, LeadershipLost) as error:
            log.warning("run is no longer ours", run=run_id, error=str(error))
        except Stopped:
            self._leave(run_id, token, stop, progress)
        except Exception:  # the thread must end in order whatever happens; the dispatcher finds the run again
            log.exception("run could not be ended", run=run_id)

    def _open(self, run_id: int, stop: Stop, progress: Progress) -> RunContext:
        with self._warehouse.read() as connection:
            run = get_run(connection, run_id)
        progress.take_up(run)
        context = RunContext(run, stop, self._clock, self._warehouse, progress)
        if run.attempt > 1:  # of the first one the row itself tells, as it does of a good end
            context.event("started", f"attempt {run.attempt} began")
        return context

    def _execute(self, context: RunContext, token: int) -> Outcome | Failure:
        """Execute, again and again while that may help; return how it ended."""
        kind, attempt = self._kinds[context.run.kind], context.run.fruitless
        while True:
            try:
                return kind.execute(context)
            except (Stopped, RunRevoked, LeadershipLost):
                raise
            except Exception as error:  # noqa: BLE001  a run must end in a state, whatever it met
                if kind.retries and isinstance(error, StoreUnavailable):  # nobody's fault: costs no attempt
                    self._wait(context, f"a store is away: {error}", _STORE_RETRY_S)
                    continue
                attempt = self._attempts_used(context, attempt)
                is_last = attempt >= context.run.attempt_limit
                failure = describe_failure(error, context)
                if not kind.retries or failure.kind != run_states.TRANSIENT or is_last:
                    return failure
                context.event("attempt failed", str(error))
                pause_s = _RETRY_S[min(attempt, len(_RETRY_S)) - 1] * random.uniform(0.5, 1.0)
                self._wait(context, f"trying again after: {error}", pause_s)
                self._warehouse.run(lambda c: begin_attempt(c, context.run.id, token))
                attempt += 1

    def _attempts_used(self, context: RunContext, otherwise: int) -> int:
        """Return the attempts without progress so far: a finished chunk counts them anew."""
        try:
            with self._warehouse.read() as connection:
                return get_run(connection, context.run.id).fruitless
        except StoreUnavailable:
            return otherwise

    def _wait(self, context: RunContext, text: str, seconds: float) -> None:
        log.warning("run waits", run=context.run.id, reason=text)
        context.progress.waiting(text)
        try:
            self._clock.sleep(seconds)
        finally:
            context.progress.waiting(None)

    def _close(self, context: RunContext, token: int, outcome: Outcome | Failure) -> None:
        run_id = context.run.id
        state, result, failure = _told(outcome, context)

        def work(connection: Connection) -> bool:
            save_progress(connection, [context.progress.snapshot()])
            if not finish(connection, run_id, token, state, result, failure):
                return False
            if failure:
                add_event(connection, run_id, state.value, f"ended: {failure.error['what']}")
            return True

        if self._insist(work, context.stop):
            self._on_end(run_id, state)

    def _leave(self, run_id: int, token: int, stop: Stop, progress: Progress) -> None:
        """Give the run back as people want it; what is not asked to pause or be cancelled is queued again."""

        def work(connection: Connection) -> RunState | None:
            save_progress(connection, [progress.snapshot()] if progress.is_known else [])
            state = release(connection, run_id, token)
            if state:
                add_event(connection, run_id, state.value, f"stopped: {stop.reason}")
            return state

        try:
            if state := self._warehouse.run(work):
                self._on_end(run_id, state)
        except CandlehouseError as error:
            log.warning("run left as it was", run=run_id, error=str(error))

    def _insist(self, work: Callable[[Connection], bool], stop: Stop) -> bool:
        """Write the end of a run; while the warehouse is away, try until the process ends."""
        while True:
            try:
                return self._warehouse.run(work)
            except StoreUnavailable as error:
                log.warning("end of a run not stored yet", error=str(error))
                if stop.wait(_STORE_RETRY_S):
                    return False


def describe_failure(error: Exception, context: RunContext) -> Failure:
    """Say what failed, for which series and window, and what to do; the traceback apart."""
    permanent = isinstance(error, (SourcePermanent, ConfigurationError, NotFound))
    kind = run_states.PERMANENT if permanent else run_states.TRANSIENT
    trace = None
    if not isinstance(error, CandlehouseError):
        kind, trace = run_states.UNEXPECTED, "".join(traceback.format_exception(error))
        log.error("run failed unexpectedly", run=context.run.id, exc_info=error)
    what = (
        str(error) if isinstance(error, CandlehouseError) else f"unexpected {type(error).__name__}: {error}"
    )
    return Failure(kind, {**_where(context), "what": what, "todo": _todo(error, kind)}, trace)


def _told(outcome: Outcome | Failure, context: RunContext) -> tuple[RunState, Any, Failure | None]:
    """Return state, result and failure of a run that ended by itself."""
    if isinstance(outcome, Failure):
        return RunState.FAILED, None, outcome
    failure = _problem(outcome.problem, context) if outcome.problem else None
    return outcome.state, outcome.result, failure


def _problem(text: str, context: RunContext) -> Failure:
    return Failure(run_states.TRANSIENT, {**_where(context), "what": text, "todo": None})


def _where(context: RunContext) -> dict[str, Any]:
    window = context.window
    return {
        "series": str(context.series) if context.series else None,
        "window": [format_utc(window.start_ms), format_utc(window.end_ms)] if window else None,
    }


def _todo(error: Exception, kind: str) -> str:
    """Say what to do in words: a page puts its buttons to them, the terminal its commands."""
    if kind == run_states.PERMANENT:
        return "correct what it names and start a new run: this one would fail again"
    if isinstance(error, (SourceTransient, NoRoom)):
        return "nothing is lost; a retry goes on where it stopped"
    return "a retry tries again; if it stays, please report it with the traceback"
