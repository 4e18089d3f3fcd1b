"""The command line: ``./candlehouse COMMAND``. Exit status 0 done, 1 failed, 2 wrong usage or settings.

Rooms are imported inside the commands, so that ``--help`` and small commands start at once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from src.errors import CandlehouseError, ConfigurationError

if TYPE_CHECKING:
    from src.settings import Settings
    from src.wiring import App


class _Group(click.Group):
    """A group that turns our errors into one clear line and an exit status."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except ConfigurationError as error:
            _fail(str(error), 2)
        except CandlehouseError as error:
            _fail(str(error), 1)

    def list_commands(self, _: click.Context) -> list[str]:
        return list(self.commands)  # in the order of this file, the first things first


def _fail(message: str, status: int) -> NoReturn:
    click.echo(f"candlehouse: {message}", err=True)
    sys.exit(status)


def _settings(**overrides: object) -> Settings:
    from src.logs import configure_logging
    from src.settings import load_settings

    settings = load_settings(**overrides)
    configure_logging(settings.log_level)
    return settings


def _app() -> App:
    from src.wiring import build

    return build(_settings())


def _ready_app() -> App:
    """Return the application with both stores prepared."""
    app = _app()
    app.starter.prepare()
    return app


def _show(value: Any, as_json: bool, text: Callable[[], str]) -> None:
    click.echo(json.dumps(value, default=str) if as_json else text())


_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Candlehouse keeps a complete history of crypto market data on hardware you own.

    \b
    ./candlehouse demo     see it work against a simulated exchange
    ./candlehouse up       collect from the real one
    """


@main.command()
@click.option("--fresh", is_flag=True, help="Forget what earlier demos collected.")
@click.option("--seconds", type=click.IntRange(1), help="Stop by itself after that long.")
def demo(fresh: bool, seconds: int | None) -> None:
    """Run the whole pipeline against the simulator: no network, no keys.

    \b
    Example: ./candlehouse demo
    """
    from src.demo.run import run_demo

    sys.exit(run_demo(_settings(), fresh=fresh, seconds=seconds))


@main.command()
def up() -> None:
    """Start all parts and keep them running; Ctrl-C ends them cleanly.

    \b
    Example: CANDLEHOUSE_SYMBOLS=BTCUSDT,ETHUSDT ./candlehouse up
    """
    _app().daemon.run()


@main.command()
@_json_option
def cycle(as_json: bool) -> None:
    """Extract and load once, until every tracked series is caught up.

    \b
    Example: ./candlehouse cycle
    """
    from src.jobs.cycle import run_cycle

    app = _ready_app()
    try:
        report = run_cycle(app.extraction, app.transform, app.clock, wait_s=None)
    finally:
        app.extraction.close()
    loaded = report.transformed.loaded
    _show(
        asdict(report),
        as_json,
        lambda: (
            f"fetched {report.extracted.candles} candles and {report.extracted.snapshots} snapshots, "
            f"loaded {loaded.objects} objects: {loaded.inserted} candles new, {loaded.replaced} replaced"
        ),
    )
    _exit_for(report.extracted.failures, report.transformed.quarantined)


@main.command()
@_json_option
def extract(as_json: bool) -> None:
    """Fetch into the lake only, until every tracked series is caught up.

    \b
    Example: ./candlehouse extract
    """
    app = _ready_app()
    try:
        report = app.extraction.run_once()
    finally:
        app.extraction.close()
    _show(
        asdict(report),
        as_json,
        lambda: f"fetched {report.candles} candles and {report.snapshots} snapshots",
    )
    _exit_for(report.failures, [])


@main.command()
@click.option("--retry-quarantined", is_flag=True, help="Try what was set aside once more.")
@_json_option
def transform(retry_quarantined: bool, as_json: bool) -> None:
    """Load what waits in the lake into the warehouse; calls no exchange.

    \b
    Example: ./candlehouse transform --retry-quarantined
    """
    from src.warehouse.quarantine import release_all

    app = _app()
    app.starter.prepare_warehouse()
    if retry_quarantined:
        app.warehouse.run(release_all)
    report = app.transform.load_waiting()
    loaded = report.loaded
    _show(
        asdict(report),
        as_json,
        lambda: (
            f"loaded {loaded.objects} objects: {loaded.inserted} candles new, {loaded.replaced} replaced, "
            f"{loaded.levels} order-book levels, {loaded.bad_rows} rows set aside"
        ),
    )
    _exit_for({}, report.quarantined)


def _exit_for(failures: dict[str, str], quarantined: list[str]) -> None:
    for task, error in sorted(failures.items()):
        click.echo(f"failed: {task}: {error}", err=True)
    for key in quarantined:
        click.echo(f"quarantined: {key} (lake_objects.error says why)", err=True)
    if failures or quarantined:
        sys.exit(1)


@main.group()
def symbols() -> None:
    """Which symbols are tracked.

    \b
    Example: ./candlehouse symbols add DOGEUSDT
    """


@symbols.command("list")
@_json_option
def symbols_list(as_json: bool) -> None:
    """List the tracked series and what is held of them.

    \b
    Example: ./candlehouse symbols list --json
    """
    from src.services.status import read_status
    from src.terminal import series_table, status_json, to_text

    app = _app()
    app.starter.prepare_warehouse()
    rows, now_ms = read_status(app.warehouse).series, app.clock.now_ms()
    _show(status_json(rows, now_ms), as_json, lambda: to_text(series_table(rows, now_ms)))


@symbols.command("add")
@click.argument("names", nargs=-1, required=True, metavar="SYMBOL...")
@click.option("--interval", "intervals", multiple=True, help="Default: those of CANDLEHOUSE_INTERVALS.")
def symbols_add(names: tuple[str, ...], intervals: tuple[str, ...]) -> None:
    """Track symbols; one tracked before goes on from where it stopped.

    \b
    Example: ./candlehouse symbols add DOGEUSDT --interval 1m --interval 1h
    """
    app = _app()
    app.starter.prepare_warehouse()
    wanted = _intervals(intervals) or list(app.settings.intervals)
    app.tracking.add([name.upper() for name in names], wanted)
    click.echo(f"tracking {', '.join(name.upper() for name in names)} at {', '.join(wanted)}")


@symbols.command("remove")
@click.argument("names", nargs=-1, required=True, metavar="SYMBOL...")
def symbols_remove(names: tuple[str, ...]) -> None:
    """Stop tracking symbols; everything collected stays.

    \b
    Example: ./candlehouse symbols remove DOGEUSDT
    """
    app = _app()
    app.starter.prepare_warehouse()
    removed = app.tracking.remove([name.upper() for name in names])
    stopped = {key.symbol for key in removed}
    if stopped:
        click.echo(f"no longer tracking {', '.join(sorted(stopped))}; the data stay")
    if unknown := {name.upper() for name in names} - stopped:
        _fail(f"not tracked: {', '.join(sorted(unknown))}; see ./candlehouse symbols list", 1)


def _intervals(names: tuple[str, ...]) -> list[Any]:
    from src.domain import Interval

    unknown = [name for name in names if name not in list(Interval)]
    if unknown:
        raise ConfigurationError(f"--interval {', '.join(unknown)}: accepted are {', '.join(Interval)}")
    return [Interval(name) for name in names]


@main.command()
@_json_option
def doctor(as_json: bool) -> None:
    """Check stores, exchange, clock, disk and data, and say what to do; changes nothing.

    Exit status 0 when nothing is wrong, warnings included; 1 when something is.

    \b
    Example: ./candlehouse doctor
    """
    from src.maintenance.doctor.checkup import is_healthy
    from src.terminal import doctor_json, doctor_view, show

    report = _app().doctor.examine()
    if as_json:
        click.echo(json.dumps(doctor_json(report)))
    else:
        show(doctor_view(report))
    sys.exit(0 if is_healthy(report) else 1)


@main.command()
@click.option("--checksums", is_flag=True, help="Read every object and compare its SHA-256, too.")
@_json_option
def reconcile(checksums: bool, as_json: bool) -> None:
    """Compare the lake with its catalog and adopt what has no row.

    \b
    Example: ./candlehouse reconcile --checksums
    """
    from src.maintenance.reconcile import Reconciler

    app = _app()
    app.starter.prepare_warehouse()
    report = Reconciler(app.lake, app.warehouse).run(app.clock.now_ms(), checksums=checksums)
    _show(
        asdict(report),
        as_json,
        lambda: (
            f"{report.objects:,} objects: {len(report.adopted):,} adopted, {len(report.ignored):,} ignored, "
            f"{len(report.missing):,} missing, {len(report.changed):,} changed"
        ),
    )
    for key in report.missing:
        click.echo(f"missing: {key} is in the catalog, not in the lake: restore it from a backup", err=True)
    for key in report.changed:
        click.echo(f"changed: {key} is not what was landed: restore it from a backup", err=True)
    if not report.is_clean:
        sys.exit(1)


@main.command()
def migrate() -> None:
    """Create the warehouse's schema, or bring an older one up to date.

    \b
    Example: ./candlehouse migrate
    """
    done = _app().starter.prepare_warehouse()
    click.echo("\n".join(done) or "the schema is up to date")


@main.command()
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


if __name__ == "__main__":
    main(prog_name="./candlehouse")
