"""Rollups: hourly candles from the minute facts, daily candles from the hours.

Only the buckets that a load touched are computed again, from all their minutes, under the series' lock;
every WHERE names the series, so the cost does not grow with history. A remnant never replaces the truth:
an hour of which minutes have aged out is computed again only while each of them is back, a sealed bucket
never from fewer candles than it had, and a sealed day not while an hour in it is neither full nor sealed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    Select,
    Table,
    and_,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
)

from src.domain import DAY_MS, HOUR_MS, Interval, SeriesKey, Window
from src.warehouse import dialects
from src.warehouse.aged import aged_windows_of, find_last_aged
from src.warehouse.candles import is_in
from src.warehouse.slots import held_windows
from src.warehouse.tables import daily_klines, fact_klines, hourly_klines
from src.warehouse.types import UtcMs
from src.window_sets import intersect, merge, subtract

_VOLUMES = ("volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume")
_MINUTES_AN_HOUR = 60


def _is_open(hours: Table) -> ColumnElement[bool]:
    """Whether minutes of an hour may yet come."""
    return and_(hours.c.sealed_at.is_(None), hours.c.candle_count < _MINUTES_AN_HOUR)


@dataclass(frozen=True)
class _Level:
    """One step of the ladder: rows of *source* become buckets of *target*."""

    source: Table
    time: str
    target: Table
    bucket: str
    length_ms: int
    bucket_of: Callable[[ColumnElement[Any], Any], ColumnElement[Any]]
    group_key: Callable[[ColumnElement[Any], Any], ColumnElement[Any]]
    candle_count: ColumnElement[Any]
    # How many rows of the source are not whole yet, as far as that can be seen.
    open_parts: ColumnElement[Any]
    statements: dict[str, Insert] = field(default_factory=dict)

    def statement(self, connection: Connection) -> Insert:
        """Return the INSERT that recomputes a window of one series; built once for each kind of database."""
        dialect = connection.dialect.name
        if dialect not in self.statements:
            buckets = _with_ends(self, connection, _group(self, connection))
            columns = [column.name for column in buckets.selected_columns]
            self.statements[dialect] = dialects.upsert(self.target, connection, buckets, columns)
        return self.statements[dialect]


_HOURS = _Level(
    source=fact_klines,
    time="open_time",
    target=hourly_klines,
    bucket="hour_start",
    length_ms=HOUR_MS,
    bucket_of=dialects.hour_of,
    group_key=dialects.hour_key,
    candle_count=func.count(),
    open_parts=func.min(literal(0)),
)
_DAYS = _Level(
    source=hourly_klines,
    time="hour_start",
    target=daily_klines,
    bucket="date",
    length_ms=DAY_MS,
    bucket_of=dialects.day_of,
    group_key=dialects.day_key,
    candle_count=func.sum(hourly_klines.c.candle_count),
    open_parts=func.sum(case((_is_open(hourly_klines), 1), else_=0)),
)


class WarehouseAggregator:
    """Recomputes rollup buckets of one series at a time, inside the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @cached_property
    def _last_aged_ms(self) -> int:
        return find_last_aged(self._connection) or 0

    def roll_up(self, series: SeriesKey, touched_ms: NDArray[np.int64]) -> None:
        """Recompute the hours and days that hold these open times; only minutes are rolled up."""
        if series.interval is not Interval.M1:
            return
        whole_ms = self._without_torn(series, touched_ms)
        self._compute(_HOURS, series, whole_ms)
        self._compute(_DAYS, series, whole_ms)

    def roll_up_days(self, series: SeriesKey, touched_ms: NDArray[np.int64]) -> None:
        """Recompute the days that hold these times from their hours, as these are."""
        self._compute(_DAYS, series, touched_ms)

    def _compute(self, level: _Level, series: SeriesKey, times_ms: NDArray[np.int64]) -> None:
        statement = level.statement(self._connection)
        for window in bucket_windows(times_ms, level.length_ms):
            self._connection.execute(statement, _parameters(series, window))

    def _without_torn(self, series: SeriesKey, times_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Leave out the hours of which minutes have aged out and are not all back."""
        if not len(times_ms) or int(times_ms.min()) >= self._last_aged_ms:
            return times_ms
        hours = bucket_windows(times_ms, HOUR_MS)
        span = Window(hours[0].start_ms, hours[-1].end_ms)
        aged = intersect(merge(aged_windows_of(self._connection, series, span)), hours)
        gone = [window.start_ms for each in aged for window in self._list_gone(series, each)]
        torn = np.array(gone, dtype=np.int64) // HOUR_MS
        return times_ms[~np.isin(times_ms // HOUR_MS, torn)]

    def _list_gone(self, series: SeriesKey, aged: Window) -> list[Window]:
        """Return what of *aged* is not held, cut at each hour."""
        opened = fact_klines.c.open_time
        found = self._connection.scalars(select(opened).where(is_in(fact_klines, series, aged)))
        held = held_windows(series.interval, np.array(found.all(), dtype=np.int64))
        gone = subtract([aged], [each.window for each in held])
        return [hour for window in gone for hour in _cut_at_hours(window)]


def _parameters(series: SeriesKey, window: Window) -> dict[str, Any]:
    return {
        "of_exchange": series.exchange,
        "of_symbol": series.symbol,
        "of_interval": series.interval.value,
        "window_start": window.start_ms,
        "window_end": window.end_ms,
    }


def _belongs_to_series(rows: FromClause) -> ColumnElement[bool]:
    """Name the series by all leading columns of the primary key."""
    key = [rows.c.exchange == bindparam("of_exchange"), rows.c.symbol == bindparam("of_symbol")]
    if "interval_code" in rows.c:
        key.append(rows.c.interval_code == bindparam("of_interval"))
    return and_(*key)


def _group(level: _Level, engine: Any) -> FromClause:
    """Return per bucket what aggregates directly, and the times of its first and last row."""
    rows, time = level.source, level.source.c[level.time]
    sums = [dialects.decimal_sum(rows.c[name], engine).label(name) for name in _VOLUMES]
    return (
        select(
            func.min(time).label("first_time"),
            func.max(time).label("last_time"),
            func.max(rows.c.high_price).label("high_price"),
            func.min(rows.c.low_price).label("low_price"),
            *sums,
            func.sum(rows.c.trade_count).label("trade_count"),
            level.candle_count.label("candle_count"),
            level.open_parts.label("open_parts"),
        )
        .where(
            _belongs_to_series(rows),
            time >= bindparam("window_start", type_=UtcMs()),
            time < bindparam("window_end", type_=UtcMs()),
        )
        .group_by(level.group_key(time, engine))
        .subquery("buckets")
    )


def _with_ends(level: _Level, engine: Any, buckets: FromClause) -> Select[Any]:
    """Add the open of each bucket's first row and the close of its last; leave sealed remnants out."""
    first, last = level.source.alias("first_row"), level.source.alias("last_row")
    is_first = and_(_belongs_to_series(first), first.c[level.time] == buckets.c.first_time)
    is_last = and_(_belongs_to_series(last), last.c[level.time] == buckets.c.last_time)
    bucket = level.bucket_of(buckets.c.first_time, engine)
    totals = [buckets.c[name] for name in (*_VOLUMES, "trade_count", "candle_count")]
    return (
        select(
            first.c.exchange,
            first.c.symbol,
            bucket.label(level.bucket),
            first.c.open_price,
            buckets.c.high_price,
            buckets.c.low_price,
            last.c.close_price,
            *totals,
        )
        .select_from(buckets.join(first, is_first).join(last, is_last))
        .where(~_is_sealed_remnant(level, bucket, buckets))
        # The few buckets first: by statistics of facts that have just gone, MySQL begins with the minutes.
        .prefix_with("STRAIGHT_JOIN", dialect="mysql")
    )


def _is_sealed_remnant(level: _Level, bucket: ColumnElement[Any], buckets: FromClause) -> ColumnElement[bool]:
    sealed = level.target.alias("sealed")
    return (
        select(sealed.c.symbol)
        .where(
            _belongs_to_series(sealed),
            sealed.c[level.bucket] == bucket,
            sealed.c.sealed_at.is_not(None),
            or_(buckets.c.candle_count < sealed.c.candle_count, buckets.c.open_parts > 0),
        )
        .exists()
    )


def bucket_windows(times_ms: NDArray[np.int64], length_ms: int) -> list[Window]:
    """Return the buckets that hold these times, neighbours merged into one window."""
    starts = np.unique(times_ms - times_ms % length_ms)
    if not len(starts):
        return []
    breaks = np.flatnonzero(np.diff(starts) > length_ms) + 1
    return [Window(int(run[0]), int(run[-1]) + length_ms) for run in np.split(starts, breaks)]


def _cut_at_hours(window: Window) -> list[Window]:
    firsts = range(window.start_ms - window.start_ms % HOUR_MS, window.end_ms, HOUR_MS)
    return [Window(first, first + HOUR_MS) for first in firsts]
