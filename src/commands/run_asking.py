"""The commands ``runs start``, ``cancel``, ``pause``, ``resume`` and ``retry``: what people ask of runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, NoReturn

import click

from src.clock import SystemClock
from src.commands.common import ID, json_option, ready_app, requested_by, show_result, warehouse_app

if TYPE_CHECKING:
    from src.warehouse.runs import RunState
    from src.wiring import App


@click.group("start")
def start() -> None:
    """Start work that is asked for.

    \b
    Example: ./candlehouse runs start fetch --symbols BTCUSDT --interval 1h --start 2024-01-01
    """


@start.command("fetch")
@click.option("--symbols", multiple=True, metavar="A,B", help="Default: all that are tracked.")
@click.option("--interval", "intervals", multiple=True, metavar="1m,1h", help="Default: 1m.")
@click.option("--start", required=True, help="A day or a time like 2026-01-31T14:30, in UTC.")
@click.option("--end", help="Where it ends, that moment excluded. Default: now.")
@click.option("--time-limit", help="For each series, like 30min or 2h. Default: none.")
@click.option("--yes", is_flag=True, help="Ask for more than 20,000,000 candles, too.")
@click.option("--detach", is_flag=True, help="Only ask for it; the daemon does it.")
@json_option
def runs_start_fetch(
    symbols: tuple[str, ...],
    intervals: tuple[str, ...],
    start: str,
    end: str | None,
    time_limit: str | None,
    yes: bool,
    detach: bool,
    as_json: bool,
) -> None:
    """Fetch a window of candles, a run for each series, and watch it; what is held already is replaced.

    \b
    Example: ./candlehouse runs start fetch --symbols BTCUSDT,ETHUSDT --interval 1m,1h --start 2026-01-01
    """
    from src.commands.fetch_request import (
        check_amount,
        check_window,
        choose_series,
        parse_intervals,
        parse_symbols,
        parse_window,
        weight_a_minute,
    )
    from src.commands.times import parse_duration_ms
    from src.jobs.asking import ask_fetch
    from src.warehouse.series import list_series

    names, lengths = parse_symbols(symbols), parse_intervals(intervals)
    limit_s = parse_duration_ms(time_limit, "--time-limit") // 1000 if time_limit else None
    window = parse_window(start, end, SystemClock().now_ms())
    check_window(window, lengths)
    parts = warehouse_app() if detach else ready_app()
    with parts.warehouse.read() as connection:
        tracked = list_series(connection)
        allowed = weight_a_minute(parts, connection)
    series = choose_series(tracked, parts.exchange.name, names, lengths)
    if not yes:
        check_amount(series, window, allowed)
    run_id = ask_fetch(parts.warehouse, series, window, requested_by(), time_limit_s=limit_s)
    if detach:
        told = {"run_id": run_id, "runs": len(series), "start_ms": window.start_ms, "end_ms": window.end_ms}
        show_result(told, as_json, lambda: f"run {run_id}; see ./candlehouse runs follow {run_id}")
        tell_if_nobody_leads(parts)
    else:
        execute_and_follow(parts, run_id, as_json)


_ids = click.argument("run_ids", nargs=-1, required=True, type=ID, metavar="ID...")


@click.command("cancel")
@_ids
@json_option
def runs_cancel(run_ids: tuple[int, ...], as_json: bool) -> None:
    """Cancel runs, or all runs of batches; what they fetched stays.

    \b
    Example: ./candlehouse runs cancel 12 13
    """
    from src.jobs.asking import cancel

    count = cancel(warehouse_app().warehouse, run_ids, requested_by())
    _tell_count(run_ids, count, as_json, "to be cancelled", "none of them waits, is paused or runs")


@click.command("pause")
@_ids
@json_option
def runs_pause(run_ids: tuple[int, ...], as_json: bool) -> None:
    """Pause runs, or all runs of batches, until they are resumed.

    \b
    Example: ./candlehouse runs pause 12
    """
    from src.jobs.asking import pause

    count = pause(warehouse_app().warehouse, run_ids, requested_by())
    _tell_count(run_ids, count, as_json, "to be paused", "none of them waits or runs")


@click.command("resume")
@_ids
@json_option
def runs_resume(run_ids: tuple[int, ...], as_json: bool) -> None:
    """Let paused or cancelled runs, or those of batches, go on where they stopped.

    \b
    Example: ./candlehouse runs resume 12
    """
    from src.jobs.asking import resume

    parts = warehouse_app()
    count = resume(parts.warehouse, run_ids, requested_by())
    _tell_count(run_ids, count, as_json, "to go on", "none of them is paused or cancelled")
    if count:
        tell_if_nobody_leads(parts)


@click.command("retry")
@_ids
@click.option("--force", is_flag=True, help="Those too that used up their attempts or failed for good.")
@json_option
def runs_retry(run_ids: tuple[int, ...], force: bool, as_json: bool) -> None:
    """Try failed runs again, or all failed ones of batches; they go on where they stopped.

    \b
    Example: ./candlehouse runs retry 12
    """
    from src.commands.run_views import retried_text
    from src.jobs.asking import retry

    parts = warehouse_app()
    done = retry(parts.warehouse, run_ids, requested_by(), force=force)
    show_result(asdict(done), as_json, lambda: retried_text(done))
    if not done.retried:
        _tell_why_not(parts, run_ids)
        sys.exit(1)
    tell_if_nobody_leads(parts)


def _tell_count(run_ids: Sequence[int], count: int, as_json: bool, what: str, none: str) -> None:
    from src.commands.run_views import counted

    text = f"{counted(count, 'run')} {what}" if count else f"nothing changed: {none}"
    show_result({"ids": list(run_ids), "runs": count}, as_json, lambda: text)


def _tell_why_not(parts: App, run_ids: Sequence[int]) -> None:
    from src.commands.run_views import not_failed_text
    from src.warehouse.runs import list_by_ids

    with parts.warehouse.read() as connection:
        rows = list_by_ids(connection, run_ids)
    for text in filter(None, map(not_failed_text, rows)):
        click.echo(text, err=True)


def tell_if_nobody_leads(parts: App) -> None:
    """Say so where no process would execute what waits."""
    from src.commands.follow_views import NOBODY

    if parts.leadership.find_leader() is None:
        click.echo(NOBODY, err=True)


def execute_and_follow(parts: App, run_id: int, as_json: bool) -> NoReturn:
    """Watch a run to its end; where no process leads, this one executes it meanwhile."""
    from src.commands.following import follow
    from src.jobs.doing import executing

    with executing(parts) as is_here:
        state = follow(parts, run_id, as_json=as_json)
        if state is None and is_here:
            click.echo("\nstopping; what is not fetched yet stays queued", err=True)
    if state is None and is_here:
        todo = f"  ./candlehouse up goes on with it\n  ./candlehouse runs cancel {run_id} drops it"
        click.echo(f"run {run_id} waits:\n{todo}", err=True)
        sys.exit(1)
    exit_for(run_id, state)


def exit_for(run_id: int, state: RunState | None) -> NoReturn:
    if state is None:
        click.echo(
            f"\nrun {run_id} goes on:\n  ./candlehouse runs follow {run_id} watches it again\n"
            f"  ./candlehouse runs cancel {run_id} cancels it",
            err=True,
        )
    sys.exit(0 if state == "succeeded" else 1)
