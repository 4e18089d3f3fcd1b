"""What the facts hold of a series, counted in SQL: which windows, and how many candles in each.

A day with as many candles as it has slots, none of them off the grid, is full: the primary key lets no time
occur twice. Only in other days are candles looked at one by one, as gaps and islands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from src.domain import DAY_MS, SeriesKey, Window, ms_from_utc
from src.warehouse import dialects
from src.warehouse.candles import fact_table, is_in
from src.warehouse.slots import Held, slots_window
from src.window_sets import intersect, merge

# Every time that the databases know: 1970 to 2100.
ALL_TIME = Window(0, 4_102_444_800_000)
# So many windows may one statement name.
_WINDOWS = 50


def count_held(connection: Connection, series: SeriesKey, window: Window = ALL_TIME) -> list[Held]:
    """Return the windows whose slots are filled by candles that open in *window*, oldest first."""
    if series.interval.fixed_ms is None or series.interval.fixed_ms >= DAY_MS:
        return _islands(connection, series, [window])
    full, irregular = [], []
    for day, held in _count_days(connection, series, window):
        if held:
            full.append(held)
        else:
            irregular.append(day)
    rest = intersect(merge(irregular), [window])
    found = [
        island
        for start in range(0, len(rest), _WINDOWS)
        for island in _islands(connection, series, rest[start : start + _WINDOWS])
    ]
    return join_held([*full, *found])


def join_held(parts: Iterable[Held]) -> list[Held]:
    """Make one of those that touch or overlap; no candle may be in two."""
    joined: list[Held] = []
    for part in sorted(parts):
        if joined and part.window.start_ms <= joined[-1].window.end_ms:
            last = joined[-1]
            end_ms = max(last.window.end_ms, part.window.end_ms)
            joined[-1] = Held(Window(last.window.start_ms, end_ms), last.candles + part.candles)
        else:
            joined.append(part)
    return joined


class _Day(NamedTuple):
    """A day that holds candles; *held* is None unless it is full."""

    window: Window
    held: Held | None


def _count_days(connection: Connection, series: SeriesKey, window: Window) -> list[_Day]:
    facts = fact_table(series)
    opened = facts.c.open_time
    day = dialects.day_of(opened, connection)
    query = (
        select(
            day.label("day"),
            func.count().label("candles"),
            func.max(dialects.off_grid(opened, series.interval, connection)).label("off_grid"),
        )
        .where(_is_of(series, window))
        .group_by(day)
    )
    slots = DAY_MS // (series.interval.fixed_ms or DAY_MS)
    found = []
    for row in connection.execute(query):
        start_ms = ms_from_utc(datetime.combine(row.day, time(), UTC))
        span = Window(start_ms, start_ms + DAY_MS)
        is_full = row.candles == slots and not row.off_grid
        found.append(_Day(span, Held(span, row.candles) if is_full else None))
    return found


def _islands(connection: Connection, series: SeriesKey, windows: Sequence[Window]) -> list[Held]:
    """Look at the candles of *windows* one by one.

    Slots that follow each other without a gap are all as far from their rank as the first of them.
    """
    facts = fact_table(series)
    number = dialects.slot_number(facts.c.open_time, series.interval, connection)
    slots = select(number.label("slot")).where(_is_in_any(series, windows)).subquery("slots")
    rank = func.dense_rank().over(order_by=slots.c.slot)
    ranked = select(slots.c.slot, (slots.c.slot - rank).label("island")).subquery("ranked")
    query = select(func.min(ranked.c.slot), func.max(ranked.c.slot), func.count()).group_by(ranked.c.island)
    rows = connection.execute(query.order_by(func.min(ranked.c.slot)))
    return [Held(slots_window(series.interval, first, last), candles) for first, last, candles in rows]


def _is_in_any(series: SeriesKey, windows: Sequence[Window]) -> ColumnElement[bool]:
    opened = fact_table(series).c.open_time
    inside = [and_(opened >= window.start_ms, opened < window.end_ms) for window in windows]
    return and_(_is_of(series, Window(windows[0].start_ms, windows[-1].end_ms)), or_(*inside))


def _is_of(series: SeriesKey, window: Window) -> ColumnElement[bool]:
    """Name the series, and *window* where that is not all time: each row would be compared with it."""
    facts = fact_table(series)
    if window.start_ms > ALL_TIME.start_ms or window.end_ms < ALL_TIME.end_ms:
        return is_in(facts, series, window)
    key = (series.exchange, series.symbol, series.interval.value)
    columns = (facts.c.exchange, facts.c.symbol, facts.c.interval_code)
    return and_(*[column == value for column, value in zip(columns, key, strict=True)])
