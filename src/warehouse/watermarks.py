"""How far each series has been extracted, and what its forming candle looks like.

A watermark is the open_time of the last closed candle that is safe in the lake. It moves in the same
transaction as the object's catalog row, and only forward.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from src.domain import Candle, DataType, Interval, SeriesKey
from src.warehouse import dialects
from src.warehouse.tables import extraction_metadata, lake_objects, latest

_table = extraction_metadata


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far a series has come, or depth of a symbol (*interval* and *last_open_ms* None); UTC ms."""

    symbol: str
    data_type: DataType
    interval: Interval | None
    last_fetch_ms: int | None
    last_open_ms: int | None
    record_count: int


def list_watermarks(connection: Connection, exchange: str) -> list[Watermark]:
    """List all of *exchange*, by symbol."""
    query = select(_table).where(_table.c.exchange == exchange)
    rows = connection.execute(query.order_by(_table.c.symbol, _table.c.data_type, _table.c.interval_code))
    return [
        Watermark(
            row.symbol,
            DataType(row.data_type),
            Interval(row.interval_code) if row.interval_code else None,
            row.last_fetch_time,
            row.last_open_time,
            row.record_count,
        )
        for row in rows
    ]


def find_watermark(connection: Connection, series: SeriesKey) -> int | None:
    """Return the open_time of the last closed candle in the lake, None before the first fetch."""
    query = select(_table.c.last_open_time).where(_is_row(_identity(series)))
    return connection.execute(query).scalar()


def advance_watermark(
    connection: Connection, series: SeriesKey, open_ms: int, count: int, now_ms: int
) -> None:
    """Move the watermark forward to *open_ms*; where another process is further, it stays there."""
    identity = _identity(series)
    _note_fetch(connection, identity, count, now_ms)
    behind = or_(_table.c.last_open_time.is_(None), _table.c.last_open_time < open_ms)
    connection.execute(_table.update().where(_is_row(identity), behind).values(last_open_time=open_ms))


def find_last_depth(connection: Connection, exchange: str, symbol: str) -> int | None:
    """Return when depth of *symbol* was last landed, None before the first time."""
    query = select(_table.c.last_fetch_time).where(_is_row(_depth_identity(exchange, symbol)))
    return connection.execute(query).scalar()


def note_depth(connection: Connection, exchange: str, symbol: str, now_ms: int) -> None:
    """Note that a snapshot was landed."""
    _note_fetch(connection, _depth_identity(exchange, symbol), 1, now_ms)


def upsert_latest(connection: Connection, series: SeriesKey, forming: Candle, exchange_time_ms: int) -> None:
    """Overwrite the forming candle that cards and a chart's last bar show."""
    values = {name.removesuffix("_ms"): value for name, value in asdict(forming).items()}
    identity = {"exchange": series.exchange, "symbol": series.symbol, "interval_code": series.interval.value}
    row = {**identity, **values, "exchange_time": exchange_time_ms}
    connection.execute(dialects.upsert(latest, connection, row, list(row)))


def find_last_heard(connection: Connection) -> int | None:
    """Return the exchange's time of the newest answer that was kept, None before the first.

    Of forming candles, and of the object that was catalogued last, which may be an old one that was adopted.
    """
    newest = select(func.max(latest.c.exchange_time))
    last = select(lake_objects.c.exchange_time).order_by(lake_objects.c.id.desc()).limit(1)
    heard = [connection.execute(query).scalar() for query in (newest, last)]
    return max((time_ms for time_ms in heard if time_ms is not None), default=None)


def _note_fetch(connection: Connection, identity: dict[str, str], count: int, now_ms: int) -> None:
    connection.execute(dialects.insert_if_absent(_table, connection, identity))
    counted = {"last_fetch_time": now_ms, "record_count": _table.c.record_count + count}
    connection.execute(_table.update().where(_is_row(identity)).values(**counted))


def _identity(series: SeriesKey) -> dict[str, str]:
    return {
        "exchange": series.exchange,
        "symbol": series.symbol,
        "data_type": DataType.KLINES.value,
        "interval_code": series.interval.value,
    }


def _depth_identity(exchange: str, symbol: str) -> dict[str, str]:
    return {"exchange": exchange, "symbol": symbol, "data_type": DataType.DEPTH.value, "interval_code": ""}


def _is_row(identity: dict[str, str]) -> ColumnElement[bool]:
    conditions: list[Any] = [_table.c[name] == value for name, value in identity.items()]
    return and_(*conditions)
