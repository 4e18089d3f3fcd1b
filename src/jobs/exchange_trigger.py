"""When the cycle runs: on the exchange's clock, just after its minute turns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.triggers.base import BaseTrigger

from src.domain import ClockOffset, ms_from_utc, utc_from_ms

# The exchange needs a moment to write the candle that has just closed.
_SETTLE_MS = 400


class ExchangeTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 is untyped
    """Fires every *seconds*, counted from the exchange's midnight, plus the offset's error and a moment.

    Ticks that were missed are not caught up one by one: the next one lies always in the future.
    """

    def __init__(self, seconds: int, offset: Callable[[], ClockOffset]) -> None:
        self._step_ms = seconds * 1000
        self._offset = offset

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """Return the first tick after *previous*, or after *now* when that is later.

        The offset changes a little with each measurement, and with it where a tick lies on our clock: half
        a step past *previous* is surely past its tick, and before the next.
        """
        after = now if previous is None else max(now, previous + timedelta(milliseconds=self._step_ms // 2))
        return utc_from_ms(self.next_tick_ms(ms_from_utc(after.astimezone(UTC))))

    def next_tick_ms(self, after_ms: int) -> int:
        """Return the first tick later than *after_ms*, both on our clock."""
        offset = self._offset()
        delay_ms = offset.error_ms + _SETTLE_MS
        exchange_ms = after_ms + offset.offset_ms - delay_ms
        tick_ms = exchange_ms - exchange_ms % self._step_ms + self._step_ms
        return tick_ms - offset.offset_ms + delay_ms

    def __str__(self) -> str:
        return f"every {self._step_ms // 1000} s of the exchange's clock"

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("ExchangeTrigger holds a live clock and cannot be pickled")
