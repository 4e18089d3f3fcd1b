"""Says what retention would do now, by reading alone."""

from __future__ import annotations

from sqlalchemy import Connection, Table

from src.domain import Interval, Window
from src.maintenance.retention_plan import (
    Ageing,
    Going,
    Portion,
    RetentionPlan,
    Way,
    divide,
    full_name,
    list_ageing,
    list_held,
    list_open,
    split_depth,
    why_open,
)
from src.warehouse.depth_ageing import count_depth, iterate_symbols
from src.warehouse.dropping import list_partitions
from src.warehouse.engine import Warehouse
from src.warehouse.health import read_sizes
from src.warehouse.slots import Held, count_slots
from src.warehouse.tables import fact_klines, fact_orderbook
from src.window_sets import merge, subtract

# Where the database does not say how large its tables are: as measured (see doctor's growth).
_ROW_BYTES = {fact_klines.name: 250, fact_orderbook.name: 110}


def foretell_facts(warehouse: Warehouse, plan: RetentionPlan, now_ms: int, keep_days: int) -> None:
    """Add to *plan* which candles would go."""
    partitions = list_partitions(warehouse, fact_klines)
    with warehouse.read() as connection:
        size = _row_bytes(connection, fact_klines)
        series = list_ageing(connection, now_ms, keep_days)
        for portion in divide(connection, partitions, series):
            _foretell(connection, portion, plan, size)


def foretell_depth(warehouse: Warehouse, plan: RetentionPlan, before_ms: int) -> None:
    """Add to *plan* which depth would go; of whole partitions what the server estimates."""
    split = split_depth(list_partitions(warehouse, fact_orderbook), before_ms)
    for partition in split.dropped:
        plan.partitions.append(full_name(partition, fact_orderbook))
        plan.depth_rows += partition.rows
        plan.bytes += partition.size_bytes
    plan.waiting += [full_name(partition, fact_orderbook) for partition in split.waiting]
    with warehouse.read() as connection:
        rows = sum(
            count_depth(connection, *symbol, window)
            for window in split.deleted
            for symbol in iterate_symbols(connection)
        )
        plan.depth_rows += rows
        plan.work += rows
        plan.bytes += round(rows * _row_bytes(connection, fact_orderbook))


def _foretell(connection: Connection, portion: Portion, plan: RetentionPlan, row_bytes: float) -> None:
    if portion.way is Way.WAIT and portion.partition:
        plan.waiting.append(full_name(portion.partition, fact_klines))
        return
    kept_before, rows = len(plan.kept), 0
    for one in portion.series:
        going = _foretell_series(connection, one, portion, plan)
        plan.work += going if one.row.key.interval is Interval.M1 else 0
        rows += going
    if portion.way is Way.DROP and portion.partition and len(plan.kept) == kept_before:
        plan.partitions.append(full_name(portion.partition, fact_klines))
        plan.bytes += portion.partition.size_bytes
    else:
        plan.work += rows
        plan.bytes += round(rows * row_bytes)


def _foretell_series(connection: Connection, one: Ageing, portion: Portion, plan: RetentionPlan) -> int:
    held = list_held(connection, one, portion)
    if not held:
        return 0
    key, span = one.row.key, Window(held[0].window.start_ms, held[-1].window.end_ms)
    days = list_open(connection, one, held)
    plan.kept += why_open(key, days)
    rows = sum(_count_outside(one, each, merge(day.day for day in days)) for each in held)
    if rows:
        plan.rows += rows
        plan.series.append(Going(key, span, rows))
    return rows


def _count_outside(one: Ageing, held: Held, kept: list[Window]) -> int:
    left = subtract([held.window], kept)
    if left == [held.window]:
        return held.candles
    return sum(count_slots(one.row.key.interval, window) for window in left)


def _row_bytes(connection: Connection, table: Table) -> float:
    size = read_sizes(connection, [table.name]).get(table.name)
    return size.size_bytes / size.rows if size and size.rows else _ROW_BYTES[table.name]
