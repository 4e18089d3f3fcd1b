"""The command ``token``: who may read and who may change things over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from src.commands.common import ID, fail, json_option, requested_by, show_result, warehouse_app
from src.errors import ConfigurationError

if TYPE_CHECKING:
    from src.warehouse.tokens import TokenRow


@click.group()
def token() -> None:
    """Tokens for the API: viewers read, operators may do everything.

    \b
    Example: ./candlehouse token create grafana
    """


@token.command("create")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["viewer", "operator"]),
    default="viewer",
    show_default=True,
    help="A viewer reads, an operator does everything.",
)
@click.option("--expires", help="When it ends by itself, e.g. 2027-01-31; never without.")
@json_option
def token_create(name: str, role: str, expires: str | None, as_json: bool) -> None:
    """Make a token for NAME; what is printed is shown now and never again.

    \b
    Example: ./candlehouse token create grafana --role viewer
    """
    from src.commands.times import parse_time
    from src.warehouse.tokens import NewToken, add_token, make_secret

    if not name.isascii() or not name.isprintable() or not 0 < len(name.strip()) <= 64:
        raise ConfigurationError(f"NAME {name!r}: accepted: 1 to 64 ASCII characters")
    parts, secret = warehouse_app(), make_secret()
    expires_ms = parse_time(expires, "--expires") if expires else None
    if expires_ms is not None and expires_ms <= parts.clock.now_ms():
        raise ConfigurationError(f"--expires {expires}: accepted: a time to come")
    new = NewToken(name.strip(), role, requested_by(), expires_ms)
    token_id = parts.warehouse.run(lambda connection: add_token(connection, new, secret))
    shown = {"id": token_id, "name": new.name, "role": role, "token": secret}
    show_result(shown, as_json, lambda: secret)


@token.command("list")
@click.option("--revoked", is_flag=True, help="Show those that were revoked, too.")
@json_option
def token_list(revoked: bool, as_json: bool) -> None:
    """List the tokens; what they are is not kept and cannot be shown.

    \b
    Example: ./candlehouse token list --json
    """
    from src.warehouse.tokens import list_tokens

    with warehouse_app().warehouse.read() as connection:
        rows = list_tokens(connection, revoked=revoked)
    show_result([_json(row) for row in rows], as_json, lambda: _table(rows))


@token.command("revoke")
@click.argument("token_id", type=ID, metavar="ID")
def token_revoke(token_id: int) -> None:
    """Revoke a token: it and the sessions opened with it fail at once.

    \b
    Example: ./candlehouse token revoke 2
    """
    from src.settings import VARIABLES
    from src.warehouse.tokens import get_token, revoke

    parts = warehouse_app()
    with parts.warehouse.read() as connection:
        row = get_token(connection, token_id)
    if row.created_by == VARIABLES["token"] and row.revoked_ms is None:
        fail(f"token {token_id} is set by {row.created_by}: change it there and start Candlehouse again", 1)
    if not parts.warehouse.run(lambda connection: revoke(connection, token_id)):
        fail(f"token {token_id} was revoked before", 1)
    click.echo(f"revoked {row.name} ({row.role})")


def _json(row: TokenRow) -> dict[str, Any]:
    return {
        name: value for name, value in asdict(row).items() if name not in {"token_hash", "parent_id", "kind"}
    }


def _table(rows: list[TokenRow]) -> str:
    from rich.table import Table
    from rich.text import Text

    from src.terminal import to_text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("id", "name", "role", "made", "by", "expires", "last used", "revoked"):
        table.add_column(column, overflow="fold")
    for row in rows:
        times = (_time(row.expires_at_ms), _time(row.last_used_ms), _time(row.revoked_ms))
        cells = (str(row.id), row.name, row.role, _time(row.created_ms), row.created_by or "–", *times)
        table.add_row(*map(Text, cells))
    return to_text(table)


def _time(time_ms: int | None) -> str:
    from src.domain import format_utc

    return "–" if time_ms is None else format_utc(time_ms)[:16] + "Z"
