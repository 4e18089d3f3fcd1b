"""What an order book tells: depth added up level by level, the spread, which side weighs more. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import NamedTuple

from src.warehouse.depth import Snapshot

# More than any sum or product of what is stored needs.
_DIGITS = 80


class Level(NamedTuple):
    """One price; *cumulative* is all that is offered from the best price to this one, in the base asset."""

    price: Decimal
    quantity: Decimal
    cumulative: Decimal


@dataclass(frozen=True, slots=True)
class OrderBook:
    """The best levels of both sides, best first; what needs both sides is None where one is empty.

    *spread_bps* is the spread in hundredths of a percent of the middle. *imbalance* compares what is bid and
    asked on the levels shown: 1 only bids, -1 only asks, 0 as much of both.
    """

    exchange: str
    symbol: str
    captured_at_ms: int
    bids: list[Level]
    asks: list[Level]
    middle: Decimal | None
    spread: Decimal | None
    spread_bps: float | None
    imbalance: float | None


def build_book(snapshot: Snapshot, levels: int) -> OrderBook:
    """Return the best *levels* of each side of a snapshot, and what they tell."""
    with localcontext(prec=_DIGITS):
        bids, asks = _add_up(snapshot.bids[:levels]), _add_up(snapshot.asks[:levels])
        has_both = bool(bids and asks)
        middle = (bids[0].price + asks[0].price) / 2 if has_both else None
        spread = asks[0].price - bids[0].price if has_both else None
        bid, ask = (side[-1].cumulative if side else Decimal(0) for side in (bids, asks))
        return OrderBook(
            snapshot.exchange,
            snapshot.symbol,
            snapshot.captured_at_ms,
            bids,
            asks,
            middle,
            spread,
            float(spread / middle * 10_000) if middle and spread is not None else None,
            float((bid - ask) / (bid + ask)) if bid + ask else None,
        )


def _add_up(levels: list[tuple[Decimal, Decimal]]) -> list[Level]:
    total = Decimal(0)
    found = []
    for price, quantity in levels:
        total += quantity
        found.append(Level(price, quantity, total))
    return found
