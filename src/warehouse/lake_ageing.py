"""The catalog by age: which objects of a day may be moved, packed or deleted, and noting that they were.

A day is a UTC day of capture. What is asked here looks at one day's rows, found by the index on bucket and
capture. Each change is compare-and-set: an object that is no longer as it was looked at stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select, union

from src.domain import DAY_MS, DataType, Interval, SeriesKey, Window, utc_from_ms
from src.warehouse.catalog import ObjectState
from src.warehouse.in_parts import in_parts
from src.warehouse.ledger_tables import gaps
from src.warehouse.tables import extraction_metadata, lake_objects, series

RAW, ARCHIVE = "raw", "archive"

_ROWS_A_PAGE = 1000
_c = lake_objects.c


class Group(NamedTuple):
    """What objects of one kind have in common; *interval_code* is empty for depth."""

    exchange: str
    symbol: str
    data_type: str
    interval_code: str

    @property
    def type(self) -> DataType:
        return DataType(self.data_type)

    @property
    def interval(self) -> Interval | None:
        return Interval(self.interval_code) if self.interval_code else None

    def __str__(self) -> str:
        return ":".join(part for part in self if part)


class Amount(NamedTuple):
    """So many objects, and the bytes in them."""

    objects: int
    size_bytes: int


class AgedObject(NamedTuple):
    """An object as far as moving, packing and deleting need it; times in UTC ms."""

    id: int
    key: str
    bucket: str
    size_bytes: int
    sha256: str
    state: ObjectState
    captured_at_ms: int
    pack_id: int | None
    first_open_ms: int | None
    last_open_ms: int | None
    record_count: int


def iterate_days(connection: Connection, bucket: str, window: Window) -> Iterator[Window]:
    """Yield each UTC day of *window* on which an object of *bucket* was captured, oldest first."""
    start_ms = window.start_ms
    while (found_ms := _first_capture(connection, bucket, Window(start_ms, window.end_ms))) is not None:
        midnight_ms = found_ms - found_ms % DAY_MS
        start_ms = midnight_ms + DAY_MS
        yield Window(midnight_ms, start_ms)


def sum_groups(
    connection: Connection, buckets: Sequence[str], day: Window, *, files_only: bool = False
) -> dict[Group, Amount]:
    """Return what was captured on *day* of each kind and is loaded, or being deleted, in these buckets."""
    states = [ObjectState.LOADED] if files_only else [ObjectState.LOADED, ObjectState.DELETED]
    query = (
        select(*_group_columns(), func.count(), func.sum(_c.size_bytes))
        .where(_c.bucket.in_(buckets), _is_on(day), _c.state.in_([state.value for state in states]))
        .group_by(*_group_columns())
        .order_by(*_group_columns())
    )
    if files_only:
        query = query.where(_c.pack_id.is_(None), _c.error.is_(None))
    return {Group(*row[:4]): Amount(row[4], int(row[5])) for row in connection.execute(query)}


def sum_files(connection: Connection, bucket: str, window: Window) -> Amount:
    """Return what of *window* is loaded and lies in *bucket* as files."""
    is_file = and_(_c.pack_id.is_(None), _c.error.is_(None), _c.state == ObjectState.LOADED.value)
    query = select(func.count(), func.coalesce(func.sum(_c.size_bytes), 0))
    row = connection.execute(query.where(_c.bucket == bucket, _is_on(window), is_file)).one()
    return Amount(row[0], int(row[1]))


def list_exchanges(connection: Connection) -> list[str]:
    """List the exchanges of which anything was ever fetched."""
    found = union(select(series.c.exchange), select(extraction_metadata.c.exchange))
    return sorted(connection.scalars(found))


def list_group(connection: Connection, buckets: Sequence[str], day: Window, group: Group) -> list[AgedObject]:
    """List the objects of one kind of a day that are loaded or being deleted, by id."""
    states = [ObjectState.LOADED.value, ObjectState.DELETED.value]
    is_one = and_(_c.bucket.in_(buckets), _is_on(day), _is_of(group), _c.state.in_(states))
    return [_from_row(row) for row in connection.execute(select(lake_objects).where(is_one).order_by(_c.id))]


def list_packs_in_use(connection: Connection, day: Window, group: Group) -> set[int]:
    """Return the packs of a kind and day in which an object lies that is not loaded."""
    done = [ObjectState.LOADED.value, ObjectState.DELETED.value]
    is_waiting = and_(_c.pack_id.is_not(None), _c.state.not_in(done))
    is_one = and_(_c.bucket == ARCHIVE, _is_on(day), _is_of(group))
    return set(connection.scalars(select(_c.pack_id).where(is_one, is_waiting).distinct()))


def list_to_archive(
    connection: Connection, day: Window, after: AgedObject | None, limit: int
) -> list[AgedObject]:
    """List loaded files of a day in the raw bucket that come after one, in the order of their capture."""
    query = select(lake_objects).where(
        _c.bucket == RAW, _c.pack_id.is_(None), _c.state == ObjectState.LOADED.value, _c.error.is_(None)
    )
    if after is not None:
        is_later = _c.captured_at > after.captured_at_ms
        is_next = and_(_c.captured_at == after.captured_at_ms, _c.id > after.id)
        day = Window(after.captured_at_ms, day.end_ms)
        query = query.where(or_(is_later, is_next))
    query = query.where(_is_on(day)).order_by(_c.captured_at, _c.id).limit(limit)
    return [_from_row(row) for row in connection.execute(query)]


def record_archived(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Note that these objects lie in the archive bucket, and return of which that is true now.

    One that is to be loaded again meanwhile stays where it is.
    """
    is_still = and_(_c.bucket == RAW, _c.state == ObjectState.LOADED.value, _c.pack_id.is_(None))
    recorded: set[int] = set()
    for some in in_parts(ids):
        connection.execute(lake_objects.update().where(_c.id.in_(some), is_still).values(bucket=ARCHIVE))
        recorded.update(connection.scalars(select(_c.id).where(_c.id.in_(some), _c.bucket == ARCHIVE)))
    return recorded


def mark_deleted(connection: Connection, ids: Iterable[int], now_ms: int) -> None:
    """Note that these loaded objects are deleted from now on: their files go after that."""
    for some in in_parts(ids):
        connection.execute(
            lake_objects.update()
            .where(_c.id.in_(some), _c.state == ObjectState.LOADED.value, _c.bucket == ARCHIVE)
            .values(state=ObjectState.DELETED.value, deleted_at=now_ms)
        )


def drop_rows(connection: Connection, ids: Sequence[int]) -> int:
    """Delete the rows of objects that are deleted; return how many there were."""
    dropped = 0
    for some in in_parts(ids):
        is_gone = and_(_c.id.in_(some), _c.state == ObjectState.DELETED.value)
        dropped += connection.execute(lake_objects.delete().where(is_gone)).rowcount
    return dropped


def list_evidence(connection: Connection) -> set[str]:
    """Return the keys of all objects that prove a gap empty."""
    told = connection.scalars(select(gaps.c.evidence).where(gaps.c.evidence.is_not(None)))
    return {one["key"] for text in told for one in json.loads(text)}


def list_keep_days(connection: Connection) -> dict[Group, int]:
    """Return for how many days each series that says so is kept, 0 for ever."""
    c = series.c
    query = select(c.exchange, c.symbol, c.interval_code, c.keep_days).where(c.keep_days.is_not(None))
    return {
        Group(row.exchange, row.symbol, DataType.KLINES.value, row.interval_code): row.keep_days
        for row in connection.execute(query)
    }


def group_of(key: SeriesKey) -> Group:
    """Return the kind of the objects in which candles of a series lie."""
    return Group(key.exchange, key.symbol, DataType.KLINES.value, key.interval.value)


def date_of(day: Window) -> str:
    """Return a day like ``2026-01-09``."""
    return f"{utc_from_ms(day.start_ms):%Y-%m-%d}"


def _first_capture(connection: Connection, bucket: str, window: Window) -> int | None:
    query = (
        select(_c.captured_at)
        .where(_c.bucket == bucket, _is_on(window))
        .order_by(_c.captured_at)
        .limit(1)
        # The order alone would tempt a server to walk another index.
        .with_hint(lake_objects, "FORCE INDEX (ix_lake_objects_age)", "mysql")
    )
    return connection.execute(query).scalar()


def _is_on(day: Window) -> ColumnElement[bool]:
    return and_(_c.captured_at >= day.start_ms, _c.captured_at < day.end_ms)


def _is_of(group: Group) -> ColumnElement[bool]:
    # COALESCE keeps engines from the index on series, by which they would read all that the series has.
    pairs = zip(_group_columns(), group, strict=True)
    return and_(*(func.coalesce(column, "") == value for column, value in pairs))


def _group_columns() -> tuple[Any, ...]:
    return _c.exchange, _c.symbol, _c.data_type, _c.interval_code


def _from_row(row: Row[Any]) -> AgedObject:
    return AgedObject(
        id=row.id,
        key=row.object_key,
        bucket=row.bucket,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        state=ObjectState(row.state),
        captured_at_ms=row.captured_at,
        pack_id=row.pack_id,
        first_open_ms=row.first_open_time,
        last_open_ms=row.last_open_time,
        record_count=row.record_count or 0,
    )
