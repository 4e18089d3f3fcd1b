"""The ledger of coverage: a recount over many facts, and gaps of many series found from the ledger alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median

from bench.parts import START_MS, House, house, timed
from bench.table import Result
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, SeriesKey, Window
from src.maintenance.gaps import detect_gaps
from src.warehouse.coverage import recount, rewrite_coverage
from src.warehouse.facts import KLINE_COLUMNS
from src.warehouse.ledger_tables import coverage_ranges
from src.warehouse.partitions import Partitions
from src.warehouse.series import ensure_series, list_series
from src.warehouse.tables import fact_klines, series

_ROUNDS = 3
_SERIES = 5
_COUNT = "SELECT exchange, symbol, interval_code, COUNT(*) FROM fact_klines GROUP BY 1, 2, 3"
_DETECTION_S = 1.0


def measure(facts: int, series_of_gaps: int) -> Iterator[Result]:
    """Measure a recount over *facts*, a few of them missing, and the detection of gaps in so many series."""
    with house("coverage", 1) as parts:
        _fill(parts, facts)
        rounds = [(timed(lambda: _recount(parts)), timed(lambda: _count(parts))) for _ in range(_ROUNDS)]
        ours, bare = (median(column) for column in zip(*rounds, strict=True))
        ratio = ours / bare
        detail = f"{facts:,} facts of {_SERIES} series, {ours:.2f} s, the bare count {bare:.2f} s"
        yield Result("recount ÷ COUNT(*) … GROUP BY series", f"{ratio:.1f} ×", "≤ 3 ×", detail, ratio <= 3)
    with house("gaps", 1) as parts:
        _cover(parts, series_of_gaps)
        took_s, found = _detect(parts)
        detail = f"{series_of_gaps:,} series, {found:,} gaps found in them"
        wanted = f"< {_DETECTION_S:g} s"
        yield Result("gaps of all series", f"{took_s:.2f} s", wanted, detail, took_s < _DETECTION_S)


def _fill(parts: House, facts: int) -> None:
    """Put minutes into the facts, of which each series lacks a few, and into the ledger what they hold."""
    each = facts // _SERIES
    keys = _keys(_SERIES)
    window = Window(START_MS, START_MS + each * MINUTE_MS)
    Partitions(parts.warehouse).ensure(fact_klines, window, window.end_ms)
    with parts.warehouse.write() as connection:
        ensure_series(connection, keys, tracked=True)
        for key in keys:
            connection.exec_driver_sql(insert_minutes(key, each))
        holes = range(START_MS + DAY_MS, window.end_ms, 50 * DAY_MS)
        connection.execute(fact_klines.delete().where(fact_klines.c.open_time.in_(list(holes))))
        for row in list_series(connection):
            rewrite_coverage(connection, row)
        connection.exec_driver_sql("ANALYZE TABLE fact_klines")


def insert_minutes(key: SeriesKey, candles: int, start: str = "2022-01-01") -> str:
    """Return an INSERT of so many minutes from *start* on, by MariaDB's sequences."""
    values = {"exchange": f"'{key.exchange}'", "symbol": f"'{key.symbol}'", "interval_code": "'1m'"}
    times = {"open_time": f"TIMESTAMPADD(MINUTE, seq, '{start}')"}
    times |= dict.fromkeys(("close_time", "captured_at"), times["open_time"])
    amounts = {name: "101.5" for name in KLINE_COLUMNS if name not in values and name not in times}
    selected = {**amounts, **values, **times, "trade_count": "7", "object_id": "1"}
    columns, made = ", ".join(selected), ", ".join(selected.values())
    return f"INSERT INTO fact_klines ({columns}) SELECT {made} FROM seq_0_to_{candles - 1}"


def _keys(count: int) -> list[SeriesKey]:
    return [SeriesKey("binance", f"S{number:05d}USDT", Interval.M1) for number in range(count)]


def _recount(parts: House) -> None:
    with parts.warehouse.read() as connection:
        for row in list_series(connection):
            if differences := recount(connection, row):
                raise AssertionError(f"the ledger was just written and differs: {differences[0]}")


def _count(parts: House) -> None:
    with parts.warehouse.read() as connection:
        connection.exec_driver_sql(_COUNT).all()


def _cover(parts: House, count: int) -> None:
    """Make series that hold a day, with an hour missing in every tenth."""
    day, noon_ms = Window(START_MS, START_MS + DAY_MS), START_MS + DAY_MS // 2
    whole = [day]
    torn = [Window(day.start_ms, noon_ms), Window(noon_ms + HOUR_MS, day.end_ms)]
    with parts.warehouse.write() as connection:
        keys = _keys(count)
        for start in range(0, count, 1000):
            ensure_series(connection, keys[start : start + 1000], tracked=True)
        connection.execute(series.update().values(wanted_from=START_MS))
        rows = [
            {"series_id": row.id, "start_time": window.start_ms, "end_time": window.end_ms}
            for number, row in enumerate(list_series(connection))
            for window in (whole if number % 10 else torn)
        ]
        connection.execute(coverage_ranges.insert(), rows)


def _detect(parts: House) -> tuple[float, int]:
    """Return how long it took to find the gaps of all series, and how many there were."""
    started = time.perf_counter()
    changes = parts.warehouse.run(lambda connection: detect_gaps(connection, START_MS + DAY_MS))
    return time.perf_counter() - started, changes.detected
