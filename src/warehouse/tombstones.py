"""Tombstones: what remains of the catalog's rows of a series and day once retention deleted the objects."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from src.domain import utc_from_ms
from src.warehouse import dialects
from src.warehouse.ageing_tables import object_tombstones
from src.warehouse.lake_ageing import AgedObject, Group

_c = object_tombstones.c


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What was deleted of the objects of one kind that were captured on a day; times in UTC ms.

    *digest* is a sha256 over the sha256s of the objects in the order of their ids; those that were folded
    later stand on top of the digest before.
    """

    group: Group
    date: date
    objects: int
    size_bytes: int
    record_count: int
    first_object_id: int
    last_object_id: int
    first_captured_ms: int
    last_captured_ms: int
    first_open_ms: int | None
    last_open_ms: int | None
    digest: str
    deleted_ms: int


def fold(
    connection: Connection, group: Group, day: date, objects: Sequence[AgedObject], deleted_ms: int
) -> None:
    """Add these objects, in the order of their ids, to the tombstone of their day."""
    before = find_tombstone(connection, group, day)
    ids, captured = [one.id for one in objects], [one.captured_at_ms for one in objects]
    opens = [at for one in objects for at in (one.first_open_ms, one.last_open_ms) if at is not None]
    if before:
        ids += [before.first_object_id, before.last_object_id]
        captured += [before.first_captured_ms, before.last_captured_ms]
        opens += [at for at in (before.first_open_ms, before.last_open_ms) if at is not None]
    values = {
        **group._asdict(),
        "date": day,
        "objects": len(objects) + (before.objects if before else 0),
        "size_bytes": sum(one.size_bytes for one in objects) + (before.size_bytes if before else 0),
        "record_count": sum(one.record_count for one in objects) + (before.record_count if before else 0),
        "first_object_id": min(ids),
        "last_object_id": max(ids),
        "first_captured_at": min(captured),
        "last_captured_at": max(captured),
        "first_open_time": min(opens, default=None),
        "last_open_time": max(opens, default=None),
        "digest": _digest([one.sha256 for one in objects], before.digest if before else ""),
        "deleted_at": deleted_ms,
    }
    connection.execute(dialects.upsert(object_tombstones, connection, values, list(values)))


def find_tombstone(connection: Connection, group: Group, day: date) -> Tombstone | None:
    """Return the tombstone of a day, None while nothing of it was deleted."""
    is_one = and_(*(_c[name] == value for name, value in group._asdict().items()), _c.date == day)
    row = connection.execute(select(object_tombstones).where(is_one)).one_or_none()
    return None if row is None else _from_row(row)


def find_tombstone_of(
    connection: Connection, group: Group, object_id: int, captured_at_ms: int
) -> Tombstone | None:
    """Return the tombstone that tells of an object which the catalog has no more, None where none does."""
    found = find_tombstone(connection, group, utc_from_ms(captured_at_ms).date())
    if found and found.first_object_id <= object_id <= found.last_object_id:
        return found
    return None


def list_tombstones(connection: Connection, group: Group, days: Iterable[date]) -> dict[date, Tombstone]:
    """Return the tombstones of some days, by day."""
    is_one = and_(*(_c[name] == value for name, value in group._asdict().items()))
    query = select(object_tombstones).where(is_one, _c.date.in_(sorted(set(days))))
    return {row.date: _from_row(row) for row in connection.execute(query)}


def _digest(sha256s: Iterable[str], before: str) -> str:
    return hashlib.sha256((before + "".join(sha256s)).encode("ascii")).hexdigest()


def _from_row(row: Row[Any]) -> Tombstone:
    return Tombstone(
        group=Group(row.exchange, row.symbol, row.data_type, row.interval_code),
        date=row.date,
        objects=row.objects,
        size_bytes=row.size_bytes,
        record_count=row.record_count,
        first_object_id=row.first_object_id,
        last_object_id=row.last_object_id,
        first_captured_ms=row.first_captured_at,
        last_captured_ms=row.last_captured_at,
        first_open_ms=row.first_open_time,
        last_open_ms=row.last_open_time,
        digest=row.digest,
        deleted_ms=row.deleted_at,
    )
