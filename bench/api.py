"""Answers of the API under load, against a bare Flask route that returns as many bytes from memory.

Every server runs in turn, in the same rounds, so that their ratios hold on a busy machine, too.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, fields
from decimal import Decimal
from statistics import median
from urllib.parse import urlsplit

import numpy as np
import requests
from sqlalchemy import Connection, event, make_url

from bench.coverage import insert_minutes
from bench.parts import House, house
from bench.table import Result
from src.api.live import MOST_STREAMS
from src.clock import SystemClock
from src.domain import DAY_MS, MINUTE_MS, Interval, SeriesKey, Window
from src.services.visualize import VisualizeService
from src.settings import ENV_FILE_VARIABLE
from src.warehouse.coverage import rewrite_coverage
from src.warehouse.partitions import Partitions
from src.warehouse.rollups import WarehouseAggregator
from src.warehouse.series import ensure_series, list_series
from src.warehouse.tables import fact_klines, hourly_klines, latest, series
from src.warehouse.types import sql_time

_CONNECTIONS, _ROUNDS = 8, 3
_PATH = "/api/candlestick/S00000USDT?limit=500"
_DASHBOARD = "/api/dashboard/metrics"
_P99_MS = 100.0
_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw: requests a second, and the times in which half of them, and 99 of 100, were answered."""

    rate: float
    p50_ms: float
    p99_ms: float


def measure(facts: int, symbols: int = 100, seconds: int = 5) -> Iterator[Result]:
    """Measure charts and the dashboard over *facts* minutes of so many symbols."""
    if not shutil.which("wrk"):
        print("wrk is missing: `scripts/servers install` installs it; the API is not measured")
        return
    with house("api", 1) as parts:
        _fill(parts, facts // 10 // symbols, symbols)
        few = _rows_read(parts)
        _empty(parts)
        _fill(parts, facts // symbols, symbols)
        yield _flat(few, _rows_read(parts), facts)
        yield _queries(parts)
        yield from _under_load(facts, seconds)


def _under_load(facts: int, seconds: int) -> Iterator[Result]:
    with _server("ours") as ours, _server("uncached") as uncached:
        # With an end, so that a minute that passes changes nothing.
        path = f"{_PATH}&end={SystemClock().now_ms() // MINUTE_MS * MINUTE_MS}"
        size = len(requests.get(ours + path, headers={"Accept-Encoding": ""}, timeout=30).content)
        etag = requests.get(ours + path, timeout=30).headers["ETag"]
        with _server("bare", str(size)) as bare:
            targets = {
                "bare": (bare + "/", ()),
                "uncached": (uncached + path, ()),
                "cached": (ours + path, ()),
                "unchanged": (ours + path, (f"If-None-Match: {etag}",)),
                "dashboard": (ours + _DASHBOARD, ()),
            }
            seen = _rounds(targets, seconds)
        alone, beside = _with_and_without_streams(ours, path, seconds)
    limit = seen["bare"].rate
    yield _ratio("candlestick 500 uncached ÷ bare route", seen["uncached"], limit, 0.15, f"{size:,} bytes")
    yield _ratio("candlestick 500 from the cache ÷ bare route", seen["cached"], limit, 1 / 3, "")
    yield _ratio("candlestick 500 unchanged (304) ÷ bare route", seen["unchanged"], limit, 1 / 3, "")
    names = {"uncached": "candlestick 500 uncached, p99", "dashboard": "dashboard, anew each second, p99"}
    for name, what in names.items():
        load = seen[name]
        told = f"{facts:,} facts, {_CONNECTIONS} connections, {load.rate:,.0f} requests/s"
        yield Result(what, f"{load.p99_ms:.0f} ms", f"< {_P99_MS:g} ms", told, load.p99_ms < _P99_MS)
    yield _slower("p50", alone.p50_ms, beside.p50_ms, 1.25)
    yield _slower("p99", alone.p99_ms, beside.p99_ms, 1.5)


def _slower(name: str, alone_ms: float, beside_ms: float, most: float) -> Result:
    ratio = beside_ms / alone_ms
    detail = (
        f"{MOST_STREAMS} open: {beside_ms:.1f} ms, none: {alone_ms:.1f} ms, candlestick 500 from the cache"
    )
    what = f"{name} beside {MOST_STREAMS} streams ÷ without them"
    return Result(what, f"{ratio:.2f} ×", f"≤ {most:g} ×", detail, ratio <= most)


def _with_and_without_streams(address: str, path: str, seconds: int) -> tuple[Load, Load]:
    alone, beside = [], []
    for _ in range(_ROUNDS):
        alone.append(_wrk(address + path, (), seconds))
        with _streams(address):
            beside.append(_wrk(address + path, (), seconds))
        while _count_streams(address):  # who is gone is noticed by the next heartbeat
            time.sleep(0.5)
    return _median(alone), _median(beside)


@contextmanager
def _streams(address: str) -> Iterator[None]:
    """Hold as many streams open as are served at once."""
    url = urlsplit(address)
    with ExitStack() as opened:
        for _ in range(MOST_STREAMS):
            stream = opened.enter_context(socket.create_connection((url.hostname, url.port), timeout=30))
            stream.sendall(f"GET /api/events HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n".encode())
            if b" 200 " not in stream.recv(1_000):
                raise AssertionError("a stream was not opened")
        if _count_streams(address) != MOST_STREAMS:
            raise AssertionError("not all streams are open")
        yield


def _count_streams(address: str) -> int:
    told = requests.get(f"{address}/metrics", timeout=30).text
    return int(float(re.findall(r"^candlehouse_streams ([\d.]+)", told, re.MULTILINE)[0]))


def _ratio(what: str, load: Load, limit: float, wanted: float, more: str) -> Result:
    ratio = load.rate / limit
    detail = f"{load.rate:,.0f} of {limit:,.0f} requests/s{', ' if more else ''}{more}"
    return Result(what, f"{ratio:.2f} ×", f"≥ {wanted:.2f} ×", detail, ratio >= wanted)


def _rounds(targets: dict[str, tuple[str, Sequence[str]]], seconds: int) -> dict[str, Load]:
    loads: dict[str, list[Load]] = {name: [] for name in targets}
    for _ in range(_ROUNDS):
        for name, (url, headers) in targets.items():
            loads[name].append(_wrk(url, headers, seconds))
    return {name: _median(seen) for name, seen in loads.items()}


def _median(seen: Sequence[Load]) -> Load:
    return Load(*(median(getattr(load, field.name) for load in seen) for field in fields(Load)))


def _wrk(url: str, headers: Sequence[str], seconds: int) -> Load:
    asked = [part for header in headers for part in ("-H", header)]
    command = ["wrk", "-t2", f"-c{_CONNECTIONS}", f"-d{seconds}s", "--latency", *asked, url]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in told and not headers:
        raise AssertionError(f"{url} was not answered as it should be:\n{told}")
    rate = float(re.findall(r"Requests/sec:\s+([\d.]+)", told)[0])
    return Load(rate, _percentile_ms(told, 50), _percentile_ms(told, 99))


def _percentile_ms(told: str, percent: int) -> float:
    number, unit = re.findall(rf"{percent}%\s+([\d.]+)(us|ms|s)", told)[0]
    return float(number) * _UNITS_MS[unit]


@contextmanager
def _server(kind: str, *arguments: str) -> Iterator[str]:
    """Serve one of the APIs on a free port while it is looked at."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "CANDLEHOUSE_DATA_DIR": folder,
            ENV_FILE_VARIABLE: os.devnull,
            **_warehouse(),
        }
        command = [sys.executable, "-m", "bench.api_server", kind, str(port), *arguments]
        process = subprocess.Popen(command, env=environment)
        try:
            _wait_until_open(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def _warehouse() -> dict[str, str]:
    url = make_url(os.environ["CANDLEHOUSE_TEST_MARIADB_URL"])
    return {
        "MYSQL_HOST": url.host or "",
        "MYSQL_PORT": str(url.port),
        "MYSQL_USER": url.username or "",
        "MYSQL_PASSWORD": url.password or "",
        "MYSQL_DATABASE": "bench_api",
    }


def _wait_until_open(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the API to be measured did not start")


def _fill(parts: House, minutes: int, symbols: int) -> None:
    """Put so many minutes of each symbol, the last just closed, into facts, rollups and the ledger."""
    end_ms = SystemClock().now_ms() // MINUTE_MS * MINUTE_MS
    window = Window(end_ms - minutes * MINUTE_MS, end_ms)
    keys = [SeriesKey("binance", f"S{number:05d}USDT", Interval.M1) for number in range(symbols)]
    Partitions(parts.warehouse).ensure(fact_klines, window, end_ms)
    with parts.warehouse.write() as connection:
        ensure_series(connection, keys, tracked=True)
        for key in keys:
            connection.exec_driver_sql(insert_minutes(key, minutes, sql_time(window.start_ms)))
        connection.exec_driver_sql("ANALYZE TABLE fact_klines")
    # The last days are all that is looked at.
    recent = np.arange(max(window.start_ms, end_ms - 30 * DAY_MS), end_ms, MINUTE_MS)
    with parts.warehouse.write() as connection:
        aggregator = WarehouseAggregator(connection)
        for row in list_series(connection):
            aggregator.roll_up(row.key, recent)
            rewrite_coverage(connection, row)
        held = {"first_open_time": window.start_ms, "last_open_time": end_ms - MINUTE_MS}
        connection.execute(series.update().values(**held))
        _note_latest(connection, keys, end_ms)


def _note_latest(connection: Connection, keys: Sequence[SeriesKey], open_ms: int) -> None:
    amounts = {c.name: Decimal(101) for c in latest.columns if c.name.endswith(("price", "volume"))}
    times = {"open_time": open_ms, "close_time": open_ms + 59_999, "exchange_time": open_ms + 30_000}
    for key in keys:
        name = {"exchange": key.exchange, "symbol": key.symbol, "interval_code": key.interval.value}
        connection.execute(latest.insert().values(**name, **times, **amounts, trade_count=7))


def _empty(parts: House) -> None:
    with parts.warehouse.write() as connection:
        for table in (fact_klines, hourly_klines, latest):
            connection.exec_driver_sql(f"TRUNCATE {table.name}")


def _rows_read(parts: House) -> int:
    """Return how many rows the server reads for a dashboard; nobody else uses it meanwhile."""
    before = _handler_reads(parts)
    _cards(parts)
    return _handler_reads(parts) - before


def _handler_reads(parts: House) -> int:
    with parts.warehouse.read() as connection:
        told = connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Handler_read%'")
        return sum(int(value) for _, value in told)


def _cards(parts: House) -> None:
    VisualizeService(parts.warehouse, SystemClock()).cards("binance")


def _flat(few: int, many: int, facts: int) -> Result:
    detail = f"{few:,} rows read at {facts // 10:,} facts, {many:,} at {facts:,}"
    return Result(
        "dashboard: rows read as history grows tenfold",
        f"{many / few:.2f} ×",
        "≤ 1.2 ×",
        detail,
        many <= 1.2 * few,
    )


def _queries(parts: House) -> Result:
    statements: list[str] = []

    def count(_c: object, _k: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(parts.warehouse.engine, "before_cursor_execute", count)
    _cards(parts)
    event.remove(parts.warehouse.engine, "before_cursor_execute", count)
    return Result("dashboard: SQL queries", str(len(statements)), "≤ 3", "100 symbols", len(statements) <= 3)
