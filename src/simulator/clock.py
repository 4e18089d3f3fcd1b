"""The simulator's own clock: real time by default, moved or sped up on request.

Everything the simulator says about time goes by this clock: candles, used weight, Retry-After. Its skew
makes it wrong by a constant; what is to happen after some time (faults, scenarios) goes by the time without.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple


def real_time_ms() -> int:
    """Return the machine's UTC time in milliseconds."""
    return time.time_ns() // 1_000_000


class Reading(NamedTuple):
    """One moment: what the exchange says it is, and what it is without skew."""

    now_ms: int
    steady_ms: int


class SimulatorClock:
    """Runs *speed* times as fast as *base*, from *start_at_ms* on (default: from where *base* is)."""

    def __init__(
        self, base: Callable[[], int] = real_time_ms, start_at_ms: int | None = None, speed: float = 1.0
    ) -> None:
        self._base = base
        self._lock = threading.Lock()
        self._base_anchor_ms = base()
        self._anchor_ms = self._base_anchor_ms if start_at_ms is None else start_at_ms
        self._speed = _checked_speed(speed)
        self._skews: list[tuple[int, int]] = []

    @property
    def speed(self) -> float:
        return self._speed

    def read(self) -> Reading:
        with self._lock:
            steady_ms = self._steady_ms()
            return Reading(steady_ms + self._skew_at(steady_ms), steady_ms)

    def now_ms(self) -> int:
        return self.read().now_ms

    def add_skew(self, skew_ms: int, from_ms: int | None = None) -> None:
        """Be ahead of the time by *skew_ms*, from now or *from_ms* (without skew) on; 0 ends it."""
        with self._lock:
            self._skews.append((self._steady_ms() if from_ms is None else from_ms, skew_ms))
            self._skews.sort(key=lambda skew: skew[0])

    def set(self, now_ms: int | None = None, speed: float | None = None) -> None:
        """Jump to *now_ms*, run at *speed* from here on, or both; speed 0 stops the clock."""
        with self._lock:
            steady_ms = self._steady_ms()
            moment_ms = steady_ms if now_ms is None else now_ms - self._skew_at(steady_ms)
            self._speed = self._speed if speed is None else _checked_speed(speed)
            self._base_anchor_ms, self._anchor_ms = self._base(), moment_ms

    def advance(self, milliseconds: int) -> None:
        with self._lock:
            self._anchor_ms += milliseconds

    def _skew_at(self, steady_ms: int) -> int:
        return next((skew_ms for from_ms, skew_ms in reversed(self._skews) if from_ms <= steady_ms), 0)

    def _steady_ms(self) -> int:
        return self._anchor_ms + int((self._base() - self._base_anchor_ms) * self._speed)


def _checked_speed(speed: float) -> float:
    if not 0 <= speed <= 1_000_000:
        raise ValueError(f"clock speed {speed} is not between 0 and 1000000")
    return speed
