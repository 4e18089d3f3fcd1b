"""Answers in the usual form: taken apart as a whole, they are what they are value by value."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest

from src.domain import MINUTE_MS
from src.transform.klines import BadKline, _find_any
from src.transform.plain_klines import LAST_TIME_MS, find_plain
from tests.builders import DAY_START_MS, make_kline, random_kline


def body_of(*klines: Any) -> bytes:
    return msgspec.json.encode(klines)


def columns(found: Any) -> tuple[Any, ...] | None:
    return found and (found.opens_ms.tolist(), found.closes_ms.tolist(), found.between, found.behind)


def by_value(body: bytes) -> tuple[Any, ...] | None:
    try:
        return columns(_find_any(body))
    except BadKline:
        return None


def usual(**changes: Any) -> bytes:
    """Return an answer of three candles; *changes* are made in the second."""
    first, third = make_kline(DAY_START_MS), make_kline(DAY_START_MS + 2 * MINUTE_MS)
    return body_of(first, make_kline(DAY_START_MS + MINUTE_MS, **changes), third)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"trade_count": 0, "volume": "0.00000000"},
        {"trade_count": 10**18 - 1},
        {"volume": "9" * 22 + ".99999999"},
        {"high_price": "9" * 10 + ".99999999"},
        {"low_price": "0.00000001"},
        {"low_price": "100.00000000", "high_price": "105.00000000"},
        {"close_time": DAY_START_MS + MINUTE_MS},
        {"close_time": LAST_TIME_MS},
    ],
)
def test_usual_form_is_taken_as_it_is(changes: dict[str, Any]) -> None:
    body = usual(**changes)
    assert columns(find_plain(body)) == by_value(body) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"open_time": DAY_START_MS * 1000},
        {"open_time": 10**12 - 1},
        {"close_time": LAST_TIME_MS + 1},
        {"open_time": -DAY_START_MS},
        {"trade_count": -1},
        {"trade_count": 10**18},
        {"trade_count": 1.5},
        {"trade_count": None},
        {"volume": "01.00000000"},
        {"volume": "1.0000000"},
        {"volume": "1.000000000"},
        {"volume": "1"},
        {"volume": ".00000001"},
        {"volume": ""},
        {"volume": "-1.00000000"},
        {"volume": "1E8.0000000"},
        {"volume": "1" + "0" * 22 + ".00000000"},
        {"high_price": "1" + "0" * 10 + ".00000000"},
        {"low_price": "0.00000000"},
        {"low_price": "100.00000001"},
        {"open_price": "89.99999999"},
        {"high_price": "104.99999999"},
        {"high_price": "99.00000000", "close_price": "98.00000000"},
        {"high_price": "9.00000000"},
        {"quote_volume": "1.00000000\n"},
        {"quote_volume": "١.00000000"},
    ],
)
def test_any_other_form_is_left_to_whoever_looks_at_each_value(changes: dict[str, Any]) -> None:
    assert find_plain(usual(**changes)) is None


@pytest.mark.parametrize("body", [b"", b"[]", b"[[]]", b"{}", b"1", b"[1]", b"null", b'"[[', usual() + b" "])
def test_what_is_no_list_of_candles_is_left(body: bytes) -> None:
    assert find_plain(body) is None


def test_candles_of_any_size_are_the_same_both_ways() -> None:
    random = Random(7)
    for _ in range(200):
        body = body_of(
            *[random_kline(random, DAY_START_MS + n * MINUTE_MS) for n in range(random.randint(1, 9))]
        )
        assert columns(find_plain(body)) in (None, by_value(body))


def test_no_damaged_answer_is_taken_for_another_than_it_is() -> None:
    random, body = Random(7), usual(volume="0.00000000")
    taken = 0
    for _ in range(5_000):
        damaged, at = bytearray(body), random.randrange(len(body))
        damaged[at : at + random.randint(0, 2)] = bytes(
            random.choices(b'0019.,"[]- e', k=random.randint(0, 2))
        )
        found = columns(find_plain(bytes(damaged)))
        taken += found is not None
        assert found in (None, by_value(bytes(damaged)))
    assert taken > 500
