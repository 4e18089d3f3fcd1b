"""Order books of an answer to rows to store: every level as sent, thin books too, nothing false."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.transform.depth import BadDepth, parse_depth

Levels = list[tuple[str, str]]


def body_of(bids: Any, asks: Any) -> bytes:
    return msgspec.json.encode({"lastUpdateId": 1, "bids": bids, "asks": asks})


def parse(bids: Levels, asks: Levels) -> list[tuple[str, ...]]:
    return [tuple(row.split("\t")) for row in parse_depth(body_of(bids, asks))]


def test_levels_are_stored_bids_first_and_in_their_order() -> None:
    assert parse([("2.5", "10"), ("2.4", "0.00000001")], [("2.60000000", "1E+3")]) == [
        ("bid", "2.50000000", "10.00000000"),
        ("bid", "2.40000000", "0.00000001"),
        ("ask", "2.60000000", "1000.00000000"),
    ]


def test_real_book_is_read_to_the_last_digit(real_data_dir: Path) -> None:
    body = (real_data_dir / "binance" / "http_spot_market_depth.json").read_bytes()
    sent = msgspec.json.decode(body)
    expected = [
        (side, level[0], level[1])
        for side, levels in (("bid", sent["bids"]), ("ask", sent["asks"]))
        for level in levels
    ]
    assert len(expected) >= 10
    assert [tuple(row.split("\t")) for row in parse_depth(body)] == expected


def test_thin_and_empty_books_are_stored_as_far_as_they_go() -> None:
    assert parse([], []) == []
    assert parse([("1.0", "1.0")], []) == [("bid", "1.00000000", "1.00000000")]


def test_level_without_quantity_is_stored() -> None:
    assert parse([], [("3", "0.00000000")]) == [("ask", "3.00000000", "0.00000000")]


def test_amounts_may_reach_the_ends_of_their_columns() -> None:
    price, quantity = "999999999999.99999999", "9999999999999999999999.99999999"
    assert parse([(price, quantity)], [("0.00000001", "0.00000001")]) == [
        ("bid", price, quantity),
        ("ask", "0.00000001", "0.00000001"),
    ]


def test_price_may_stand_on_both_sides() -> None:
    assert len(parse([("1.0", "1")], [("1.0", "1")])) == 2


@pytest.mark.parametrize("again", ["1.0", "1.00", "1"])
def test_price_twice_on_one_side_is_refused(again: str) -> None:
    with pytest.raises(BadDepth, match="asks name a price twice"):
        parse([], [("1.0", "1"), ("2.0", "1"), (again, "5")])


@pytest.mark.parametrize(
    ("level", "told"),
    [
        (("0", "1"), "out of range"),
        (("0.00000000", "1"), "out of range"),
        (("-1", "1"), "out of range"),
        (("1", "-0.1"), "out of range"),
        (("1000000000000", "1"), r"does not fit DECIMAL\(20,8\)"),
        (("1", "1E+22"), r"does not fit DECIMAL\(30,8\)"),
        (("1E+999999", "1"), "does not fit"),
        (("1.123456789", "1"), "more than 8 decimals"),
        (("1", "1.0000000000000000000000000000000000000001"), "more than 8 decimals"),
        (("NaN", "1"), "NaN"),
        (("1", "NaN"), "NaN"),
        (("Infinity", "1"), "Infinity"),
        (("1", "sNaN"), "sNaN"),
        (("", "1"), "''"),
        (("one", "1"), "one"),
        (("1.0\t2.0", "1"), "1.0"),
    ],
)
def test_level_that_cannot_be_stored_is_named(level: tuple[str, str], told: str) -> None:
    with pytest.raises(BadDepth, match=rf"^ask 1 \(.*{told}"):
        parse([("0.5", "1")], [("7", "1"), level])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"<html>",
        b'{"bids":[]}',
        b'{"bids":null,"asks":[]}',
        b'{"bids":[["1"]],"asks":[]}',
        b'{"bids":[["1","2","3"]],"asks":[]}',
        b'{"bids":[[1.0,2.0]],"asks":[]}',
        b'{"bids":[],"asks":[["1","2"]',
    ],
)
def test_body_that_is_no_order_book_is_refused(body: bytes) -> None:
    with pytest.raises(BadDepth, match="the body is not a Binance order book"):
        parse_depth(body)


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), min_size=1, max_size=3))
def test_whatever_a_level_says_it_is_stored_exactly_or_refused(levels: Levels) -> None:
    """No other error leaves the parser: one object would stop all the others."""
    try:
        rows = parse(levels, [])
    except BadDepth:
        return
    assert [(Decimal(price), Decimal(quantity)) for _, price, quantity in rows] == [
        (Decimal(price), Decimal(quantity)) for price, quantity in levels
    ]
