"""``migrate-warehouse``: moves the warehouse from its SQLite file into MySQL or MariaDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from src.commands.common import json_option, read_settings, show_result
from src.commands.leading import leading
from src.commands.progress_bar import progress_bar
from src.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

    from src.maintenance.moving_warehouse import WarehouseReport
    from src.settings import Settings
    from src.warehouse.engine import Warehouse


@click.command("migrate-warehouse")
@click.option("--to", metavar="URL", help="mysql://user:password@host:port/database, instead of MYSQL_HOST")
@click.option(
    "--source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The SQLite file, if it is not the one of the data folder.",
)
@click.option("--rename-source", is_flag=True, help="Rename the file when all is done.")
@json_option
def migrate_warehouse(to: str | None, source: Path | None, rename_source: bool, as_json: bool) -> None:
    """Move the warehouse from SQLite into MySQL or MariaDB, as MYSQL_HOST and its companions say.

    Copies every table, then compares both sides by digests of all rows, facts per series and day. It can be
    stopped at any time: run it again and it goes on. Nothing else may be running; the file is left as it is.

    \b
    Example: ./candlehouse migrate-warehouse --to mysql://candle@localhost:3306/candlehouse
    """
    from src.maintenance.moving_warehouse import check_is_ours
    from src.warehouse.schema import check_schema, migrate

    settings = read_settings()
    file = source or _default_file(settings)
    url = _target_url(settings, to)
    with ExitStack() as stack:
        old, new = _open_both(stack, file, url)
        check_schema(old)
        check_is_ours(new, _place(url))
        migrate(new)
        report = _move(stack, old, new, file, _place(url))
    show_result(asdict(report), as_json, lambda: "\n".join(_lines(report, url)))
    if rename_source and report.moved_at is None:
        renamed = file.with_name(f"{file.name}.moved")
        file.rename(renamed)
        click.echo(f"the old warehouse is {renamed} now", err=as_json)


def _default_file(settings: Settings) -> Path:
    from src.wiring import sqlite_file

    file = sqlite_file(settings)
    if not file.is_file():
        raise ConfigurationError(f"there is no warehouse to move: {file} is not there (or name --source)")
    return file


def _target_url(settings: Settings, to: str | None) -> URL:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    from src.wiring import warehouse_url

    if to is None and settings.mysql_host is None:
        raise ConfigurationError("where to? Set MYSQL_HOST and its companions, or give --to mysql://…")
    try:
        url = make_url(to or warehouse_url(settings))
    except ArgumentError:
        raise ConfigurationError("--to: accepted is mysql://user:password@host:port/database") from None
    if url.get_backend_name() not in {"mysql", "mariadb"} or not (url.host and url.username and url.database):
        raise ConfigurationError("--to: accepted is mysql://user:password@host:port/database")
    return url.set(drivername="mysql+mysqlconnector", port=url.port or 3306)


def _place(url: URL) -> str:
    return f"{url.username}@{url.host}:{url.port}, database {url.database}"


def _open_both(stack: ExitStack, file: Path, url: URL) -> tuple[Warehouse, Warehouse]:
    from src.warehouse.engine import create_database, open_warehouse, sqlite_url

    create_database(url)
    opened = []
    for one in (sqlite_url(file), url.render_as_string(hide_password=False)):
        opened.append(open_warehouse(one))
        stack.callback(opened[-1].close)
    return opened[0], opened[1]


def _move(stack: ExitStack, old: Warehouse, new: Warehouse, file: Path, place: str) -> WarehouseReport:
    from src.clock import SystemClock
    from src.jobs.leadership import Leadership
    from src.maintenance.moving_warehouse import WarehouseMover, check_differences

    clock = SystemClock()
    for warehouse in (old, new):
        stack.enter_context(leading(Leadership(warehouse, clock)))
    with progress_bar("rows") as tell:
        report = WarehouseMover(old, new, clock, str(file), place, tell).run()
    check_differences(report)
    return report


def _lines(report: WarehouseReport, url: URL) -> Iterator[str]:
    if report.moved_at:
        yield f"everything was moved on {report.moved_at}; nothing was done now"
    else:
        yield (
            f"{report.tables} tables, {report.rows:,} rows: {report.copied:,} copied in this run, all "
            f"compared and equal, facts by {report.days:,} days of series"
        )
    yield "set these, in .env or the environment, together with MYSQL_PASSWORD, and start again:"
    yield f"MYSQL_HOST={url.host}\nMYSQL_PORT={url.port}\nMYSQL_USER={url.username}"
    yield f"MYSQL_DATABASE={url.database}"
