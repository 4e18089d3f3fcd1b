"""The catalog: one row per object of the lake, and how far it has come.

The bucket is never listed to find work; what waits to be loaded is a look at an index here. Rows are
inserted only where absent, so an extractor and whoever adopts a crash's leftovers cannot make two of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from src.domain import DataType, Interval, Lane
from src.version import code_version
from src.warehouse import dialects
from src.warehouse.ageing_tables import lake_packs
from src.warehouse.engine import Warehouse
from src.warehouse.tables import lake_objects, utc_now


class ObjectState(StrEnum):
    """How far an object has come; where it lies is its bucket."""

    LANDED = "landed"
    LOADED = "loaded"
    QUARANTINED = "quarantined"
    DELETED = "deleted"


_COUNTED = (ObjectState.LANDED.value, ObjectState.LOADED.value, ObjectState.QUARANTINED.value)


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object just landed. Times in UTC ms; *interval* is None for depth.

    *exchange_time_ms* is the exchange's time when the request was sent, at the least: what decides which
    candles of it were closed. First and last open_time and the count are of its closed candles.
    """

    key: str
    exchange: str
    symbol: str
    data_type: DataType
    interval: Interval | None
    captured_at_ms: int
    exchange_time_ms: int
    size_bytes: int
    sha256: str
    bucket: str = "raw"
    lane: Lane = Lane.LIVE
    first_open_ms: int | None = None
    last_open_ms: int | None = None
    record_count: int | None = None
    run_id: int | None = None
    pack_id: int | None = None


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """An object as the catalog knows it, as far as loading needs it.

    *pack* is the key of the archive object it lies in, None where it is a file of its own.
    """

    id: int
    key: str
    bucket: str
    symbol: str
    data_type: DataType
    captured_at_ms: int
    size_bytes: int
    sha256: str
    pack: str | None


@dataclass(slots=True)
class LoadedCount:
    """How far the objects of one run have come, and the candles in them.

    A candle that was fetched twice, after a crash, counts twice.
    """

    landed: int = 0
    loaded: int = 0
    quarantined: int = 0
    candles_landed: int = 0
    candles_loaded: int = 0
    candles_quarantined: int = 0


def record_landed(connection: Connection, *landed: NewObject) -> None:
    """Add the objects' rows, unless they have them already."""
    rows = [_to_row(one) for one in landed]
    connection.execute(dialects.insert_if_absent(lake_objects, connection, dict.fromkeys(rows[0])), rows)


def _to_row(landed: NewObject) -> dict[str, object]:
    return {
        "object_key": landed.key,
        "bucket": landed.bucket,
        "exchange": landed.exchange,
        "symbol": landed.symbol,
        "data_type": landed.data_type.value,
        "interval_code": landed.interval.value if landed.interval else "",
        "captured_at": landed.captured_at_ms,
        "exchange_time": landed.exchange_time_ms,
        "size_bytes": landed.size_bytes,
        "sha256": landed.sha256,
        "lane": landed.lane.value,
        "first_open_time": landed.first_open_ms,
        "last_open_time": landed.last_open_ms,
        "record_count": landed.record_count,
        "run_id": landed.run_id,
        "pack_id": landed.pack_id,
    }


def select_objects() -> Select[Any]:
    """Return SELECT of all that the catalog knows, with the keys of packs."""
    is_its = lake_packs.c.id == lake_objects.c.pack_id
    packed = select(lake_objects, lake_packs.c.object_key.label("pack"))
    return packed.outerjoin_from(lake_objects, lake_packs, is_its)


def list_waiting(connection: Connection, lane: Lane, limit: int) -> list[CatalogRow]:
    """List objects of *lane* that wait to be loaded, oldest capture first."""
    columns = lake_objects.c
    query = (
        select_objects()
        .where(columns.state == ObjectState.LANDED.value, columns.lane == lane.value)
        .order_by(columns.captured_at, columns.id)
        .limit(limit)
    )
    return [_from_row(row) for row in connection.execute(query)]


def count_waiting(connection: Connection) -> int:
    """Count the objects of all lanes that wait to be loaded."""
    query = select(func.count()).where(lake_objects.c.state == ObjectState.LANDED.value)
    return connection.execute(query).scalar_one()


def is_anything_waiting(connection: Connection) -> bool:
    """Return whether any object waits to be loaded."""
    query = select(lake_objects.c.id).where(lake_objects.c.state == ObjectState.LANDED.value).limit(1)
    return connection.execute(query).first() is not None


def count_loaded(connection: Connection, run_id: int) -> LoadedCount:
    """Count what a run has fetched by how far it has come."""
    return count_loaded_of(connection, [run_id])[run_id]


def count_loaded_of(connection: Connection, run_ids: Iterable[int]) -> dict[int, LoadedCount]:
    """Count what these runs have fetched; each has its entry, and objects that were deleted count nowhere."""
    columns = lake_objects.c
    counts = {run_id: LoadedCount() for run_id in run_ids}
    query = (
        select(columns.run_id, columns.state, func.count(), func.sum(columns.record_count))
        .where(columns.run_id.in_(list(counts)), columns.state.in_(_COUNTED))
        .group_by(columns.run_id, columns.state)
    )
    for run_id, state, objects, candles in connection.execute(query):
        setattr(counts[run_id], state, objects)
        setattr(counts[run_id], f"candles_{state}", int(candles or 0))
    return counts


def lock_waiting(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Lock these objects' rows and return the ids that still wait to be loaded.

    A second process that took the same objects waits here, and then finds nothing left to do.
    """
    query = (
        select(lake_objects.c.id, lake_objects.c.state)
        .where(lake_objects.c.id.in_(ids))
        .order_by(lake_objects.c.id)
        .with_for_update()
        # While the table is small, the server would rather scan it, and wait for every row that is locked.
        .with_hint(lake_objects, "FORCE INDEX (PRIMARY)", "mysql")
    )
    return {row.id for row in connection.execute(query) if row.state == ObjectState.LANDED}


def mark_loaded(connection: Connection, ids: Iterable[int]) -> None:
    """Note that the facts of these objects are in the warehouse, in the transaction that put them there."""
    connection.execute(
        lake_objects.update()
        .where(lake_objects.c.id.in_(list(ids)))
        .values(state=ObjectState.LOADED.value, loaded_at=utc_now(), error=None, code_version=code_version())
    )


def mark_without_candles(connection: Connection, key: str) -> None:
    """Note that a waiting object holds nothing that could be loaded: evidence about a gap."""
    connection.execute(
        lake_objects.update()
        .where(lake_objects.c.object_key == key, lake_objects.c.state == ObjectState.LANDED.value)
        .values(state=ObjectState.LOADED.value, loaded_at=utc_now(), code_version=code_version())
    )


def quarantine(connection: Connection, object_id: int, reason: str) -> None:
    """Set a waiting object aside with the reason why it cannot be loaded."""
    connection.execute(
        lake_objects.update()
        .where(lake_objects.c.id == object_id, lake_objects.c.state == ObjectState.LANDED.value)
        .values(state=ObjectState.QUARANTINED.value, error=reason[:4000])
    )


def list_known(connection: Connection, keys: Sequence[str]) -> set[str]:
    """Return which of *keys* have a row."""
    query = select(lake_objects.c.object_key).where(lake_objects.c.object_key.in_(keys))
    return set(connection.scalars(query))


def iterate_bucket(warehouse: Warehouse, bucket: str, page: int = 2000) -> Iterator[CatalogRow]:
    """Yield the objects that are files of a bucket by key.

    A page at a time, so that no long read stands in anyone's way.
    """
    after, is_file = "", lake_objects.c.pack_id.is_(None)
    while True:
        query = (
            select_objects()
            .where(lake_objects.c.object_key > after, lake_objects.c.bucket == bucket, is_file)
            .where(lake_objects.c.state != ObjectState.DELETED.value)
            .order_by(lake_objects.c.object_key)
            .limit(page)
        )
        with warehouse.read() as connection:
            rows = [_from_row(row) for row in connection.execute(query)]
        yield from rows
        if len(rows) < page:
            return
        after = rows[-1].key


def find_newest_capture(connection: Connection, exchange: str) -> int | None:
    """Return when the newest known object of *exchange* was captured, None when it has none."""
    columns = lake_objects.c
    query = (
        select(columns.captured_at).where(columns.exchange == exchange).order_by(columns.id.desc()).limit(1)
    )
    return connection.execute(query).scalar()


def _from_row(row: Row[tuple[object, ...]]) -> CatalogRow:
    return CatalogRow(
        id=row.id,
        key=row.object_key,
        bucket=row.bucket,
        symbol=row.symbol,
        data_type=DataType(row.data_type),
        captured_at_ms=row.captured_at,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        pack=row.pack,
    )
