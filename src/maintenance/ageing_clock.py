"""The time by which things grow too old: never later than what an exchange has told last.

Our own clock may be set ahead for a moment, by a bad battery or a bad time server. Whoever deletes by it then
deletes everything, and no clock that is right again brings it back. What an exchange answered carries its
time, counted by the steady clock since it was measured; where nothing new came in, nothing need go either.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from src.clock import Clock
from src.domain import DAY_MS, format_utc
from src.warehouse.engine import Warehouse
from src.warehouse.watermarks import find_last_heard

log = structlog.get_logger()

_WORTH_TELLING_MS = DAY_MS


@dataclass(frozen=True, slots=True)
class AgeingClock:
    """A clock that goes no further than the exchange's newest answer; durations are those of *clock*."""

    clock: Clock
    warehouse: Warehouse

    def now_ms(self) -> int:
        with self.warehouse.read() as connection:
            heard_ms = find_last_heard(connection)
        now_ms = self.clock.now_ms()
        if heard_ms is None or now_ms <= heard_ms:
            return now_ms
        if now_ms - heard_ms > _WORTH_TELLING_MS:
            log.warning(
                "ages are counted to the exchange's newest answer: our clock is ahead, or nothing came in",
                newest=format_utc(heard_ms),
                ours=format_utc(now_ms),
            )
        return heard_ms

    def steady_ms(self) -> int:
        return self.clock.steady_ms()

    def sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)
