"""Where in an answer a candle stands."""

from __future__ import annotations

import msgspec
import pytest

from src.domain import MINUTE_MS
from src.transform.places import find_place
from tests.builders import DAY_START_MS, make_kline

_BODY = msgspec.json.encode([make_kline(DAY_START_MS + n * MINUTE_MS) for n in range(3)])


def test_row_is_found_by_its_open_time() -> None:
    assert [find_place(_BODY, DAY_START_MS + n * MINUTE_MS) for n in range(4)] == [0, 1, 2, None]


def test_microseconds_of_archives_are_understood() -> None:
    kline = make_kline(DAY_START_MS)._replace(open_time=DAY_START_MS * 1000)
    assert find_place(msgspec.json.encode([kline]), DAY_START_MS) == 0


def test_rows_that_are_none_count_as_places() -> None:
    body = b'[[],"x",[null],' + _BODY[1:]
    assert find_place(body, DAY_START_MS) == 3


@pytest.mark.parametrize("body", [b"{}", b"[", b"7", b"[]"])
def test_answer_without_rows_has_no_place(body: bytes) -> None:
    assert find_place(body, DAY_START_MS) is None
