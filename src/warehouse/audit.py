"""Who changed what over HTTP, and who was refused."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, select

from src.warehouse.access_tables import audit_log

_LONGEST_PATH = 2_000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One request and how it was answered; *actor* is a token's name, *path* without its query."""

    actor: str
    role: str | None
    remote: str
    method: str
    path: str
    status: int
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry as it was stored."""

    id: int
    at_ms: int
    entry: AuditEntry


def record(connection: Connection, entry: AuditEntry) -> None:
    values = asdict(entry) | {"path": entry.path[:_LONGEST_PATH]}
    # The columns are ASCII; what a client sent need not be.
    for name in ("actor", "remote"):
        values[name] = values[name].encode("ascii", "replace").decode("ascii")[:64]
    connection.execute(audit_log.insert().values(**values))


def list_audit(connection: Connection, limit: int, before_id: int | None = None) -> list[AuditRow]:
    """List the newest entries first, from the one before *before_id* on."""
    query = select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(audit_log.c.id < before_id)
    return [
        AuditRow(
            row.id,
            row.at,
            AuditEntry(row.actor, row.role, row.remote, row.method, row.path, row.status, row.detail),
        )
        for row in connection.execute(query)
    ]
