"""Where a candle came from and what was made of it, or why nothing is held: as far as the warehouse knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, func, select

from src.domain import DAY_MS, HOUR_MS, Interval, Window
from src.errors import NotFound
from src.warehouse.aged import aged_windows
from src.warehouse.candles import (
    Rollup,
    RollupKey,
    StoredCandle,
    fact_table,
    is_in,
    read_candles,
    read_rollups,
)
from src.warehouse.gaps import GapRow, list_open
from src.warehouse.lake_ageing import group_of
from src.warehouse.objects import ObjectRow, find_object
from src.warehouse.restatements import Version, list_versions
from src.warehouse.series import SeriesRow, list_series
from src.warehouse.tombstones import Tombstone, find_tombstone_of

_SERIES_NAMED = 10


@dataclass(frozen=True, slots=True)
class Lineage:
    """What is known of one slot of a series: its *candle*, or where that is None its *gap*.

    *versions* are what the candle was before the exchange amended it, the oldest first. Where *source* is
    None though there is a candle, the catalog has its object no more; where retention deleted it, its
    *tombstone* says when. *has_aged* is whether a candle was held there and aged out.
    """

    series: SeriesRow
    slot: Window
    candle: StoredCandle | None
    source: ObjectRow | None
    rollups: dict[RollupKey, Rollup]
    versions: Sequence[Version]
    gap: GapRow | None
    tombstone: Tombstone | None = None
    has_aged: bool = False


def find_lineage(connection: Connection, row: SeriesRow, time_ms: int) -> Lineage:
    """Return what is known of the slot that *time_ms* falls in."""
    interval = row.key.interval
    start_ms = interval.floor(time_ms)
    slot = Window(start_ms, interval.next(start_ms))
    held = read_candles(connection, row.key, slot)
    # Of two off the grid in one slot, the one that was asked for.
    candle = held.get(time_ms) or (held[min(held)] if held else None)
    source = find_object(connection, candle.object_id) if candle else None
    versions = list_versions(connection, row, candle.open_time_ms if candle else start_ms)
    return Lineage(
        series=row,
        slot=slot,
        candle=candle,
        source=source,
        rollups=_list_rollups(connection, row, start_ms),
        versions=[version for version in versions if version.known_until_ms is not None],
        gap=None if candle else _find_gap(connection, row, slot),
        tombstone=_find_tombstone(connection, row, candle) if candle and source is None else None,
        has_aged=candle is None and bool(aged_windows(connection, row, slot)),
    )


def get_series(connection: Connection, exchange: str, symbol: str, interval: Interval) -> SeriesRow:
    """Return a series; NotFound names those of the symbol, or some that there are."""
    rows = list_series(connection, tracked_only=False)
    key = (exchange, symbol, interval)
    for row in rows:
        if (row.key.exchange, row.key.symbol, row.key.interval) == key:
            return row
    near = [row for row in rows if row.key.symbol == symbol] or rows
    known = ", ".join(f"{row.key.symbol} {row.key.interval.value}" for row in near[:_SERIES_NAMED]) or "none"
    raise NotFound(f"there is no series {symbol} {interval.value} of {exchange}; known are {known}")


def count_held_from(connection: Connection, source: ObjectRow) -> int:
    """Count the candles in the warehouse that came from this object; the rest were captured anew since."""
    if source.series is None or source.first_open_ms is None or source.last_open_ms is None:
        return 0
    table = fact_table(source.series)
    window = Window(source.first_open_ms, source.last_open_ms + 1)
    is_from = and_(is_in(table, source.series, window), table.c.object_id == source.id)
    return connection.execute(select(func.count()).select_from(table).where(is_from)).scalar_one()


def _find_tombstone(connection: Connection, row: SeriesRow, candle: StoredCandle) -> Tombstone | None:
    return find_tombstone_of(connection, group_of(row.key), candle.object_id, candle.captured_at_ms)


def _list_rollups(connection: Connection, row: SeriesRow, start_ms: int) -> dict[RollupKey, Rollup]:
    """Return the hour and the day that a minute is part of, as far as they are there."""
    if row.key.interval is not Interval.M1:
        return {}
    midnight_ms = start_ms - start_ms % DAY_MS
    of_day = read_rollups(connection, row.key, Window(midnight_ms, midnight_ms + DAY_MS))
    hour_ms = start_ms - start_ms % HOUR_MS
    return {key: rollup for key, rollup in of_day.items() if key.length == "1d" or key.start_ms == hour_ms}


def _find_gap(connection: Connection, row: SeriesRow, slot: Window) -> GapRow | None:
    for gap in list_open(connection, [row.id]).get(row.id, []):
        if gap.window.start_ms < slot.end_ms and slot.start_ms < gap.window.end_ms:
            return gap
    return None
