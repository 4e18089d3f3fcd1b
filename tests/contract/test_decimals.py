"""Numbers survive exactly, to both ends of what the columns hold; what does not fit is refused as it is."""

from __future__ import annotations

from decimal import Decimal
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Candle, Interval, SeriesKey
from src.warehouse.tables import (
    daily_klines,
    fact_klines,
    fact_klines_coarse,
    fact_orderbook,
    hourly_klines,
    lake_objects,
    latest,
    quarantined_rows,
    series,
)
from src.warehouse.watermarks import advance_watermark, find_watermark, upsert_latest
from tests.builders import (
    CAPTURED_MS,
    DAY_START_MS,
    VOLUMES,
    Kline,
    Pipeline,
    as_kline,
    make_depth,
    make_kline,
    make_object,
    read_rollup,
    read_table,
    roll_up,
    text_of_units,
    with_amounts,
)

SMALLEST = "0.00000001"
LARGE = "9999999999.99999999"
LARGEST_PRICE = "999999999999.99999999"
SEXTILLION = "1000000000000000000000.00000000"
LARGEST_VOLUME = "9999999999999999999999.99999999"


@pytest.fixture
def pipeline(emptied_pipeline: Pipeline) -> Pipeline:
    return emptied_pipeline


def kline_of(minute: int, prices: tuple[str, str, str, str], volume: str) -> Kline:
    """Return a kline of that minute; *prices* are open, high, low and close."""
    return with_amounts(make_kline(DAY_START_MS + minute * MINUTE_MS), prices, [volume] * 4)


EXTREMES = [
    kline_of(0, (SMALLEST, SMALLEST, SMALLEST, SMALLEST), SEXTILLION),
    kline_of(1, (SMALLEST, LARGEST_PRICE, SMALLEST, LARGE), LARGEST_VOLUME),
    kline_of(2, (LARGE, LARGE, "9.00000000", "10.00000000"), SMALLEST),
    kline_of(60, ("9.00000000", "10.00000000", "9.00000000", "9.50000000"), SEXTILLION),
    kline_of(61, ("10.00000000", "100.00000000", "9.99999999", "99.99999999"), "0.00000000"),
]


def test_extreme_values_come_back_as_they_were_sent(pipeline: Pipeline) -> None:
    pipeline.land(make_object("BTCUSDT", EXTREMES))
    assert not pipeline.load().quarantined
    assert [as_kline(row) for row in read_table(pipeline.warehouse, fact_klines)] == EXTREMES


def test_rollups_of_extreme_values_are_exact(pipeline: Pipeline) -> None:
    pipeline.land(make_object("BTCUSDT", EXTREMES))
    pipeline.load()
    first, second = read_table(pipeline.warehouse, hourly_klines)
    (day,) = read_table(pipeline.warehouse, daily_klines)
    assert (first["low_price"], first["high_price"]) == (SMALLEST, LARGEST_PRICE)
    assert [first[name] for name in VOLUMES] == ["11000000000000000000000.00000000"] * 4
    # As text 9 would be more than 10, and 10 more than 100.
    assert (second["low_price"], second["high_price"]) == ("9.00000000", "100.00000000")
    assert (day["low_price"], day["high_price"]) == (SMALLEST, LARGEST_PRICE)
    assert (day["open_price"], day["close_price"]) == (SMALLEST, "99.99999999")
    assert [day[name] for name in VOLUMES] == ["12000000000000000000000.00000000"] * 4


def test_day_full_of_the_largest_volumes_is_summed_exactly(pipeline: Pipeline) -> None:
    prices = (LARGE, LARGEST_PRICE, SMALLEST, LARGE)
    klines = [kline_of(minute, prices, LARGEST_VOLUME) for minute in range(1440)]
    pipeline.land(make_object("BTCUSDT", klines))
    pipeline.load()
    (day,) = read_table(pipeline.warehouse, daily_klines)
    assert [day[name] for name in VOLUMES] == ["14399999999999999999999999.99998560"] * 4
    assert (day["low_price"], day["high_price"], day["candle_count"]) == (SMALLEST, LARGEST_PRICE, 1440)


def test_other_spellings_of_a_number_keep_its_value(pipeline: Pipeline) -> None:
    prices = ("1.5", "2E+3", "1.50000000000", "2")
    klines = [kline_of(0, prices, "1e21"), kline_of(1, prices, "1234567890123456789012.12345678")]
    klines.append(kline_of(2, prices, "-0.0"))
    pipeline.land(make_object("BTCUSDT", klines))
    assert not pipeline.load().quarantined
    stored = [as_kline(row) for row in read_table(pipeline.warehouse, fact_klines)]
    canonical = ("1.50000000", "2000.00000000", "1.50000000", "2.00000000")
    volumes = [SEXTILLION, "1234567890123456789012.12345678", "0.00000000"]
    assert stored == [kline_of(minute, canonical, volume) for minute, volume in enumerate(volumes)]


TOO_LARGE_PRICE = "1000000000000.00000000"
UNFIT = {
    "LONGPRICE": (make_kline(DAY_START_MS, high_price=TOO_LARGE_PRICE), TOO_LARGE_PRICE, "DECIMAL(20,8)"),
    "LONGVOLUME": (
        make_kline(DAY_START_MS, quote_volume="10000000000000000000000.00000000"),
        "10000000000000000000000.00000000",
        "DECIMAL(30,8)",
    ),
    "NINEDECIMALS": (make_kline(DAY_START_MS, low_price="1.000000001"), "1.000000001", "8 decimals"),
}


def test_value_that_does_not_fit_is_quarantined_and_stops_nobody_else(pipeline: Pipeline) -> None:
    fits = make_kline(DAY_START_MS, high_price=LARGEST_PRICE)
    pipeline.land(make_object("BEFORE", [fits], CAPTURED_MS - 1))
    pipeline.land(*[make_object(symbol, [fits, bad[0]], CAPTURED_MS) for symbol, bad in UNFIT.items()])
    pipeline.land(make_depth("LONGPRICE", [(TOO_LARGE_PRICE, "1")], []))
    pipeline.land(make_object("BEHIND", [fits], CAPTURED_MS + 1))
    report = pipeline.load(slice_objects=64)
    assert (len(report.quarantined), report.loaded.bad_rows) == (1, len(UNFIT))
    stored = read_table(pipeline.warehouse, fact_klines)
    assert {row["symbol"]: as_kline(row) for row in stored} == dict.fromkeys(
        ["BEFORE", "BEHIND", *UNFIT], fits
    )
    assert read_table(pipeline.warehouse, fact_orderbook) == []


def test_quarantine_names_the_value_and_what_would_fit(pipeline: Pipeline) -> None:
    pipeline.land(*[make_object(symbol, [bad[0]]) for symbol, bad in UNFIT.items()])
    pipeline.land(make_depth("BTCUSDT", [("1", "1")], [(TOO_LARGE_PRICE, "1")]))
    pipeline.load()
    reasons = {row["symbol"]: row["reason"] for row in read_table(pipeline.warehouse, quarantined_rows)}
    objects = read_table(pipeline.warehouse, lake_objects)
    reasons |= {row["symbol"]: row["error"] for row in objects if row["state"] == "quarantined"}
    expected = {symbol: bad[1:] for symbol, bad in UNFIT.items()}
    expected["BTCUSDT"] = (TOO_LARGE_PRICE, "DECIMAL(20,8)")
    assert reasons.keys() == expected.keys()
    for symbol, words in expected.items():
        assert all(word in reasons[symbol] for word in words), reasons[symbol]


def test_depth_keeps_smallest_and_largest_levels(pipeline: Pipeline) -> None:
    bids, asks = [(LARGE, LARGEST_VOLUME), (SMALLEST, SMALLEST)], [(LARGEST_PRICE, SEXTILLION)]
    pipeline.land(make_depth("BTCUSDT", bids, asks))
    pipeline.load()
    stored = {
        (row["side"], row["price"], row["quantity"]) for row in read_table(pipeline.warehouse, fact_orderbook)
    }
    assert stored == {*(("bid", *level) for level in bids), *(("ask", *level) for level in asks)}


def test_minute_and_month_of_one_open_time_stand_side_by_side(pipeline: Pipeline) -> None:
    month_ms = Interval.MO1.floor(DAY_START_MS)
    minute = make_kline(month_ms, close_price="101.00000000")
    month = make_kline(month_ms, Interval.MO1, close_price="102.00000000")
    pipeline.land(make_object("BTCUSDT", [month], interval=Interval.MO1), make_object("BTCUSDT", [minute]))
    assert not pipeline.load().quarantined
    assert [as_kline(row) for row in read_table(pipeline.warehouse, fact_klines)] == [minute]
    assert [as_kline(row) for row in read_table(pipeline.warehouse, fact_klines_coarse)] == [month]
    counts = {row["interval_code"]: row["record_count"] for row in read_table(pipeline.warehouse, series)}
    assert counts == {"1m": 1, "1M": 1}


def test_minute_and_month_have_watermarks_and_latest_candles_of_their_own(pipeline: Pipeline) -> None:
    month_ms = Interval.MO1.floor(DAY_START_MS)
    keys = [SeriesKey("binance", "BTCUSDT", interval) for interval in (Interval.M1, Interval.MO1)]
    with pipeline.warehouse.write() as connection:
        for number, key in enumerate(keys):
            advance_watermark(connection, key, month_ms + number, 1, CAPTURED_MS)
            upsert_latest(connection, key, _candle(month_ms, number), CAPTURED_MS)
        assert [find_watermark(connection, key) for key in keys] == [month_ms, month_ms + 1]
    stored = read_table(pipeline.warehouse, latest, open_time=month_ms)
    assert {row["interval_code"]: row["trade_count"] for row in stored} == {"1m": 0, "1M": 1}


def _candle(open_ms: int, trade_count: int) -> Candle:
    one = Decimal(1)
    return Candle(open_ms, one, one, one, one, one, open_ms, one, trade_count, one, one)


# An object is captured in the last millisecond of a minute, and an outage cut the candle short.
@pytest.mark.parametrize("close_ms", [59_999, 59_500, 30_001])
def test_milliseconds_are_not_rounded(pipeline: Pipeline, close_ms: int) -> None:
    captured_ms = CAPTURED_MS + 59_999
    pipeline.land(
        make_object("BTCUSDT", [make_kline(DAY_START_MS, close_time=DAY_START_MS + close_ms)], captured_ms)
    )
    pipeline.land(make_depth("BTCUSDT", [("1", "1")], [("2", "1")], captured_ms))
    pipeline.load()
    (stored,) = read_table(pipeline.warehouse, fact_klines)
    assert stored["close_time"] == DAY_START_MS + close_ms
    assert stored["captured_at"] == captured_ms
    assert {row["captured_at"] for row in read_table(pipeline.warehouse, fact_orderbook)} == {captured_ms}


@st.composite
def some_klines(draw: st.DrawFn) -> list[Kline]:
    """Draw candles of two hours whose amounts may be anything that the columns hold."""
    prices = st.lists(st.integers(1, 10**20 - 1), min_size=4, max_size=4).map(sorted)
    minutes = draw(st.lists(st.integers(0, 119), min_size=1, max_size=12, unique=True))
    return [_drawn(draw, minute, *draw(prices)) for minute in sorted(minutes)]


def _drawn(draw: st.DrawFn, minute: int, low: int, one: int, other: int, high: int) -> Kline:
    opened, closed = draw(st.permutations([one, other]))
    volumes = [text_of_units(draw(st.integers(0, 10**30 - 1))) for _ in VOLUMES]
    prices = map(text_of_units, (opened, high, low, closed))
    return with_amounts(make_kline(DAY_START_MS + minute * MINUTE_MS), prices, volumes)


_numbers = count()


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example has a symbol of its own
)
@given(klines=some_klines())
def test_any_decimals_in_range_survive_with_their_rollups(pipeline: Pipeline, klines: list[Kline]) -> None:
    symbol = f"SYM{next(_numbers)}"
    pipeline.land(make_object(symbol, klines))
    assert not pipeline.load().quarantined
    stored = read_table(pipeline.warehouse, fact_klines, symbol=symbol)
    assert [as_kline(row) for row in stored] == klines
    assert read_rollup(pipeline.warehouse, hourly_klines, symbol) == roll_up(klines, HOUR_MS)
    assert read_rollup(pipeline.warehouse, daily_klines, symbol) == roll_up(klines, DAY_MS)
