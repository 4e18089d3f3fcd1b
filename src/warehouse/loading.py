"""Objects to facts: one transaction per load slice, whatever order the objects come in.

The newest capture of a candle wins, ties by object key, so the facts are a function of the set of objects.
Where a window holds nothing yet, rows go straight in; where it holds something, they are staged and only
those that win against what is there are written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, FromClause, Table, and_, case, func, or_, select

from src.domain import SeriesKey
from src.warehouse import bulk, dialects
from src.warehouse.catalog import lock_waiting, mark_loaded
from src.warehouse.engine import Warehouse
from src.warehouse.facts import DEPTH_COLUMNS, KLINE_COLUMNS, DepthBatch, KlineBatch, without_doubles
from src.warehouse.rollups import WarehouseAggregator
from src.warehouse.series import ensure_series, lock_series, record_load
from src.warehouse.staging import drop_stage, make_stage
from src.warehouse.tables import fact_klines, fact_klines_coarse, fact_orderbook, lake_objects

_FACT_KEY = ("exchange", "symbol", "interval_code", "open_time")


@dataclass(slots=True)
class LoadResult:
    """What one slice changed: objects marked loaded, candles that are new, candles that were replaced."""

    objects: int = 0
    inserted: int = 0
    replaced: int = 0
    levels: int = 0


@dataclass(slots=True)
class _Touched:
    """What one series' rows changed in the facts."""

    inserted: int
    replaced: int
    times_ms: NDArray[np.int64]


def load_slice(
    warehouse: Warehouse, klines: Sequence[KlineBatch], depths: Sequence[DepthBatch]
) -> LoadResult:
    """Put these objects' facts into the warehouse and mark them loaded, all in one transaction.

    Objects that another process loaded meanwhile are left out.
    """
    keys = {batch.series for batch in klines}
    if keys:
        warehouse.run(lambda connection: ensure_series(connection, keys, tracked=False))
    return warehouse.run(lambda connection: _load(connection, klines, depths))


def _load(connection: Connection, klines: Sequence[KlineBatch], depths: Sequence[DepthBatch]) -> LoadResult:
    ids = [batch.object_id for batch in klines] + [batch.object_id for batch in depths]
    waiting = lock_waiting(connection, ids)
    result = LoadResult(objects=len(waiting))
    if not waiting:
        return result
    _load_klines(connection, [batch for batch in klines if batch.object_id in waiting], result)
    levels = [batch.chunk() for batch in depths if batch.object_id in waiting]
    bulk.insert_rows(connection, fact_orderbook, DEPTH_COLUMNS, levels)
    result.levels = sum(map(len, levels))
    mark_loaded(connection, waiting)
    return result


def _load_klines(connection: Connection, batches: Sequence[KlineBatch], result: LoadResult) -> None:
    by_series: dict[SeriesKey, list[KlineBatch]] = defaultdict(list)
    for batch in batches:
        by_series[batch.series].append(batch)
    locked = lock_series(connection, by_series) if by_series else {}
    for series, of_series in sorted(by_series.items()):
        batches = without_doubles(of_series)
        if not batches:
            continue
        touched = _write_facts(connection, series, batches)
        WarehouseAggregator(connection).roll_up(series, touched.times_ms)
        if len(touched.times_ms):
            record_load(connection, locked[series], touched.inserted, *_ends(batches))
        result.inserted += touched.inserted
        result.replaced += touched.replaced


def _write_facts(connection: Connection, series: SeriesKey, batches: Sequence[KlineBatch]) -> _Touched:
    table = fact_klines_coarse if series.interval.is_coarse else fact_klines
    chunks = [batch.chunk() for batch in batches]
    if not _holds_any(connection, table, series, *_ends(batches)):
        bulk.insert_rows(connection, table, KLINE_COLUMNS, chunks)
        return _Touched(sum(map(len, chunks)), 0, np.concatenate([batch.open_times_ms for batch in batches]))
    stage = make_stage(connection, table)
    bulk.insert_rows(connection, stage, KLINE_COLUMNS, chunks)
    touched = _merge(connection, stage, table)
    drop_stage(connection, stage)
    return touched


def _ends(batches: Sequence[KlineBatch]) -> tuple[int, int]:
    """Return the first and the last open_time of batches that are none of them empty."""
    firsts = [int(batch.open_times_ms[0]) for batch in batches]
    lasts = [int(batch.open_times_ms[-1]) for batch in batches]
    return min(firsts), max(lasts)


def _holds_any(connection: Connection, table: Table, series: SeriesKey, first_ms: int, last_ms: int) -> bool:
    query = (
        select(table.c.open_time)
        .where(
            table.c.exchange == series.exchange,
            table.c.symbol == series.symbol,
            table.c.interval_code == series.interval.value,
            table.c.open_time.between(first_ms, last_ms),
        )
        .limit(1)
    )
    return connection.execute(query).first() is not None


def _merge(connection: Connection, stage: Table, table: Table) -> _Touched:
    """Write the staged rows that are new or win; one pass finds them, a second writes if there are any."""
    is_new = table.c.symbol.is_(None)
    joined = stage.outerjoin(table, and_(*[stage.c[name] == table.c[name] for name in _FACT_KEY]))
    wins = or_(is_new, _takes_precedence(stage, table))
    found = select(stage.c.open_time, case((is_new, 1), else_=0).label("is_new"))
    changes = connection.execute(found.select_from(joined).where(wins)).all()
    if not changes:
        return _Touched(0, 0, np.array([], dtype=np.int64))
    winners = select(*[stage.c[name] for name in KLINE_COLUMNS]).select_from(joined).where(wins)
    connection.execute(dialects.upsert(table, connection, winners, KLINE_COLUMNS))
    inserted = sum(change.is_new for change in changes)
    times = np.array([change.open_time for change in changes], dtype=np.int64)
    return _Touched(inserted, len(changes) - inserted, times)


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
