"""Gives a pack that has no row one, and with it the objects in it: after a crash, or with a new warehouse."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import structlog
from sqlalchemy import Connection

from src.domain import utc_from_ms
from src.errors import NotFound
from src.lake.packs import open_pack
from src.lake.store import Bucket, ObjectStore
from src.maintenance.adopting import describe
from src.warehouse.catalog import NewObject, record_landed
from src.warehouse.engine import Warehouse
from src.warehouse.lake_ageing import Group
from src.warehouse.objects import list_by_keys
from src.warehouse.packs import NewPack, record_pack, record_packed

log = structlog.get_logger()


def adopt_pack(lake: ObjectStore, warehouse: Warehouse, key: str) -> bool:
    """Catalogue a pack and what is in it; return whether it could be, after a warning where not.

    What the catalog knows already as a file, and loaded, lies in the pack from then on.
    """
    try:
        content = lake.get(Bucket.ARCHIVE, key)
        members = [describe(Bucket.ARCHIVE, name, body) for name, body in open_pack(content).items()]
        pack = _describe_pack(key, content, members)
    except (ValueError, NotFound) as error:
        log.warning("pack ignored", key=key, reason=str(error))
        return False
    warehouse.run(lambda connection: _record(connection, pack, members))
    log.info("pack adopted", key=key, objects=len(members))
    return True


def _describe_pack(key: str, content: bytes, members: Sequence[NewObject]) -> NewPack:
    """Describe a pack by its members; ValueError unless all are of one kind and day."""
    kinds = {(_group_of(one), utc_from_ms(one.captured_at_ms).date()) for one in members}
    if len(kinds) != 1:
        raise ValueError(f"it holds objects of {len(kinds)} kinds and days, not of one")
    [(group, day)] = kinds
    return NewPack(
        key=key,
        group=group,
        date=day,
        objects=len(members),
        size_bytes=len(content),
        raw_bytes=sum(one.size_bytes for one in members),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _group_of(one: NewObject) -> Group:
    interval = one.interval.value if one.interval else ""
    return Group(one.exchange, one.symbol, one.data_type.value, interval)


def _record(connection: Connection, pack: NewPack, members: Sequence[NewObject]) -> None:
    pack_id = record_pack(connection, pack)
    known = {row.key: row for row in list_by_keys(connection, [one.key for one in members])}
    same = [known[one.key].id for one in members if one.key in known and known[one.key].sha256 == one.sha256]
    record_packed(connection, pack_id, same)
    for one in members:
        if one.key not in known:
            record_landed(connection, replace(one, pack_id=pack_id))
