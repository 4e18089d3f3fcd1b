"""All symbols that the exchange has: asked once an hour and process, kept in memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app

from src.api.context import clock, parts, warehouse
from src.domain import HOUR_MS, MINUTE_MS
from src.errors import SourceError, Stopped
from src.warehouse.symbols import SymbolRow, list_symbol_rows

_EXTENSION = "candlehouse_exchange_symbols"
_guard = threading.Lock()


@dataclass(frozen=True, slots=True)
class ExchangeSymbols:
    """*is_complete* is False where the exchange could not be asked; steady time in ms."""

    symbols: Sequence[SymbolRow]
    is_complete: bool
    until_ms: int


def list_exchange_symbols() -> ExchangeSymbols:
    """Return all, or those that are known already while the exchange cannot be asked."""
    with _guard:  # else all who wait would ask
        known: ExchangeSymbols | None = current_app.extensions.get(_EXTENSION)
        if known is None or clock().steady_ms() >= known.until_ms:
            known = current_app.extensions[_EXTENSION] = _ask()
        return known


def _ask() -> ExchangeSymbols:
    exchange, now_ms = parts().prompt_exchange, clock().steady_ms()
    try:
        infos = exchange.fetch_symbols()
    except (SourceError, Stopped):
        with warehouse().read() as connection:
            return ExchangeSymbols(list_symbol_rows(connection, exchange.name), False, now_ms + MINUTE_MS)
    rows = [
        SymbolRow(
            exchange.name,
            info.symbol,
            info.status,
            info.base_asset,
            info.quote_asset,
            info.tick_size,
            info.step_size,
        )
        for info in infos
    ]
    return ExchangeSymbols(rows, True, now_ms + HOUR_MS)
