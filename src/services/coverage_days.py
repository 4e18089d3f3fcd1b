"""Coverage by UTC day, for a heatmap: how many candles of each are wanted, held, missing. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from src.domain import DAY_MS, Interval, Window, utc_from_ms
from src.services.coverage import SeriesCoverage
from src.warehouse.slots import count_slots


class DayCell(NamedTuple):
    """One day by the slots that open in it; what is held need not be wanted (any more)."""

    day: date
    wanted: int
    held: int
    missing: int


class _Counter:
    """Counts the slots that a set of windows has in one day after the other."""

    def __init__(self, interval: Interval, windows: Sequence[Window]) -> None:
        self._interval = interval
        self._windows = windows
        self._at = 0

    def count(self, day: Window) -> int:
        while self._at < len(self._windows) and self._windows[self._at].end_ms <= day.start_ms:
            self._at += 1
        found = 0
        for index in range(self._at, len(self._windows)):
            window = self._windows[index]
            if window.start_ms >= day.end_ms:
                break
            part = Window(max(window.start_ms, day.start_ms), min(window.end_ms, day.end_ms))
            found += count_slots(self._interval, part)
        return found


def list_days(one: SeriesCoverage, start_ms: int, end_ms: int) -> list[DayCell]:
    """Return the days from that of *start_ms* until *end_ms*."""
    sets = ([one.wanted] if one.wanted else [], [each.window for each in one.ranges], one.missing)
    counters = [_Counter(one.row.key.interval, windows) for windows in sets]
    days = [
        Window(number * DAY_MS, (number + 1) * DAY_MS)
        for number in range(start_ms // DAY_MS, -(-end_ms // DAY_MS))
    ]
    return [
        DayCell(utc_from_ms(day.start_ms).date(), *(counter.count(day) for counter in counters))
        for day in days
    ]
