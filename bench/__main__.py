"""``make bench``: measures ratios on real servers and writes docs/performance.md."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from bench import ageing, ageing_waits, api, backfill, coverage, cycle, loading, memory, runs
from bench.table import Result, as_markdown
from src.logs import configure_logging

_REPORT = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
_HEADING = """# Performance

Written by `make bench`. Ratios compare within one run on one machine, so they hold better than absolute
figures, which belong to the day and the machine they were measured on: {machine}.

"""


def main() -> int:
    """Measure all parts, or those that are named; the exit status is 1 where something wanted was not met."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a quick look: small sizes, no report written")
    parser.add_argument("parts", nargs="*", help="measure these alone, no report written: loading, cycle ...")
    options = parser.parse_args()
    parts = _parts(options.small)
    if unknown := set(options.parts) - set(parts):
        parser.error(f"there is no part {', '.join(sorted(unknown))}, only {', '.join(parts)}")
    configure_logging("warning")
    results: list[Result] = []
    for result in chain.from_iterable(parts[name]() for name in options.parts or parts):
        print(f"{result.what:45} {result.figure:>10}  wanted {result.wanted:10} {result.detail}", flush=True)
        results.append(result)
    if not (options.small or options.parts):
        machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
        _REPORT.write_text(_HEADING.format(machine=machine) + as_markdown(results) + "\n", encoding="utf-8")
    return 0 if all(result.is_met for result in results) else 1


def _parts(small: bool) -> dict[str, Callable[[], Iterator[Result]]]:
    facts = (15_000, 150_000) if small else (150_000, 5_000_000)
    days = 20 if small else 365
    many = 500_000 if small else 5_000_000
    return {
        "loading": lambda: loading.measure(symbols=10, pages=4 if small else 40),
        "cycle": lambda: cycle.measure(symbols=50, facts=facts, objects=(100, 3_000 if small else 300_000)),
        "memory": lambda: memory.measure(days=days),
        "coverage": lambda: coverage.measure(facts=500_000 if small else 10_000_000, series_of_gaps=10_000),
        "backfill": lambda: backfill.measure(days=days),
        "ageing": lambda: chain(ageing.measure(many), ageing_waits.measure(many)),
        "runs": lambda: runs.measure(many=5_000 if small else 100_000, days=5 if small else 30),
        "api": lambda: api.measure(facts=2_000_000 if small else 10_000_000),
    }


if __name__ == "__main__":
    sys.exit(main())
