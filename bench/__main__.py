"""``make bench``: measures ratios on real servers and writes docs/performance.md."""

from __future__ import annotations

import argparse
import platform
import sys
from pathlib import Path

from bench import loading
from bench.table import Result, as_markdown
from src.logs import configure_logging

_REPORT = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
_HEADING = """# Performance

Written by `make bench`. Ratios compare within one run on one machine, so they hold better than absolute
figures, which belong to the day and the machine they were measured on: {machine}.

"""


def main() -> int:
    """Measure everything; the exit status is 1 where something wanted was not met."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--symbols", type=int, default=10, help="symbols of the loading benchmark")
    parser.add_argument("--pages", type=int, default=40, help="objects of 1000 candles a symbol")
    parser.add_argument("--no-report", action="store_true", help="print only, leave docs/performance.md")
    options = parser.parse_args()
    configure_logging("warning")
    results: list[Result] = []
    for result in loading.measure(options.symbols, options.pages):
        print(f"{result.what:45} {result.figure:>10}  wanted {result.wanted:10} {result.detail}", flush=True)
        results.append(result)
    if not options.no_report:
        machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
        _REPORT.write_text(_HEADING.format(machine=machine) + as_markdown(results) + "\n", encoding="utf-8")
    return 0 if all(result.is_met for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
