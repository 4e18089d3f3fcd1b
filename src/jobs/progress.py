"""How far a run is, kept in memory and written now and then.

Kinds of runs call ``advance`` as often as they like; what it costs the warehouse is one transaction a second
for all runs of the process.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from typing import Any, NamedTuple

from src.clock import Clock
from src.domain import SeriesKey
from src.warehouse.runs import RunRow

# Long enough to see past an exchange's minutes, in which the budget is used up early and then waited for.
_RATE_WINDOW_MS = 120_000
# What went unused before, as in a pause, is used up at once: shorter than this is no speed that lasts.
_LEAST_MS = 5_000
_TAKEN_UP = [
    "unit",
    "done",
    "total",
    "batches_done",
    "batches_total",
    "current_series",
    "fetched",
    "loaded",
    "expected",
]


class RateMeter:
    """Measures how fast something is done, over the last two minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._samples: deque[tuple[int, int]] = deque()

    def note(self, done: int) -> None:
        """Take in that so much is done by now; the first call is where measuring begins."""
        now_ms = self._clock.steady_ms()
        self._samples.append((now_ms, done))
        while len(self._samples) > 2 and self._samples[1][0] < now_ms - _RATE_WINDOW_MS:
            self._samples.popleft()

    def rate(self) -> float | None:
        """Return units a second, None while that is not known."""
        if not self._samples:
            return None
        first_ms, first = self._samples[0]
        elapsed_ms = self._clock.steady_ms() - first_ms
        done = self._samples[-1][1] - first
        return done * 1000 / elapsed_ms if done > 0 and elapsed_ms >= _LEAST_MS else None

    def time_left_ms(self, done: int, total: int | None) -> int | None:
        """Return how long the rest takes at this rate, None while that is not known."""
        rate = self.rate()
        return None if rate is None or total is None else round(max(0, total - done) * 1000 / rate)


class Mark(NamedTuple):
    """What was done and fetched at a moment."""

    done: int
    fetched: int


class Progress:
    """The progress of one run. Safe to use from several threads."""

    def __init__(self, run_id: int, token: int, clock: Clock) -> None:
        self.run_id = run_id
        self._key = {"id": run_id, "token": token}
        self._lock = threading.Lock()
        self._clock = clock
        self._meter = RateMeter(clock)
        self._steps: dict[str, str] = {}
        self._is_known = False
        self._at_least = 0
        self._values: dict[str, Any] = {
            "unit": "",
            "done": 0,
            "total": None,
            "batches_done": 0,
            "batches_total": None,
            "current_series": None,
            "current_open_time": None,
            "fetched": 0,
            "loaded": 0,
            "expected": None,
            "waiting_for": None,
        }

    @property
    def is_known(self) -> bool:
        """Whether there is anything to write: before, it would take back what an earlier attempt has done."""
        return self._is_known

    def take_up(self, run: RunRow) -> None:
        """Go on from what the run's row says."""
        with self._lock:
            self._values |= {name: getattr(run, name) for name in _TAKEN_UP}
            self._values["current_open_time"] = run.current_open_ms
            self._steps = dict(run.steps)
            self._is_known = True

    def start(self, unit: str, total: int | None = None, *, at_least: int = 0, **known: Any) -> None:
        """Say what is counted from now on, and what an earlier attempt had done already.

        *at_least* is what it told to be done: it stays while that is caught up with, and is no speed.
        """
        with self._lock:
            self._at_least = at_least
            self._values |= {"unit": unit, "total": total, **known}
            self._meter = RateMeter(self._clock)
            self._meter.note(self._values["done"])

    def advance(self, done: int = 0, *, fetched: int = 0, batches: int = 0) -> None:
        """Count what was done just now."""
        with self._lock:
            self._values["done"] += done
            self._values["fetched"] += fetched
            self._values["batches_done"] += batches
            self._meter.note(self._values["done"])

    def settle(self, expected: int) -> None:
        """Say how much there was to expect in the end: what is not closed yet is not missing."""
        with self._lock:
            self._at_least = 0
            self._values |= {"expected": expected, "total": expected, "done": expected}

    def finish(self) -> None:
        """Say that all is done, however much of it turned out to be needless."""
        with self._lock:
            self._values["done"] = (
                self._values["done"] if self._values["total"] is None else self._values["total"]
            )

    def mark(self) -> Mark:
        """Return what is done and fetched so far."""
        with self._lock:
            return Mark(self._values["done"], self._values["fetched"])

    def set_done(self, done: int, fetched: int) -> None:
        """Correct what was counted, when a part is done: what an exchange lacks is done as well."""
        with self._lock:
            self._values["done"], self._values["fetched"] = done, fetched
            self._meter.note(done)

    def at(self, series: SeriesKey | None, open_time_ms: int | None = None) -> None:
        """Say what is being worked on."""
        with self._lock:
            self._values["current_series"] = None if series is None else str(series)
            self._values["current_open_time"] = open_time_ms

    def loaded(self, candles: int) -> None:
        """Say how many candles have reached the warehouse; those fetched twice, after a crash, count once."""
        with self._lock:
            self._values["loaded"] = min(candles, self._values["fetched"])

    def waiting(self, text: str | None) -> None:
        """Say what is being waited for, None when it is over."""
        with self._lock:
            self._values["waiting_for"] = text

    def step(self, name: str, state: str) -> None:
        """Set the state of a step; steps are told in the order in which they were first named."""
        with self._lock:
            self._steps[name] = state

    def snapshot(self) -> dict[str, Any]:
        """Return what ``save_progress`` wants."""
        with self._lock:
            left_ms = self._meter.time_left_ms(self._values["done"], self._values["total"])
            told = {"rate": self._meter.rate(), "time_left_ms": left_ms, "steps": self._told()}
            told["done"] = max(self._values["done"], self._at_least)
            return {**self._key, **self._values, **told}

    def _told(self) -> str | None:
        return json.dumps(self._steps) if self._steps else None
