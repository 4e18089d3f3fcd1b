"""Pages of klines as text: the same digits as writing number by number."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from src.simulator.config import DEFAULT_SYMBOLS
from src.simulator.history import Bars
from src.simulator.page_text import page_text

units = st.one_of(st.integers(0, 2**63 - 1), st.integers(0, 10**6), st.integers(0, 18).map(lambda n: 10**n))
decimals = st.integers(0, 8).flatmap(lambda price: st.tuples(st.just(price), st.integers(0, 8 - price)))


@given(rows=st.lists(st.lists(units, min_size=11, max_size=11), min_size=1, max_size=5), places=decimals)
def test_every_digit_is_written(rows: list[list[int]], places: tuple[int, int]) -> None:
    price, quantity = places
    spec = replace(DEFAULT_SYMBOLS[0], price_decimals=price, quantity_decimals=quantity)
    opens, closes, *columns = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))

    def text(count: int, places: int) -> str:
        return f"{Decimal(count).scaleb(-places, None):.8f}"

    expected = [
        [
            opened,
            *(text(count, price) for count in figures[:4]),
            text(figures[4], quantity),
            closed,
            text(figures[5], price + quantity),
            figures[6],
            text(figures[7], quantity),
            text(figures[8], price + quantity),
            "0",
        ]
        for opened, closed, *figures in rows
    ]
    assert page_text(spec, opens, closes, Bars(*columns)) == orjson.dumps(expected)
