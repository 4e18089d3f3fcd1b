"""Rows of several series into a fact table: straight in where nothing is held, compared where something is.

Its caller holds the lock of every series concerned.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, FromClause, Table, and_, case, exists, func, or_, select

from src.domain import Interval, SeriesKey
from src.warehouse import bulk, dialects, restatements
from src.warehouse.facts import KLINE_COLUMNS, KlineBatch, RowChunk
from src.warehouse.staging import drop_stage, make_stage
from src.warehouse.tables import lake_objects

# The server opens the table, partitions and all, once for each look of a statement.
_LOOKS = 8
_FACT_KEY = ("exchange", "symbol", "interval_code", "open_time")
_NO_TIMES = np.array([], dtype=np.int64)

SeriesBatches = Mapping[SeriesKey, Sequence[KlineBatch]]


@dataclass(slots=True)
class Touched:
    """What changed in one series' facts: how many candles are new or replaced, and their open times.

    *new_times_ms* are those of the new ones alone.
    """

    inserted: int = 0
    replaced: int = 0
    times_ms: NDArray[np.int64] = field(default_factory=lambda: _NO_TIMES)
    new_times_ms: NDArray[np.int64] = field(default_factory=lambda: _NO_TIMES)


def write_facts(connection: Connection, table: Table, batches: SeriesBatches) -> dict[SeriesKey, Touched]:
    """Write each series' batches, none of them empty and no candle in two; return what changed."""
    held = _find_held(connection, table, batches)
    fresh = {series: of_series for series, of_series in batches.items() if series not in held}
    bulk.insert_rows(connection, table, KLINE_COLUMNS, _chunks(fresh))
    touched = {series: _all_new(of_series) for series, of_series in fresh.items()}
    if held:
        touched |= _merge(connection, table, {series: batches[series] for series in held})
    return touched


def span(batches: Sequence[KlineBatch]) -> tuple[int, int]:
    """Return the first and the last open_time (UTC ms) of batches that are none of them empty."""
    firsts = [int(batch.open_times_ms[0]) for batch in batches]
    lasts = [int(batch.open_times_ms[-1]) for batch in batches]
    return min(firsts), max(lasts)


def _chunks(batches: SeriesBatches) -> list[RowChunk]:
    # In the order of the primary key, as InnoDB likes it best.
    return [batch.chunk() for _, of_series in sorted(batches.items()) for batch in of_series]


def _all_new(batches: Sequence[KlineBatch]) -> Touched:
    times = np.concatenate([batch.open_times_ms for batch in batches])
    return Touched(inserted=len(times), times_ms=times, new_times_ms=times)


def _find_held(connection: Connection, table: Table, batches: SeriesBatches) -> set[SeriesKey]:
    """Return the series of which something is held between the ends of what is to be written."""
    held: set[SeriesKey] = set()
    names = list(batches)
    for start in range(0, len(names), _LOOKS):
        some = names[start : start + _LOOKS]
        looks = [exists().where(_is_between(table, series, span(batches[series]))) for series in some]
        found = connection.execute(select(*[look.label(f"s{n}") for n, look in enumerate(looks)])).one()
        held.update(compress(some, found))
    return held


def _is_between(table: Table, series: SeriesKey, ends_ms: tuple[int, int]) -> ColumnElement[bool]:
    return and_(
        table.c.exchange == series.exchange,
        table.c.symbol == series.symbol,
        table.c.interval_code == series.interval.value,
        table.c.open_time.between(*ends_ms),
    )


def _merge(connection: Connection, table: Table, batches: SeriesBatches) -> dict[SeriesKey, Touched]:
    """Stage the rows and write those that are new or win; one pass finds them, a second writes if any do."""
    stage = make_stage(connection, table)
    bulk.insert_rows(connection, stage, KLINE_COLUMNS, _chunks(batches))
    is_new = table.c.symbol.is_(None)
    joined = stage.outerjoin(table, and_(*[stage.c[name] == table.c[name] for name in _FACT_KEY]))
    wins = or_(is_new, _takes_precedence(stage, table))
    differs = and_(table.c.symbol.is_not(None), restatements.differs(stage, table, connection))
    told = [case((is_new, 1), else_=0).label("is_new"), case((differs, 1), else_=0).label("differs")]
    key = [stage.c[name] for name in _FACT_KEY]
    changes = connection.execute(select(*key, *told).select_from(joined).where(wins)).all()
    if any(change.differs for change in changes):
        restatements.keep_versions(connection, stage, table, joined, and_(wins, differs))
    if changes:
        winners = select(*[stage.c[name] for name in KLINE_COLUMNS]).select_from(joined).where(wins)
        connection.execute(dialects.upsert(table, connection, winners, KLINE_COLUMNS))
    drop_stage(connection, stage)
    return _by_series(changes)


def _takes_precedence(stage: Table, table: Table) -> ColumnElement[bool]:
    """Whether the staged row was captured later; a tie goes to the greater object key.

    The keys are looked up only for a tie. An object whose catalog row is gone loses it.
    """
    tie = and_(stage.c.captured_at == table.c.captured_at, stage.c.object_id != table.c.object_id)
    greater = _object_key(stage) > func.coalesce(_object_key(table), "")
    return or_(stage.c.captured_at > table.c.captured_at, and_(tie, greater))


def _object_key(rows: FromClause) -> ColumnElement[Any]:
    catalog = lake_objects.alias()
    return select(catalog.c.object_key).where(catalog.c.id == rows.c.object_id).scalar_subquery()


def _by_series(changes: Sequence[Any]) -> dict[SeriesKey, Touched]:
    found: dict[SeriesKey, list[Any]] = defaultdict(list)
    for change in changes:
        found[SeriesKey(change.exchange, change.symbol, Interval(change.interval_code))].append(change)
    return {series: _summed(of_series) for series, of_series in found.items()}


def _summed(changes: Sequence[Any]) -> Touched:
    times = np.array([change.open_time for change in changes], dtype=np.int64)
    new_times = times[np.array([change.is_new for change in changes], dtype=np.bool_)]
    return Touched(len(new_times), len(times) - len(new_times), times, new_times)
