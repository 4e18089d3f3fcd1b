"""The leader's hand on the runs: starts what is queued, tells who shall stop, ends what takes too long.

It looks several times a second and does nothing else; how a run is executed is the executor's business.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import structlog

from src.clock import Clock
from src.domain import Lane
from src.errors import CandlehouseError, LeadershipLost, StoreUnavailable
from src.jobs.executor import Claim, Executor
from src.stopping import Stop
from src.warehouse.engine import Warehouse
from src.warehouse.run_progress import add_events
from src.warehouse.run_states import (
    ABANDONED,
    TIMEOUT,
    Failure,
    claim,
    list_claimable,
    list_orphans,
    list_running,
    list_wishes,
    requeue,
    revoke,
)
from src.warehouse.runs import RunState, get_run

log = structlog.get_logger()

_LOOK_S = 0.3
# Live work has places of its own: a backlog of history never takes them.
_LIVE_PLACES = 4
_LOST_THREADS_EACH = 20  # looks

_EXHAUSTED = Failure(
    ABANDONED,
    {
        "what": "the process that worked on it died again and again before it got any further",
        "todo": "see the log of that time; a retry tries again",
    },
)


class Dispatcher:
    """Brings queued runs to *executor*; *slots* are the places beside the live ones.

    *only* names the one run that is to be started, where not all are.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        executor: Executor,
        clock: Clock,
        worker: str,
        slots: int = 16,
        on_end: Callable[[int, RunState], None] = lambda _run, _state: None,
        only: int | None = None,
    ) -> None:
        self._warehouse = warehouse
        self._executor = executor
        self._clock = clock
        self._worker = worker
        self.slots = slots
        self._on_end = on_end
        self._only = only
        self._awake = threading.Event()
        self._deadlines: dict[int, int] = {}
        self._looks = 0

    def wake(self) -> None:
        """Look now: something was queued, or a place became free."""
        self._awake.set()

    def adopt(self) -> list[int]:
        """Take up what died with another worker; return the ids."""

        def work(connection: Any) -> list[int]:
            found = list_orphans(connection, self._worker)
            requeue(connection, found, _EXHAUSTED)
            add_events(connection, found, "taken up", "the process that worked on it is gone")
            return found

        adopted = self._warehouse.run(work)
        if adopted:
            log.info("runs taken up", runs=adopted)
        return adopted

    def run(self, stop: Stop) -> None:
        """Look until *stop*; a warehouse that is away is waited for."""
        remove = stop.on_set(self._awake.set)
        is_away = False
        while not stop.is_set():
            try:
                self.look()
                is_away = False
            except LeadershipLost:
                break  # whoever renews the lease ends this term
            except StoreUnavailable as error:
                if not is_away:
                    log.warning("runs not looked at", error=str(error))
                is_away = True
            except Exception:
                log.exception("dispatcher failed unexpectedly")
            self._awake.wait(_LOOK_S)
            self._awake.clear()
        remove()

    def look(self) -> None:
        """Do what is due now."""
        with self._warehouse.read() as connection:
            wishes = list_wishes(connection, self._worker)
        for run_id, wish in wishes.items():
            self._executor.stop(run_id, wish)
        self._end_overdue()
        self._start_queued()
        self._looks += 1
        if self._looks % _LOST_THREADS_EACH == 0:
            self._find_lost()

    def _start_queued(self) -> None:
        busy = Counter(one.lane for one in self._executor.executing())
        background = busy[Lane.REPAIR] + busy[Lane.HISTORY]
        self._start(Lane.LIVE, _LIVE_PLACES - busy[Lane.LIVE])
        # Repair goes before history; both keep a place that the other cannot take.
        kept = 0 if busy[Lane.HISTORY] else 1
        started = self._start(Lane.REPAIR, self.slots - background - kept)
        kept = 0 if busy[Lane.REPAIR] + started else 1
        self._start(Lane.HISTORY, self.slots - background - started - kept)

    def _start(self, lane: Lane, places: int) -> int:
        if places <= 0:
            return 0
        with self._warehouse.read() as connection:
            queued = list_claimable(connection, lane, places, self._only)
        return sum(self._claim(run_id, lane) for run_id in queued)

    def _claim(self, run_id: int, lane: Lane) -> bool:
        token = self._warehouse.run(lambda connection: claim(connection, run_id, self._worker))
        if token is None:
            return False
        self._submit(run_id, token, lane)
        return True

    def _submit(self, run_id: int, token: int, lane: Lane) -> None:
        with self._warehouse.read() as connection:
            limit_s = get_run(connection, run_id).time_limit_s
        if limit_s is not None:
            self._deadlines[run_id] = self._clock.steady_ms() + limit_s * 1000
        self._executor.submit(Claim(run_id, token, lane))

    def _end_overdue(self) -> None:
        executing = {one.run_id: one for one in self._executor.executing()}
        self._deadlines = {run_id: at for run_id, at in self._deadlines.items() if run_id in executing}
        overdue = [run_id for run_id, at in self._deadlines.items() if self._clock.steady_ms() >= at]
        for run_id in overdue:
            self._revoke(executing[run_id])

    def _revoke(self, overdue: Claim) -> None:
        """Fail it and take its token: whatever its thread still does is refused."""
        run_id = overdue.run_id
        what = "it took longer than its time limit and was ended"
        todo = "a retry goes on where it stopped; a new run may be given more time (--time-limit)"
        failure = Failure(TIMEOUT, {"what": what, "todo": todo})

        def work(connection: Any) -> bool:
            add_events(connection, [run_id], RunState.FAILED.value, what)
            return revoke(connection, run_id, overdue.token, failure)

        was_ours = self._warehouse.run(work)
        self._executor.abandon(run_id)
        log.warning("run past its time limit", run=run_id)
        if was_ours:
            self._on_end(run_id, RunState.FAILED)

    def _find_lost(self) -> None:
        """Queue again what is said to run here and does not: its thread died of something unthinkable."""
        try:
            self._requeue_lost()
        except CandlehouseError as error:
            log.warning("lost runs not looked for", error=str(error))

    def _requeue_lost(self) -> None:
        lost = self._list_lost()
        if lost and (lost := lost & self._list_lost()):  # what ended between two looks is not lost
            log.error("runs without a thread", runs=sorted(lost))
            self._warehouse.run(lambda connection: requeue(connection, sorted(lost), _EXHAUSTED))

    def _list_lost(self) -> set[int]:
        with self._warehouse.read() as connection:
            said = list_running(connection, self._worker)
        return set(said) - {one.run_id for one in self._executor.executing()}
