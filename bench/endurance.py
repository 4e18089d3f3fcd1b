"""Whether a collector that runs for long stays as it was: memory and open files over thousands of cycles.

    python -m bench.endurance [--cycles 2000]

Each cycle is a minute of a simulated exchange's life, on a clock that is moved by hand; two symbols, candles
and depth, SQLite and a folder. Exits 1 when memory grows by more than 15 % after the first fifth, or when
the number of open descriptors does.
"""

from __future__ import annotations

import argparse
import gc
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from src.domain import MINUTE_MS, Interval, SeriesKey
from src.jobs.cycle import run_cycle
from src.logs import configure_logging
from src.transform.manager import TransformManager
from src.warehouse.series import set_tracked
from src.warehouse.tables import fact_klines
from tests.service.rig import Process, Rig

_SYMBOLS = ("BTCUSDT", "ETHUSDT")
_SHOWN_PERCENT = (10, 20, 50, 100)
_MOST_GROWTH = 1.15


class Usage(NamedTuple):
    """What this process, simulator included, takes after so many cycles."""

    percent: int
    cycles: int
    rss_mb: float
    descriptors: int


def main() -> int:
    """Run, print and judge; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.endurance")
    parser.add_argument("--cycles", type=int, default=2000)
    cycles = parser.parse_args().cycles
    return 0 if endure(cycles) else 1


def endure(cycles: int) -> bool:
    """Run so many cycles and print what they took; return whether nothing grew."""
    configure_logging("warning")
    started = time.monotonic()
    print(f"\nendurance: {cycles:,} cycles of a minute, {len(_SYMBOLS)} symbols")
    with tempfile.TemporaryDirectory() as folder:
        usages = []
        for usage in measure(Path(folder), cycles):
            usages.append(usage)
            print(
                f"  {usage.percent:3} %  cycle {usage.cycles:5,}  {usage.rss_mb:6.1f} MB  "
                f"{usage.descriptors:3} descriptors  {time.monotonic() - started:5.0f} s",
                flush=True,
            )
    problems = find_growth(usages)
    for problem in problems:
        print(f"  GROWS: {problem}")
    return not problems


def measure(folder: Path, cycles: int) -> Iterator[Usage]:
    """Run the cycles in *folder*; yield what is used at each of ``_SHOWN_PERCENT``."""
    # A short request log: it is the simulator's, and meant to be read by tests.
    with Rig(folder, log_size=100) as rig:
        keys = [SeriesKey("binance", symbol, Interval.M1) for symbol in _SYMBOLS]
        rig.warehouse.run(lambda connection: set_tracked(connection, keys, tracked=True))
        _fill_pool(rig)
        process = rig.start()
        transform = TransformManager(rig.warehouse, rig.lake, rig.clock)
        shown = {max(1, cycles * percent // 100): percent for percent in _SHOWN_PERCENT}
        for number in range(1, cycles + 1):
            _cycle(rig, process, transform)
            if number in shown:
                yield _usage(shown[number], number)
        _check_truth(rig)


def find_growth(usages: list[Usage]) -> list[str]:
    """Name what grew between the second measurement (20 %) and the last."""
    _, warm, *_, last = usages
    problems = []
    if last.rss_mb > warm.rss_mb * _MOST_GROWTH:
        problems.append(f"memory from {warm.rss_mb:.1f} to {last.rss_mb:.1f} MB")
    if last.descriptors > warm.descriptors:
        problems.append(f"open descriptors from {warm.descriptors} to {last.descriptors}")
    return problems


def _cycle(rig: Rig, process: Process, transform: TransformManager) -> None:
    rig.clock.advance(MINUTE_MS)
    report = run_cycle(process.extraction, transform, rig.clock, wait_s=None)
    if report.extracted.failures or report.transformed.quarantined:
        raise SystemExit(f"a cycle failed: {report}")


def _check_truth(rig: Rig) -> None:
    """Raise SystemExit unless all candles are held: a collector that loses them need not grow."""
    opens = [row.open_time for row in rig.rows(fact_klines)]
    minutes = (Interval.M1.floor(rig.clock.now_ms()) - min(opens)) // MINUTE_MS
    if len(opens) != minutes * len(_SYMBOLS):
        raise SystemExit(f"{len(opens):,} candles are held of {minutes:,} minutes of {len(_SYMBOLS)} symbols")


def _fill_pool(rig: Rig) -> None:
    """Open all connections that the pool keeps: one more open, for it was needed later, is no leak."""
    with ExitStack() as stack:
        for _ in range(rig.warehouse.pool_numbers().size):
            stack.enter_context(rig.warehouse.read())


def _usage(percent: int, cycles: int) -> Usage:
    gc.collect()
    return Usage(percent, cycles, _rss_mb(), len(list(_descriptors().iterdir())))


def _descriptors() -> Path:
    """Return the folder in which the system lists what this process has open; macOS has another."""
    folder = Path("/proc/self/fd")
    return folder if folder.is_dir() else Path("/dev/fd")


def _rss_mb() -> float:
    """Return the memory in use now; its peak, which never falls, where the system does not tell."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    sys.exit(main())
