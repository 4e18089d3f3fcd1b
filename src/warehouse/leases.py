"""Leases: who may do what one process alone may do, until when by the database's clock.

Each time a lease changes hands its token moves on by one. Whoever writes under a lease compares the token it
was given with the row's, so a holder that was frozen and overslept its lease is recognised, whatever it
believes. Time decides only when somebody else may take the lease, never whether a write is right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, or_, select, type_coerce, update

from src.errors import LeadershipLost
from src.warehouse import dialects
from src.warehouse.columns import utc_now
from src.warehouse.run_tables import leases as table
from src.warehouse.types import UtcMs

_NEVER_MS = 0

# Made once: it is the last statement of every transaction of a leader.
_TOKEN = select(table.c.token).where(table.c.name == bindparam("lease")).with_for_update(read=True)


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as it was read; times in UTC ms by the database's clock, and *is_expired* too."""

    name: str
    holder: str
    token: int
    acquired_at_ms: int
    expires_at_ms: int
    is_expired: bool
    read_at_ms: int = field(compare=False)


def find_lease(connection: Connection, name: str) -> Lease | None:
    """Return the lease, expired or not, without locking it; None when nobody ever held it."""
    expired = (table.c.expires_at <= utc_now()).label("is_expired")
    now = type_coerce(utc_now(), UtcMs()).label("read_at")
    found = connection.execute(select(table, expired, now).where(table.c.name == name)).one_or_none()
    if found is None:
        return None
    times = (found.acquired_at, found.expires_at)
    return Lease(found.name, found.holder, found.token, *times, bool(found.is_expired), found.read_at)


def acquire(
    connection: Connection, name: str, holder: str, ttl_s: float, dead_holder: str | None = None
) -> Lease | None:
    """Take the lease when it is free, expired, or held by *dead_holder*, known to be no more.

    None when somebody holds it, or was faster. Only a lease that looks free is locked: asking costs a read.
    """
    found = find_lease(connection, name)
    if found and not found.is_expired and found.holder != dead_holder:
        return None
    if found is None:
        connection.execute(dialects.insert_if_absent(table, connection, _unheld(name)))
    is_free = or_(table.c.expires_at <= utc_now(), table.c.holder == dead_holder)
    taken = connection.execute(
        update(table)
        .where(table.c.name == name, table.c.token == (found.token if found else 0), is_free)
        .values(
            holder=holder,
            token=table.c.token + 1,
            acquired_at=utc_now(),
            expires_at=dialects.later(ttl_s, connection),
        )
    )
    return find_lease(connection, name) if taken.rowcount else None


def renew(connection: Connection, lease: Lease, ttl_s: float) -> bool:
    """Hold the lease, even if it expired, for *ttl_s* from now; False when another took it."""
    until = dialects.later(ttl_s, connection)
    return bool(connection.execute(update(table).where(_is(lease)).values(expires_at=until)).rowcount)


def release(connection: Connection, lease: Lease) -> bool:
    """Let anybody take the lease at once; False when another took it. The row keeps its token."""
    return bool(connection.execute(update(table).where(_is(lease)).values(expires_at=utc_now())).rowcount)


def check_token(connection: Connection, name: str, token: int) -> None:
    """Raise LeadershipLost unless *token* is still the lease's; nobody can take it before the commit then."""
    if connection.execute(_TOKEN, {"lease": name}).scalar() != token:
        raise LeadershipLost(name)


def take_turn(connection: Connection, name: str) -> None:
    """Wait until no other transaction has the turn of that *name*, and keep it to the end of this one.

    For those who read rows, judge them and write them whole: of two at once, one would undo the other's.
    SQLite has one writer at a time anyway.
    """
    if dialects.is_mysql(connection):
        connection.execute(dialects.insert_if_absent(table, connection, _unheld(name)))


def _unheld(name: str) -> dict[str, Any]:
    return {"name": name, "holder": "", "acquired_at": _NEVER_MS, "expires_at": _NEVER_MS}


def _is(lease: Lease) -> ColumnElement[bool]:
    return and_(table.c.name == lease.name, table.c.token == lease.token)
