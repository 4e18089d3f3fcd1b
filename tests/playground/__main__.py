"""Starts all parts of a playground by what the command line says."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
from sqlalchemy import func, select

from src.domain import Interval
from src.settings import ENV_FILE_VARIABLE, PROJECT_ROOT, VARIABLES, load_settings
from src.simulator.config import DEFAULT_SYMBOLS, extra_symbols
from src.warehouse.engine import Warehouse
from src.warehouse.series import list_series
from src.warehouse.tables import lake_objects
from src.warehouse.watermarks import find_watermark
from src.wiring import build
from tests.playground.control import Control
from tests.playground.parts import Part, Program, answers, free_port, stores, wait_until

_NO_SYMBOL = "none"
# Beside those that are tracked, for people to add.
_MORE_SYMBOLS = 5
_ROUGH = PROJECT_ROOT / "examples" / "rough-days.yaml"


@contextmanager
def data_folder(chosen: Path | None) -> Iterator[Path]:
    """Give the folder that was chosen, which stays, or one that goes."""
    if chosen is not None:
        chosen.mkdir(parents=True, exist_ok=True)
        yield chosen.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="candlehouse-playground-") as name:
        yield Path(name)


def symbol_names(count: int) -> list[str]:
    specs = DEFAULT_SYMBOLS + extra_symbols(max(0, count - len(DEFAULT_SYMBOLS)))
    return [spec.symbol for spec in specs[:count]] or [_NO_SYMBOL]


def forget_own_settings() -> None:
    """Let none of the developer's own settings reach the playground."""
    for name in VARIABLES.values():
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    os.environ[ENV_FILE_VARIABLE] = os.devnull


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of our programs."""
    ours = {"PYTHONPATH": str(PROJECT_ROOT), "CANDLEHOUSE_WEB_BUILD": "false"}
    return {**os.environ, **ours, **settings}


def simulator_part(folder: Path, options: list[str], port: int, symbols: int) -> Program:
    extra = max(0, symbols - len(DEFAULT_SYMBOLS)) + _MORE_SYMBOLS
    arguments = ["-m", "src.cli", "simulator", "--port", str(port), "--extra-symbols", str(extra), *options]
    address = f"http://127.0.0.1:{port}/api/v3/ping"
    return Program(arguments, environment({}), folder / "simulator.log", lambda: answers(address))


def drop_bad_objects(folder: Path) -> None:
    """Leave two files for the quarantine, old enough to be adopted: one torn, one with a bad row."""
    at_ms = int(time.time() * 1000) - 3_600_000
    row = [
        at_ms - at_ms % 60_000 - 60_000,
        "60000",
        "59000",
        "61000",
        "60000",
        "1",
        at_ms,
        "1",
        1,
        "1",
        "1",
        "0",
    ]
    bad = json.dumps({"symbol": "BTCUSDT", "type": "klines", "interval": "1m", "data": [row]})
    bucket = folder / "data_lake" / "raw" / time.strftime("%Y-%m-%d", time.gmtime(at_ms / 1000))
    bucket.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate((bad, bad[: len(bad) // 2])):
        path = bucket / f"BTCUSDT_klines_{at_ms + number}.json"
        path.write_text(content)
        os.utime(path, (at_ms / 1000, at_ms / 1000))


@dataclass
class Chosen:
    """What the command line says."""

    symbols: int
    intervals: str
    days: int
    port: int
    rough: bool
    simulator: list[str]
    servers: bool
    wait: bool
    settings: dict[str, str]


@contextmanager
def running(folder: Path, chosen: Chosen) -> Iterator[tuple[Control, dict[str, object]]]:
    """Start all parts; give the control, not serving yet, and what is to be told of it all."""
    parts: dict[str, Part] = {}
    port, exchange_port = chosen.port or free_port(), free_port()
    url, exchange = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{exchange_port}"
    with ExitStack() as stack:
        where = stack.enter_context(stores(folder, servers=chosen.servers, parts=parts))
        variables = environment(
            {
                "CANDLEHOUSE_DATA_DIR": str(folder),
                "CANDLEHOUSE_SYMBOLS": ",".join(symbol_names(chosen.symbols)),
                "CANDLEHOUSE_INTERVALS": chosen.intervals,
                "CANDLEHOUSE_LOOKBACK_DAYS": str(chosen.days),
                "CANDLEHOUSE_CYCLE_SECONDS": "5",
                "CANDLEHOUSE_DEPTH_SECONDS": "5",
                "CANDLEHOUSE_PORT": str(port),
                "BINANCE_BASE_URL": exchange,
                **where,
                **chosen.settings,
            }
        )
        for name, part in programs(folder, chosen, variables, exchange_port, url).items():
            parts[name] = part
            part.start()
            stack.callback(part.stop)
        warehouse = stack.enter_context(opened_warehouse(variables))
        if chosen.wait and chosen.symbols:
            wait_until(lambda: is_caught_up(warehouse), "the history to be loaded", seconds=1_800)
        token = (folder / "operator_token").read_text().strip()
        control = stack.enter_context(Control(parts, warehouse))
        yield (
            control,
            {
                "url": url,
                "link": f"{url}/?token={token}",
                "token": token,
                "simulator": exchange,
                "control": f"http://127.0.0.1:{control.server_port}",
                "data_dir": str(folder),
                "warehouse": warehouse.engine.url.render_as_string(hide_password=False),
                "pid": os.getpid(),
            },
        )


def programs(
    folder: Path, chosen: Chosen, variables: dict[str, str], exchange_port: int, api: str
) -> dict[str, Program]:
    """Return our programs in the order in which they start."""
    options = [*(["--scenario", str(_ROUGH)] if chosen.rough else []), *chosen.simulator]
    serve = ["-m", "src.cli", "serve"]
    return {
        "simulator": simulator_part(folder, options, exchange_port, chosen.symbols),
        "api": Program(serve, variables, folder / "api.log", lambda: answers(f"{api}/health/ready")),
        "daemon": Program(["scheduler.py"], variables, folder / "daemon.log", lambda: True),
    }


@contextmanager
def opened_warehouse(variables: Mapping[str, str]) -> Iterator[Warehouse]:
    attributes = {variable: attribute for attribute, variable in VARIABLES.items()}
    overrides = {attributes[name]: value for name, value in variables.items() if name in attributes}
    warehouse = build(load_settings(**overrides)).warehouse
    try:
        yield warehouse
    finally:
        warehouse.close()


def is_caught_up(warehouse: Warehouse) -> bool:
    """Whether each tracked series is held up to its last closed candle or the one before, and loaded."""
    waiting = select(func.count()).select_from(lake_objects).where(lake_objects.c.state == "landed")
    now_ms = int(time.time() * 1000)
    with warehouse.read() as connection:
        rows = list_series(connection)
        marks = {row.key: find_watermark(connection, row.key) or 0 for row in rows}
        left = connection.scalar(waiting) or 0
    behind = [key for key, mark in marks.items() if mark < _last_but_one(key.interval, now_ms)]
    click.echo(f"playground: {len(behind)} of {len(rows)} series behind, {left} objects to load", err=True)
    time.sleep(1)
    return bool(rows) and not behind and not left


def _last_but_one(interval: Interval, now_ms: int) -> int:
    return interval.floor(interval.floor(interval.floor(now_ms) - 1) - 1)


@click.command()
@click.option(
    "--symbols", type=click.IntRange(0, 900), default=5, show_default=True, help="0: nothing is tracked."
)
@click.option("--intervals", default="1m", show_default=True, help="Separated by commas.")
@click.option("--days", type=click.IntRange(1, 3650), default=1, show_default=True, help="Of history.")
@click.option("--port", type=int, default=0, help="Of the API; a free one by default.")
@click.option("--rough", is_flag=True, help="With holes, amended candles, bad files.")
@click.option("--wait", is_flag=True, help="Tell where it is only once the history is loaded.")
@click.option("--servers", is_flag=True, help="On MariaDB and S3 servers of its own instead of files.")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="A folder that stays.")
@click.option("--simulator", multiple=True, help="Option of its own, e.g. --speed=10.")
@click.option("--set", "settings", multiple=True, help="One more setting: NAME=value.")
def main(
    symbols: int,
    intervals: str,
    days: int,
    port: int,
    rough: bool,
    wait: bool,
    servers: bool,
    data_dir: Path | None,
    simulator: tuple[str, ...],
    settings: tuple[str, ...],
) -> None:
    """Run a whole Candlehouse against a simulated exchange, to look at and to test in a browser."""
    named = dict(each.split("=", 1) for each in settings)
    chosen = Chosen(symbols, intervals, days, port, rough, list(simulator), servers, wait, named)
    forget_own_settings()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with data_folder(data_dir) as folder:
        if rough:
            drop_bad_objects(folder)
        with running(folder, chosen) as (control, told):
            click.echo(json.dumps(told))
            try:
                control.serve_forever()
            except KeyboardInterrupt:
                click.echo("playground: stopping", err=True)


if __name__ == "__main__":
    main()
