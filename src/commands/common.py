"""What all commands share: the application, output for people or programs, errors in one clear line.

Rooms are imported inside functions, so that ``--help`` and small commands start at once.
"""

from __future__ import annotations

import getpass
import json
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import click

from src.errors import CandlehouseError, ConfigurationError

if TYPE_CHECKING:
    from src.settings import Settings
    from src.wiring import App


def _explained(invoke: Callable[[], Any]) -> Any:
    """Turn our errors into one clear line and an exit status."""
    try:
        return invoke()
    except ConfigurationError as error:
        fail(str(error), 2)
    except CandlehouseError as error:
        fail(str(error), 1)


class Command(click.Command):
    """A command of its own that says clearly what went wrong."""

    def invoke(self, context: click.Context) -> Any:
        return _explained(lambda: super(Command, self).invoke(context))


class Group(click.Group):
    """A group whose commands do."""

    def invoke(self, context: click.Context) -> Any:
        return _explained(lambda: super(Group, self).invoke(context))

    def list_commands(self, _: click.Context) -> list[str]:
        return list(self.commands)  # in the order of the file, the first things first


def fail(message: str, status: int) -> NoReturn:
    click.echo(f"candlehouse: {message}", err=True)
    sys.exit(status)


def read_settings(**overrides: object) -> Settings:
    """Read the settings and set up logging by them."""
    from src.logs import configure_logging
    from src.settings import load_settings

    settings = load_settings(**overrides)
    configure_logging(settings.log_level)
    return settings


def app() -> App:
    """Return the application; nothing is connected yet."""
    from src.wiring import build

    return build(read_settings())


def ready_app() -> App:
    """Return the application with both stores prepared."""
    made = app()
    made.starter.prepare()
    return made


def warehouse_app() -> App:
    """Return the application with the warehouse's schema up to date; the exchange is not called."""
    made = app()
    made.starter.prepare_warehouse()
    return made


def requested_by() -> str:
    """Name who gives this command, for a run to say: ``user@host``, 64 ASCII characters at most."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = "unknown"
    return f"{user}@{socket.gethostname()}".encode("ascii", "replace").decode("ascii")[:64]


def show_result(value: Any, as_json: bool, text: Callable[[], str]) -> None:
    """Print *value* as JSON for programs, or *text* for people."""
    click.echo(json.dumps(value, default=str) if as_json else text())


# What can be an id: more would not fit into the warehouse.
ID = click.IntRange(1, 2**63 - 1)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
