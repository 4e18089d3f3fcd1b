"""Rows on their way to the fact tables: heads and tails joined on, and of each candle one that wins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.domain import DAY_MS, Interval, SeriesKey, Window
from src.warehouse.facts import (
    DEPTH_COLUMNS,
    KLINE_COLUMNS,
    DepthBatch,
    KlineBatch,
    RowChunk,
    without_doubles,
)
from tests.builders import CAPTURED_MS
from tests.builders import DAY_START_MS as T0

BTC = SeriesKey("binance", "BTCUSDT", Interval.M1)


def make_batch(
    opens: Sequence[int], captured_at_ms: int = CAPTURED_MS, key: str = "a", object_id: int = 1
) -> KlineBatch:
    """Return a batch whose rows say which object and which candle they are."""
    rows = [f"{key}:{captured_at_ms}:{time}" for time in opens]
    return KlineBatch(BTC, object_id, key, captured_at_ms, np.array(opens, dtype=np.int64), rows)


def test_rows_get_the_same_beginning_and_end() -> None:
    chunk = RowChunk(("binance", "1m"), ["1\t2", "3\t4"], ("7",))
    assert chunk.text() == "binance\t1m\t1\t2\t7\nbinance\t1m\t3\t4\t7\n"
    assert list(chunk.tuples()) == [("binance", "1m", "1", "2", "7"), ("binance", "1m", "3", "4", "7")]
    assert len(chunk) == 2


def test_chunk_without_rows_is_no_text() -> None:
    empty = RowChunk(("binance",), [], ("7",))
    assert (empty.text(), list(empty.tuples()), len(empty)) == ("", [], 0)


@given(
    st.lists(st.text("ab", max_size=2), max_size=3),
    st.lists(st.text("xy", min_size=1, max_size=3), max_size=4),
    st.lists(st.text("cd", max_size=2), max_size=3),
)
def test_text_and_tuples_say_the_same(head: list[str], rows: list[str], tail: list[str]) -> None:
    chunk = RowChunk(tuple(head), rows, tuple(tail))
    assert [tuple(line.split("\t")) for line in chunk.text().splitlines()] == list(chunk.tuples())


def test_klines_are_as_their_columns_say() -> None:
    batch = KlineBatch(BTC, 42, "key", CAPTURED_MS, np.array([T0]), ["\t".join(f"c{n}" for n in range(11))])
    [row] = batch.chunk().tuples()
    assert len(row) == len(KLINE_COLUMNS)
    named = dict(zip(KLINE_COLUMNS, row, strict=True))
    assert (named["exchange"], named["symbol"], named["interval_code"]) == ("binance", "BTCUSDT", "1m")
    assert (named["object_id"], named["captured_at"]) == ("42", "2026-03-31T23:33:20.000")
    assert (named["open_time"], named["taker_buy_quote_volume"]) == ("c0", "c10")


def test_levels_are_as_their_columns_say() -> None:
    batch = DepthBatch("binance", "BTCUSDT", 42, CAPTURED_MS + 7, ["bid\t1.0\t2.0"])
    [row] = batch.chunk().tuples()
    assert dict(zip(DEPTH_COLUMNS, row, strict=True)) == {
        "exchange": "binance",
        "symbol": "BTCUSDT",
        "captured_at": "2026-03-31T23:33:20.007",
        "side": "bid",
        "price": "1.0",
        "quantity": "2.0",
        "object_id": "42",
    }


def test_window_ends_with_the_last_slot() -> None:
    assert make_batch([T0, T0 + 60_000]).window == Window(T0, T0 + 120_000)
    months = KlineBatch(
        SeriesKey("binance", "BTCUSDT", Interval.MO1), 1, "k", CAPTURED_MS, np.array([T0 - 8 * DAY_MS]), ["r"]
    )
    assert months.window == Window(T0 - 8 * DAY_MS, T0 + 23 * DAY_MS)
    assert make_batch([]).window is None


# --- of each candle one ---


def test_objects_that_follow_each_other_are_left_alone() -> None:
    first, second = make_batch([T0, T0 + 60_000]), make_batch([T0 + 120_000])
    assert without_doubles([second, first, make_batch([])]) == [first, second]
    assert without_doubles([make_batch([])]) == []
    assert without_doubles([]) == []


@pytest.mark.parametrize("reverse", [False, True])
def test_newest_capture_wins_and_keeps_what_it_alone_holds(reverse: bool) -> None:
    old = make_batch([1, 2, 3], CAPTURED_MS, "z")
    new = make_batch([2, 3, 4], CAPTURED_MS + 1, "a")
    kept = without_doubles([new, old] if reverse else [old, new])
    assert {row for batch in kept for row in batch.rows} == {
        f"z:{CAPTURED_MS}:1",
        *(f"a:{CAPTURED_MS + 1}:{time}" for time in (2, 3, 4)),
    }


def test_tie_goes_to_the_greater_key() -> None:
    one, other = make_batch([1, 2], key="a/1"), make_batch([2], key="a/2")
    for batches in ([one, other], [other, one]):
        assert {row for batch in without_doubles(batches) for row in batch.rows} == {
            f"a/1:{CAPTURED_MS}:1",
            f"a/2:{CAPTURED_MS}:2",
        }


def test_object_whose_candles_all_lose_is_left_out() -> None:
    old, new = make_batch([1, 2], CAPTURED_MS), make_batch([1, 2], CAPTURED_MS + 1, "b")
    assert [batch.object_key for batch in without_doubles([old, new])] == ["b"]


drawn = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.lists(st.integers(0, 12), unique=True)),
    max_size=6,
    unique_by=lambda drawn: (drawn[0], drawn[1]),
)


@given(drawn, st.randoms(use_true_random=False))
def test_what_is_kept_does_not_depend_on_the_order(
    objects: list[tuple[int, str, list[int]]], random: object
) -> None:
    batches = [
        make_batch(sorted(opens), CAPTURED_MS + captured, f"{key}", number)
        for number, (captured, key, opens) in enumerate(objects)
    ]
    expected: dict[int, str] = {}
    for batch in sorted(batches, key=lambda batch: batch.precedence):
        expected |= dict(zip(batch.open_times_ms.tolist(), batch.rows, strict=True))
    random.shuffle(batches)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    kept = without_doubles(batches)
    pairs = [pair for b in kept for pair in zip(b.open_times_ms.tolist(), b.rows, strict=True)]
    assert len(pairs) == len(expected)
    assert dict(pairs) == expected
    assert all(len(batch.rows) for batch in kept)
    for batch in kept:
        assert sorted(batch.open_times_ms.tolist()) == batch.open_times_ms.tolist()
