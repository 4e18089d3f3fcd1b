"""The command ``simulator``: an exchange to try everything against."""

from __future__ import annotations

from pathlib import Path

import click

from src.errors import ConfigurationError


@click.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="0.0.0.0 lets other machines ask it, too."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=9010, show_default=True, help="0 takes a free one."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same candles.")
@click.option(
    "--extra-symbols", type=click.IntRange(0, 999), default=0, help="Adds SIM001USDT, SIM002USDT, ..."
)
@click.option(
    "--tape",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Serve this Binance archive (zip or CSV) instead; may be given many times.",
)
@click.option("--start-at", help="Set its clock, e.g. 2026-01-01T00:00:00Z (default: now).")
@click.option(
    "--speed", type=click.FloatRange(0), default=1.0, show_default=True, help="How fast its clock runs."
)
@click.option("--fault", "faults", multiple=True, help="Throw a fault, e.g. 429:retry_after=2,count=3.")
@click.option(
    "--scenario",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Play this list of faults and changes of the market, e.g. examples/bad-day.yaml.",
)
@click.option(
    "--weight-limit", type=click.IntRange(1), default=6000, show_default=True, help="Weight a minute."
)
def simulator(
    host: str,
    port: int,
    seed: int,
    extra_symbols: int,
    tape: tuple[Path, ...],
    start_at: str | None,
    speed: float,
    faults: tuple[str, ...],
    scenario: Path | None,
    weight_limit: int,
) -> None:
    """Serve a simulated exchange that speaks Binance's HTTP; Ctrl-C ends it.

    \b
    Example: ./candlehouse simulator --fault "slow:delay=1.5,probability=0.1"
    Then:    BINANCE_BASE_URL=http://127.0.0.1:9010 ./candlehouse up
    """
    from src.simulator import config as parts
    from src.simulator.simulator import Simulator

    chosen = parts.SimulatorConfig(
        seed=seed,
        symbols=parts.DEFAULT_SYMBOLS + parts.extra_symbols(extra_symbols),
        tape_files=tape,
        faults=faults,
        scenario=scenario,
        start_at_ms=_time_option(start_at),
        speed=speed,
        host=host,
        port=port,
        weight_limit=weight_limit,
    )
    try:
        exchange = Simulator(chosen)
    except (ValueError, OSError) as error:
        raise ConfigurationError(f"the simulator cannot start: {error}") from error
    click.echo(f"simulated exchange at {exchange.base_url} with {', '.join(exchange.symbols)}")
    click.echo(f"to collect from it: BINANCE_BASE_URL={exchange.base_url} ./candlehouse up")
    exchange.serve_forever()


def _time_option(text: str | None) -> int | None:
    from datetime import datetime

    from src.domain import ms_from_utc

    try:
        return None if text is None else ms_from_utc(datetime.fromisoformat(text))
    except ValueError as error:
        raise ConfigurationError(
            f"--start-at {text}: a time like 2026-01-01T00:00:00Z is accepted ({error})"
        ) from error
