"""The daemon: stands by until it leads, then runs jobs and runs until a signal ends it cleanly.

One that loses its lease stops all work and stands by again.
"""

from __future__ import annotations

import _thread
import signal
from collections.abc import Callable
from typing import Protocol

import structlog

from src.clock import SystemClock
from src.errors import Stopped, StoreUnavailable
from src.jobs.leadership import Leadership
from src.jobs.start import Starter
from src.stopping import Stop

log = structlog.get_logger()

_START_RETRY_S = 5.0
_SIGNAL_LOOK_S = 0.5
LOST = "leadership lost"


class Part(Protocol):
    """Something that works while this process leads."""

    def start(self) -> None: ...

    def stop(self) -> None:
        """End in order and return when nothing of it works any more."""
        ...


class Daemon:
    """Leads when nobody else does; *make_parts* makes what works for one term, ended by the stop it gets."""

    def __init__(
        self,
        leadership: Leadership,
        starter: Starter,
        make_parts: Callable[[Stop], list[Part]],
        close: Callable[[], None],
        clock: SystemClock,
        stop: Stop,
    ) -> None:
        self._leadership = leadership
        self._starter = starter
        self._make_parts = make_parts
        self._close = close
        self._clock = clock
        self._stop = stop
        self._term = Stop(stop)
        leadership.on_lost = lambda: self._term.set(LOST)

    def run(self) -> None:
        """Work until SIGTERM or SIGINT."""
        # Not set right here: a handler runs between any two steps of the main thread, which may be holding
        # the event's own lock just then, and would wait for itself.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: _thread.start_new_thread(self._stop.set, ()))
        try:
            self._patiently(self._starter.prepare_warehouse)
            while True:
                self._leadership.wait_until_leading()
                self._lead()
        except Stopped:
            pass  # asked to stop while it waited
        finally:
            self._close()
            self._leadership.resign()
        log.info("daemon stopped")

    def _lead(self) -> None:
        """Work for one term: until the process is to end, which raises Stopped, or the lease is lost."""
        self._term = Stop(self._stop)
        if not self._leadership.is_leading:  # lost before there was a term that could have heard of it
            return
        self._patiently(self._starter.prepare)
        started: list[Part] = []
        try:
            for part in self._make_parts(self._term):
                part.start()
                started.append(part)
            log.info("daemon started", holder=self._leadership.holder)
            # Not one long wait: a signal that the kernel gives to another thread is handled by this one, but
            # does not wake it.
            while not self._term.wait(_SIGNAL_LOOK_S):
                pass
            log.info("daemon stopping", reason=self._term.reason, waiting_for="the work under way")
        finally:
            for part in reversed(started):
                part.stop()
        if self._term.reason != LOST:
            raise Stopped("asked to stop")

    def _patiently(self, prepare: Callable[[], object]) -> None:
        """Wait for stores that are not there yet: after a power failure they may start later than we do."""
        while True:
            try:
                prepare()
                return
            except StoreUnavailable as error:
                log.error("not started yet", error=str(error), retry_in_s=_START_RETRY_S)
                self._clock.sleep(_START_RETRY_S)
