"""Seals rollups: from then on an hour or a day stands, whatever becomes of its minutes.

A day is sealed with all its hours, once each of its slots is held or accounted for; before that, both are
computed again from what is held. Days that are not whole stay open, and their minutes stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Table, and_, select

from src.domain import DAY_MS, HOUR_MS, SeriesKey, Window, ms_from_utc, utc_from_ms
from src.warehouse.accounting import find_unaccounted
from src.warehouse.columns import utc_now
from src.warehouse.counting import count_held
from src.warehouse.rollups import WarehouseAggregator
from src.warehouse.series import SeriesRow, lock_series
from src.warehouse.slots import Held
from src.warehouse.symbols import Lifetime
from src.warehouse.tables import daily_klines, hourly_klines
from src.window_sets import intersect, merge, subtract


class OpenDay(NamedTuple):
    """A day that cannot be sealed: *missing* is neither held nor accounted for."""

    day: Window
    missing: list[Window]


@dataclass(slots=True)
class Sealing:
    """How many hours and days were sealed, and which days hold minutes and could not be."""

    hours: int = 0
    days: int = 0
    open: list[OpenDay] = field(default_factory=list)


def seal_days(connection: Connection, key: SeriesKey, life: Lifetime, window: Window) -> Sealing:
    """Seal what can be of *window*, whole UTC days of a 1m series, under the series' lock."""
    row = lock_series(connection, [key])[key]
    held = count_held(connection, row.key, window)
    done = Sealing(open=list_open_days(connection, row, life, window, held))
    for part in subtract([window], merge(each.day for each in done.open)):
        minutes = intersect(merge(each.window for each in held), [part])
        hours, days = _seal(connection, row.key, part, _hours_of(minutes))
        done.hours += hours
        done.days += days
    return done


def list_open_days(
    connection: Connection, row: SeriesRow, life: Lifetime, window: Window, held: Sequence[Held]
) -> list[OpenDay]:
    """List the days of *window* that hold minutes and are not whole, oldest first."""
    missing = find_unaccounted(connection, row, life, window, held)
    filled = set(_starts_of([each.window for each in held], DAY_MS))
    found = []
    for start_ms in sorted(filled & set(_starts_of(missing, DAY_MS))):
        day = Window(start_ms, start_ms + DAY_MS)
        found.append(OpenDay(day, intersect(missing, [day])))
    return found


def list_sealed_days(
    connection: Connection, key: SeriesKey, window: Window, held: Sequence[Held]
) -> list[Window]:
    """Return the days of *window* that are sealed, with every hour that has minutes, as a set."""
    hours = select(hourly_klines.c.hour_start).where(_is_in_hours(key, window))
    sealed_hours = set(connection.scalars(hours.where(hourly_klines.c.sealed_at.is_not(None))))
    days = select(daily_klines.c.date).where(_is_in_days(key, window))
    sealed = connection.scalars(days.where(daily_klines.c.sealed_at.is_not(None)))
    open_hours = set(_starts_of([each.window for each in held], HOUR_MS)) - sealed_hours
    torn = {hour - hour % DAY_MS for hour in open_hours}
    starts = {ms_from_utc(utc_from_ms(0).replace(year=d.year, month=d.month, day=d.day)) for d in sealed}
    return merge(Window(start_ms, start_ms + DAY_MS) for start_ms in starts - torn)


def _seal(connection: Connection, key: SeriesKey, part: Window, hours: NDArray[np.int64]) -> tuple[int, int]:
    aggregator = WarehouseAggregator(connection)
    aggregator.roll_up(key, hours)
    sealed_hours = _mark(connection, hourly_klines, _is_in_hours(key, part))
    # Once more, as a sealed day is not computed again while an hour in it is open.
    aggregator.roll_up_days(key, hours)
    return sealed_hours, _mark(connection, daily_klines, _is_in_days(key, part))


def _mark(connection: Connection, table: Table, is_inside: ColumnElement[bool]) -> int:
    is_open = table.c.sealed_at.is_(None)
    return connection.execute(table.update().where(is_inside, is_open).values(sealed_at=utc_now())).rowcount


def _is_in_hours(key: SeriesKey, window: Window) -> ColumnElement[bool]:
    c = hourly_klines.c
    is_inside = and_(c.hour_start >= window.start_ms, c.hour_start < window.end_ms)
    return and_(c.exchange == key.exchange, c.symbol == key.symbol, is_inside)


def _is_in_days(key: SeriesKey, window: Window) -> ColumnElement[bool]:
    c = daily_klines.c
    first, after = utc_from_ms(window.start_ms).date(), utc_from_ms(window.end_ms).date()
    return and_(c.exchange == key.exchange, c.symbol == key.symbol, c.date >= first, c.date < after)


def _hours_of(windows: Sequence[Window]) -> NDArray[np.int64]:
    return np.array(_starts_of(windows, HOUR_MS), dtype=np.int64)


def _starts_of(windows: Sequence[Window], length_ms: int) -> list[int]:
    """Return the starts of the hours, or days, that these windows touch."""
    return [
        start_ms
        for window in windows
        for start_ms in range(window.start_ms - window.start_ms % length_ms, window.end_ms, length_ms)
    ]
