"""Order-book answers to rows ready to be stored: pure, and exact to the last digit."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import msgspec

from src.warehouse.facts import TextRow
from src.warehouse.types import canonical_decimal

_Level = tuple[str, str]
_PRICE_DIGITS, _QUANTITY_DIGITS = 20, 30


class _BinanceDepth(msgspec.Struct):
    """Binance, GET /api/v3/depth: best levels first, fewer than asked for where the book is thin."""

    bids: list[_Level]
    asks: list[_Level]


_decode = msgspec.json.Decoder(_BinanceDepth).decode


class BadDepth(ValueError):
    """A snapshot that cannot be true or cannot be stored; the message names side, level and value."""


def parse_depth(body: bytes) -> list[TextRow]:
    """Return side, price and quantity of all levels, bids first."""
    try:
        depth = _decode(body)
    except msgspec.DecodeError as error:
        raise BadDepth(f"the body is not a Binance order book: {error}") from error
    return [*_side("bid", depth.bids), *_side("ask", depth.asks)]


def _side(side: str, levels: list[_Level]) -> list[TextRow]:
    rows: list[TextRow] = [_row(side, index, level) for index, level in enumerate(levels)]
    if len({row.split("\t")[1] for row in rows}) != len(rows):
        raise BadDepth(f"{side}s name a price twice")
    return rows


def _row(side: str, index: int, level: _Level) -> TextRow:
    try:
        price, quantity = (Decimal(text) for text in level)
        if price <= 0 or quantity < 0:
            raise BadDepth(f"price {price} or quantity {quantity} is out of range")
        values = canonical_decimal(price, _PRICE_DIGITS), canonical_decimal(quantity, _QUANTITY_DIGITS)
        return "\t".join((side, *values))
    except (ValueError, InvalidOperation) as error:
        raise BadDepth(f"{side} {index} {level}: {error}") from error
