"""What exchanges say of their symbols: status, assets, price and quantity steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, select

from src.warehouse import dialects
from src.warehouse.tables import symbols


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


def upsert_symbols(connection: Connection, rows: Sequence[SymbolRow], now_ms: int) -> None:
    """Keep the exchange's latest word on these symbols."""
    names = ("exchange", "symbol", "status", "base_asset", "quote_asset", "tick_size", "step_size")
    values = [{**{name: getattr(row, name) for name in names}, "updated_at": now_ms} for row in rows]
    if values:
        connection.execute(dialects.upsert(symbols, connection, values, (*names, "updated_at")))


def list_statuses(connection: Connection, exchange: str) -> dict[str, str]:
    """Return the status of every symbol of *exchange* that was ever asked about."""
    query = select(symbols.c.symbol, symbols.c.status).where(symbols.c.exchange == exchange)
    return {row.symbol: row.status for row in connection.execute(query)}
