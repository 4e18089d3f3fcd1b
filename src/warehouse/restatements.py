"""Restatements: candles that an exchange amended, as they were known here before.

A version is kept when a load replaces it by one with other values. What this warehouse never held, because
the newer answer was loaded first or with it, is in the lake alone: the facts are a function of the set of
objects, this is the history of what was known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, Table, and_, func, or_, select

from src.domain import Candle, SeriesKey, Window
from src.warehouse import dialects
from src.warehouse.facts import CANDLE_COLUMNS
from src.warehouse.ledger_tables import restatements
from src.warehouse.series import SeriesRow, list_series
from src.warehouse.tables import fact_klines, fact_klines_coarse, series

_VALUES = tuple(name for name in CANDLE_COLUMNS if name != "open_time")
_VERSION = ("series_id", *CANDLE_COLUMNS, "captured_at", "object_id", "replaced_at", "replaced_by")


@dataclass(frozen=True, slots=True)
class Version:
    """A candle as it was known from *known_from_ms* on (its capture) until *known_until_ms*, None for now."""

    candle: Candle
    object_id: int
    known_from_ms: int
    known_until_ms: int | None
    replaced_by: int | None


def differs(stage: Table, table: Table, connection: Connection) -> ColumnElement[bool]:
    """Whether a staged candle says something else than the one that is held."""
    return or_(*[dialects.is_other(stage.c[name], table.c[name], connection) for name in _VALUES])


def keep_versions(
    connection: Connection, stage: Table, table: Table, joined: FromClause, replaced: ColumnElement[bool]
) -> None:
    """Keep the held candles that *replaced* marks, before those of *stage* take their place.

    *joined* is the stage beside the facts. One loaded anew after its facts were gone is kept once.
    """
    of_series = and_(*[series.c[name] == stage.c[name] for name in ("exchange", "symbol", "interval_code")])
    held = [table.c[name] for name in (*CANDLE_COLUMNS, "captured_at", "object_id")]
    versions = (
        select(series.c.id, *held, stage.c.captured_at, stage.c.object_id)
        .select_from(joined.join(series, of_series))
        .where(replaced)
    )
    connection.execute(dialects.upsert(restatements, connection, versions, _VERSION))


def list_versions(connection: Connection, row: SeriesRow, open_time_ms: int) -> list[Version]:
    """List all versions of one candle, the oldest first and the one that holds last; none if none is held."""
    c = restatements.c
    earlier = (
        select(restatements)
        .where(c.series_id == row.id, c.open_time == open_time_ms)
        .order_by(c.replaced_at, c.captured_at, c.object_id)
    )
    found = [_version(one, one.replaced_at, one.replaced_by) for one in connection.execute(earlier)]
    present = connection.execute(_select_fact(row.key, open_time_ms)).one_or_none()
    return found if present is None else [*found, _version(present, None, None)]


def list_newest(
    connection: Connection,
    exchange: str,
    symbols: Sequence[str] = (),
    before: tuple[int, int, int, int, int] | None = None,
    limit: int = 100,
) -> list[tuple[SeriesRow, Version]]:
    """List the versions that were replaced, the last first; *before* is the place of the last one seen."""
    c = restatements.c
    place = (c.replaced_at, c.series_id, c.open_time, c.captured_at, c.object_id)
    rows = {row.id: row for row in list_series(connection, tracked_only=False)}
    wanted = [
        row.id
        for row in rows.values()
        if row.key.exchange == exchange and (not symbols or row.key.symbol in symbols)
    ]
    query = select(restatements).where(c.series_id.in_(wanted))
    if before:
        query = query.where(_is_before(place, before))
    newest = query.order_by(*[column.desc() for column in place]).limit(limit)
    return [
        (rows[one.series_id], _version(one, one.replaced_at, one.replaced_by))
        for one in connection.execute(newest)
    ]


def _is_before(columns: Sequence[ColumnElement[int]], values: Sequence[int]) -> ColumnElement[bool]:
    """Whether a row's columns come before *values*, the first that differs deciding."""
    (column, *rest), (value, *others) = columns, values
    is_less = column < value
    return or_(is_less, and_(column == value, _is_before(rest, others))) if rest else is_less


def count_by_day(connection: Connection, row: SeriesRow, window: Window) -> dict[date, int]:
    """Count the versions that were replaced by the UTC day on which their candles open."""
    c = restatements.c
    day = dialects.day_of(c.open_time, connection).label("day")
    inside = and_(c.open_time >= window.start_ms, c.open_time < window.end_ms)
    query = select(day, func.count().label("versions")).where(c.series_id == row.id, inside).group_by(day)
    return {found.day: found.versions for found in connection.execute(query)}


def _select_fact(key: SeriesKey, open_time_ms: int) -> Select[Any]:
    table = fact_klines_coarse if key.interval.is_coarse else fact_klines
    return select(table).where(
        table.c.exchange == key.exchange,
        table.c.symbol == key.symbol,
        table.c.interval_code == key.interval.value,
        table.c.open_time == open_time_ms,
    )


def _version(row: Row[Any], replaced_at_ms: int | None, replaced_by: int | None) -> Version:
    candle = Candle(
        open_time_ms=row.open_time,
        close_time_ms=row.close_time,
        **{name: getattr(row, name) for name in CANDLE_COLUMNS if not name.endswith("_time")},
    )
    return Version(candle, row.object_id, row.captured_at, replaced_at_ms, replaced_by)
