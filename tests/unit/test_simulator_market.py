"""The computed market: the same for everyone, whole in any window, and exact in every aggregate."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Window, ms_from_utc, utc_from_ms
from src.simulator.config import (
    BINANCE_START_MS,
    DEFAULT_SYMBOLS,
    SimulatorConfig,
    SymbolSpec,
    extra_symbols,
)
from src.simulator.market import Market, SymbolMarket, check_spec
from src.simulator.simulator import Simulator
from src.simulator.slots import KlinesQuery
from src.simulator.wire import Row

BTC = DEFAULT_SYMBOLS[0]
# 2026-01-09T14:20:00.123Z
NOW_MS = 1_767_968_400_123
KEPT = SymbolMarket(1, BTC)


def rows_of(
    market: SymbolMarket, interval: Interval, start_ms: int, end_ms: int, now_ms: int = NOW_MS
) -> list[Row]:
    return market.klines(KlinesQuery(interval, start_ms, end_ms - 1, limit=10**9), now_ms)


def folded(rows: Iterable[Row]) -> tuple[Decimal | int, ...]:
    """Aggregate rows of minutes the slow way, in decimals."""
    minutes = list(rows)
    opens, highs, lows, closes = ([Decimal(row[column]) for row in minutes] for column in (1, 2, 3, 4))
    sums = (sum(Decimal(row[column]) for row in minutes) for column in (5, 7, 9, 10))
    return (opens[0], max(highs), min(lows), closes[-1], *sums, sum(int(row[8]) for row in minutes))


def figures(row: Row) -> tuple[Decimal | int, ...]:
    return (*(Decimal(row[column]) for column in (1, 2, 3, 4, 5, 7, 9, 10)), int(row[8]))


@pytest.mark.parametrize("interval", [i for i in Interval if i not in {Interval.S1, Interval.M1}])
def test_longer_candle_is_the_exact_aggregate_of_its_minutes(interval: Interval) -> None:
    market = SymbolMarket(1, BTC)
    start_ms = interval.floor(ms_from_utc(utc_from_ms(NOW_MS).replace(month=1, day=1)) - 40 * DAY_MS)
    end_ms = interval.next(interval.next(start_ms))
    rows = rows_of(market, interval, start_ms, end_ms)
    assert [row[0] for row in rows] == [start_ms, interval.next(start_ms)]
    for row in rows:
        minutes = rows_of(market, Interval.M1, int(row[0]), int(row[6]) + 1)
        assert len(minutes) == (int(row[6]) + 1 - int(row[0])) // MINUTE_MS
        assert figures(row) == folded(minutes)


def test_weeks_open_on_monday_and_months_on_the_first() -> None:
    market = SymbolMarket(1, BTC)
    weeks = rows_of(market, Interval.W1, NOW_MS - 60 * DAY_MS, NOW_MS)
    months = rows_of(market, Interval.MO1, NOW_MS - 400 * DAY_MS, NOW_MS)
    assert {utc_from_ms(int(row[0])).isoweekday() for row in weeks} == {1}
    assert {utc_from_ms(int(row[0])).day for row in months} == {1}
    assert {utc_from_ms(int(row[6]) + 1).day for row in months} == {1}


@settings(max_examples=25, deadline=None)
@given(
    interval=st.sampled_from([Interval.M1, Interval.M15, Interval.H1]),
    first=st.integers(0, 70_000),
    count=st.integers(1, 60),
)
def test_window_does_not_depend_on_how_it_is_asked_for(interval: Interval, first: int, count: int) -> None:
    market = SymbolMarket(1, BTC)
    step = interval.fixed_ms or 0
    start_ms = BINANCE_START_MS + (first + 7) * step
    end_ms = start_ms + count * step
    whole = rows_of(market, interval, start_ms - 7 * step, end_ms + 9 * step)
    singles = [
        row
        for n in range(count)
        for row in rows_of(market, interval, start_ms + n * step, start_ms + n * step + 1)
    ]
    assert len(singles) == count
    assert rows_of(market, interval, start_ms, end_ms) == singles
    assert [row for row in whole if start_ms <= int(row[0]) < end_ms] == singles


@settings(max_examples=15, deadline=None)
@given(first=st.integers(0, 3_000), count=st.integers(500, 3_000), ahead=st.integers(0, 1_500))
def test_pages_cut_out_of_past_days_are_those_that_are_computed(first: int, count: int, ahead: int) -> None:
    start_ms = Interval.D1.floor(NOW_MS) - 4 * DAY_MS + first * MINUTE_MS
    end_ms = start_ms + count * MINUTE_MS
    now_ms = end_ms + ahead * MINUTE_MS
    few = [
        row
        for part_ms in range(start_ms, end_ms, 400 * MINUTE_MS)
        for row in rows_of(KEPT, Interval.M1, part_ms, min(part_ms + 400 * MINUTE_MS, end_ms), now_ms)
    ]
    assert rows_of(KEPT, Interval.M1, start_ms, end_ms, now_ms) == few
    assert len(few) == count


def test_symbols_do_not_mix_their_kept_days() -> None:
    market, query = Market(1, DEFAULT_SYMBOLS), KlinesQuery(Interval.M1, NOW_MS - 9 * DAY_MS, limit=1000)
    for _ in range(2):
        for spec in DEFAULT_SYMBOLS:
            expected = SymbolMarket(1, spec).klines(query, NOW_MS)
            assert market.klines(spec.symbol, query, NOW_MS) == expected


def test_prices_do_not_change_where_blocks_of_computation_meet() -> None:
    market = SymbolMarket(1, BTC)
    first = NOW_MS // MINUTE_MS - 20_000
    prices = market.price_ticks(first, 20_001)
    bars = market.minutes(first, 20_000)
    assert np.array_equal(bars.open, prices[:-1])
    assert np.array_equal(bars.close, prices[1:])


def test_another_process_computes_the_same_candles() -> None:
    program = (
        "from src.domain import Interval\nfrom src.simulator.config import DEFAULT_SYMBOLS\n"
        "from src.simulator.market import SymbolMarket\nfrom src.simulator.slots import KlinesQuery\n"
        f"print(SymbolMarket(1, DEFAULT_SYMBOLS[0]).klines(KlinesQuery(Interval.H1, limit=50), {NOW_MS}))"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    ours = SymbolMarket(1, BTC).klines(KlinesQuery(Interval.H1, limit=50), NOW_MS)
    assert other.stdout.strip() == str(ours)


def test_candles_of_seed_1_are_what_they_always_were() -> None:
    """Pin one candle: stored demos and recorded measurements rest on the formula staying as it is."""
    (row,) = rows_of(SymbolMarket(1, BTC), Interval.M1, 1_700_000_040_000, 1_700_000_100_000)
    assert row == [
        1_700_000_040_000,
        "47769.54000000",
        "47824.73000000",
        "47757.61000000",
        "47805.55000000",
        "13.07392000",
        1_700_000_099_999,
        "625201.39136000",
        209,
        "5.21881000",
        "249566.10360500",
        "0",
    ]


def test_seeds_and_symbols_differ() -> None:
    query = KlinesQuery(Interval.M1, limit=5)
    spec = extra_symbols(2)
    answers = [SymbolMarket(seed, symbol).klines(query, NOW_MS) for seed in (1, 2) for symbol in (BTC, *spec)]
    assert len({str(answer) for answer in answers}) == 6


def test_minutes_are_sound_candles_that_join() -> None:
    for spec in (*DEFAULT_SYMBOLS, *extra_symbols(5)):
        bars = SymbolMarket(3, spec).minutes(NOW_MS // MINUTE_MS - 5_000, 5_000)
        assert (bars.low >= 1).all()
        assert (bars.low <= np.minimum(bars.open, bars.close)).all()
        assert (bars.high >= np.maximum(bars.open, bars.close)).all()
        assert (bars.volume >= 1).all()
        assert (bars.trades >= 1).all()
        assert (bars.taker_volume <= bars.volume).all()
        assert (bars.quote_volume >= bars.low * bars.volume).all()
        assert (bars.quote_volume <= bars.high * bars.volume).all()
        assert np.array_equal(bars.open[1:], bars.close[:-1])


def test_afternoon_is_busier_than_night() -> None:
    bars = SymbolMarket(1, BTC).minutes(NOW_MS // DAY_MS * 1440, 1440)
    assert bars.volume[14 * 60 : 15 * 60].sum() > 1.5 * bars.volume[2 * 60 : 3 * 60].sum()


def test_forming_candle_grows_into_its_final_self() -> None:
    market = SymbolMarket(1, BTC)
    open_ms = Interval.M1.floor(NOW_MS)
    final = figures(rows_of(market, Interval.M1, open_ms, open_ms + 1, now_ms=open_ms + MINUTE_MS)[0])
    seen = [
        figures(rows_of(market, Interval.M1, open_ms, open_ms + 1, now_ms=open_ms + elapsed)[0])
        for elapsed in (0, 1_000, 20_000, 40_000, 59_999)
    ]
    assert final not in seen
    assert len(set(seen)) == len(seen)
    volumes = [candle[4] for candle in (*seen, final)]
    assert volumes == sorted(volumes)
    assert volumes[0] == 0
    for _, high, low, close, *_ in seen:
        assert final[2] <= low <= close <= high <= final[1]


def test_forming_hour_is_the_aggregate_of_its_minutes_so_far() -> None:
    market = SymbolMarket(1, BTC)
    now_ms = Interval.H1.floor(NOW_MS) + 17 * MINUTE_MS + 4_321
    (hour,) = rows_of(market, Interval.H1, Interval.H1.floor(now_ms), now_ms, now_ms)
    minutes = rows_of(market, Interval.M1, Interval.H1.floor(now_ms), now_ms, now_ms)
    assert len(minutes) == 18
    assert figures(hour) == folded(minutes)
    assert hour[6] == Interval.H1.floor(now_ms) + HOUR_MS - 1


def test_nothing_happened_before_the_listing() -> None:
    listed_ms = Interval.D1.floor(NOW_MS) - 3 * DAY_MS + 7 * HOUR_MS + 30 * MINUTE_MS
    market = SymbolMarket(1, replace(BTC, listed_at_ms=listed_ms))
    assert rows_of(market, Interval.M1, listed_ms - DAY_MS, listed_ms) == []
    (day, *_rest) = rows_of(market, Interval.D1, 0, NOW_MS)
    assert day[0] == Interval.D1.floor(listed_ms)
    assert figures(day) == folded(rows_of(market, Interval.M1, 0, Interval.D1.next(int(day[0]))))
    assert rows_of(market, Interval.M1, 0, NOW_MS)[0][0] == listed_ms


def test_symbol_does_not_exist_before_its_listing() -> None:
    market = Market(1, (BTC, replace(BTC, symbol="NEWUSDT", listed_at_ms=NOW_MS + 1)))
    assert [spec.symbol for spec in market.list_symbols(NOW_MS)] == ["BTCUSDT"]
    assert [spec.symbol for spec in market.list_symbols(NOW_MS + 1)] == ["BTCUSDT", "NEWUSDT"]


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (replace(BTC, price_decimals=5, quantity_decimals=4), "0 to 8 decimals, not 9"),
        (replace(BTC, quote_per_minute=10**9), "could overflow within a month"),
    ],
)
def test_symbol_that_could_lose_digits_is_refused(spec: SymbolSpec, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_spec(spec)


def test_truth_is_what_a_long_walk_over_pages_gives() -> None:
    simulator = Simulator(SimulatorConfig(clock=lambda: NOW_MS))
    window = Window(Interval.M1.floor(NOW_MS) - 1500 * MINUTE_MS, NOW_MS)
    truth = simulator.truth("BTCUSDT", Interval.M1, window)
    simulator.stop()
    assert [row[0] for row in truth] == list(range(window.start_ms, NOW_MS, MINUTE_MS))
    assert truth == rows_of(SymbolMarket(1, BTC), Interval.M1, window.start_ms, window.end_ms)
