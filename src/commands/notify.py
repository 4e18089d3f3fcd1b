"""The command ``notify``: what people are told, and whether it reaches them."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from src.commands.common import ID, fail, json_option, show_result, warehouse_app
from src.errors import ConfigurationError

if TYPE_CHECKING:
    from src.warehouse.notifications import Notification
    from src.wiring import App


@click.group()
def notify() -> None:
    """Notifications: what went wrong, recovered or finished.

    \b
    Example: ./candlehouse notify list --unread
    """


@notify.command("test")
@json_option
def notify_test(as_json: bool) -> None:
    """Send a test message to each target and say whether it went out.

    \b
    Example: ./candlehouse notify test
    """
    from src.jobs.sending import Message, list_targets, send

    targets = list_targets(_notify_urls(warehouse_app()))
    if not targets:
        raise ConfigurationError(
            "there is nobody to notify: set notify_urls to addresses as Apprise spells them, with "
            "./candlehouse settings set notify_urls ADDRESSES or in CANDLEHOUSE_NOTIFY_URLS"
        )
    message = Message("Candlehouse: a test", "If you read this, notifications reach you.")
    results = [(target.label, send(target, message)) for target in targets]
    show_result(
        [{"target": label, "sent": error is None, "error": error} for label, error in results],
        as_json,
        lambda: "\n".join(f"{label}: {f'failed: {error}' if error else 'sent'}" for label, error in results),
    )
    sys.exit(1 if any(error for _, error in results) else 0)


@notify.command("list")
@click.option("--unread", is_flag=True, help="Only those that nobody has marked as read.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most so many.")
@json_option
def notify_list(unread: bool, limit: int, as_json: bool) -> None:
    """List notifications, newest first; * marks the unread.

    \b
    Example: ./candlehouse notify list --unread
    """
    from src.warehouse.notifications import list_notifications

    with warehouse_app().warehouse.read() as connection:
        rows = list_notifications(connection, unread_only=unread, limit=limit)
    show_result([_json(row) for row in rows], as_json, lambda: _text(rows))


@notify.command("read")
@click.argument("ids", nargs=-1, type=ID, metavar="ID...")
@click.option("--all", "is_all", is_flag=True, help="Mark all as read.")
def notify_read(ids: tuple[int, ...], is_all: bool) -> None:
    """Mark notifications as read.

    \b
    Example: ./candlehouse notify read --all
    """
    from src.warehouse.notifications import list_missing, mark_read

    if bool(ids) == is_all:
        raise click.UsageError("give the IDs of notifications, or --all")
    warehouse = warehouse_app().warehouse
    with warehouse.read() as connection:
        missing = list_missing(connection, ids)
    marked = warehouse.run(lambda connection: mark_read(connection, None if is_all else ids))
    click.echo(f"{marked} marked as read")
    if missing:
        fail(f"no such notification: {', '.join(map(str, missing))}; see ./candlehouse notify list", 1)


def _notify_urls(parts: App) -> str | None:
    from src.mutable_settings import effective
    from src.warehouse.app_settings import read_settings

    with parts.warehouse.read() as connection:
        urls = effective(parts.settings, read_settings(connection)).notify_urls
    return None if urls is None else urls.get_secret_value()


def _json(row: Notification) -> dict[str, Any]:
    return {**asdict(row), "severity": row.severity.value}


def _text(rows: list[Notification]) -> str:
    return "\n".join(_lines(row) for row in rows) or "no notifications"


def _lines(row: Notification) -> str:
    from src.domain import utc_from_ms
    from src.jobs.outbox import body_text

    mark = " " if row.read_ms else "*"
    first, last = (f"{utc_from_ms(time_ms):%Y-%m-%d %H:%M}" for time_ms in (row.first_ms, row.last_ms))
    again = f" ({row.times} times since {first})" if row.times > 1 else ""
    head = f"{mark} {row.id}  {last}  {row.severity:<7}  {row.title}{again}"
    return "\n".join([head, *(f"      {line}" for line in body_text(row).splitlines())])
