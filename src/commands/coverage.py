"""The command ``coverage``: what is held of each series, and how much of what is wanted that is."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from src.commands.common import fail, json_option, show_result, warehouse_app
from src.commands.work import perform
from src.domain import Interval, Window, utc_from_ms
from src.errors import ConfigurationError
from src.window_sets import intersect, subtract

if TYPE_CHECKING:
    from src.services.coverage import SeriesCoverage

# So many ranges of a series are shown; a program gets all.
_SHOWN = 50


@click.command()
@click.argument("symbols", nargs=-1, metavar="[SYMBOL]...")
@click.option("--interval", type=click.Choice([each.value for each in Interval]), help="Only this interval.")
@click.option("--recount", "is_recount", is_flag=True, help="Compare the ledger with the facts.")
@click.option("--fix", is_flag=True, help="With --recount: make the ledger say what the facts hold.")
@json_option
def coverage(
    symbols: tuple[str, ...], interval: str | None, is_recount: bool, fix: bool, as_json: bool
) -> None:
    """Show what is held of each series, and how much of what is wanted that is.

    With one SYMBOL also the windows that are held, and what is not wanted and why. Exit status 1 when a
    recount finds that the ledger says something else than the facts.

    \b
    Example: ./candlehouse coverage BTCUSDT --interval 1m
    """
    if fix and not is_recount:
        raise ConfigurationError("--fix: goes with --recount")
    names = [name.upper() for name in symbols]
    if is_recount:
        _recount(names, interval, fix, as_json)
    else:
        _show(names, interval, as_json)


def _recount(names: Sequence[str], interval: str | None, fix: bool, as_json: bool) -> None:
    parameters = {"symbols": names, "interval": interval, "fix": fix}
    result = perform(warehouse_app(), "recount_coverage", parameters).result
    show_result(result, as_json, lambda: "\n".join(_recounted(result)))
    if result["differences"]:
        sys.exit(1)


def _recounted(result: Mapping[str, Any]) -> Iterator[str]:
    found = result["differences"]
    if not found:
        yield f"{result['series']:,} series counted: the ledger says what the facts hold"
        return
    for one in result["found"]:
        yield f"{one['series']} [{one['start']}, {one['end']}): {one['what']}"
    if more := found - len(result["found"]):
        yield f"{more:,} more"
    done = (
        "the ledger is corrected" if result["fixed"] else "./candlehouse coverage --recount --fix corrects it"
    )
    windows = "1 window differs" if found == 1 else f"{found:,} windows differ"
    yield f"{result['series']:,} series counted, {windows}: {done}"


def _show(names: Sequence[str], interval: str | None, as_json: bool) -> None:
    from src.services.coverage import read_coverage
    from src.warehouse.app_settings import read_settings

    parts = warehouse_app()
    with parts.warehouse.read() as connection:
        keep_days = parts.live.take(read_settings(connection)).keep_days
        chosen = Interval(interval) if interval else None
        found = read_coverage(connection, parts.clock.now_ms(), names, chosen, keep_days)
    if unknown := set(names) - {one.row.key.symbol for one in found}:
        fail(f"nothing is held of {', '.join(sorted(unknown))}; see ./candlehouse symbols list", 1)
    with_ranges = len(names) == 1
    show_result(
        [_json(one, with_ranges=with_ranges) for one in found],
        as_json,
        lambda: _text(found, with_ranges=with_ranges),
    )


def _text(found: Sequence[SeriesCoverage], *, with_ranges: bool) -> str:
    from rich.table import Table

    from src.terminal import to_text

    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("symbol", "interval", "wanted from", "held from", "held to"):
        table.add_column(name)
    for name in ("ranges", "of wanted", "missing", "of it lag"):
        table.add_column(name, justify="right")
    for one in found:
        table.add_row(*_cells(one))
    lines = [to_text(table)] if found else ["nothing is tracked: ./candlehouse symbols add BTCUSDT"]
    if with_ranges:
        lines += [line for one in found for line in _details(one)]
    return "\n".join(lines)


def _cells(one: SeriesCoverage) -> Iterator[str]:
    yield from (one.row.key.symbol, one.row.key.interval.value)
    yield _minute(one.wanted.start_ms if one.wanted else one.row.wanted_from_ms)
    yield _minute(one.ranges[0].window.start_ms if one.ranges else None)
    yield _minute(one.ranges[-1].window.end_ms if one.ranges else None)
    yield f"{len(one.ranges):,}"
    # Never rounded up: 100.00 % means that nothing is missing.
    yield "-" if one.share is None else f"{math.floor(one.share * 10_000) / 100:.2f} %"
    yield f"{one.missing_candles:,}"
    yield f"{one.lag_candles:,}"


def _details(one: SeriesCoverage) -> Iterator[str]:
    yield ""
    yield f"{one.row.key.symbol} {one.row.key.interval.value}"
    yield f"  wanted      {_span(one.wanted) if one.wanted else 'nothing'}{_clipped(one)}"
    for each in one.ranges[:_SHOWN]:
        checked = f", counted {_minute(each.verified_ms)}" if each.verified_ms is not None else ""
        yield f"  held        {_span(each.window)}  {each.record_count:,} candles, {each.source}{checked}"
    if len(one.ranges) > _SHOWN:
        yield f"  held        {len(one.ranges) - _SHOWN:,} more: --json shows them"
    missing = [part for window in one.missing for part in _around_lag(window, one.lag)]
    for window in missing[:_SHOWN]:
        is_lag = one.lag is not None and one.lag.start_ms <= window.start_ms
        yield f"  {'lag    ' if is_lag else 'missing'}     {_span(window)}"
    if len(missing) > _SHOWN:
        yield f"  missing     {len(missing) - _SHOWN:,} more: --json shows them"
    for unwanted in one.unwanted:
        yield f"  not wanted  {_span(unwanted.window)}  {unwanted.reason}"


def _clipped(one: SeriesCoverage) -> str:
    """Say from when a series was asked for, where less than that is wanted."""
    asked_ms = one.row.wanted_from_ms
    is_clipped = asked_ms is not None and (one.wanted is None or asked_ms < one.wanted.start_ms)
    return f", asked for from {_minute(asked_ms)} on" if is_clipped else ""


def _around_lag(window: Window, lag: Window | None) -> list[Window]:
    """Return what of *window* is gap, and what is lag."""
    return [*subtract([window], [lag]), *intersect([window], [lag])] if lag else [window]


def _json(one: SeriesCoverage, *, with_ranges: bool) -> dict[str, Any]:
    key, first, last = one.row.key, one.ranges[:1], one.ranges[-1:]
    told: dict[str, Any] = {
        "exchange": key.exchange,
        "symbol": key.symbol,
        "interval": key.interval.value,
        "wanted_from_ms": one.row.wanted_from_ms,
        "wanted": _window_json(one.wanted) if one.wanted else None,
        "held_from_ms": first[0].window.start_ms if first else None,
        "held_to_ms": last[0].window.end_ms if last else None,
        "ranges": len(one.ranges),
        "candles": sum(each.record_count for each in one.ranges),
        "share": one.share,
        "missing_candles": one.missing_candles,
        "lag_candles": one.lag_candles,
    }
    if with_ranges:
        told["held"] = [
            {
                **_window_json(each.window),
                "candles": each.record_count,
                "source": each.source,
                "verified_ms": each.verified_ms,
            }
            for each in one.ranges
        ]
        told["missing"] = [_window_json(window) for window in one.missing]
        told["not_wanted"] = [{**_window_json(each.window), "reason": each.reason} for each in one.unwanted]
    return told


def _window_json(window: Window) -> dict[str, int]:
    return {"start_ms": window.start_ms, "end_ms": window.end_ms}


def _span(window: Window) -> str:
    return f"{_minute(window.start_ms)} to {_minute(window.end_ms)}"


def _minute(time_ms: int | None) -> str:
    return "-" if time_ms is None else f"{utc_from_ms(time_ms):%Y-%m-%d %H:%M}"
