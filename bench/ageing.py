"""Taking a third of the facts away: by dropping their partitions, and by DELETE, in one run.

Dropping gives the space back at once; after a DELETE it is there once the server has purged the rows, so that
is waited for. Before each way the server is let finish what filling left it to do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median

from bench.coverage import insert_minutes
from bench.parts import START_MS, House, house, timed
from bench.table import Result
from src.domain import MINUTE_MS, Interval, SeriesKey, Window
from src.warehouse.dropping import Partition, drop_partitions, list_partitions
from src.warehouse.partitions import Partitions
from src.warehouse.tables import fact_klines

_SERIES = 5
_WANTED = 50
_PURGE_S = 120.0


def measure(facts: int) -> Iterator[Result]:
    """Measure both over *facts* candles; what goes ends with the partition in which a third of them ends."""
    by_delete, rows = _take_away(facts, _delete)
    by_month, _ = _take_away(facts, _delete_by_month)
    # Dropping is over in a moment, most of which the file system takes: three times tell more than one.
    dropped = [_take_away(facts, _drop) for _ in range(3)]
    if any(gone != rows for _, gone in dropped):
        raise AssertionError(f"dropping took {dropped[0][1]} rows away and DELETE {rows}")
    by_drop = median(took_s for took_s, _ in dropped)
    ratio = by_delete / by_drop
    yield Result(
        "DELETE ÷ dropping partitions",
        f"{ratio:.0f} ×",
        f"≥ {_WANTED} ×",
        f"{rows:,} of {facts:,} facts, {by_drop:.3f} s (median of 3), "
        f"by one DELETE {by_delete:.1f} s, by one for each month {by_month:.1f} s",
        ratio >= _WANTED,
    )


def _take_away(facts: int, way: Callable[[House, Sequence[Partition]], None]) -> tuple[float, int]:
    """Return how many seconds it took to take about a third of *facts* away, and how many rows that were."""
    with house("ageing", 1) as parts:
        third = _fill(parts, facts)
        _purge(parts)
        before = _count(parts)
        took_s = timed(lambda: way(parts, third))
        return took_s, before - _count(parts)


def _fill(parts: House, facts: int) -> list[Partition]:
    """Fill the facts and return the partitions that hold about their first third."""
    each = facts // _SERIES
    window = Window(START_MS, START_MS + each * MINUTE_MS)
    Partitions(parts.warehouse).ensure(fact_klines, window, window.end_ms)
    for number in range(_SERIES):
        key = SeriesKey("binance", f"S{number:05d}USDT", Interval.M1)
        with parts.warehouse.write() as connection:
            connection.exec_driver_sql(insert_minutes(key, each))
    third_ms = window.start_ms + (window.end_ms - window.start_ms) // 3
    return [one for one in list_partitions(parts.warehouse, fact_klines) if one.window.start_ms < third_ms]


def _delete(parts: House, third: Sequence[Partition]) -> None:
    _delete_before(parts, third[-1].window.end_ms)
    _purge(parts)


def _delete_by_month(parts: House, third: Sequence[Partition]) -> None:
    for one in third:
        _delete_before(parts, one.window.end_ms)
    _purge(parts)


def _delete_before(parts: House, end_ms: int) -> None:
    with parts.warehouse.write() as connection:
        connection.execute(fact_klines.delete().where(fact_klines.c.open_time < end_ms))


def _purge(parts: House) -> None:
    """Wait until the server has removed for good what is deleted."""
    until_s = time.monotonic() + _PURGE_S
    while _count_unpurged(parts):
        if time.monotonic() > until_s:
            raise AssertionError("the server does not come to an end with what is deleted")
        time.sleep(0.05)


def _count_unpurged(parts: House) -> int:
    """Return how many transactions have left rows that are to be removed yet."""
    with parts.warehouse.read() as connection:
        told = connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Innodb_history_list_length'").one()
    return int(told[1])


def _drop(parts: House, third: Sequence[Partition]) -> None:
    # In one go, as retention does.
    drop_partitions(parts.warehouse, fact_klines, [one.name for one in third], lambda _: True)


def _count(parts: House) -> int:
    with parts.warehouse.read() as connection:
        return int(connection.exec_driver_sql("SELECT COUNT(*) FROM fact_klines").scalar() or 0)
