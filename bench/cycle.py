"""A cycle over 50 symbols, with little and with much behind it: its cost must not grow with history.

The same new minute of every symbol is loaded again and again, with few and with many facts and objects in
the tables. The server's own counters say how many rows it looked at.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from sqlalchemy import event

from bench.parts import CAPTURED_MS, PAGE_MS, START_MS, House, house, land_rows, timed
from bench.table import Result
from src.domain import DAY_MS, HOUR_MS, Interval, Window
from src.warehouse.facts import KLINE_COLUMNS
from src.warehouse.types import sql_time

_ROUNDS = 9
_SETTLE_S, _FEW_PAGES = 120, 200
# Every cycle is measured at the same time of day, in hours of their own.
_FIRST_CYCLE_MS = Interval.D1.floor(START_MS + 200 * PAGE_MS)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one cycle took."""

    queries: int
    rows_examined: int
    seconds: float


def measure(symbols: int, facts: tuple[int, int], objects: tuple[int, int]) -> Iterator[Result]:
    """Compare cycles with *facts* and *objects* (few, many) behind them."""
    with house("cycle", symbols) as parts:
        _fill_facts(parts, 0, facts[0] // symbols)
        _fill_objects(parts, 0, objects[0])
        few = _typical_cycle(parts, 0)
        _fill_facts(parts, facts[0] // symbols, facts[1] // symbols)
        _fill_objects(parts, objects[0], objects[1])
        _let_settle(parts)
        many = _typical_cycle(parts, _ROUNDS)
    behind = (
        f"{symbols} symbols; {facts[0]:,} and {facts[1]:,} facts, {objects[0]:,} and {objects[1]:,} objects"
    )
    yield Result(
        "cycle: queries, much ÷ little history",
        f"{many.queries / few.queries:.2f} ×",
        "1.00 ×",
        f"{behind}; {few.queries} and {many.queries} queries",
        many.queries == few.queries,
    )
    examined = many.rows_examined / few.rows_examined
    yield Result(
        "cycle: rows examined, much ÷ little",
        f"{examined:.2f} ×",
        "≤ 1.05 ×",
        f"{few.rows_examined:,} and {many.rows_examined:,} rows",
        examined <= 1.05,
    )
    slower = many.seconds / few.seconds
    yield Result(
        "cycle: wall time, much ÷ little",
        f"{slower:.2f} ×",
        "≤ 1.2 ×",
        f"{few.seconds * 1000:.0f} and {many.seconds * 1000:.0f} ms",
        slower <= 1.2,
    )


def _let_settle(parts: House) -> None:
    """Wait until the server has written out what the filling left it: that is not the cycle's work."""
    for _ in range(_SETTLE_S):
        with parts.warehouse.read() as connection:
            found = connection.exec_driver_sql(
                "SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'"
            ).one()
        if int(found[1]) < _FEW_PAGES:
            return
        time.sleep(1)


def _typical_cycle(parts: House, first: int) -> Cost:
    costs = [_cycle(parts, first + number) for number in range(_ROUNDS)]
    return Cost(
        int(median(cost.queries for cost in costs)),
        int(median(cost.rows_examined for cost in costs)),
        median(cost.seconds for cost in costs),
    )


def _cycle(parts: House, number: int) -> Cost:
    """Land one new minute of every symbol and measure its loading."""
    day, hour = divmod(number, _ROUNDS)
    start_ms = _FIRST_CYCLE_MS + day * DAY_MS + hour * HOUR_MS
    for symbol in parts.simulator.symbols:
        rows = parts.simulator.truth(symbol, Interval.M1, Window(start_ms, start_ms + 60_000))
        land_rows(parts, symbol, rows, CAPTURED_MS + 10**9 + number)
    queries = 0

    def count(*_: object) -> None:
        nonlocal queries
        queries += 1

    transform = parts.transform()
    event.listen(parts.warehouse.engine, "before_cursor_execute", count)
    before = _rows_examined(parts)
    queries = 0
    seconds = timed(transform.load_waiting)
    asked = queries
    event.remove(parts.warehouse.engine, "before_cursor_execute", count)
    return Cost(asked, _rows_examined(parts) - before, seconds)


def _rows_examined(parts: House) -> int:
    """Return how many rows the server's storage engine has handed out, read or looked up so far."""
    with parts.warehouse.read() as connection:
        found = connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Handler_read%'").all()
    return sum(int(value) for _, value in found)


def _fill_facts(parts: House, done: int, wanted: int) -> None:
    """Give every symbol facts up to minute *wanted*, past the pipeline: they only have to be there."""
    if done >= wanted:
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "facts.tsv"
        for symbol in parts.simulator.symbols:
            with file.open("w") as lines:
                lines.writelines(_fact_line(symbol, minute) for minute in range(done, wanted))
            with parts.warehouse.write() as connection:
                target = f"TABLE fact_klines ({', '.join(KLINE_COLUMNS)})"
                connection.exec_driver_sql(f"LOAD DATA LOCAL INFILE '{file}' INTO {target}")


def _fact_line(symbol: str, minute: int) -> str:
    opened = sql_time(START_MS + minute * 60_000)
    return f"binance\t{symbol}\t1m\t{opened}\t1\t2\t1\t2\t5\t{opened}\t5\t3\t2\t2\t0\t{opened}\n"


def _fill_objects(parts: House, done: int, wanted: int) -> None:
    """Give the catalog objects that were loaded long ago."""
    columns = (
        "object_key, exchange, symbol, data_type, interval_code, captured_at, exchange_time, size_bytes, "
        "sha256, state"
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "objects.tsv"
        with file.open("w") as lines:
            for number in range(done, wanted):
                at = sql_time(START_MS + number * 60_000)
                lines.write(f"old/{number}\tbinance\tSIM001USDT\tklines\t1m\t{at}\t{at}\t500\t0\tloaded\n")
        with parts.warehouse.write() as connection:
            connection.exec_driver_sql(f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE lake_objects ({columns})")
            connection.exec_driver_sql("ANALYZE TABLE lake_objects, fact_klines")
