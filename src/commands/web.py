"""The command ``web``: building the web app, by hand or beside the API."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from src.commands.common import Group, fail, read_settings

if TYPE_CHECKING:
    from src.clock import Clock
    from src.settings import Settings
    from src.warehouse.engine import Warehouse

_COMMAND = [sys.executable, "-P", "-m", "src.cli", "web", "build", "--beside"]
# Then it begins all the same: maybe there is no scheduler.
_FIRST_CYCLE_WITHIN_S = 120
# On a busy machine the first cycle has begun before we are up.
_COMING_UP_S = 30
_LOOK_S = 1.0
_LEAST_PRIORITY = 19


@click.group(cls=Group)
def web() -> None:
    """Build the web app, which is served where the API is.

    \b
    Example: ./candlehouse web build
    """


@web.command()
@click.option("--beside", is_flag=True, hidden=True, help="For the API: late, humbly, until stdin ends.")
def build(beside: bool) -> None:
    """Build the web app now, where it is not built of today's sources.

    \b
    `up`, `demo` and `serve` do it by themselves, in the background.
    Example: ./candlehouse web build
    """
    from src.errors import CandlehouseError
    from src.web.place import FRONTEND

    # systemd's, Docker's and the API's way to end it; npm is ended, too, on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if beside:
        _build_beside()
        return
    try:
        is_new = _build(click.echo)
    except OSError as error:
        fail(f"the web app cannot be built: {error}", 1)
    except CandlehouseError as error:
        fail(str(error), 1)
    click.echo(f"{'the web app is in' if is_new else 'nothing to build: it is all in'} {FRONTEND.dist}")


@contextmanager
def building_beside(settings: Settings) -> Iterator[None]:
    """Have the web app built in a process of its own, where it needs to be, while the block lasts."""
    from src.settings import PROJECT_ROOT
    from src.web.place import FRONTEND

    if not settings.web_build or FRONTEND.is_current:
        yield
        return
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and program
        _COMMAND,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    mine = os.getpid()
    try:
        yield
    finally:
        if os.getpid() == mine:  # the server forks, and its processes leave this block as well
            process.terminate()


def _build(say: Callable[[str], None]) -> bool:
    from src.settings import VARIABLES
    from src.web.building import build_web
    from src.web.place import FRONTEND

    # What npm runs is others' code: none of our secrets are for it.
    ours = {name + end for name in VARIABLES.values() for end in ("", "_FILE")}
    return build_web(FRONTEND, {name: value for name, value in os.environ.items() if name not in ours}, say)


def _build_beside() -> None:
    """Build once collecting has begun, and only tell the log how it went."""
    import structlog

    from src.api.process import end_with_parent
    from src.errors import CandlehouseError
    from src.web.place import FRONTEND
    from src.wiring import build as build_parts

    end_with_parent()
    log, parts = structlog.get_logger(), build_parts(read_settings())
    with suppress(OSError):
        os.nice(_LEAST_PRIORITY)
    wait_for_a_cycle(parts.warehouse, parts.clock)
    parts.warehouse.close()
    try:
        if _build(lambda _: None):
            log.info("web app built", folder=str(FRONTEND.dist))
    except (CandlehouseError, OSError) as error:
        log.warning("no web app yet", error=str(error))


def wait_for_a_cycle(warehouse: Warehouse, clock: Clock) -> None:
    """Wait until the scheduler beside us has begun a cycle: data come first."""
    from src.errors import CandlehouseError
    from src.jobs.job_registry import CYCLE
    from src.warehouse.runs import RunFilter, list_runs

    begun_ms = clock.now_ms()
    since_ms = begun_ms - _COMING_UP_S * 1000
    while clock.now_ms() < begun_ms + _FIRST_CYCLE_WITHIN_S * 1000:
        with suppress(CandlehouseError), warehouse.read() as connection:
            newest = list_runs(connection, RunFilter(kind=CYCLE), limit=1)
            if newest and (newest[0].started_ms or 0) >= since_ms:
                return
        clock.sleep(_LOOK_S)
