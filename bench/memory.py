"""How much memory the pipeline takes while it catches up a year of one symbol."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.parts import SERVER_VARIABLE, timed
from bench.table import Result
from src.simulator.config import DEFAULT_SYMBOLS, SimulatorConfig
from src.simulator.simulator import Simulator

_PROJECT = Path(__file__).resolve().parent.parent
_WANTED_MB = 250


def measure(days: int) -> Iterator[Result]:
    """Run ``./candlehouse cycle`` in a process of its own over *days* of history; SQLite and a local lake."""
    config = SimulatorConfig(symbols=DEFAULT_SYMBOLS[:1], weight_limit=10**9)
    with Simulator(config).serve_in_thread() as simulator, tempfile.TemporaryDirectory() as folder:
        environment = _environment(simulator.base_url, folder, days)
        command = [sys.executable, "-P", "-m", "src.cli", "cycle", "--json"]
        outputs: list[bytes] = []
        seconds = timed(
            lambda: outputs.append(subprocess.check_output(command, env=environment, cwd=_PROJECT))
        )
    inserted = json.loads(outputs[0])["transformed"]["loaded"]["inserted"]
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
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
        "PYTHONPATH": str(_PROJECT),
        "CANDLEHOUSE_ENV_FILE": os.devnull,
        "CANDLEHOUSE_DATA_DIR": folder,
        "CANDLEHOUSE_SYMBOLS": "BTCUSDT",
        "CANDLEHOUSE_LOOKBACK_DAYS": str(days),
        "CANDLEHOUSE_BUDGET_SHARE": "1",
        "CANDLEHOUSE_LOG": "warning",
        "BINANCE_BASE_URL": base_url,
    }
