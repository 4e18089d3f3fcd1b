"""When jobs of an interval run: on the exchange's clock, just after it turns."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from apscheduler.triggers.base import BaseTrigger

from src.domain import ClockOffset, ms_from_utc, utc_from_ms
from src.errors import CandlehouseError

log = structlog.get_logger()

# The exchange needs a moment to write the candle that has just closed.
_SETTLE_MS = 400
_PATIENCE_S = 1.0


class KnownOffset:
    """The newest offset that *measure* came to, for those who cannot wait for an exchange that is silent.

    APScheduler asks its triggers one after the other: whoever waits there keeps all jobs waiting.
    """

    def __init__(self, measure: Callable[[], ClockOffset]) -> None:
        self._measure = measure
        self._newest = ClockOffset(0, 0)
        self._measuring = threading.Lock()

    def __call__(self) -> ClockOffset:
        """Measure, for a second at most; a measurement that takes longer goes on, and serves later calls."""
        if self._measuring.acquire(blocking=False):
            thread = threading.Thread(target=self._renew, name="clock offset", daemon=True)
            thread.start()
            thread.join(_PATIENCE_S)
        return self._newest

    def _renew(self) -> None:
        try:
            self._newest = self._measure()
        except CandlehouseError as error:
            log.debug("offset kept", offset_ms=self._newest.offset_ms, error=str(error))
        except Exception:
            log.exception("offset kept", offset_ms=self._newest.offset_ms)
        finally:
            self._measuring.release()


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
