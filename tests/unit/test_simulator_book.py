"""The order book: ordered, on ticks, the same for everyone who asks in the same second."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from src.simulator.book import Book, build_book
from src.simulator.config import DEFAULT_SYMBOLS, SymbolSpec, extra_symbols

BTC = DEFAULT_SYMBOLS[0]
SECOND = 1_767_968_400


def side(book: Book, name: str) -> list[tuple[Decimal, Decimal]]:
    levels = book[name]
    assert isinstance(levels, list)
    return [(Decimal(price), Decimal(quantity)) for price, quantity in levels]


@pytest.mark.parametrize("spec", [*DEFAULT_SYMBOLS, *extra_symbols(5)], ids=lambda spec: spec.symbol)
def test_levels_are_ordered_on_ticks_and_do_not_cross(spec: SymbolSpec) -> None:
    mid_ticks = int(spec.base_price / spec.tick_size)
    book = build_book(1, spec, mid_ticks, SECOND, 100)
    bids, asks = side(book, "bids"), side(book, "asks")
    assert len(bids) == len(asks) == 100
    assert [price for price, _ in bids] == sorted({price for price, _ in bids}, reverse=True)
    assert [price for price, _ in asks] == sorted({price for price, _ in asks})
    assert bids[0][0] < asks[0][0]
    assert bids[0][0] <= mid_ticks * spec.tick_size <= asks[0][0]
    for price, quantity in (*bids, *asks):
        assert price % spec.tick_size == 0
        assert quantity % spec.step_size == 0
        assert price > 0
        assert quantity > 0


def test_same_second_is_the_same_book_and_the_next_is_another() -> None:
    book = build_book(1, BTC, 6_000_000, SECOND, 20)
    assert book == build_book(1, BTC, 6_000_000, SECOND, 20)
    later = build_book(1, BTC, 6_000_000, SECOND + 1, 20)
    assert later["bids"] != book["bids"]
    assert int(str(later["lastUpdateId"])) > int(str(book["lastUpdateId"]))
    assert build_book(2, BTC, 6_000_000, SECOND, 20)["asks"] != book["asks"]


def test_fewer_levels_are_the_best_of_more() -> None:
    few, many = (build_book(1, BTC, 6_000_000, SECOND, limit) for limit in (5, 1000))
    assert side(few, "bids") == side(many, "bids")[:5]
    assert side(few, "asks") == side(many, "asks")[:5]


def test_thin_book_has_fewer_levels_than_asked_for() -> None:
    thin = build_book(1, replace(BTC, book_levels=7), 6_000_000, SECOND, 100)
    assert (len(side(thin, "bids")), len(side(thin, "asks"))) == (7, 7)


def test_bids_end_above_zero() -> None:
    cheap = build_book(1, BTC, 30, SECOND, 100)
    assert [price for price, _ in side(cheap, "bids")][-1] == Decimal("0.01")
    assert len(side(cheap, "bids")) == 30
