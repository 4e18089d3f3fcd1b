"""The last 24 hours of a symbol: price and change, high and low, what was traded. Pure.

The change is against the price 24 hours ago: the close of the last candle that had ended by then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, localcontext

from src.domain import HOUR_MS, MINUTE_MS
from src.warehouse.overview import Amounts, Card, Edge, Hours

_DIGITS = 80
_EIGHT = Decimal("0.00000001")


@dataclass(frozen=True, slots=True)
class Day:
    """Numbers of 24 hours, None where nothing tells them; *change_percent* is rounded to four decimals.

    *price* is that of the candle that is forming, else the last close, at *price_at_ms*. It is complete
    unless a candle is missing before the last one held.
    """

    price: Decimal | None
    price_at_ms: int | None
    price_before: Decimal | None
    high: Decimal | None
    low: Decimal | None
    volume: Decimal
    quote_volume: Decimal
    trade_count: int
    is_complete: bool

    @property
    def change(self) -> Decimal | None:
        if self.price is None or self.price_before is None:
            return None
        return self.price - self.price_before

    @property
    def change_percent(self) -> Decimal | None:
        if self.change is None or not self.price_before:
            return None
        with localcontext(prec=_DIGITS):
            return (self.change / self.price_before * 100).quantize(Decimal("0.0001"))

    @property
    def weighted_average(self) -> Decimal | None:
        """Return the mean price by volume."""
        if not self.volume:
            return None
        with localcontext(prec=_DIGITS):
            return (self.quote_volume / self.volume).quantize(_EIGHT)


def sum_up(
    parts: Iterable[Amounts],
    price: tuple[Decimal, int] | None,
    price_before: Decimal | None,
    *,
    is_complete: bool,
) -> Day:
    """Make a day of the *parts* that its 24 hours are made of."""
    known = list(parts)
    with localcontext(prec=_DIGITS):
        return Day(
            price=price[0] if price else None,
            price_at_ms=price[1] if price else None,
            price_before=price_before,
            high=max((part.high for part in known), default=None),
            low=min((part.low for part in known), default=None),
            volume=sum((part.volume for part in known), Decimal(0)),
            quote_volume=sum((part.quote_volume for part in known), Decimal(0)),
            trade_count=sum(part.trade_count for part in known),
            is_complete=is_complete,
        )


def day_of_card(card: Card, hours: Hours, edge: Edge | None, cutoff_ms: int) -> Day:
    """Make the day of a series of minutes from its hours, and the minutes of the hour that it begins in."""
    hour_ms = cutoff_ms - cutoff_ms % HOUR_MS
    parts = [part.amounts for part in (hours, edge) if part and part.amounts]
    if card.forming and is_new(card, cutoff_ms):
        parts.append(card.forming)
    before = edge.close_before if edge and edge.close_before is not None else _close_before(hours, hour_ms)
    held = hours.candle_count + (edge.candle_count if edge else 0)
    is_complete = 0 < held >= _minutes_until_last(cutoff_ms, card)
    return sum_up(parts, find_price(card, hours), before, is_complete=is_complete)


def find_price(card: Card, hours: Hours) -> tuple[Decimal, int] | None:
    """Return the last price that is known, and of when it is."""
    if card.last_price is not None and card.seen_ms is not None:
        return card.last_price, card.seen_ms
    if hours.amounts and card.last_open_ms is not None:
        return Decimal(hours.closes[-1][1]), card.interval.next(card.last_open_ms)
    return None


def _close_before(hours: Hours, hour_ms: int) -> Decimal | None:
    """Return the last close of the hours that begin before *hour_ms*."""
    closes = [close for start_ms, close in hours.closes if start_ms < hour_ms]
    return Decimal(closes[-1]) if closes else None


def is_new(card: Card, cutoff_ms: int) -> bool:
    """Whether the forming candle is of the last day, and not held meanwhile."""
    open_ms = card.forming_open_ms
    is_held = open_ms is not None and card.last_open_ms is not None and card.last_open_ms >= open_ms
    return open_ms is not None and open_ms >= cutoff_ms and not is_held


def _minutes_until_last(cutoff_ms: int, card: Card) -> int:
    """Return how many minutes there are from *cutoff_ms* to the end of the last candle held."""
    if card.last_open_ms is None:
        return 0
    return (card.last_open_ms + MINUTE_MS - -(-cutoff_ms // MINUTE_MS) * MINUTE_MS) // MINUTE_MS
