"""How much memory the pipeline takes while it catches up a year of one symbol (Linux alone says that)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.parts import SERVER_VARIABLE, timed
from bench.table import Result
from src.simulator.config import DEFAULT_SYMBOLS, SimulatorConfig
from src.simulator.simulator import Simulator

PROJECT = Path(__file__).resolve().parent.parent
_WANTED_MB = 250
# The command, and then its own peak: what the system counts for a child begins with its parent's.
_CYCLE = """
import re, sys
from pathlib import Path
from src.cli import main
try:
    main(["cycle", "--json"])
finally:
    print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def measure(days: int) -> Iterator[Result]:
    """Run ``./candlehouse cycle`` in a process of its own over *days* of history; SQLite and a local lake."""
    config = SimulatorConfig(symbols=DEFAULT_SYMBOLS[:1], weight_limit=10**9)
    with Simulator(config).serve_in_thread() as simulator, tempfile.TemporaryDirectory() as folder:
        environment = _environment(simulator.base_url, folder, days)
        command = [sys.executable, "-P", "-c", _CYCLE]
        outputs: list[str] = []
        run = partial(subprocess.check_output, command, env=environment, cwd=PROJECT, text=True)
        seconds = timed(lambda: outputs.append(run()))
    report, peak_kb = outputs[0].splitlines()[-2:]
    inserted = json.loads(report)["transformed"]["loaded"]["inserted"]
    peak_mb = int(peak_kb) / 1024
    yield Result(
        f"memory at its peak, catching up {days} days",
        f"{peak_mb:.0f} MB",
        f"< {_WANTED_MB} MB",
        f"{inserted:,} candles in {seconds:.0f} s, simulator included, SQLite and a folder",
        peak_mb < _WANTED_MB and inserted >= days * 1440,
    )


def _environment(base_url: str, folder: str, days: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != SERVER_VARIABLE}
    return kept | {
        "PYTHONPATH": str(PROJECT),
        "CANDLEHOUSE_ENV_FILE": os.devnull,
        "CANDLEHOUSE_DATA_DIR": folder,
        "CANDLEHOUSE_SYMBOLS": "BTCUSDT",
        "CANDLEHOUSE_LOOKBACK_DAYS": str(days),
        "CANDLEHOUSE_BUDGET_SHARE": "1",
        "CANDLEHOUSE_LOG": "warning",
        "BINANCE_BASE_URL": base_url,
    }
