"""The packs that the catalog knows: archive objects in which other objects lie."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from src.domain import DAY_MS, ms_from_utc
from src.warehouse import dialects
from src.warehouse.ageing_tables import lake_packs
from src.warehouse.catalog import ObjectState
from src.warehouse.engine import Warehouse
from src.warehouse.in_parts import in_parts
from src.warehouse.lake_ageing import ARCHIVE, Group
from src.warehouse.tables import lake_objects

_c = lake_packs.c


@dataclass(frozen=True, slots=True)
class NewPack:
    """A pack as it lies in the archive bucket; *raw_bytes* are those of the objects in it."""

    key: str
    group: Group
    date: date
    objects: int
    size_bytes: int
    raw_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class PackRow(NewPack):
    """A pack that has its row; *deleted_ms* is when its objects were deleted, None while they are not."""

    id: int
    deleted_ms: int | None


def record_pack(connection: Connection, new: NewPack) -> int:
    """Add a pack unless it has its row; return its id."""
    values = {
        "object_key": new.key,
        **new.group._asdict(),
        "date": new.date,
        "objects": new.objects,
        "size_bytes": new.size_bytes,
        "raw_bytes": new.raw_bytes,
        "sha256": new.sha256,
    }
    connection.execute(dialects.insert_if_absent(lake_packs, connection, values))
    pack_id: int = connection.execute(select(_c.id).where(_c.object_key == new.key)).scalar_one()
    return pack_id


def record_packed(connection: Connection, pack_id: int, ids: Sequence[int]) -> int:
    """Note that these objects lie in a pack, loaded ones that lie in none yet; return how many these were.

    What waits to be loaded never moves: the loader may be reading it where it lies.
    """
    columns, changed = lake_objects.c, 0
    is_loaded = columns.state == ObjectState.LOADED.value
    for some in in_parts(ids):
        is_file = and_(columns.id.in_(some), columns.pack_id.is_(None), is_loaded)
        placed = lake_objects.update().where(is_file).values(pack_id=pack_id, bucket=ARCHIVE)
        changed += connection.execute(placed).rowcount
    return changed


def find_pack(connection: Connection, key: str) -> PackRow | None:
    """Return the pack under *key*, None where there is none."""
    row = connection.execute(select(lake_packs).where(_c.object_key == key)).one_or_none()
    return None if row is None else _from_row(row)


def list_packs(connection: Connection, ids: Collection[int]) -> list[PackRow]:
    """List the packs of these ids."""
    query = select(lake_packs).where(_c.id.in_(ids)).order_by(_c.id)
    return [_from_row(row) for row in connection.execute(query)] if ids else []


def iterate_packs(warehouse: Warehouse, page: int = 1000) -> Iterator[PackRow]:
    """Yield the packs that are not deleted in the order of their keys."""
    after = ""
    while True:
        query = select(lake_packs).where(_c.object_key > after, _c.deleted_at.is_(None))
        with warehouse.read() as connection:
            rows = connection.execute(query.order_by(_c.object_key).limit(page)).all()
        yield from map(_from_row, rows)
        if len(rows) < page:
            return
        after = rows[-1].object_key


def list_newest_days(connection: Connection, packs: int) -> list[tuple[str, date]]:
    """Return exchange and day of the packs that were made last."""
    newest = select(_c.exchange, _c.date).order_by(_c.id.desc()).limit(packs).subquery()
    return sorted((row[0], row[1]) for row in connection.execute(select(newest).distinct()))


def list_members(connection: Connection, pack: PackRow) -> list[Row[Any]]:
    """List id, key and sha256 of the objects that lie in a pack, by key."""
    columns = lake_objects.c
    midnight_ms = ms_from_utc(datetime.combine(pack.date, time(), UTC))
    # By bucket and capture an index finds them: a pack's objects are of one day.
    is_on_day = and_(columns.captured_at >= midnight_ms, columns.captured_at < midnight_ms + DAY_MS)
    is_in = and_(columns.pack_id == pack.id, columns.bucket == ARCHIVE, is_on_day)
    query = select(columns.id, columns.object_key, columns.sha256).where(is_in)
    return list(connection.execute(query.order_by(columns.object_key)))


def mark_packs_deleted(connection: Connection, ids: Sequence[int], now_ms: int) -> None:
    """Note that all objects of these packs are deleted."""
    if ids:
        is_one = and_(_c.id.in_(ids), _c.deleted_at.is_(None))
        connection.execute(lake_packs.update().where(is_one).values(deleted_at=now_ms))


def drop_packs(connection: Connection, ids: Sequence[int]) -> None:
    """Delete the rows of packs whose objects are deleted."""
    if ids:
        is_gone = and_(_c.id.in_(ids), _c.deleted_at.is_not(None))
        connection.execute(lake_packs.delete().where(is_gone))


def _from_row(row: Row[Any]) -> PackRow:
    return PackRow(
        key=row.object_key,
        group=Group(row.exchange, row.symbol, row.data_type, row.interval_code),
        date=row.date,
        objects=row.objects,
        size_bytes=row.size_bytes,
        raw_bytes=row.raw_bytes,
        sha256=row.sha256,
        id=row.id,
        deleted_ms=row.deleted_at,
    )
