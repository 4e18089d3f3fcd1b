"""Objects of the catalog with all that is known of them, found by id, by key, or by the candles they hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select

from src.domain import DataType, Interval, Lane, SeriesKey, Window
from src.errors import NotFound
from src.warehouse.catalog import CatalogRow, ObjectState, select_objects
from src.warehouse.in_parts import in_parts
from src.warehouse.tables import lake_objects

_IDS_A_QUERY = 1000


@dataclass(frozen=True, slots=True)
class ObjectRow(CatalogRow):
    """A whole row of the catalog; times in UTC ms, *interval* is None for depth.

    *run_id* is None for what a cycle fetched. First and last open_time are of its closed candles.
    *code_version* is what loaded it last.
    """

    exchange: str
    interval: Interval | None
    state: ObjectState
    lane: Lane
    exchange_time_ms: int
    first_open_ms: int | None
    last_open_ms: int | None
    record_count: int | None
    landed_ms: int
    loaded_ms: int | None
    error: str | None
    run_id: int | None
    code_version: str | None
    deleted_ms: int | None

    @property
    def series(self) -> SeriesKey | None:
        """The series whose candles it holds, None for depth."""
        return SeriesKey(self.exchange, self.symbol, self.interval) if self.interval else None


def find_object(connection: Connection, object_id: int) -> ObjectRow | None:
    """Return the object of that id, None when the catalog has none (any more)."""
    return next(iter(list_objects(connection, [object_id])), None)


def get_object(connection: Connection, key: str) -> ObjectRow:
    """Return the object under *key*; NotFound when the catalog has none."""
    found = connection.execute(select_objects().where(lake_objects.c.object_key == key)).one_or_none()
    if found is None:
        raise NotFound(
            f"the catalog has no object {key}: if it lies in the lake, ./candlehouse reconcile takes it in"
        )
    return _from_row(found)


def list_objects(connection: Connection, object_ids: Iterable[int]) -> list[ObjectRow]:
    """List the objects of these ids, without those that the catalog does not have."""
    found: list[ObjectRow] = []
    ids = iter(sorted(set(object_ids)))
    while some := list(islice(ids, _IDS_A_QUERY)):
        query = select_objects().where(lake_objects.c.id.in_(some)).order_by(lake_objects.c.id)
        found += map(_from_row, connection.execute(query))
    return found


def list_by_keys(connection: Connection, keys: Iterable[str]) -> list[ObjectRow]:
    """List the objects under these keys, without those that the catalog does not have."""
    found: list[ObjectRow] = []
    for some in in_parts(keys):
        query = select_objects().where(lake_objects.c.object_key.in_(some))
        found += map(_from_row, connection.execute(query.order_by(lake_objects.c.object_key)))
    return found


def list_touching(
    connection: Connection, series: SeriesKey, window: Window, states: Sequence[ObjectState]
) -> list[ObjectRow]:
    """List the objects in one of *states* that may hold closed candles of *series* in *window*.

    One whose candles nobody could count when it was catalogued may hold any; evidence about gaps has none.
    """
    columns = lake_objects.c
    touches = and_(columns.first_open_time < window.end_ms, columns.last_open_time >= window.start_ms)
    of_states = columns.state.in_([state.value for state in states])
    uncounted = and_(columns.first_open_time.is_(None), func.coalesce(columns.record_count, 1) > 0)
    # Two queries, since an OR of the two would keep the index on first_open_time from being used.
    rows = [
        row
        for condition in (touches, uncounted)
        for row in connection.execute(
            select_objects().where(_is_of(series), condition, of_states).order_by(columns.id)
        )
    ]
    return [_from_row(row) for row in rows]


def find_span(connection: Connection, series: SeriesKey) -> Window | None:
    """Return from the first open_time that objects of *series* hold to after the last; None for nothing."""
    columns = lake_objects.c
    of_series = (
        select(columns.first_open_time, columns.last_open_time)
        .where(_is_of(series), columns.first_open_time.is_not(None))
        .limit(1)
    )
    first = connection.execute(of_series.order_by(columns.first_open_time)).one_or_none()
    latest = connection.execute(of_series.order_by(columns.first_open_time.desc())).one_or_none()
    return None if first is None or latest is None else Window(first[0], latest[1] + 1)


def _is_of(series: SeriesKey) -> ColumnElement[bool]:
    columns = lake_objects.c
    return and_(
        columns.exchange == series.exchange,
        columns.symbol == series.symbol,
        columns.interval_code == series.interval.value,
    )


def _from_row(row: Row[Any]) -> ObjectRow:
    return ObjectRow(
        id=row.id,
        key=row.object_key,
        bucket=row.bucket,
        symbol=row.symbol,
        data_type=DataType(row.data_type),
        captured_at_ms=row.captured_at,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        pack=row.pack,
        exchange=row.exchange,
        interval=Interval(row.interval_code) if row.interval_code else None,
        state=ObjectState(row.state),
        lane=Lane(row.lane),
        exchange_time_ms=row.exchange_time,
        first_open_ms=row.first_open_time,
        last_open_ms=row.last_open_time,
        record_count=row.record_count,
        landed_ms=row.landed_at,
        loaded_ms=row.loaded_at,
        error=row.error,
        run_id=row.run_id,
        code_version=row.code_version,
        deleted_ms=row.deleted_at,
    )
