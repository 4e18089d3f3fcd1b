"""The command ``quality``: what is odd about the data, per series and day, and who has seen it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from src.commands.common import ID, json_option, requested_by, show_result, warehouse_app
from src.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from src.warehouse.quality import FindingRow


@click.group()
def quality() -> None:
    """See what is odd about the data: price jumps, hours without trades, amended candles, late series.

    \b
    Example: ./candlehouse quality list --severity warning
    """


@quality.command("list")
@click.option("--symbols", multiple=True, metavar="A,B", help="Default: all.")
@click.option("--severity", "severities", multiple=True, help="error, warning or info. Default: all.")
@click.option("--since", help="From that UTC day on, like 2026-01-31.")
@click.option("--all", "with_seen", is_flag=True, help="Those too that somebody has acknowledged.")
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="So many at most.")
@json_option
def quality_list(
    symbols: tuple[str, ...],
    severities: tuple[str, ...],
    since: str | None,
    with_seen: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List findings that nobody has acknowledged, the newest day first.

    \b
    Example: ./candlehouse quality list --symbols BTCUSDT --since 2026-01-01
    """
    from src.commands.fetch_request import parse_symbols
    from src.commands.times import parse_time
    from src.domain import utc_from_ms
    from src.warehouse.quality import FindingFilter, Severity, list_findings

    if wrong := [one for one in severities if one not in list(Severity)]:
        raise ConfigurationError(f"--severity {', '.join(wrong)}: accepted are {', '.join(Severity)}")
    wanted = FindingFilter(
        symbols=parse_symbols(symbols),
        severities=[Severity(one) for one in severities],
        since=utc_from_ms(parse_time(since, "--since")).date() if since else None,
        open_only=not with_seen,
    )
    with warehouse_app().warehouse.read() as connection:
        rows = list_findings(connection, wanted, limit)
    show_result([_json(row) for row in rows], as_json, lambda: _text(rows))


@quality.command("check")
@click.argument("symbols", nargs=-1, metavar="[SYMBOL]...")
@click.option("--days", type=click.IntRange(1, 3660), default=2, show_default=True, help="Today included.")
@json_option
def quality_check(symbols: tuple[str, ...], days: int, as_json: bool) -> None:
    """Look at the last days now, as the job check_quality does each night.

    \b
    Example: ./candlehouse quality check BTCUSDT --days 30
    """
    from src.commands.fetch_request import parse_symbols
    from src.commands.run_views import counted
    from src.commands.work import perform

    parameters = {"days": days, "symbols": parse_symbols(symbols)}
    result = perform(warehouse_app(), "check_quality", parameters).result
    told = ", ".join(f"{kind} {count}" for kind, count in sorted(result["findings"].items()))
    looked = f"{result['series']:,} series, {counted(days, 'day')}"
    show_result(result, as_json, lambda: f"{looked}: {told or 'nothing odd'}")


@quality.command("ack")
@click.argument("ids", nargs=-1, required=True, type=ID, metavar="ID...")
@json_option
def quality_ack(ids: tuple[int, ...], as_json: bool) -> None:
    """Acknowledge findings; one comes back when there is more of the same on its day.

    \b
    Example: ./candlehouse quality ack 12 13
    """
    from src.commands.run_views import counted
    from src.warehouse.quality import acknowledge

    by = requested_by()
    count = warehouse_app().warehouse.run(lambda connection: acknowledge(connection, ids, by))
    told = {"ids": list(ids), "acknowledged": count}
    show_result(told, as_json, lambda: f"{counted(count, 'finding')} acknowledged")


def _json(row: FindingRow) -> dict[str, Any]:
    finding, key = row.finding, row.series
    return {
        "id": row.id,
        "exchange": key.exchange,
        "symbol": key.symbol,
        "interval": key.interval.value,
        "date": finding.date.isoformat(),
        "kind": finding.kind.value,
        "severity": finding.severity.value,
        "count": finding.count,
        "detail": finding.detail,
        "found_ms": row.found_ms,
        "acknowledged_ms": row.acknowledged_ms,
        "acknowledged_by": row.acknowledged_by,
    }


def _text(rows: Sequence[FindingRow]) -> str:
    from src.commands.run_views import table_of
    from src.terminal import to_text

    if not rows:
        return "no findings"
    table = table_of("id", "day (UTC)", "series", "severity", "kind", "count")
    table.add_column("detail", overflow="fold")
    for row in rows:
        finding = row.finding
        series = f"{row.series.symbol} {row.series.interval.value}"
        seen = f" (seen by {row.acknowledged_by})" if row.acknowledged_by else ""
        table.add_row(
            str(row.id),
            finding.date.isoformat(),
            series,
            finding.severity.value,
            finding.kind.value,
            f"{finding.count:,}",
            finding.detail + seen,
        )
    return to_text(table)
