"""The command ``replay``: facts and rollups of a window made again from the lake, in place."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click

from src.commands.common import json_option, ready_app, show_result
from src.commands.times import counted_days
from src.commands.verify import window_parameters
from src.commands.work import perform
from src.domain import Window


@click.command()
@click.option("--start", required=True, metavar="TIME", help="From here on (UTC).")
@click.option("--end", required=True, metavar="TIME", help="Up to before this time.")
@click.option("--symbols", multiple=True, metavar="A,B", help="Only these symbols.")
@click.option("--interval", "intervals", multiple=True, metavar="1m,1h", help="Only these intervals.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@json_option
def replay(
    start: str, end: str, symbols: tuple[str, ...], intervals: tuple[str, ...], dry_run: bool, as_json: bool
) -> None:
    """Make candles and rollups of a window again from the lake, after a parser was mended.

    Work goes on meanwhile. Where objects are gone, what is held stays, and the exit status is 1 when a day
    had to be left as it is.

    \b
    Example: ./candlehouse replay --start 2026-01-01 --end 2026-02-01 --dry-run
    """
    from src.commands.fetch_request import parse_intervals, parse_symbols

    parts = ready_app()
    parameters = {
        **window_parameters(start, end, parts.clock.now_ms()),
        "symbols": parse_symbols(symbols),
        "intervals": [one.value for one in parse_intervals(intervals)] if intervals else [],
        "dry_run": dry_run,
    }
    result = perform(parts, "replay", parameters).result
    show_result(result, as_json, lambda: "\n".join(_lines(result, dry_run)))
    if result["faults"]:
        sys.exit(1)


def _lines(result: Mapping[str, Any], dry_run: bool) -> Iterator[str]:
    would = "would be " if dry_run else ""
    yield (
        f"{counted_days(result['days'])} looked at, {result['changed_days']:,} {would}changed: "
        f"{result['inserted']:,} candles new, {result['replaced']:,} replaced, {result['deleted']:,} deleted"
    )
    for one in result["troubles"]:
        done = "left as it is" if one["refused"] else "merged into"
        window = Window(one["start_ms"], one["end_ms"])
        yield f"{done}: {one['series']} {window}: {'; '.join(one['reasons'])}"
    if kept := result["kept"]:
        yield f"{kept:,} candles kept that the lake gives no more"
