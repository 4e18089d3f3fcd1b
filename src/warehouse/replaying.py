"""Puts rebuilt candles in the place of those that are held, inside the caller's transaction.

The caller holds the lock of the series. Rollups that the window touches are computed again, sealed ones by
their own rule; those that have no minute left go.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, func, select

from src.domain import DAY_MS, HOUR_MS, Interval, SeriesKey, Window, utc_from_ms
from src.warehouse import bulk
from src.warehouse.candles import fact_table, is_in
from src.warehouse.facts import KLINE_COLUMNS, KlineBatch
from src.warehouse.rollups import WarehouseAggregator
from src.warehouse.series import SeriesRow
from src.warehouse.tables import daily_klines, hourly_klines, series

_Times = NDArray[np.int64]

_TIMES_A_QUERY = 1000


def list_open_times(connection: Connection, key: SeriesKey, window: Window) -> _Times:
    """Return when the candles that are held of *window* open, in order."""
    table = fact_table(key)
    query = select(table.c.open_time).where(is_in(table, key, window)).order_by(table.c.open_time)
    return np.array(connection.scalars(query).all(), dtype=np.int64)


def replace_candles(
    connection: Connection, row: SeriesRow, put: Sequence[KlineBatch], gone_ms: _Times, inserted: int
) -> None:
    """Write the candles of *put*, over what is held; delete those that open at *gone_ms*.

    *inserted* says how many of *put* are new. None of its candles may be in two batches.
    """
    table = fact_table(row.key)
    times = np.concatenate([gone_ms, *(batch.open_times_ms for batch in put)])
    for start in range(0, len(times), _TIMES_A_QUERY):
        some = [int(at) for at in times[start : start + _TIMES_A_QUERY]]
        around = Window(min(some), max(some) + 1)
        connection.execute(table.delete().where(is_in(table, row.key, around), table.c.open_time.in_(some)))
    filled = sorted((batch for batch in put if len(batch.rows)), key=lambda b: int(b.open_times_ms[0]))
    bulk.insert_rows(connection, table, KLINE_COLUMNS, [batch.chunk() for batch in filled])
    _record(connection, row, inserted - len(gone_ms))


def roll_up_again(connection: Connection, key: SeriesKey, times_ms: _Times, gone_ms: _Times) -> None:
    """Compute the rollups of these minutes again; drop unsealed ones whose last minute is among *gone_ms*."""
    if key.interval is not Interval.M1:
        return
    for start_ms in np.unique(gone_ms - gone_ms % HOUR_MS).tolist():
        _drop_empty_hour(connection, key, start_ms)
    WarehouseAggregator(connection).roll_up(key, np.concatenate([times_ms, gone_ms]))
    for start_ms in np.unique(gone_ms - gone_ms % DAY_MS).tolist():
        _drop_empty_day(connection, key, start_ms)


def _drop_empty_hour(connection: Connection, key: SeriesKey, start_ms: int) -> None:
    table, c = fact_table(key), hourly_klines.c
    hour = Window(start_ms, start_ms + HOUR_MS)
    if connection.execute(select(table.c.open_time).where(is_in(table, key, hour)).limit(1)).first() is None:
        is_hour = and_(c.exchange == key.exchange, c.symbol == key.symbol, c.hour_start == start_ms)
        connection.execute(hourly_klines.delete().where(is_hour, c.sealed_at.is_(None)))


def _drop_empty_day(connection: Connection, key: SeriesKey, start_ms: int) -> None:
    hours, c = hourly_klines.c, daily_klines.c
    is_inside = and_(hours.hour_start >= start_ms, hours.hour_start < start_ms + DAY_MS)
    is_of = and_(hours.exchange == key.exchange, hours.symbol == key.symbol)
    if connection.execute(select(hours.hour_start).where(is_of, is_inside).limit(1)).first() is None:
        day = utc_from_ms(start_ms).date()
        is_day = and_(c.exchange == key.exchange, c.symbol == key.symbol, c.date == day)
        connection.execute(daily_klines.delete().where(is_day, c.sealed_at.is_(None)))


def _record(connection: Connection, row: SeriesRow, more: int) -> None:
    """Note in the series what it holds now; the ends may have moved either way."""
    table, key = fact_table(row.key), row.key
    of_series = and_(
        table.c.exchange == key.exchange,
        table.c.symbol == key.symbol,
        table.c.interval_code == key.interval.value,
    )
    ends = select(func.min(table.c.open_time), func.max(table.c.open_time)).where(of_series)
    first_ms, last_ms = connection.execute(ends).one()
    connection.execute(
        series.update()
        .where(series.c.id == row.id)
        .values(
            record_count=series.c.record_count + more,
            first_open_time=first_ms,
            last_open_time=last_ms,
            load_version=series.c.load_version + 1,
        )
    )
