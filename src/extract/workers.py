"""Threads for extraction: tasks by name, each at most once at a time, stragglers not waited for.

A task that failed last time runs among the suspects, on threads of its own, and nobody waits for it: one
symbol's timeouts cost the others nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from src.errors import (
    CandlehouseError,
    LeadershipLost,
    RunRevoked,
    SourceBlocked,
    SourceResting,
    Stopped,
    StoreUnavailable,
)
from src.stopping import Stop, current_stop

log = structlog.get_logger()

_SUSPECT_THREADS = 2
_CONCERNS_ALL = (SourceBlocked, SourceResting, StoreUnavailable, LeadershipLost, RunRevoked)


class Workers:
    """Runs tasks; *on_failure* hears of each that failed, by name and with its error."""

    def __init__(self, threads: int, on_failure: Callable[[str, CandlehouseError], None]) -> None:
        self._on_failure = on_failure
        self._steady = ThreadPoolExecutor(threads, thread_name_prefix="extract")
        self._suspects = ThreadPoolExecutor(_SUSPECT_THREADS, thread_name_prefix="suspect")
        self._changed = threading.Condition()
        self._busy: set[str] = set()
        self._not_waited_for: set[str] = set()
        self._failing: set[str] = set()
        self._closing = False

    def submit(self, name: str, work: Callable[[], bool]) -> None:
        """Run *work* until it answers that nothing is left; ignored while *name* is still under way."""
        with self._changed:
            if name in self._busy:
                self._not_waited_for.add(name)  # a straggler of an earlier cycle, which did wait
                return
            if self._closing:
                return
            self._busy.add(name)
            is_suspect = name in self._failing
            if is_suspect:
                self._not_waited_for.add(name)
            pool = self._suspects if is_suspect else self._steady
            pool.submit(self._run, name, work)

    def wait(self, seconds: float | None) -> None:
        """Wait for the tasks that are neither suspect nor far behind; without a limit, for every task.

        Who is asked to stop waits no longer; the tasks go on.
        """
        stop = current_stop() or Stop()
        forget = stop.on_set(self._wake)
        try:
            with self._changed:
                self._changed.wait_for(lambda: stop.is_set() or self._is_done(seconds is None), seconds)
        finally:
            forget()

    def _is_done(self, is_patient: bool) -> bool:
        return not self._busy if is_patient else self._busy <= self._not_waited_for

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def count_busy(self) -> int:
        """Return how many tasks are under way."""
        with self._changed:
            return len(self._busy)

    def close(self) -> None:
        """Let what runs end; what is queued is dropped, since the watermark knows where to go on."""
        with self._changed:
            self._closing = True
        self._steady.shutdown(cancel_futures=True)
        self._suspects.shutdown(cancel_futures=True)

    def _run(self, name: str, work: Callable[[], bool]) -> None:
        try:
            is_left = work()
        except Stopped:
            self._end(name)
        except CandlehouseError as error:
            self._fail(name, error)
        except Exception as error:  # a worker must survive whatever one series does
            log.exception("extraction failed unexpectedly", task=name)
            self._fail(name, CandlehouseError(f"unexpected {type(error).__name__}: {error}"))
        else:
            if is_left:
                self._go_on(name, work)
            else:
                self._end(name)

    def _go_on(self, name: str, work: Callable[[], bool]) -> None:
        """Queue up behind the others for the next stretch; a cycle does not wait for that."""
        with self._changed:
            self._failing.discard(name)
            self._not_waited_for.add(name)
            self._changed.notify_all()
            if not self._closing:
                self._steady.submit(self._run, name, work)

    def _fail(self, name: str, error: CandlehouseError) -> None:
        # A block, a rest, a store that is away or a lost lease concerns everybody: it makes nobody a suspect.
        if not isinstance(error, _CONCERNS_ALL):
            with self._changed:
                self._failing.add(name)
        self._on_failure(name, error)
        self._leave(name)

    def _end(self, name: str) -> None:
        with self._changed:
            self._failing.discard(name)
        self._leave(name)

    def _leave(self, name: str) -> None:
        with self._changed:
            self._busy.discard(name)
            self._not_waited_for.discard(name)
            self._changed.notify_all()
