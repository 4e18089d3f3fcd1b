"""The symbols of an exchange: what it says of them, and which series of them are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, Select, and_, select, union

from src.domain import Interval, SeriesKey
from src.warehouse.series import SeriesRow
from src.warehouse.tables import latest, series, symbols


@dataclass(frozen=True, slots=True)
class Symbol:
    """One symbol; *status* and all else that the exchange says is None where it was never asked about it.

    *last_price* is that of the forming candle, as of *priced_ms* by the exchange's clock.
    """

    name: str
    status: str | None
    base_asset: str | None
    quote_asset: str | None
    tick_size: Decimal | None
    step_size: Decimal | None
    listed_ms: int | None
    delisted_ms: int | None
    last_price: Decimal | None
    priced_ms: int | None
    series: Sequence[SeriesRow]


def list_exchanges(connection: Connection) -> list[str]:
    """List the exchanges of which there are series."""
    return list(connection.scalars(select(series.c.exchange).distinct().order_by(series.c.exchange)))


def find_unknown(connection: Connection, names: Collection[str], exchange: str | None) -> list[str]:
    """Return those that have no series and that no exchange told of, by name; None looks at all exchanges."""
    queries = [select(table.c.symbol).where(table.c.symbol.in_(names)) for table in (series, symbols)]
    if exchange is not None:
        queries = [
            query.where(table.c.exchange == exchange)
            for query, table in zip(queries, (series, symbols), strict=True)
        ]
    return sorted(set(names) - set(connection.scalars(union(*queries))))


def list_symbols(
    connection: Connection, exchange: str, *, tracked_only: bool, after: str = "", limit: int = 100
) -> list[Symbol]:
    """List by name, from the one after *after* on: those with a tracked series, or all that were heard of."""
    names = _names(exchange, tracked_only).subquery()
    same = and_(symbols.c.exchange == exchange, symbols.c.symbol == names.c.symbol)
    query = (
        select(names.c.symbol.label("name"), symbols)
        .select_from(names.outerjoin(symbols, same))
        .where(names.c.symbol > after)
        .order_by(names.c.symbol)
        .limit(limit)
    )
    found = connection.execute(query).all()
    wanted = [row.name for row in found]
    kept, prices = _series(connection, exchange, wanted), _prices(connection, exchange, wanted)
    return [
        Symbol(
            row.name,
            row.status,
            row.base_asset,
            row.quote_asset,
            row.tick_size,
            row.step_size,
            row.listed_at,
            row.delisted_at,
            *prices.get(row.name, (None, None)),
            kept.get(row.name, []),
        )
        for row in found
    ]


def _names(exchange: str, tracked_only: bool) -> Select[tuple[str]]:
    of_series = select(series.c.symbol).where(series.c.exchange == exchange)
    if tracked_only:
        return of_series.where(series.c.tracked).distinct()
    heard_of = select(symbols.c.symbol).where(symbols.c.exchange == exchange)
    both = union(of_series, heard_of).subquery()
    return select(both.c.symbol)


def _series(connection: Connection, exchange: str, names: Sequence[str]) -> dict[str, list[SeriesRow]]:
    query = select(series).where(series.c.exchange == exchange, series.c.symbol.in_(names))
    found: dict[str, list[SeriesRow]] = defaultdict(list)
    for row in connection.execute(query):
        key = SeriesKey(row.exchange, row.symbol, Interval(row.interval_code))
        found[row.symbol].append(
            SeriesRow(
                row.id,
                key,
                bool(row.tracked),
                row.record_count,
                row.first_open_time,
                row.last_open_time,
                row.load_version,
                row.wanted_from,
                row.keep_days,
                row.tier,
            )
        )
    order = list(Interval)
    return {name: sorted(rows, key=lambda one: order.index(one.key.interval)) for name, rows in found.items()}


def _prices(
    connection: Connection, exchange: str, names: Sequence[str]
) -> dict[str, tuple[Decimal | None, int | None]]:
    """Return the newest price of each, whichever interval it comes from."""
    query = (
        select(latest.c.symbol, latest.c.close_price, latest.c.exchange_time)
        .where(latest.c.exchange == exchange, latest.c.symbol.in_(names))
        .order_by(latest.c.exchange_time)
    )
    return {row.symbol: (row.close_price, row.exchange_time) for row in connection.execute(query)}
