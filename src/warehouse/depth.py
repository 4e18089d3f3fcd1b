"""Order books as they were captured."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, select

from src.domain import DAY_MS, Window
from src.warehouse.bars import ALWAYS
from src.warehouse.tables import fact_orderbook

_columns = fact_orderbook.c


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One order book; levels are price and quantity, the best first."""

    exchange: str
    symbol: str
    captured_at_ms: int
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]


def find_snapshot(
    connection: Connection, exchange: str, symbol: str, until_ms: int | None = None
) -> Snapshot | None:
    """Return the last snapshot captured until then, that moment included; None where there is none."""
    is_of = (_columns.exchange == exchange) & (_columns.symbol == symbol)
    captured = select(_columns.captured_at).where(is_of).order_by(_columns.captured_at.desc()).limit(1)
    at_ms = None
    for window in _windows(until_ms):
        is_in = _columns.captured_at.between(window.start_ms, window.end_ms)
        if (at_ms := connection.scalar(captured.where(is_in))) is not None:
            break
    if at_ms is None:
        return None
    levels = select(_columns.side, _columns.price, _columns.quantity)
    rows = connection.execute(levels.where(is_of, _columns.captured_at == at_ms)).all()
    sides = {side: [(row.price, row.quantity) for row in rows if row.side == side] for side in ("bid", "ask")}
    return Snapshot(exchange, symbol, at_ms, sorted(sides["bid"], reverse=True), sorted(sides["ask"]))


def _windows(until_ms: int | None) -> list[Window]:
    """Return where to look: with an end, first a day back, for which few partitions are opened."""
    if until_ms is None:
        return [ALWAYS]
    return [Window(max(0, until_ms - DAY_MS), until_ms), Window(0, until_ms)]
