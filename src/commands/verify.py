"""The command ``verify``: proves that the warehouse can be made again from the lake, and where it cannot."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click

from src.commands.common import json_option, ready_app, show_result
from src.commands.times import counted_days, parse_time
from src.commands.work import perform
from src.errors import ConfigurationError

_SAMPLE = 20


@click.command()
@click.option("--all", "is_all", is_flag=True, help="Compare every day of every series.")
@click.option("--start", metavar="TIME", help="Compare all days from here on (UTC).")
@click.option("--end", metavar="TIME", help="Up to before this time; by default now.")
@click.option("--sample", type=click.IntRange(1), help=f"Compare so many days by chance (default {_SAMPLE}).")
@click.option("--symbols", multiple=True, metavar="A,B", help="Only these symbols.")
@json_option
def verify(
    is_all: bool,
    start: str | None,
    end: str | None,
    sample: int | None,
    symbols: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make days of series again from the lake, and compare them with the warehouse; changes neither.

    Exit status 1 when a candle or rollup differs, or an object is missing or was changed. Objects that were
    deleted by their age are no fault: what came from them is not reproducible, and that is said.

    \b
    Example: ./candlehouse verify --start 2026-01-01 --end 2026-02-01 --symbols BTCUSDT
    """
    from src.commands.fetch_request import parse_symbols

    if is_all and (start or end or sample):
        raise ConfigurationError("--all: goes with neither --start, --end nor --sample")
    parts = ready_app()
    parameters: dict[str, Any] = {"symbols": parse_symbols(symbols)}
    if start or end:
        parameters |= window_parameters(start, end, parts.clock.now_ms())
    if sample or not (is_all or start or end):
        parameters["sample"] = sample or _SAMPLE
    result = perform(parts, "verify", parameters).result
    show_result(result, as_json, lambda: "\n".join(_lines(result)))
    if any(result["states"][state] for state in ("object_missing", "object_changed", "differs")):
        sys.exit(1)


def window_parameters(start: str | None, end: str | None, now_ms: int) -> dict[str, int]:
    """Return the window that was typed as parameters of a run."""
    start_ms = 0 if start is None else parse_time(start, "--start")
    end_ms = now_ms if end is None else parse_time(end, "--end")
    if end_ms <= start_ms:
        raise ConfigurationError(f"--end {end or 'now'}: must come after --start {start}")
    return {"start_ms": start_ms, "end_ms": end_ms}


def _lines(result: Mapping[str, Any]) -> Iterator[str]:
    states = ", ".join(_states(result))
    compared = f"{counted_days(result['days'])}, {result['candles']:,} candles compared"
    yield f"{compared}: {states or 'nothing is held'}"
    for one in result["findings"]:
        yield f"{_words(one['state'])}: {one['series']} {one['date']}: {one['what']}"
    if more := result["findings_total"] - len(result["findings"]):
        yield f"{more:,} findings more"
    if result["reproducible_up_to"]:
        yield f"reproducible up to {result['reproducible_up_to']}, of what was compared"
    if gone := result["states"]["deleted"]:
        yield f"not reproducible: {gone:,} days, since objects of them were deleted"


def _states(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the days by state, with the objects that it is about: ``2 days object missing (1 object)``."""
    from src.commands.run_views import counted

    for state, days in result["states"].items():
        objects = result["objects"].get(state)
        of = f" ({counted(objects, 'object')})" if objects else ""
        if days:
            yield f"{counted(days, 'day')} {_words(state)}{of}"


def _words(state: str) -> str:
    return state.replace("_", " ")
