"""Days of series: all of a window, or some by chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from sqlalchemy import Connection

from src.domain import DAY_MS, Window
from src.warehouse.objects import find_span
from src.warehouse.series import SeriesRow


class SeriesDay(NamedTuple):
    """A UTC day of a series, or what of it is asked for."""

    series: SeriesRow
    window: Window


@dataclass(frozen=True, slots=True)
class Reach:
    """From where to where the warehouse holds candles of a series, or the lake has objects of it."""

    series: SeriesRow
    window: Window

    @property
    def days(self) -> int:
        return -(-self.window.end_ms // DAY_MS) - self.window.start_ms // DAY_MS

    def day(self, number: int) -> SeriesDay:
        """Return its day of that number, counted from nought, as far as it lies inside."""
        start_ms = (self.window.start_ms // DAY_MS + number) * DAY_MS
        inside = Window(max(start_ms, self.window.start_ms), min(start_ms + DAY_MS, self.window.end_ms))
        return SeriesDay(self.series, inside)


def list_reaches(
    connection: Connection, series: Sequence[SeriesRow], window: Window | None = None
) -> list[Reach]:
    """List how far each series reaches within *window*, without those that have nothing there."""
    found = []
    for row in series:
        reach = _reach(connection, row)
        if reach is not None and window is not None:
            start_ms, end_ms = max(reach.start_ms, window.start_ms), min(reach.end_ms, window.end_ms)
            reach = Window(start_ms, end_ms) if start_ms < end_ms else None
        if reach is not None:
            found.append(Reach(row, reach))
    return found


def in_whole_days(reaches: Sequence[Reach]) -> list[Reach]:
    """Widen each to the UTC days that it touches."""
    return [
        Reach(series, Window(window.start_ms // DAY_MS * DAY_MS, -(-window.end_ms // DAY_MS) * DAY_MS))
        for series, window in ((reach.series, reach.window) for reach in reaches)
    ]


def count_days(reaches: Sequence[Reach]) -> int:
    return sum(reach.days for reach in reaches)


def each_day(reaches: Sequence[Reach]) -> Iterator[SeriesDay]:
    """Yield all days, series after series, oldest first."""
    return (reach.day(number) for reach in reaches for number in range(reach.days))


def some_days(reaches: Sequence[Reach], count: int, random: Random) -> list[SeriesDay]:
    """Choose that many days, or all where there are fewer, each as likely as any other.

    Of intervals longer than a day, only days on which a candle may open are worth a look.
    """
    total = count_days(reaches)
    chosen = set()
    for number in sorted(random.sample(range(total), min(count, total))):
        chosen.add(_opening_day(reaches, number))
    return [reaches[index].day(day) for index, day in sorted(chosen)]


def _opening_day(reaches: Sequence[Reach], number: int) -> tuple[int, int]:
    for index, reach in enumerate(reaches):
        if number < reach.days:
            return index, _floor_to_slot(reach, number)
        number -= reach.days
    raise IndexError(number)


def _floor_to_slot(reach: Reach, number: int) -> int:
    first = reach.window.start_ms // DAY_MS
    slot_ms = reach.series.key.interval.floor((first + number) * DAY_MS)
    return max(0, slot_ms // DAY_MS - first)


def _reach(connection: Connection, row: SeriesRow) -> Window | None:
    found = find_span(connection, row.key)
    if row.first_open_ms is None or row.last_open_ms is None:
        return found
    if found is None:
        return Window(row.first_open_ms, row.last_open_ms + 1)
    return Window(min(row.first_open_ms, found.start_ms), max(row.last_open_ms + 1, found.end_ms))
