"""Tokens, and the sessions opened with them. Only hashes are stored; what opens the door is told once.

A session is a row with a parent: what ends the token ends its sessions with it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select

from src.errors import NotFound
from src.warehouse import dialects
from src.warehouse.access_tables import tokens
from src.warehouse.columns import utc_now

TOKEN, SESSION = "token", "session"
_PREFIX = "ch_"
_PRUNED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that is to be: *role* is viewer or operator, *expires_at_ms* None for never."""

    name: str
    role: str
    created_by: str | None = None
    expires_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token or session as it is stored; times in UTC ms. The *name* of a session is its token's."""

    id: int
    name: str
    kind: str
    role: str
    parent_id: int | None
    token_hash: str
    created_ms: int
    created_by: str | None
    expires_at_ms: int | None
    last_used_ms: int | None
    revoked_ms: int | None

    def is_live(self, now_ms: int) -> bool:
        return self.revoked_ms is None and (self.expires_at_ms is None or now_ms < self.expires_at_ms)


def make_secret() -> str:
    """Return what nobody guesses, with a beginning by which scanners for leaked secrets know it."""
    return _PREFIX + secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    # No slow hash: it protects what people choose, and these are 256 random bits.
    return hashlib.sha256(secret.encode()).hexdigest()


def add_token(connection: Connection, new: NewToken, secret: str) -> int:
    """Store a token; return its id, that of the row there is if *secret* is known already."""
    row: dict[str, object] = {
        "kind": TOKEN,
        "role": new.role,
        "name": new.name,
        "token_hash": hash_secret(secret),
    }
    row |= {"created_by": new.created_by, "expires_at": new.expires_at_ms}
    connection.execute(dialects.insert_if_absent(tokens, connection, [row]))
    return _id_of(connection, secret)


def add_session(connection: Connection, parent: TokenRow, expires_at_ms: int) -> str:
    """Open a session with a token that was checked; return the secret of its cookie."""
    secret = make_secret()
    row = {"kind": SESSION, "role": parent.role, "name": parent.name, "token_hash": hash_secret(secret)}
    connection.execute(tokens.insert().values(**row, parent_id=parent.id, expires_at=expires_at_ms))
    return secret


def find_live(connection: Connection, secret: str, now_ms: int) -> TokenRow | None:
    """Return the token or session of *secret*; None if there is none, or it or its parent has ended."""
    hashed = hash_secret(secret)
    parent = tokens.alias("parent")
    query = (
        select(
            tokens, parent.c.revoked_at.label("parent_revoked"), parent.c.expires_at.label("parent_expires")
        )
        .select_from(tokens.outerjoin(parent, parent.c.id == tokens.c.parent_id))
        .where(tokens.c.token_hash == hashed)
    )
    found = connection.execute(query).first()
    if found is None or not secrets.compare_digest(found.token_hash, hashed):
        return None
    row = _from_row(found)
    parent_lives = found.parent_revoked is None and (
        found.parent_expires is None or now_ms < found.parent_expires
    )
    return row if parent_lives and row.is_live(now_ms) else None


def list_live_ids(connection: Connection, ids: Collection[int], now_ms: int) -> frozenset[int]:
    """Return which of these tokens and sessions are valid, and those that they were opened with."""
    if not ids:
        return frozenset()
    parent = tokens.alias("parent")
    lives = [
        and_(table.c.revoked_at.is_(None), or_(table.c.expires_at.is_(None), table.c.expires_at > now_ms))
        for table in (tokens, parent)
    ]
    query = select(tokens.c.id).select_from(tokens.outerjoin(parent, parent.c.id == tokens.c.parent_id))
    query = query.where(tokens.c.id.in_(ids), lives[0], or_(tokens.c.parent_id.is_(None), lives[1]))
    return frozenset(connection.scalars(query))


def find_token(connection: Connection, secret: str) -> TokenRow | None:
    """Return the row of *secret*, whether it is valid or not."""
    found = connection.execute(select(tokens).where(tokens.c.token_hash == hash_secret(secret))).first()
    return None if found is None else _from_row(found)


def list_tokens(connection: Connection, *, revoked: bool = False) -> list[TokenRow]:
    """List the tokens, without sessions, the oldest first; *revoked* ones only if asked for."""
    query = select(tokens).where(tokens.c.kind == TOKEN).order_by(tokens.c.id)
    if not revoked:
        query = query.where(tokens.c.revoked_at.is_(None))
    return [_from_row(row) for row in connection.execute(query)]


def get_token(connection: Connection, token_id: int) -> TokenRow:
    is_it = and_(tokens.c.id == token_id, tokens.c.kind == TOKEN)
    found = connection.execute(select(tokens).where(is_it)).first()
    if found is None:
        raise NotFound(f"there is no token {token_id}", "./candlehouse token list shows all")
    return _from_row(found)


def count_sessions(connection: Connection, now_ms: int) -> dict[int, int]:
    """Return how many sessions are open, by the id of their token."""
    query = select(tokens.c.parent_id).where(
        tokens.c.kind == SESSION, tokens.c.revoked_at.is_(None), tokens.c.expires_at > now_ms
    )
    counts: dict[int, int] = {}
    for parent in connection.scalars(query):
        counts[parent] = counts.get(parent, 0) + 1
    return counts


def revoke(connection: Connection, token_id: int) -> bool:
    """End a token or session, and the sessions opened with it; whether it was not ended before."""
    sessions = and_(tokens.c.parent_id == token_id, tokens.c.revoked_at.is_(None))
    connection.execute(tokens.update().where(sessions).values(revoked_at=utc_now()))
    return _end(connection, and_(tokens.c.id == token_id, tokens.c.revoked_at.is_(None)))


def restore(connection: Connection, token_id: int, role: str) -> None:
    """Make a token valid again that the environment sets anew."""
    values = {"revoked_at": None, "expires_at": None, "role": role}
    connection.execute(tokens.update().where(tokens.c.id == token_id).values(**values))


def note_use(connection: Connection, token_id: int) -> None:
    """Remember that it was used just now."""
    connection.execute(tokens.update().where(tokens.c.id == token_id).values(last_used_at=utc_now()))


def prune_sessions(connection: Connection, before_ms: int) -> int:
    """Delete sessions that ended before then, some hundreds at most; return how many."""
    is_over = or_(tokens.c.expires_at < before_ms, tokens.c.revoked_at < before_ms)
    ended = select(tokens.c.id).where(tokens.c.kind == SESSION, is_over).limit(_PRUNED_AT_ONCE)
    ids = list(connection.scalars(ended))
    return connection.execute(tokens.delete().where(tokens.c.id.in_(ids))).rowcount if ids else 0


def _end(connection: Connection, which: ColumnElement[bool]) -> bool:
    return connection.execute(tokens.update().where(which).values(revoked_at=utc_now())).rowcount == 1


def _id_of(connection: Connection, secret: str) -> int:
    query = select(tokens.c.id).where(tokens.c.token_hash == hash_secret(secret))
    return int(connection.execute(query).scalar_one())


def _from_row(row: Row[tuple[object, ...]]) -> TokenRow:
    return TokenRow(
        id=row.id,
        name=row.name,
        kind=row.kind,
        role=row.role,
        parent_id=row.parent_id,
        token_hash=row.token_hash,
        created_ms=row.created_at,
        created_by=row.created_by,
        expires_at_ms=row.expires_at,
        last_used_ms=row.last_used_at,
        revoked_ms=row.revoked_at,
    )
