"""The command ``export``: candles into a file."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path

import click

from src.commands.common import warehouse_app
from src.commands.times import parse_time
from src.errors import ConfigurationError

_FORMATS = ("csv", "parquet", "arrow")


@click.command()
@click.argument("symbol")
@click.option("--interval", default="1m", show_default=True, help="Any that what is kept can make.")
@click.option("--start", help="Only candles from that UTC time on, like 2026-01-31.")
@click.option("--end", help="Only candles before that UTC time.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(_FORMATS),
    default="csv",
    show_default=True,
    help="What kind of file.",
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Default: standard output.")
@click.option("--exchange", default="binance", show_default=True, help="Where the symbol is of.")
def export(
    symbol: str,
    interval: str,
    start: str | None,
    end: str | None,
    kind: str,
    output: Path | None,
    exchange: str,
) -> None:
    """Write closed candles into a file, exactly as they are kept.

    \b
    Example: ./candlehouse export BTCUSDT --interval 1h --start 2026-01-01 --output btc.csv
    """
    from src.commands.fetch_request import parse_intervals, parse_symbols
    from src.services.analytics import AnalyticsService, BarQuery
    from src.services.export import Format, write_file

    (name,), (of,) = parse_symbols([symbol]), parse_intervals([interval])
    start_ms = parse_time(start, "--start") if start else None
    end_ms = parse_time(end, "--end") if end else None
    if start_ms is not None and end_ms is not None and end_ms <= start_ms:
        raise ConfigurationError(f"--end {end}: accepted: a time after --start {start}")
    if output is None and kind != "csv" and sys.stdout.isatty():
        raise ConfigurationError(f"--output: a terminal cannot show {kind}; name a file")
    parts = warehouse_app()
    query = BarQuery(exchange, name, of, start_ms, end_ms)
    pieces = write_file(AnalyticsService(parts.warehouse, parts.clock), query, Format(kind))
    try:
        with output.open("wb") if output else nullcontext(sys.stdout.buffer) as out:
            out.writelines(pieces)
    except OSError as error:
        raise ConfigurationError(f"--output {output}: {error.strerror}") from error
