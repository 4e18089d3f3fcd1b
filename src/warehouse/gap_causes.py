"""Why candles of many series are missing: rows that were set aside, and objects that give nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from sqlalchemy import Connection, or_, select

from src.domain import DataType, Interval, SeriesKey, Window
from src.warehouse.catalog import ObjectState
from src.warehouse.evidence import is_lost
from src.warehouse.in_parts import in_parts
from src.warehouse.tables import lake_objects, quarantined_rows


def list_bad_rows(connection: Connection, keys: Iterable[SeriesKey]) -> Iterator[tuple[SeriesKey, str]]:
    """Yield the series and the text of each row of these series that was set aside."""
    columns = quarantined_rows.c
    for exchange, interval, names in _alike(keys):
        query = select(columns.symbol, columns.raw).where(
            columns.exchange == exchange,
            columns.interval_code == interval.value,
            columns.symbol.in_(names),
        )
        for symbol, raw in connection.execute(query):
            yield SeriesKey(exchange, symbol, interval), raw


def list_lost(
    connection: Connection, keys: Iterable[SeriesKey], window: Window
) -> Iterator[tuple[SeriesKey, int, int]]:
    """Yield series, first and last open_time of each object that could not be loaded, or is gone.

    Only those with candles of these series in *window* count.
    """
    columns = lake_objects.c
    given_up = [ObjectState.QUARANTINED.value, ObjectState.DELETED.value]
    for exchange, interval, names in _alike(keys):
        query = select(columns.symbol, columns.first_open_time, columns.last_open_time).where(
            columns.exchange == exchange,
            columns.symbol.in_(names),
            columns.interval_code == interval.value,
            columns.first_open_time < window.end_ms,
            columns.last_open_time >= window.start_ms,
            columns.data_type == DataType.KLINES.value,
            or_(columns.state.in_(given_up), is_lost()),
        )
        for symbol, first_ms, last_ms in connection.execute(query):
            yield SeriesKey(exchange, symbol, interval), first_ms, last_ms


def _alike(keys: Iterable[SeriesKey]) -> Iterator[tuple[str, Interval, list[str]]]:
    """Yield exchange, interval and some symbols of series that share the former two."""
    ordered = sorted(keys, key=lambda key: (key.exchange, key.interval))
    for (exchange, interval), some in groupby(ordered, key=lambda key: (key.exchange, key.interval)):
        for part in in_parts(key.symbol for key in some):
            yield exchange, interval, part
