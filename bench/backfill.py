"""A backfill of one symbol, from command line to facts: how fast, how much memory, and was its plan right?

The simulator is a process of its own, so that its part of the CPU can be told; the lake lies in memory.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import make_url

from bench.memory import PROJECT
from bench.parts import START_MS, House, house, memory_folder, timed
from bench.table import Result
from src.domain import DAY_MS, format_utc
from src.warehouse.facts import KLINE_COLUMNS

_SYMBOL = "BTCUSDT"
_SPEED, _FLAT, _OFF = 0.2, 1.15, 0.1
_COLUMNS = ", ".join(KLINE_COLUMNS)
# The command, and then its own peak: what the system counts for a child begins with its parent's.
_BACKFILL = """
import re, sys
from pathlib import Path
from src.cli import main
try:
    main(["backfill", "--yes", "--json", *sys.argv[1:]])
finally:
    print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A simulator in a process of its own."""

    base_url: str
    pid: int

    def cpu_s(self) -> float:
        """Return how many seconds of CPU it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def klines(self) -> list[dict[str, Any]]:
        """Return the requests for candles that it remembers."""
        with urllib.request.urlopen(f"{self.base_url}/simulator/requests") as answer:
            logged: list[dict[str, Any]] = json.load(answer)
        return [one for one in logged if one["path"].endswith("/klines")]


class Cost(NamedTuple):
    """What a backfill took; *plan* is what was told before it."""

    seconds: float
    own_cpu_s: float
    exchange_cpu_s: float
    peak_mb: float
    plan: dict[str, Any]


def measure(days: int) -> Iterator[Result]:
    """Fill *days* back into MariaDB, after half of that elsewhere; compare with a bare LOAD DATA."""
    # A quarter of a year ends before all queues were full once: what it takes is still growing then.
    half = max(1, days // 2)
    with house("backfill", 1) as parts, _exchange() as exchange:
        folder = Path(tempfile.mkdtemp(dir=parts.lake_folder))
        few = _backfill(parts, exchange, folder, START_MS - DAY_MS * (half + 1), half)
        before = exchange.klines()
        cost = _backfill(parts, exchange, folder, START_MS, days)
        asked = exchange.klines()[len(before) :]
        rows = days * DAY_MS // 60_000
        bare = rows / _load_bare(parts, rows)
    ours = rows / cost.seconds
    share = cost.exchange_cpu_s / (cost.exchange_cpu_s + cost.own_cpu_s)
    yield Result(
        "backfill, end to end ÷ bare LOAD DATA",
        f"{ours / bare:.2f} ×",
        f"≥ {_SPEED} ×",
        f"{rows:,} candles, {ours:,.0f} rows/s, bare {bare:,.0f}; CPU: {cost.own_cpu_s:.1f} s ours, "
        f"{cost.exchange_cpu_s:.1f} s the simulator's ({share:.0%})",
        ours / bare >= _SPEED,
    )
    yield Result(
        f"backfill: memory of {days} days ÷ of {half}",
        f"{cost.peak_mb / few.peak_mb:.2f} ×",
        f"≤ {_FLAT} ×",
        f"{few.peak_mb:.0f} and {cost.peak_mb:.0f} MB at the peak",
        cost.peak_mb / few.peak_mb <= _FLAT,
    )
    yield _planned(cost.plan, asked)


def _planned(plan: dict[str, Any], asked: Sequence[dict[str, Any]]) -> Result:
    """Compare what was planned with what the exchange counted."""
    weight = sum(one["weight"] for one in asked)
    off = max(abs(plan["requests"] / len(asked) - 1), abs(plan["weight"] / weight - 1))
    detail = (
        f"planned {plan['requests']} requests of weight {plan['weight']}, counted {len(asked)} of {weight}"
    )
    return Result("backfill: the plan is off by", f"{off:.1%}", f"≤ {_OFF:.0%}", detail, off <= _OFF)


@contextmanager
def _exchange() -> Iterator[Exchange]:
    command = [sys.executable, "-m", "src.cli", "simulator", "--port", "0", "--weight-limit", str(10**9)]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found, "the simulator did not say where it is"
        yield Exchange(found[0], process.pid)
    finally:
        process.terminate()
        process.wait()


def _backfill(parts: House, exchange: Exchange, folder: Path, start_ms: int, days: int) -> Cost:
    window = ["--start", format_utc(start_ms), "--end", format_utc(start_ms + days * DAY_MS)]
    command = [sys.executable, "-P", "-c", _BACKFILL, "--symbols", _SYMBOL, *window]
    exchange_cpu_s, own_cpu_s, started = exchange.cpu_s(), _children_cpu_s(), time.perf_counter()
    output = subprocess.check_output(
        command, cwd=PROJECT, env=_environment(parts, exchange, folder), text=True, stderr=subprocess.DEVNULL
    )
    seconds = time.perf_counter() - started
    plan, *_, peak_kb = output.splitlines()
    return Cost(
        seconds,
        _children_cpu_s() - own_cpu_s,
        exchange.cpu_s() - exchange_cpu_s,
        int(peak_kb) / 1024,
        json.loads(plan),
    )


def _children_cpu_s() -> float:
    """Return the CPU of the children that have ended: the simulator is not among them."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _environment(parts: House, exchange: Exchange, folder: Path) -> dict[str, str]:
    url = make_url(parts.url)
    return os.environ | {
        "PYTHONPATH": str(PROJECT),
        "CANDLEHOUSE_ENV_FILE": os.devnull,
        "CANDLEHOUSE_DATA_DIR": str(folder),
        "CANDLEHOUSE_SYMBOLS": _SYMBOL,
        "CANDLEHOUSE_BUDGET_SHARE": "1",
        "CANDLEHOUSE_LOG": "warning",
        "BINANCE_BASE_URL": exchange.base_url,
        "MYSQL_HOST": str(url.host),
        "MYSQL_PORT": str(url.port),
        "MYSQL_USER": str(url.username),
        "MYSQL_PASSWORD": str(url.password),
        "MYSQL_DATABASE": str(url.database),
    }


def _load_bare(parts: House, rows: int) -> float:
    """Return how many seconds the same rows take by LOAD DATA, into an empty table like that of the facts."""
    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        file = Path(folder) / "facts.tsv"
        with parts.warehouse.read() as connection:
            query = f"SELECT {_COLUMNS} FROM fact_klines WHERE open_time >= '{format_utc(START_MS)[:10]}'"
            found = connection.exec_driver_sql(query).all()
        with file.open("w") as lines:  # after the session, which the server ends once it is silent for long
            lines.writelines("\t".join(map(str, row)) + "\n" for row in found)
        assert len(found) == rows, f"{len(found)} of {rows} candles are there"
        with parts.warehouse.write() as connection:
            connection.exec_driver_sql("CREATE TABLE bare LIKE fact_klines")
        load = f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE bare ({_COLUMNS})"
        return timed(lambda: parts.warehouse.run(lambda connection: connection.exec_driver_sql(load)))
