"""The command ``symbols``: which symbols are tracked."""

from __future__ import annotations

from typing import Any

import click

from src.commands.common import fail, json_option, show_result, warehouse_app
from src.errors import ConfigurationError


@click.group()
def symbols() -> None:
    """Which symbols are tracked.

    \b
    Example: ./candlehouse symbols add DOGEUSDT
    """


@symbols.command("list")
@json_option
def symbols_list(as_json: bool) -> None:
    """List the tracked series and what is held of them.

    \b
    Example: ./candlehouse symbols list --json
    """
    from src.services.status import read_status
    from src.terminal import series_table, status_json, to_text

    parts = warehouse_app()
    rows, now_ms = read_status(parts.warehouse).series, parts.clock.now_ms()
    show_result(status_json(rows, now_ms), as_json, lambda: to_text(series_table(rows, now_ms)))


@symbols.command("add")
@click.argument("names", nargs=-1, required=True, metavar="SYMBOL...")
@click.option("--interval", "intervals", multiple=True, help="Default: those of CANDLEHOUSE_INTERVALS.")
def symbols_add(names: tuple[str, ...], intervals: tuple[str, ...]) -> None:
    """Track symbols; one tracked before goes on from where it stopped.

    \b
    Example: ./candlehouse symbols add DOGEUSDT --interval 1m --interval 1h
    """
    parts = warehouse_app()
    wanted = _intervals(intervals) or list(parts.settings.intervals)
    parts.tracking.add([name.upper() for name in names], wanted)
    click.echo(f"tracking {', '.join(name.upper() for name in names)} at {', '.join(wanted)}")


@symbols.command("remove")
@click.argument("names", nargs=-1, required=True, metavar="SYMBOL...")
def symbols_remove(names: tuple[str, ...]) -> None:
    """Stop tracking symbols; everything collected stays.

    \b
    Example: ./candlehouse symbols remove DOGEUSDT
    """
    parts = warehouse_app()
    removed = parts.tracking.remove([name.upper() for name in names])
    stopped = {key.symbol for key in removed}
    if stopped:
        click.echo(f"no longer tracking {', '.join(sorted(stopped))}; the data stay")
    if unknown := {name.upper() for name in names} - stopped:
        fail(f"not tracked: {', '.join(sorted(unknown))}; see ./candlehouse symbols list", 1)


@symbols.command("tier")
@click.argument("names", nargs=-1, required=True, metavar="SYMBOL...")
@click.argument("tier", type=click.Choice(["TIER1", "TIER2", "TIER3", "TIER4"], case_sensitive=False))
def symbols_tier(names: tuple[str, ...], tier: str) -> None:
    """Say how much symbols matter: TIER1 is stale after 3 hours, TIER4 after 24, which is usual.

    \b
    Example: ./candlehouse symbols tier BTCUSDT TIER1
    """
    from src.warehouse.series import list_series, set_tier

    warehouse, wanted = warehouse_app().warehouse, {name.upper() for name in names}
    with warehouse.read() as connection:
        keys = [row.key for row in list_series(connection) if row.key.symbol in wanted]
    if unknown := wanted - {key.symbol for key in keys}:
        fail(f"not tracked: {', '.join(sorted(unknown))}; see ./candlehouse symbols list", 1)
    warehouse.run(lambda connection: set_tier(connection, keys, tier.upper()))
    click.echo(f"{', '.join(sorted(wanted))}: {tier.upper()}")


def _intervals(names: tuple[str, ...]) -> list[Any]:
    from src.domain import Interval

    unknown = [name for name in names if name not in list(Interval)]
    if unknown:
        raise ConfigurationError(f"--interval {', '.join(unknown)}: accepted are {', '.join(Interval)}")
    return [Interval(name) for name in names]
