"""What exchanges say of their symbols: status, assets, price and quantity steps, since and until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, select

from src.warehouse import dialects
from src.warehouse.tables import symbols

# What exchanges call a symbol that is bought and sold; any other status means that no candles come.
TRADING = "TRADING"


@dataclass(frozen=True, slots=True)
class SymbolRow:
    """One symbol; steps are None where the exchange sets none."""

    exchange: str
    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    tick_size: Decimal | None
    step_size: Decimal | None


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Since when a symbol has candles and when they ended (UTC ms); None is not known, or not ended."""

    listed_ms: int | None = None
    delisted_ms: int | None = None


def upsert_symbols(connection: Connection, rows: Sequence[SymbolRow], now_ms: int) -> None:
    """Keep the exchange's latest word on these symbols."""
    names = ("exchange", "symbol", "status", "base_asset", "quote_asset", "tick_size", "step_size")
    values = [{**{name: getattr(row, name) for name in names}, "updated_at": now_ms} for row in rows]
    if values:
        connection.execute(dialects.upsert(symbols, connection, values, (*names, "updated_at")))


def list_symbol_rows(connection: Connection, exchange: str) -> list[SymbolRow]:
    """List the symbols of *exchange* that were ever asked about, by name."""
    c = symbols.c
    query = select(c.exchange, c.symbol, c.status, c.base_asset, c.quote_asset, c.tick_size, c.step_size)
    return [
        SymbolRow(*row) for row in connection.execute(query.where(c.exchange == exchange).order_by(c.symbol))
    ]


def list_statuses(connection: Connection, exchange: str) -> dict[str, str]:
    """Return the status of every symbol of *exchange* that was ever asked about."""
    query = select(symbols.c.symbol, symbols.c.status).where(symbols.c.exchange == exchange)
    return {row.symbol: row.status for row in connection.execute(query)}


def list_lifetimes(connection: Connection) -> dict[tuple[str, str], Lifetime]:
    """Return since and until when each symbol trades, by exchange and symbol."""
    query = select(symbols.c.exchange, symbols.c.symbol, symbols.c.listed_at, symbols.c.delisted_at)
    rows = connection.execute(query)
    return {(row.exchange, row.symbol): Lifetime(row.listed_at, row.delisted_at) for row in rows}


def save_lifetime(connection: Connection, exchange: str, symbol: str, lifetime: Lifetime) -> None:
    """Keep since and until when a symbol trades; nothing where the symbol has no row."""
    is_it = (symbols.c.exchange == exchange) & (symbols.c.symbol == symbol)
    values = {"listed_at": lifetime.listed_ms, "delisted_at": lifetime.delisted_ms}
    connection.execute(symbols.update().where(is_it).values(**values))
