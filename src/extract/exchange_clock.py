"""The exchange's time, estimated between measurements so that it is never ahead of the truth.

From a measurement on, time is counted by the steady clock: the machine's own may be set at any moment (a
small computer without a battery clock boots months back), and a candle must not seem closed by that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from src.clock import Clock
from src.domain import ClockOffset

# The fastest that NTP slews a clock, and far more than a crystal drifts.
_DRIFT = 0.0005
# When our clock and the steady one part by more, one was set or the machine slept: measure again.
_STEP_MS = 2_000


@dataclass(frozen=True, slots=True)
class TimeSample:
    """One answer about the exchange's time; *sent* and *received* are ours."""

    server_ms: int
    sent_steady_ms: int
    received_steady_ms: int
    received_at_ms: int

    @property
    def midpoint_steady_ms(self) -> int:
        return (self.sent_steady_ms + self.received_steady_ms) // 2

    @property
    def error_ms(self) -> int:
        """Half the round trip, and the two milliseconds that rounding down four times can take."""
        return (self.received_steady_ms - self.sent_steady_ms + 1) // 2 + 2


class ExchangeClock:
    """Keeps the newest sample and measures again when it is old; safe to share between threads."""

    def __init__(self, clock: Clock, fetch: Callable[[], TimeSample], max_age_ms: int = 600_000) -> None:
        self._clock = clock
        self._fetch = fetch
        self._max_age_ms = max_age_ms
        self._sample: TimeSample | None = None
        self._measuring = threading.Lock()

    def measure(self) -> ClockOffset:
        """Ask the exchange now."""
        self._sample = self._fetch()
        return self.offset()

    def went_back(self) -> bool:
        """Measure now, and tell whether the exchange's clock is behind what was believed of it."""
        believed = self._required()
        self.measure()
        now_ms = self._clock.steady_ms()
        return self.at_least_ms(now_ms) < _at_least_ms(believed, now_ms)

    def refresh(self) -> None:
        """Measure when there is no usable sample; an old one serves the other threads meanwhile."""
        sample = self._sample
        if sample is None or self._was_set_since(sample):
            self.measure()
        elif self._age_ms(sample) > self._max_age_ms and self._measuring.acquire(blocking=False):
            try:
                self.measure()
            finally:
                self._measuring.release()

    def offset(self) -> ClockOffset:
        """Return the exchange's clock minus ours, with an error that grows as the sample ages."""
        sample = self._required()
        age_ms = self._age_ms(sample)
        now_ms = sample.server_ms + self._clock.steady_ms() - sample.midpoint_steady_ms
        return ClockOffset(now_ms - self._clock.now_ms(), sample.error_ms + _drift_ms(age_ms))

    def at_least_ms(self, steady_ms: int) -> int:
        """Return the exchange's time at that moment of our steady clock, or a little before it."""
        return _at_least_ms(self._required(), steady_ms)

    def guess_ms(self) -> int:
        """Return ``at_least_ms`` for now, or our own clock as long as nothing was measured."""
        if self._sample is None:
            return self._clock.now_ms()
        return self.at_least_ms(self._clock.steady_ms())

    def _required(self) -> TimeSample:
        if self._sample is None:
            self.measure()
        assert self._sample is not None
        return self._sample

    def _age_ms(self, sample: TimeSample) -> int:
        return self._clock.steady_ms() - sample.received_steady_ms

    def _was_set_since(self, sample: TimeSample) -> bool:
        ours = self._clock.now_ms() - sample.received_at_ms
        return abs(ours - self._age_ms(sample)) > _STEP_MS


def _at_least_ms(sample: TimeSample, steady_ms: int) -> int:
    age_ms = steady_ms - sample.midpoint_steady_ms
    return sample.server_ms + age_ms - sample.error_ms - _drift_ms(abs(age_ms))


def _drift_ms(age_ms: int) -> int:
    return round(age_ms * _DRIFT)
