"""Runs: how long it takes to ask for many, to look at one among very many, and to see the first data.

Absolute times, since these are what a person waits for; each against a limit with room for a busy machine.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from bench.parts import SERVER_VARIABLE, house, timed
from bench.table import Result
from src.domain import DAY_MS, Interval, SeriesKey, Window, format_utc
from src.jobs.asking import ask_fetch
from src.simulator.config import SimulatorConfig, extra_symbols
from src.simulator.simulator import Simulator
from src.warehouse.engine import Warehouse, open_warehouse, sqlite_url
from src.warehouse.run_tables import runs
from src.warehouse.runs import RunFilter, get_run, list_children, list_runs
from src.warehouse.schema import migrate

_PROJECT = Path(__file__).resolve().parent.parent
_CHILDREN, _ROUNDS = 500, 21
_STATUS_MS, _LIST_MS, _CREATE_MS, _FIRST_DATA_S, _THIRTY_DAYS_S = 20, 50, 200, 30, 300


def measure(many: int, days: int) -> Iterator[Result]:
    """Measure with *many* runs in the table, and a fetch of *days*."""
    with house("runs", 1) as parts, tempfile.TemporaryDirectory() as folder:
        yield from _measure_table("MariaDB", parts.warehouse, many)
        small = open_warehouse(sqlite_url(Path(folder) / "warehouse.db"))
        migrate(small)
        yield from _measure_table("SQLite", small, many)
        small.close()
    yield from _measure_first_data(days)


def _measure_table(name: str, warehouse: Warehouse, many: int) -> Iterator[Result]:
    """Measure asking for a batch, and looking at runs among *many* finished ones."""
    window = Window(0, DAY_MS)
    series = [SeriesKey("binance", f"SIM{number:03d}USDT", Interval.M1) for number in range(_CHILDREN)]
    created_ms = 1000 * median(timed(lambda: ask_fetch(warehouse, series, window, "bench")) for _ in range(5))
    yield Result(
        f"a batch of {_CHILDREN} runs is created, {name}",
        f"{created_ms:.0f} ms",
        f"< {_CREATE_MS} ms",
        "median of 5",
        created_ms < _CREATE_MS,
    )
    _fill(warehouse, many)
    batch = ask_fetch(warehouse, series[:20], window, "bench")

    def look() -> None:
        with warehouse.read() as connection:
            get_run(connection, batch)
            list_children(connection, batch)

    def list_newest() -> None:
        with warehouse.read() as connection:
            list_runs(connection, RunFilter(top_only=True), limit=50)

    yield _measure_look(f"status of a batch of 20 among {many:,} runs, {name}", look, _STATUS_MS)
    yield _measure_look(f"the newest 50 of {many:,} runs, {name}", list_newest, _LIST_MS)


def _measure_look(what: str, look: Callable[[], None], limit_ms: int) -> Result:
    look()
    looked_ms = 1000 * median(timed(look) for _ in range(_ROUNDS))
    return Result(
        what, f"{looked_ms:.1f} ms", f"< {limit_ms} ms", f"median of {_ROUNDS}", looked_ms < limit_ms
    )


def _fill(warehouse: Warehouse, many: int) -> None:
    """Put *many* finished runs of the cycle into the table."""
    row = {
        "job_id": "cycle",
        "kind": "cycle",
        "lane": "live",
        "parameters": "{}",
        "origin": "schedule",
        "requested_by": "scheduler",
        "state": "succeeded",
        "finished_at": 1_700_000_000_000,
    }
    for _ in range(0, many, 5_000):
        warehouse.run(lambda connection: connection.execute(runs.insert(), [row] * 5_000))


def _measure_first_data(days: int) -> Iterator[Result]:
    """Measure ``runs start fetch`` as a person would: one symbol, *days* of minutes, SQLite and a folder."""
    config = SimulatorConfig(symbols=extra_symbols(1))
    with Simulator(config).serve_in_thread() as simulator, tempfile.TemporaryDirectory() as folder:
        environment = _environment(simulator.base_url, folder)
        start = Interval.D1.floor(simulator.clock.now_ms()) - days * DAY_MS
        command = [sys.executable, "-P", "-m", "src.cli", "runs", "start", "fetch", "--json"]
        command += ["--symbols", "SIM001USDT", "--interval", "1m", "--start", format_utc(start)]
        began = time.monotonic()
        process = subprocess.Popen(command, env=environment, cwd=_PROJECT, stdout=subprocess.PIPE, text=True)
        first_s = _wait_for_first_candle(Path(folder) / "warehouse.db", began)
        output, _ = process.communicate()
        whole_s = time.monotonic() - began
        statuses = [one.status for one in simulator.requests]
    told = json.loads(output.splitlines()[-1])
    yield Result(
        "first data visible after asking",
        f"{first_s:.1f} s",
        f"< {_FIRST_DATA_S} s",
        "from the command to the first fact, the start of Python included",
        first_s < _FIRST_DATA_S,
    )
    yield Result(
        f"{days} days of 1m for one symbol",
        f"{whole_s:.1f} s",
        f"< {_THIRTY_DAYS_S} s",
        f"{told.get('loaded', 0):,} candles loaded; {len(statuses)} requests, {statuses.count(429)} x 429",
        whole_s < _THIRTY_DAYS_S and 429 not in statuses,
    )


def _wait_for_first_candle(file: Path, began: float) -> float:
    while time.monotonic() - began < _THIRTY_DAYS_S:
        if file.exists():
            try:
                with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
                    if connection.execute("SELECT 1 FROM fact_klines LIMIT 1").fetchone():
                        return time.monotonic() - began
            except sqlite3.OperationalError:
                pass  # the tables are being made
        time.sleep(0.05)
    return float("inf")


def _environment(base_url: str, folder: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != SERVER_VARIABLE}
    return kept | {
        "PYTHONPATH": str(_PROJECT),
        "CANDLEHOUSE_ENV_FILE": os.devnull,
        "CANDLEHOUSE_DATA_DIR": folder,
        "CANDLEHOUSE_LOG": "warning",
        "BINANCE_BASE_URL": base_url,
    }
