"""The operator's first token: from ``CANDLEHOUSE_TOKEN``, or made once and kept in a file of ours alone."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from src.api.context import Role
from src.settings import VARIABLES, Settings
from src.warehouse import tokens
from src.warehouse.engine import Warehouse
from src.warehouse.tokens import NewToken

FROM_ENVIRONMENT = VARIABLES["token"]
_FILE = "operator_token"


@dataclass(frozen=True, slots=True)
class OperatorToken:
    """*secret* is None where people set it themselves; *is_new* if it was made just now."""

    secret: str | None
    is_new: bool


def token_file(settings: Settings) -> Path:
    return settings.data_dir / _FILE


def ensure_operator_token(settings: Settings, warehouse: Warehouse) -> OperatorToken:
    """See to it that there is one; one that was revoked is followed by another."""
    if settings.token is not None:
        secret = settings.token.get_secret_value()
        warehouse.run(lambda connection: _take_from_environment(connection, secret))
        return OperatorToken(None, is_new=False)
    warehouse.run(_drop_from_environment)
    path = token_file(settings)
    secret, is_new = _keep(path, tokens.make_secret())
    if not warehouse.run(lambda connection: _is_usable(connection, secret)):
        path.unlink(missing_ok=True)
        secret, is_new = _keep(path, tokens.make_secret())
        warehouse.run(lambda connection: _is_usable(connection, secret))
    return OperatorToken(secret, is_new)


def _keep(path: Path, secret: str) -> tuple[str, bool]:
    """Return what the file holds, and whether that is *secret*: of two processes the first one decides."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secret + "\n")
    try:
        # A link appears whole or not at all, and never in place of another file.
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    kept = path.read_text(encoding="ascii").strip()
    return kept, kept == secret


def _is_usable(connection: Connection, secret: str) -> bool:
    """Whether the token of the file is valid; one that the warehouse does not know yet is added."""
    row = tokens.find_token(connection, secret)
    if row is None:
        tokens.add_token(connection, NewToken("operator", Role.OPERATOR, "first start"), secret)
        return True
    return row.revoked_ms is None


def _take_from_environment(connection: Connection, secret: str) -> None:
    token_id = tokens.add_token(connection, NewToken("operator", Role.OPERATOR, FROM_ENVIRONMENT), secret)
    tokens.restore(connection, token_id, Role.OPERATOR)
    _drop_from_environment(connection, except_id=token_id)


def _drop_from_environment(connection: Connection, except_id: int | None = None) -> None:
    """Revoke what the environment set once and does not set any more."""
    for row in tokens.list_tokens(connection):
        if row.created_by == FROM_ENVIRONMENT and row.id != except_id:
            tokens.revoke(connection, row.id)
