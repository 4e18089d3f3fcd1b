"""Who waits for retention: live minutes and a backfill are loaded and a chart is asked for while facts go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median

from bench.coverage import insert_minutes
from bench.parts import CANDLES_AN_OBJECT, CAPTURED_MS, START_MS, House, house, land_rows
from bench.table import Result
from src.clock import ManualClock
from src.domain import DAY_MS, MINUTE_MS, Interval, SeriesKey, Window
from src.maintenance.retention import Retention
from src.transform.manager import TransformManager
from src.warehouse.coverage import rewrite_coverage
from src.warehouse.partitions import Partitions
from src.warehouse.series import ensure_series, list_series
from src.warehouse.tables import fact_klines, series

_SERIES = 5
_WANTED_S = 2.0
_PAUSE_S = 0.05
_CHART_PAUSE_S = 3.0
# So far back the backfill reaches before it begins again, within what stays.
_PAGES = 30
_BACKFILLED = "OLDUSDT"
# What a chart of everything would read: all minutes, day by day.
_CHART = (
    "SELECT DATE(open_time), MIN(low_price), MAX(high_price), SUM(volume) FROM fact_klines "
    "WHERE exchange = 'binance' AND interval_code = '1m' GROUP BY 1"
)


def measure(facts: int) -> Iterator[Result]:
    """Measure the longest load while the oldest third of *facts* is sealed and goes."""
    with house("ageing", 1) as parts:
        days = facts // _SERIES * MINUTE_MS // DAY_MS
        now_ms = _fill(parts, days)
        retention = Retention(
            parts.warehouse, ManualClock(now_ms), keep_days=days - days // 3, keep_depth_days=0
        )
        loading = _again_and_again(_Loads(parts, now_ms).load, _PAUSE_S)
        with _again_and_again(lambda: _ask(parts), _CHART_PAUSE_S) as asked, loading as loads:
            started = time.monotonic()
            report = retention.age_facts()
            took_s = time.monotonic() - started
    detail = (
        f"of {len(loads):,} loads, median {median(loads):.2f} s, while {report.rows:,} of {facts:,} facts, "
        f"{len(report.partitions)} partitions, went in {took_s:.0f} s and {len(asked)} queries read all facts"
    )
    longest = max(loads)
    wanted = f"< {_WANTED_S:g} s"
    yield Result("longest load while facts age out", f"{longest:.2f} s", wanted, detail, longest < _WANTED_S)


def _fill(parts: House, days: int) -> int:
    """Fill facts and ledger with so many days up to now, which is returned (UTC ms)."""
    end_ms = START_MS + days * DAY_MS
    # Also those that the loads need: making them waits for who reads, with or without retention.
    Partitions(parts.warehouse).ensure(fact_klines, Window(START_MS, end_ms), end_ms)
    Partitions(parts.warehouse).ensure_ahead(end_ms)
    keys = [SeriesKey("binance", f"S{number:05d}USDT", Interval.M1) for number in range(_SERIES)]
    with parts.warehouse.write() as connection:
        ensure_series(connection, keys, tracked=True)
        for key in keys:
            connection.exec_driver_sql(insert_minutes(key, days * 1440))
        for row in list_series(connection):
            rewrite_coverage(connection, row)
        ends = {"first_open_time": START_MS, "last_open_time": end_ms - MINUTE_MS, "wanted_from": START_MS}
        connection.execute(series.update().values(ends))
        connection.exec_driver_sql("ANALYZE TABLE fact_klines")
    return end_ms


class _Loads:
    """Loads what a cycle and a backfill land: a minute of each series, and a page from before now."""

    def __init__(self, parts: House, now_ms: int) -> None:
        self._parts = parts
        # By the clock of retention, since recent partitions are made otherwise than old ones.
        self._transform = TransformManager(parts.warehouse, parts.lake, ManualClock(now_ms))
        self._now_ms = now_ms
        self._number = 0

    def load(self) -> None:
        """Land and load the next of both."""
        number, self._number = self._number, self._number + 1
        opens_ms = self._now_ms + number * MINUTE_MS
        end_ms = self._now_ms - number % _PAGES * CANDLES_AN_OBJECT * MINUTE_MS
        page = Window(end_ms - CANDLES_AN_OBJECT * MINUTE_MS, end_ms)
        windows = {f"S{one:05d}USDT": Window(opens_ms, opens_ms + MINUTE_MS) for one in range(_SERIES)}
        for symbol, window in {**windows, _BACKFILLED: page}.items():
            rows = self._parts.simulator.truth(self._parts.simulator.symbols[0], Interval.M1, window)
            land_rows(self._parts, symbol, rows, CAPTURED_MS + number)
        self._transform.load_waiting()


def _ask(parts: House) -> None:
    with parts.warehouse.read() as connection:
        connection.exec_driver_sql(_CHART).all()


@contextmanager
def _again_and_again(work: Callable[[], None], pause_s: float) -> Iterator[list[float]]:
    """Do *work* in a thread until the end; the list tells how long each time took, in seconds."""
    took_s: list[float] = []
    stop = threading.Event()

    def go_on() -> None:
        while not stop.wait(pause_s):
            started = time.monotonic()
            work()
            took_s.append(time.monotonic() - started)

    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(go_on)
        try:
            yield took_s
        finally:
            stop.set()
        going.result()
