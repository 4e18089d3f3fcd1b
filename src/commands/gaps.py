"""The commands ``gaps``: which candles are missing and why; look for them anew, ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from src.commands.common import ID, json_option, ready_app, requested_by, show_result, warehouse_app
from src.errors import ConfigurationError

if TYPE_CHECKING:
    from src.commands.gap_views import NamedGap
    from src.warehouse.gaps import GapFilter
    from src.wiring import App

_symbols = click.option("--symbols", "--symbol", multiple=True, metavar="A,B", help="Default: all.")


@click.group()
def gaps() -> None:
    """Which candles are missing, why, and what is done about it.

    \b
    Example: ./candlehouse gaps list
    """


@gaps.command("list")
@_symbols
@click.option("--state", "states", multiple=True, help="Only those in this state; may be repeated.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, help="Default: the newest 50.")
@json_option
def gaps_list(symbols: tuple[str, ...], states: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List gaps, the newest first; those that were filled only where that is asked for.

    \b
    Example: ./candlehouse gaps list --symbols BTCUSDT --state empty_at_exchange
    """
    from src.commands.fetch_request import parse_symbols
    from src.commands.gap_views import gap_json, gaps_text
    from src.warehouse.gaps import OPEN_STATES, GapFilter, GapState

    if unknown := [name for name in states if name not in list(GapState)]:
        raise ConfigurationError(f"--state {', '.join(unknown)}: accepted are {', '.join(GapState)}")
    chosen = [GapState(name) for name in states] or OPEN_STATES
    wanted = GapFilter(symbols=parse_symbols(symbols), states=chosen)
    rows = _read(warehouse_app(), wanted, limit)
    show_result([gap_json(row) for row in rows], as_json, lambda: gaps_text(rows))


@gaps.command("show")
@click.argument("gap_id", type=ID, metavar="ID")
@json_option
def gaps_show(gap_id: int, as_json: bool) -> None:
    """Show all that is known of a gap, and the answers that prove it empty.

    \b
    Example: ./candlehouse gaps show 12
    """
    from src.commands.gap_views import gap_json, gap_text
    from src.errors import NotFound
    from src.warehouse.gaps import GapFilter

    rows = _read(warehouse_app(), GapFilter(ids=[gap_id]), 1)
    if not rows:
        raise NotFound(f"there is no gap {gap_id}: ./candlehouse gaps list shows which there are")
    show_result(gap_json(rows[0]), as_json, lambda: gap_text(rows[0]))


@gaps.command("check")
@click.argument("symbols", nargs=-1, metavar="[SYMBOL]...")
@json_option
def gaps_check(symbols: tuple[str, ...], as_json: bool) -> None:
    """Look for gaps now, in all tracked series where none is named; asks no exchange.

    A gap that was closed is open again when an answer that closed it is gone from the lake.

    \b
    Example: ./candlehouse gaps check BTCUSDT
    """
    from src.commands.fetch_request import parse_symbols
    from src.commands.gap_views import changes_json, changes_text
    from src.maintenance.evidence import EvidenceCheck
    from src.maintenance.gaps import detect_gaps
    from src.maintenance.outages import read_outages
    from src.warehouse.app_settings import read_settings
    from src.warehouse.series import list_series

    names, parts = parse_symbols(symbols), warehouse_app()
    outages = read_outages(parts.settings.data_dir / "outages.yaml")
    with parts.warehouse.read() as connection:
        tracked = [row.key for row in list_series(connection)]
        keep_days = parts.live.take(read_settings(connection)).keep_days
    if unknown := set(names) - {key.symbol for key in tracked}:
        raise ConfigurationError(f"not tracked: {', '.join(sorted(unknown))}; see ./candlehouse symbols list")
    chosen = [key for key in tracked if key.symbol in names] if names else None
    now_ms = parts.clock.now_ms()
    EvidenceCheck(parts.lake, parts.warehouse).look()
    changes = parts.warehouse.run(
        lambda c: detect_gaps(c, now_ms, chosen, outages=outages, keep_days=keep_days)
    )
    show_result(changes_json(changes), as_json, lambda: changes_text(changes))


@gaps.command("fill")
@click.argument("ids", nargs=-1, type=ID, metavar="[ID]...")
@_symbols
@click.option("--lookback-days", type=click.IntRange(1), help="Only gaps of the last days. Default: all.")
@click.option("--max-gaps", type=click.IntRange(1), default=2000, help="Ask for the newest so many (2000).")
@click.option("--detach", is_flag=True, help="Only ask for it; the daemon does it.")
@json_option
def gaps_fill(
    ids: tuple[int, ...],
    symbols: tuple[str, ...],
    lookback_days: int | None,
    max_gaps: int,
    detach: bool,
    as_json: bool,
) -> None:
    """Ask for what is missing, newest first, and watch it; gaps that are named are asked for at once.

    What the lake has is reloaded from there first, of all gaps that are due: --max-gaps bounds asking alone.
    Two answers without a candle, an hour apart, close a gap as empty at the exchange.

    \b
    Example: ./candlehouse gaps fill --symbols BTCUSDT --lookback-days 7
    """
    from src.commands.fetch_request import parse_symbols
    from src.commands.run_asking import execute_and_follow, tell_if_nobody_leads
    from src.jobs.filling import ask_fill

    if ids and (symbols or lookback_days):
        raise click.UsageError("give either the ids of gaps, or --symbols and --lookback-days")
    wanted: dict[str, Any] = {"ids": ids, "symbols": parse_symbols(symbols)}
    wanted |= {"lookback_days": lookback_days, "max_gaps": max_gaps}
    parts = warehouse_app() if detach else ready_app()
    run_id = ask_fill(parts.warehouse, wanted, requested_by())
    if not detach:
        execute_and_follow(parts, run_id, as_json)
    show_result({"run_id": run_id}, as_json, lambda: f"run {run_id}; see ./candlehouse runs follow {run_id}")
    tell_if_nobody_leads(parts)


def _read(parts: App, wanted: GapFilter, limit: int) -> list[NamedGap]:
    from src.commands.gap_views import NamedGap
    from src.warehouse.gaps import list_gaps
    from src.warehouse.series import list_series

    with parts.warehouse.read() as connection:
        keys = {row.id: row.key for row in list_series(connection, tracked_only=False)}
        rows = list_gaps(connection, wanted, limit)
    return [NamedGap(keys[row.series_id], row) for row in rows]
