"""The only place that reads the time or sleeps, so that tests can hold both in their hands."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from src.stopping import Stop, current_stop


class Clock(Protocol):
    """Our own time in UTC milliseconds, and waits that can be interrupted."""

    def now_ms(self) -> int:
        """Return our clock; the exchange's differs by a measured ``ClockOffset``."""
        ...

    def steady_ms(self) -> int:
        """Return milliseconds since an arbitrary start; nobody can set it back, so it measures durations."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait, or raise Stopped as soon as this thread's work or the process is asked to stop."""
        ...


class SystemClock:
    """The machine's clock. Setting *stop* ends every sleep of it at once, and so does ``current_stop``.

    What stops a thread's work should have *stop* as its parent: of the two, a sleep waits for the nearer.
    """

    def __init__(self, stop: Stop | None = None) -> None:
        self.stop = stop or Stop()

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def steady_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        stop = current_stop() or self.stop
        if stop.wait(max(0.0, seconds)):
            raise stop.error("a wait")


class ManualClock:
    """A clock that moves only when told, or when someone sleeps on it."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self.slept_s: list[float] = []

    def now_ms(self) -> int:
        return self._now_ms

    def steady_ms(self) -> int:
        return self._now_ms

    def sleep(self, seconds: float) -> None:
        if (stop := current_stop()) and stop.is_set():
            raise stop.error("a wait")
        with self._lock:
            self.slept_s.append(seconds)
            self._now_ms += round(seconds * 1000)

    def advance(self, milliseconds: int) -> None:
        with self._lock:
            self._now_ms += milliseconds
