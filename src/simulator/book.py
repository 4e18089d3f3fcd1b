"""The order book: a pure function of seed, symbol and second, built around the price of that second."""

from __future__ import annotations

import numpy as np

from src.simulator.config import SymbolSpec
from src.simulator.noise import channel_key, uniform_at
from src.simulator.wire import Ints, decimal_texts

# Mean distance of two levels is a third of this share of the price: 1000 levels reach about 1.3 % deep.
_WIDEST_GAP = 4e-5
_LEVELS_PER_SECOND = 1 << 13

Book = dict[str, int | list[list[str]]]


def build_book(seed: int, spec: SymbolSpec, mid_ticks: int, second: int, limit: int) -> Book:
    """Return Binance's depth answer, best levels first; a thin book has fewer than *limit* levels."""
    levels = min(limit, spec.book_levels)
    bids = mid_ticks + 1 - _distances(channel_key(seed, spec.symbol, "bids"), mid_ticks, second, levels)
    asks = mid_ticks + _distances(channel_key(seed, spec.symbol, "asks"), mid_ticks, second, levels)
    return {
        "lastUpdateId": second * 100 + channel_key(seed, spec.symbol, second) % 100,
        "bids": _side(channel_key(seed, spec.symbol, "bid sizes"), spec, bids[bids > 0], second),
        "asks": _side(channel_key(seed, spec.symbol, "ask sizes"), spec, asks, second),
    }


def _distances(key: int, mid_ticks: int, second: int, levels: int) -> Ints:
    """Return rising distances from the price, in ticks, all at least 1."""
    share = uniform_at(key, _positions(second, levels))
    gaps = 1 + (share * share * (mid_ticks * _WIDEST_GAP)).astype(np.int64)
    return np.cumsum(gaps)


def _side(key: int, spec: SymbolSpec, ticks: Ints, second: int) -> list[list[str]]:
    share = uniform_at(key, _positions(second, len(ticks)))
    typical = spec.quote_per_minute / float(spec.base_price) / 10 * 10**spec.quantity_decimals
    steps = 1 + (share * share * share * typical).astype(np.int64)
    prices, quantities = (
        decimal_texts(ticks, spec.price_decimals),
        decimal_texts(steps, spec.quantity_decimals),
    )
    return [list(level) for level in zip(prices, quantities, strict=True)]


def _positions(second: int, count: int) -> Ints:
    return np.arange(count, dtype=np.int64) + second * _LEVELS_PER_SECOND
