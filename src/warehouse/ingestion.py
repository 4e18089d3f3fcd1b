"""What came in lately and what was set aside, page by page; nothing here looks at all objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Select, case, func, select, union

from src.domain import DataType, Lane
from src.warehouse.catalog import ObjectState
from src.warehouse.objects import ObjectRow, list_objects
from src.warehouse.tables import extraction_metadata, lake_objects, quarantined_rows, series

_columns = lake_objects.c
_ROWS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which objects to list; None leaves a question open. *before_id* begins the next page."""

    exchange: str
    symbol: str | None = None
    data_type: DataType | None = None
    lane: Lane | None = None
    state: ObjectState | None = None
    run_id: int | None = None
    before_id: int | None = None


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row of an answer that could not be loaded; *index* counts from 0."""

    index: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class SetAside:
    """An object that is quarantined, or has *count* quarantined rows; *rows* are the first of these."""

    source: ObjectRow
    count: int
    rows: list[BadRow]


@dataclass(frozen=True, slots=True)
class Flow:
    """What was captured since a moment, and what of it is loaded."""

    objects: int
    size_bytes: int
    candles: int
    loaded: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """What has landed in a lane and is not loaded yet."""

    lane: Lane
    objects: int
    oldest_captured_ms: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Candles that were ever fetched, those that are held, and objects and rows set aside."""

    fetched: int
    held: int
    quarantined_objects: int
    quarantined_rows: int


def list_log(connection: Connection, wanted: LogFilter, limit: int) -> list[ObjectRow]:
    """List the objects that came in last, the newest first."""
    query = select(_columns.id).where(_columns.exchange == wanted.exchange)
    for name in ("symbol", "data_type", "lane", "state", "run_id"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(_columns[name] == value)
    if wanted.before_id is not None:
        query = query.where(_columns.id < wanted.before_id)
    return _newest(connection, query.order_by(_columns.id.desc()).limit(limit))


def list_set_aside(
    connection: Connection, exchange: str, before_id: int | None, limit: int
) -> list[SetAside]:
    """List what is quarantined as a whole or in part, the newest object first."""
    whole = select(_columns.id).where(_columns.state == ObjectState.QUARANTINED.value)
    ids = union(whole, select(quarantined_rows.c.object_id)).subquery("set_aside")
    query = select(_columns.id).join_from(ids, lake_objects, ids.c.id == _columns.id)
    query = query.where(_columns.exchange == exchange)
    if before_id is not None:
        query = query.where(_columns.id < before_id)
    objects = _newest(connection, query.order_by(_columns.id.desc()).limit(limit))
    counts, rows = _bad_rows(connection, [each.id for each in objects])
    return [SetAside(each, counts.get(each.id, 0), rows.get(each.id, [])) for each in objects]


def read_flow(connection: Connection, since_ms: int) -> Flow:
    """Return what was captured since then."""
    is_loaded = _columns.state == ObjectState.LOADED.value
    query = select(
        func.count(),
        func.coalesce(func.sum(_columns.size_bytes), 0),
        func.coalesce(func.sum(_columns.record_count), 0),
        func.sum(case((is_loaded, 1), else_=0)),
    ).where(_columns.bucket == "raw", _columns.captured_at >= since_ms)
    return Flow(*(int(value or 0) for value in connection.execute(query).one()))


def list_waiting_lanes(connection: Connection) -> list[Waiting]:
    """List the lanes in which something waits to be loaded."""
    query = (
        select(_columns.lane, func.count().label("objects"), func.min(_columns.captured_at).label("oldest"))
        .where(_columns.state == ObjectState.LANDED.value)
        .group_by(_columns.lane)
        .order_by(_columns.lane)
    )
    return [Waiting(Lane(row.lane), row.objects, row.oldest) for row in connection.execute(query)]


def read_totals(connection: Connection) -> Totals:
    """Return totals that are kept, and how much is set aside."""
    fetched = select(func.sum(extraction_metadata.c.record_count)).where(
        extraction_metadata.c.data_type == DataType.KLINES.value
    )
    quarantined = select(func.count()).where(_columns.state == ObjectState.QUARANTINED.value)
    queries = (
        fetched,
        select(func.sum(series.c.record_count)),
        quarantined,
        select(func.count()).select_from(quarantined_rows),
    )
    row = connection.execute(select(*(query.scalar_subquery() for query in queries))).one()
    return Totals(*(int(value or 0) for value in row))


def _newest(connection: Connection, query: Select[tuple[int]]) -> list[ObjectRow]:
    return list_objects(connection, connection.scalars(query))[::-1]


def _bad_rows(
    connection: Connection, object_ids: Sequence[int]
) -> tuple[dict[int, int], dict[int, list[BadRow]]]:
    """Return by object how many rows were set aside, and the first of them."""
    c = quarantined_rows.c
    number = func.row_number().over(partition_by=c.object_id, order_by=c.row_index).label("number")
    total = func.count().over(partition_by=c.object_id).label("total")
    numbered = select(c.object_id, c.row_index, c.reason, c.raw, number, total)
    numbered_rows = numbered.where(c.object_id.in_(object_ids)).subquery("numbered")
    shown = select(numbered_rows).where(numbered_rows.c.number <= _ROWS_SHOWN)
    counts: dict[int, int] = {}
    rows: dict[int, list[BadRow]] = {}
    for row in connection.execute(shown.order_by(numbered_rows.c.object_id, numbered_rows.c.row_index)):
        counts[row.object_id] = row.total
        rows.setdefault(row.object_id, []).append(BadRow(row.row_index, row.reason, row.raw))
    return counts, rows
