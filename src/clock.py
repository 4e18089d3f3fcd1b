"""The only place that reads the time or sleeps, so that tests can hold both in their hands."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from src.errors import Stopped


class Clock(Protocol):
    """Our own time in UTC milliseconds, and waits that a shutdown can interrupt."""

    def now_ms(self) -> int:
        """Return our clock; the exchange's differs by a measured ``ClockOffset``."""
        ...

    def steady_ms(self) -> int:
        """Return milliseconds since an arbitrary start; nobody can set it back, so it measures durations."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait, or raise Stopped as soon as a shutdown is asked for."""
        ...


class SystemClock:
    """The machine's clock. Setting *stop* ends every sleep of it at once."""

    def __init__(self, stop: threading.Event | None = None) -> None:
        self.stop = stop or threading.Event()

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def steady_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        if self.stop.wait(max(0.0, seconds)):
            raise Stopped("a wait was ended: the process is shutting down")


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
        with self._lock:
            self.slept_s.append(seconds)
            self._now_ms += round(seconds * 1000)

    def advance(self, milliseconds: int) -> None:
        with self._lock:
            self._now_ms += milliseconds
