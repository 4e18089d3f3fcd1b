"""News for people. The same about the same subject is counted while it is unread, not told again.

Only what was told last about a subject is counted on: a recovery in between makes the next failure news.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from src.warehouse.columns import utc_now
from src.warehouse.run_tables import notifications

_columns = notifications.c


class NewsKind(StrEnum):
    """What there is news of."""

    RUN_FAILED = "run_failed"
    RUN_RECOVERED = "run_recovered"
    BATCH_FINISHED = "batch_finished"
    EXCHANGE_BLOCKED = "exchange_blocked"
    DISK_LOW = "disk_low"
    DISK_WELL = "disk_well"


class Severity(StrEnum):
    """How much a person should mind, the least first."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened; *subject* is what to, like ``job:cycle``, in 96 ASCII characters at most."""

    kind: NewsKind
    subject: str
    severity: Severity
    title: str
    body: str
    run_id: int | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """News as stored, with how many *times* they came; times of day in UTC ms."""

    id: int
    kind: str
    subject: str
    severity: Severity
    title: str
    body: str
    run_id: int | None
    times: int
    first_ms: int
    last_ms: int
    read_ms: int | None
    sent_ms: int | None


def notify(connection: Connection, news: News) -> None:
    """Store news, or count them where they were told last and are not read yet."""
    values = {name: getattr(news, name) for name in ("title", "body", "run_id")}
    values["severity"] = news.severity.value
    last = _find_last(connection, news.subject)
    if last is not None and last.kind == news.kind.value and last.read_at is None:
        again = notifications.update().where(_columns.id == last.id)
        connection.execute(again.values(**values, times=_columns.times + 1, last_at=utc_now()))
        return
    row = {**values, "kind": news.kind.value, "subject": news.subject}
    connection.execute(notifications.insert().values(row))


def is_failing(connection: Connection, subject: str) -> bool:
    """Whether the last told about *subject*, read or not, is that it failed."""
    last = _find_last(connection, subject)
    return last is not None and last.kind == NewsKind.RUN_FAILED.value


def find_last_told(connection: Connection, subject: str) -> Notification | None:
    """Return what was told last about *subject*, read or not."""
    last = _find_last(connection, subject)
    if last is None:
        return None
    return _rows(connection, select(notifications).where(_columns.id == last.id))[0]


def list_notifications(
    connection: Connection,
    *,
    unread_only: bool = False,
    limit: int = 50,
    before: tuple[int, int] | None = None,
) -> list[Notification]:
    """List notifications, newest first; *before* is time and id of the last one of the page before."""
    query = select(notifications).order_by(_columns.last_at.desc(), _columns.id.desc()).limit(limit)
    if before is not None:
        last_ms, last_id = before
        is_level = (_columns.last_at == last_ms) & (_columns.id < last_id)
        query = query.where((_columns.last_at < last_ms) | is_level)
    return _rows(connection, query.where(_columns.read_at.is_(None)) if unread_only else query)


def count_unread(connection: Connection) -> int:
    query = select(func.count()).select_from(notifications).where(_columns.read_at.is_(None))
    return connection.execute(query).scalar_one()


def mark_read(connection: Connection, ids: Sequence[int] | None = None) -> int:
    """Mark these, or all, as read; return how many were not yet."""
    unread = notifications.update().where(_columns.read_at.is_(None))
    chosen = unread if ids is None else unread.where(_columns.id.in_(ids))
    return connection.execute(chosen.values(read_at=utc_now())).rowcount


def list_missing(connection: Connection, ids: Sequence[int]) -> list[int]:
    """List those of *ids* that no notification has."""
    known = set(connection.scalars(select(_columns.id).where(_columns.id.in_(ids))))
    return [one for one in ids if one not in known]


def list_unsent(
    connection: Connection, *, since_ms: int, repeat_before_ms: int, limit: int = 200
) -> list[Notification]:
    """List what is unread and yet to be sent, oldest first; what came last before *since_ms* is no news.

    What came again after it was sent is due once more when that was before *repeat_before_ms*.
    """
    is_due = _columns.sent_at.is_(None) | (
        (_columns.last_at > _columns.sent_at) & (_columns.sent_at < repeat_before_ms)
    )
    query = select(notifications).where(_columns.read_at.is_(None), _columns.last_at >= since_ms, is_due)
    return _rows(connection, query.order_by(_columns.id).limit(limit))


def mark_sent(connection: Connection, ids: Sequence[int]) -> None:
    """Mark these as sent just now."""
    # By the database's clock, as last_at is: the two are compared.
    connection.execute(notifications.update().where(_columns.id.in_(ids)).values(sent_at=utc_now()))


def _find_last(connection: Connection, subject: str) -> Row[*tuple[Any, ...]] | None:
    # All kinds are named so that the index on (kind, subject) finds it.
    query = select(_columns.id, _columns.kind, _columns.read_at).where(
        _columns.kind.in_([kind.value for kind in NewsKind]), _columns.subject == subject
    )
    return connection.execute(query.order_by(_columns.id.desc()).limit(1)).one_or_none()


def _rows(connection: Connection, query: Select[Any]) -> list[Notification]:
    return [
        Notification(
            **{name: getattr(row, name) for name in ("id", "kind", "subject", "title", "body", "run_id")},
            severity=Severity(row.severity),
            times=row.times,
            first_ms=row.first_at,
            last_ms=row.last_at,
            read_ms=row.read_at,
            sent_ms=row.sent_at,
        )
        for row in connection.execute(query)
    ]
