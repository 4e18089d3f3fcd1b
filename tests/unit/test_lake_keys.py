"""Object keys: one spelling each, and a reason for everything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.domain import DataType, Interval
from src.lake.keys import LAST_TIMESTAMP_MS, ObjectKey, next_key, parse_key
from src.lake.store import is_storable

TIME_MS = 1_767_968_400_123  # 2026-01-09T14:20:00.123Z

symbols = st.from_regex(r"[A-Z0-9]{1,12}([._-][A-Z0-9]{1,12})?", fullmatch=True)
timestamps = st.integers(0, LAST_TIMESTAMP_MS)


@st.composite
def keys(draw: st.DrawFn) -> ObjectKey:
    interval = draw(st.none() | st.sampled_from(Interval))
    data_type = DataType.KLINES if interval else DataType.DEPTH
    exchange = draw(st.sampled_from(["binance", "kraken", "okx-eu"]))
    return ObjectKey(exchange, draw(symbols), data_type, interval, draw(timestamps))


def klines(
    interval: Interval = Interval.M1, *, exchange: str = "binance", symbol: str = "BTCUSDT"
) -> ObjectKey:
    return ObjectKey(exchange, symbol, DataType.KLINES, interval, TIME_MS)


def test_minutes_are_plain_klines_under_the_date_of_the_timestamp() -> None:
    assert klines().text == "2026-01-09/BTCUSDT_klines_1767968400123.json"


def test_other_intervals_and_depth_say_so() -> None:
    depth = ObjectKey("binance", "ETHUSDT", DataType.DEPTH, None, TIME_MS)

    assert klines(Interval.H1).text == "2026-01-09/BTCUSDT_klines-1h_1767968400123.json"
    assert depth.text == "2026-01-09/ETHUSDT_depth_1767968400123.json"


def test_other_exchanges_have_a_folder_of_their_own() -> None:
    assert klines(exchange="kraken").text == "kraken/2026-01-09/BTCUSDT_klines_1767968400123.json"


def test_midnight_utc_decides_the_date() -> None:
    last = ObjectKey("binance", "BTCUSDT", DataType.KLINES, Interval.M1, 1_768_003_199_999)

    assert last.date == "2026-01-09"
    assert next_key(last).date == "2026-01-10"
    assert next_key(last).timestamp_ms == 1_768_003_200_000


@given(keys())
def test_every_key_is_read_back_as_itself(key: ObjectKey) -> None:
    assert parse_key(key.text) == key
    assert is_storable(key.text)


def test_no_two_intervals_share_a_file_where_case_is_ignored() -> None:
    names = {klines(interval).text.casefold() for interval in Interval}

    assert len(names) == len(Interval)


def test_the_date_of_another_year_is_refused_with_the_right_one() -> None:
    with pytest.raises(ValueError, match=r"lies under 2026-01-09, but its timestamp is of 2025-01-09"):
        parse_key("2026-01-09/BTCUSDT_klines_1736428800123.json")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-01-09/BTCUSDT_klines-1m_1767968400123.json", "must be spelled '2026-01-09/BTCUSDT_klines_"),
        ("binance/2026-01-09/BTCUSDT_klines_1767968400123.json", "must be spelled '2026-01-09/"),
        ("1970-01-01/BTCUSDT_klines_07.json", "must be spelled '1970-01-01/BTCUSDT_klines_7.json'"),
        ("2026-01-09/BTCUSDT_klines-7m_1767968400123.json", "'7m' is not a valid Interval"),
        ("2026-01-09/BTCUSDT_depth-1m_1767968400123.json", "not of the form"),
        ("2026-01-09/btcusdt_klines_1767968400123.json", "symbol 'btcusdt'"),
        ("2026-01-09/BTC__USDT_klines_1767968400123.json", "symbol 'BTC__USDT'"),
        ("KRAKEN/2026-01-09/BTCUSDT_klines_1767968400123.json", "not of the form"),
        ("2026-01-09/BTCUSDT_klines_1767968400123.json\n", "not of the form"),
        ("2026-01-09/BTCUSDT_klines_١٢٣.json", "not of the form"),
        ("2026-01-09/BTCUSDT_klines_999999999999999.json", "timestamp 999999999999999"),
        ("2026-01-09/BTCUSDT_klines_-5.json", "not of the form"),
        ("2026-01-09/notes.txt", "not of the form"),
        ("", "not of the form"),
    ],
)
def test_what_is_no_key_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_key(text)


@pytest.mark.parametrize(
    ("exchange", "symbol", "data_type", "interval", "timestamp_ms"),
    [
        ("Binance", "BTCUSDT", DataType.KLINES, Interval.M1, TIME_MS),
        ("../x", "BTCUSDT", DataType.KLINES, Interval.M1, TIME_MS),
        ("binance", "BTC/USDT", DataType.KLINES, Interval.M1, TIME_MS),
        ("binance", "", DataType.KLINES, Interval.M1, TIME_MS),
        ("binance", "A" * 41, DataType.KLINES, Interval.M1, TIME_MS),
        ("binance", "BTCUSDT", DataType.KLINES, None, TIME_MS),
        ("binance", "BTCUSDT", DataType.DEPTH, Interval.M1, TIME_MS),
        ("binance", "BTCUSDT", DataType.KLINES, Interval.M1, -1),
        ("binance", "BTCUSDT", DataType.KLINES, Interval.M1, LAST_TIMESTAMP_MS + 1),
    ],
)
def test_an_impossible_key_is_never_made(
    exchange: str, symbol: str, data_type: DataType, interval: Interval | None, timestamp_ms: int
) -> None:
    with pytest.raises(ValueError, match=r"exchange|symbol|interval|timestamp"):
        ObjectKey(exchange, symbol, data_type, interval, timestamp_ms)
