"""The command ``backfill``: older or wider history, planned before anything is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from src.clock import SystemClock
from src.commands.common import json_option, ready_app, requested_by, show_result, warehouse_app
from src.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.table import Table

    from src.domain import SeriesKey, Window
    from src.jobs.backfilling import BackfillPlan
    from src.wiring import App

_KEEP = re.compile(r"(\d{1,5}) ?d")


@click.command("backfill")
@click.option("--symbols", multiple=True, metavar="A,B", help="Default: all that are tracked.")
@click.option("--interval", "intervals", multiple=True, metavar="1m,1h", help="Default: 1m.")
@click.option("--start", required=True, help="A day or a time like 2026-01-31T14:30, in UTC.")
@click.option("--end", help="Where it ends, that moment excluded. Default: now.")
@click.option("--keep", metavar="90d", help="How long candles under an hour stay. Default: for ever.")
@click.option("--again", is_flag=True, help="Ask, too, for what the exchange did not have before.")
@click.option("--dry-run", is_flag=True, help="Only say what it would take.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--detach", is_flag=True, help="Only ask for it; the daemon does it.")
@json_option
def backfill(
    symbols: tuple[str, ...],
    intervals: tuple[str, ...],
    start: str,
    end: str | None,
    keep: str | None,
    again: bool,
    dry_run: bool,
    yes: bool,
    detach: bool,
    as_json: bool,
) -> None:
    """Fetch history that is not held yet: first says what that takes, then asks, then does it.

    What is fetched on purpose is kept for ever, unless --keep says otherwise.

    \b
    Example: ./candlehouse backfill --symbols BTCUSDT,ETHUSDT --interval 1m --start 2024-01-01 --dry-run
    """
    from src.commands.fetch_request import parse_intervals, parse_symbols, parse_window
    from src.jobs.backfilling import ask_backfill

    names, lengths, keep_days = parse_symbols(symbols), parse_intervals(intervals), parse_keep(keep)
    window = parse_window(start, end, SystemClock().now_ms())
    parts = warehouse_app() if dry_run or detach else ready_app()
    plan = _plan(parts, names, lengths, window, again)
    show_result(_plan_json(plan, keep_days), as_json, lambda: _plan_text(plan, keep_days))
    if dry_run:
        return
    if plan.windows and not yes:
        click.confirm("Fetch it?", abort=True, err=True)
    run_id = ask_backfill(parts.warehouse, plan, keep_days, requested_by())
    if run_id is not None:
        _carry_out(parts, run_id, as_json, detach)


def parse_keep(text: str | None) -> int:
    """Return the days of ``90d``; 0, for ever, when nothing is said."""
    if text is None:
        return 0
    found = _KEEP.fullmatch(text.strip())
    if not found or int(found[1]) == 0:
        raise ConfigurationError(f"--keep {text}: accepted: whole days like 90d; without it, for ever")
    return int(found[1])


def _plan(parts: App, names: list[str], intervals: list[Any], window: Window, again: bool) -> BackfillPlan:
    from src.commands.fetch_request import choose_series
    from src.jobs.backfilling import plan_backfill
    from src.warehouse.app_settings import read_settings
    from src.warehouse.series import list_series

    with parts.warehouse.read() as connection:
        tracked = list_series(connection)
        settings = parts.live.take(read_settings(connection))
    series = choose_series(tracked, parts.exchange.name, names, intervals)
    lifetimes = _lifetimes(parts, series)
    return plan_backfill(
        parts.warehouse,
        window,
        lifetimes,
        parts.exchange.exchange_now_ms(),
        settings.egress,
        settings.budget_share,
        again=again,
    )


def _lifetimes(parts: App, series: list[SeriesKey]) -> dict[SeriesKey, Any]:
    """Find since and until when each symbol trades, asking the exchange where it is not known."""
    from src.warehouse.symbols import Lifetime, list_lifetimes

    with parts.warehouse.read() as connection:
        known = list_lifetimes(connection)
    found = {}
    for symbol in dict.fromkeys(key.symbol for key in series):
        listed_ms = parts.tracking.find_listed_ms(symbol)
        ended = known.get((parts.exchange.name, symbol), Lifetime()).delisted_ms
        found[symbol] = None if listed_ms is None else Lifetime(listed_ms, ended)
    return {key: found[key.symbol] for key in series}


def _carry_out(parts: App, run_id: int, as_json: bool, detach: bool) -> None:
    from src.commands.run_asking import execute_and_follow, tell_if_nobody_leads

    if not detach:
        execute_and_follow(parts, run_id, as_json)
    show_result({"run_id": run_id}, as_json, lambda: f"run {run_id}; see ./candlehouse runs follow {run_id}")
    tell_if_nobody_leads(parts)


def _plan_json(plan: BackfillPlan, keep_days: int) -> dict[str, Any]:
    series = [
        {
            "exchange": one.key.exchange,
            "symbol": one.key.symbol,
            "interval": one.key.interval.value,
            **{name: value for name, value in asdict(one).items() if name != "key"},
        }
        for one in plan.series
    ]
    return {**asdict(plan), "series": series, "keep_days": keep_days or None}


def _plan_text(plan: BackfillPlan, keep_days: int) -> str:
    from src.commands.run_views import counted
    from src.maintenance.doctor.findings import size_text
    from src.terminal import duration_text, to_text

    table = to_text(_plan_table(plan))
    changes = "".join(f"\n{line}" for line in _keep_lines(plan, keep_days))
    if not plan.windows:
        return f"{table}\nnothing to fetch{changes}"
    kept = f"{keep_days} days, by open_time" if keep_days else "for ever (--keep 90d for a time)"
    return (
        f"{table}\n"
        f"{counted(plan.candles, 'candle')} in {counted(plan.requests, 'request')} "
        f"of weight {plan.weight:,}, about {size_text(plan.size_bytes)} in the lake\n"
        f"{duration_text(plan.duration_ms)} at least by the exchange's limit: {plan.weight_a_minute:,} "
        "weight a minute, if live and repair use all of theirs\n"
        f"{_expected_line(plan)}\n"
        f"kept {kept}; wanted from its start on, so that gaps up to now are filled as well"
        f"{changes}"
    )


def _expected_line(plan: BackfillPlan) -> str:
    from src.terminal import duration_text

    if plan.expected_ms is None:
        return "loading may take longer: how long, the first backfill will show"
    return f"about {duration_text(plan.expected_ms)} at the pace of earlier backfills here"


def _keep_lines(plan: BackfillPlan, keep_days: int) -> Iterator[str]:
    """Yield what changes of what was said before of how long candles stay."""
    for one in plan.series:
        if one.window is not None and one.kept_days not in {None, keep_days}:
            told = [f"{days} days" if days else "for ever" for days in (one.kept_days, keep_days)]
            name = f"{one.key.symbol} {one.key.interval.value}"
            yield f"{name} is kept {told[0]} so far; this changes all of it to {told[1]}"


def _plan_table(plan: BackfillPlan) -> Table:
    from src.commands.run_views import table_of, window_text

    table = table_of("series", "window (UTC)")
    for name in ("to fetch", "held", "empty there", "under way", "requests"):
        table.add_column(name, justify="right")
    for one in plan.series:
        window = window_text(one.window.start_ms, one.window.end_ms) if one.window else "nothing there then"
        counts = (one.candles, one.held, one.empty, one.under_way, one.requests)
        table.add_row(f"{one.key.symbol} {one.key.interval.value}", window, *[f"{n:,}" for n in counts])
    return table
