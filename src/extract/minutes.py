"""The minute of a budget: which one its row counts, and what each lane may take of it. Pure rules.

Of what one lane has not spent of its floor the others keep off, so that history never starves live data nor
live data history. Towards the end of the minute the floors melt: weight that nobody asks for any more
would lie idle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil

from src.domain import MINUTE_MS, Lane
from src.warehouse.budgets import BudgetRow

# Hundredths of what we allow ourselves a minute. Live candles and depth of many symbols need a few; theirs is
# for the morning after, when all of them catch up. A lane with little to do leaves its part to the others.
FLOORS = {Lane.LIVE: 30, Lane.REPAIR: 10, Lane.HISTORY: 10}

# Whole for half a minute, then less and less: so a lane that asks evenly finds what it needs for the rest of
# the minute, and one that is alone and asks evenly is never held back. Gone a little before the end, or
# what takes the whole minute's weight at once could never be asked for.
_WHOLE_UNTIL_MS = 30_000
_GONE_FROM_MS = 58_000


def in_minute(row: BudgetRow, exchange_now_ms: int) -> BudgetRow:
    """Return *row* counting the present minute, from nought when it has just begun.

    Clocks of processes differ a little: a row that is already in the next minute stays there. One that
    is further ahead was written under a wrong clock and starts again.
    """
    minute_start_ms = exchange_now_ms - exchange_now_ms % MINUTE_MS
    if row.minute_start_ms in {minute_start_ms, minute_start_ms + MINUTE_MS}:
        return row
    return replace(row, minute_start_ms=minute_start_ms, used_weight=0, repair_weight=0, history_weight=0)


def with_weight(row: BudgetRow, weight: int, lane: Lane) -> BudgetRow:
    """Return *row* with that weight reserved for *lane*."""
    return replace(
        row,
        used_weight=row.used_weight + weight,
        repair_weight=row.repair_weight + (weight if lane is Lane.REPAIR else 0),
        history_weight=row.history_weight + (weight if lane is Lane.HISTORY else 0),
    )


@dataclass(frozen=True, slots=True)
class MinuteUse:
    """How a minute's weight stands; *used* is more than the lanes *spent* where other programs call, too."""

    allowed: int
    used: int
    spent: Mapping[Lane, int]

    def find_wait_ms(self, lane: Lane, weight: int, elapsed_ms: int) -> int | None:
        """Return how long until *weight* fits, 0 when it does now, None when not in this minute.

        *elapsed_ms* is how much of the minute is over. Others may take what is waited for: ask again then.
        """
        room = self.allowed - self.used - weight
        if room < 0:
            return None
        if weight <= self._unspent(lane):
            return 0  # even where other programs' calls left too little for all the floors
        return max(0, _moment_of(self._bearable_part(lane, room)) - elapsed_ms)

    def _floor(self, lane: Lane) -> int:
        return self.allowed * FLOORS[lane] // 100

    def _unspent(self, lane: Lane) -> int:
        return max(0, self._floor(lane) - self.spent[lane])

    def _bearable_part(self, lane: Lane, room: int) -> float:
        """Return how much of the other lanes' floors, from 0 to 1, can be kept when *room* is left.

        Kept for each is that part of its floor, but never more than it has not spent.
        """
        others = [other for other in FLOORS if other != lane and self._unspent(other)]
        floors = sum(map(self._floor, others))
        for other in sorted(others, key=lambda one: self._unspent(one) / self._floor(one)):
            floor, unspent = self._floor(other), self._unspent(other)
            if room * floor <= unspent * floors:
                return min(1.0, room / floors)
            room, floors = room - unspent, floors - floor
        return 1.0


def _moment_of(part: float) -> int:
    """Return when, in milliseconds of the minute, no more than *part* of each floor is kept any more."""
    return 0 if part >= 1 else ceil(_GONE_FROM_MS - part * (_GONE_FROM_MS - _WHOLE_UNTIL_MS))
