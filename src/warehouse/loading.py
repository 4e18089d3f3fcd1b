"""Objects to facts: one transaction per load slice, whatever order the objects come in.

The newest capture of a candle wins, ties by object key, so the facts are a function of the set of objects.
Where a window holds nothing yet, rows go straight in; where it holds something, they are staged and only
those that win against what is there are written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, tuple_

from src.domain import SeriesKey
from src.warehouse import bulk
from src.warehouse.catalog import lock_waiting, mark_loaded
from src.warehouse.coverage import Addition, extend_coverage
from src.warehouse.engine import Warehouse
from src.warehouse.facts import DEPTH_COLUMNS, DepthBatch, KlineBatch, without_doubles
from src.warehouse.merging import span, write_facts
from src.warehouse.quarantine import replace_rows
from src.warehouse.rollups import WarehouseAggregator
from src.warehouse.series import ensure_series, lock_series, record_load
from src.warehouse.tables import fact_klines, fact_klines_coarse, fact_orderbook


class _UnknownSeries(Exception):
    """A series has no row yet; it gets one in a transaction of its own, before any lock is held."""


@dataclass(slots=True)
class LoadResult:
    """What was changed: objects marked loaded, candles that are new or replaced, levels, rows set aside.

    *unchanged* are the candles that were held already, and those of which the same load had a newer one.
    """

    objects: int = 0
    inserted: int = 0
    replaced: int = 0
    unchanged: int = 0
    levels: int = 0
    bad_rows: int = 0


def load_slice(
    warehouse: Warehouse, klines: Sequence[KlineBatch], depths: Sequence[DepthBatch]
) -> LoadResult:
    """Put these objects' facts into the warehouse and mark them loaded, all in one transaction.

    Objects that another process loaded meanwhile are left out.
    """
    try:
        return warehouse.run(lambda connection: _load(connection, klines, depths))
    except _UnknownSeries:
        keys = {batch.series for batch in klines}
        warehouse.run(lambda connection: ensure_series(connection, keys, tracked=False))
        return warehouse.run(lambda connection: _load(connection, klines, depths))


def _load(connection: Connection, klines: Sequence[KlineBatch], depths: Sequence[DepthBatch]) -> LoadResult:
    ids = [batch.object_id for batch in klines] + [batch.object_id for batch in depths]
    waiting = lock_waiting(connection, ids)
    result = LoadResult(objects=len(waiting))
    if not waiting:
        return result
    _load_klines(connection, [batch for batch in klines if batch.object_id in waiting], result)
    result.levels = _load_depths(connection, [batch for batch in depths if batch.object_id in waiting])
    result.bad_rows = replace_rows(connection, [batch for batch in klines if batch.object_id in waiting])
    mark_loaded(connection, waiting)
    return result


def _load_depths(connection: Connection, batches: Sequence[DepthBatch]) -> int:
    """Write the snapshots' levels and return how many; those of an earlier load of an object give way."""
    if not batches:
        return 0
    columns = fact_orderbook.c
    snapshots = [(batch.exchange, batch.symbol, batch.captured_at_ms) for batch in batches]
    key = tuple_(columns.exchange, columns.symbol, columns.captured_at)
    connection.execute(fact_orderbook.delete().where(key.in_(snapshots)))
    chunks = [batch.chunk() for batch in batches]
    bulk.insert_rows(connection, fact_orderbook, DEPTH_COLUMNS, chunks)
    return sum(map(len, chunks))


def _load_klines(connection: Connection, batches: Sequence[KlineBatch], result: LoadResult) -> None:
    by_series = _by_series(batches)
    if not by_series:
        return
    locked = lock_series(connection, by_series)
    if len(locked) < len(by_series):
        raise _UnknownSeries
    aggregator = WarehouseAggregator(connection)
    additions = []
    for table, is_coarse in ((fact_klines, False), (fact_klines_coarse, True)):
        of_table = {
            series: found for series, found in by_series.items() if series.interval.is_coarse == is_coarse
        }
        for series, touched in sorted(write_facts(connection, table, of_table).items()):
            aggregator.roll_up(series, touched.times_ms)
            record_load(connection, locked[series], touched.inserted, *span(of_table[series]))
            additions.append(Addition(locked[series], touched.new_times_ms))
            result.inserted += touched.inserted
            result.replaced += touched.replaced
    extend_coverage(connection, additions)
    result.unchanged = sum(len(batch.open_times_ms) for batch in batches) - result.inserted - result.replaced


def _by_series(batches: Sequence[KlineBatch]) -> dict[SeriesKey, list[KlineBatch]]:
    """Sort the batches by series, a candle only in the object that wins; leave out series without any."""
    found: dict[SeriesKey, list[KlineBatch]] = defaultdict(list)
    for batch in batches:
        found[batch.series].append(batch)
    kept = {series: without_doubles(of_series) for series, of_series in found.items()}
    return {series: of_series for series, of_series in kept.items() if of_series}
