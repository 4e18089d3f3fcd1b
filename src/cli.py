"""The command line: ``./candlehouse COMMAND``. Exit status 0 done, 1 failed, 2 wrong usage or settings.

Each command stands in a file of ``src.commands``; here they are put together, the first things first.
"""

from __future__ import annotations

import os
import sys

import click

from src.commands.backfill import backfill
from src.commands.common import Group, app, read_settings
from src.commands.coverage import coverage
from src.commands.export import export
from src.commands.gaps import gaps
from src.commands.jobs import jobs
from src.commands.lineage import lineage
from src.commands.maintenance import maintenance
from src.commands.migrate_warehouse import migrate_warehouse
from src.commands.notify import notify
from src.commands.quality import quality
from src.commands.replay import replay
from src.commands.runs import runs
from src.commands.serve import serve
from src.commands.service import service
from src.commands.settings import settings
from src.commands.simulator import simulator
from src.commands.stores import doctor, migrate, reconcile
from src.commands.symbols import symbols
from src.commands.token import token
from src.commands.verify import verify
from src.commands.web import web
from src.commands.work import cycle, extract, transform


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
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

    sys.exit(run_demo(read_settings(), fresh=fresh, seconds=seconds))


@main.command()
def up() -> None:
    """Start all parts and keep them running; Ctrl-C ends them cleanly.

    \b
    Example: CANDLEHOUSE_SYMBOLS=BTCUSDT,ETHUSDT ./candlehouse up
    """
    from src.api.process import running_api

    parts = app()
    with running_api(os.environ):
        parts.daemon.run()


for command in (
    cycle,
    extract,
    transform,
    symbols,
    backfill,
    coverage,
    gaps,
    quality,
    lineage,
    export,
    verify,
    replay,
    maintenance,
    jobs,
    runs,
    settings,
    serve,
    web,
    service,
    token,
    notify,
    doctor,
    reconcile,
    migrate,
    migrate_warehouse,
    simulator,
):
    main.add_command(command)


if __name__ == "__main__":
    main(prog_name="./candlehouse")
