"""Takes order-book depth out of the facts that is older than it is kept: by its age alone."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, and_, func, select

from src.domain import Window
from src.warehouse.tables import fact_orderbook

_ROWS_A_TRANSACTION = 4000
_c = fact_orderbook.c


def iterate_symbols(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield exchange and symbol of all depth, each found by one look into the primary key."""
    exchange = connection.execute(select(func.min(_c.exchange))).scalar()
    while exchange is not None:
        of_exchange = _c.exchange == exchange
        symbol = connection.execute(select(func.min(_c.symbol)).where(of_exchange)).scalar()
        while symbol is not None:
            yield exchange, symbol
            following = select(func.min(_c.symbol)).where(of_exchange, _c.symbol > symbol)
            symbol = connection.execute(following).scalar()
        exchange = connection.execute(select(func.min(_c.exchange)).where(_c.exchange > exchange)).scalar()


def delete_depth(connection: Connection, exchange: str, symbol: str, window: Window) -> int:
    """Delete the oldest levels of *window*, a few thousand at a time; return how many, 0 at the end."""
    is_inside = _is_in(exchange, symbol, window)
    last = (
        select(_c.captured_at).where(is_inside).order_by(_c.captured_at).offset(_ROWS_A_TRANSACTION).limit(1)
    )
    last_ms = connection.execute(last).scalar()
    some = is_inside if last_ms is None else and_(is_inside, _c.captured_at <= last_ms)
    return connection.execute(fact_orderbook.delete().where(some)).rowcount


def count_depth(connection: Connection, exchange: str, symbol: str, window: Window) -> int:
    """Count the levels captured in *window*."""
    query = select(func.count()).select_from(fact_orderbook).where(_is_in(exchange, symbol, window))
    return connection.execute(query).scalar_one()


def _is_in(exchange: str, symbol: str, window: Window) -> ColumnElement[bool]:
    is_of = and_(_c.exchange == exchange, _c.symbol == symbol)
    return and_(is_of, _c.captured_at >= window.start_ms, _c.captured_at < window.end_ms)
