"""Changes of the market: how they are written, and that they hold for every interval at every time."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import groupby

import pytest

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Window, ms_from_utc, utc_from_ms
from src.simulator.changes import ChangeKind, MarketChange, describe_change, parse_change
from src.simulator.config import DEFAULT_SYMBOLS, SimulatorConfig
from src.simulator.grammar import SpecError
from src.simulator.market import Market
from src.simulator.simulator import Simulator
from src.simulator.slots import KlinesQuery
from src.simulator.wire import Row

BTC = DEFAULT_SYMBOLS[0]
# 2026-01-09T14:20:00.123Z
NOW_MS = 1_767_968_400_123
MINUTE = Interval.M1.floor(NOW_MS)
HOUR = Interval.H1.floor(NOW_MS)
EVERY_LENGTH = [Interval.M3, Interval.M15, Interval.H1, Interval.H4, Interval.D1, Interval.W1, Interval.MO1]


def market_with(*specs: str, at_ms: int = NOW_MS) -> Market:
    market = Market(1, DEFAULT_SYMBOLS)
    for spec in specs:
        market.add_change(parse_change(spec, at_ms))
    return market


def rows_of(
    market: Market,
    start_ms: int,
    end_ms: int,
    interval: Interval = Interval.M1,
    now_ms: int = NOW_MS,
    symbol: str = "BTCUSDT",
) -> list[Row]:
    return market.klines(symbol, KlinesQuery(interval, start_ms, end_ms - 1, limit=10**9), now_ms)


def figures(row: Row) -> tuple[Decimal | int, ...]:
    return (*(Decimal(row[column]) for column in (1, 2, 3, 4, 5, 7, 9, 10)), int(row[8]))


def folded(rows: list[Row]) -> tuple[Decimal | int, ...]:
    opens, highs, lows, closes, *sums = zip(*map(figures, rows), strict=True)
    return (opens[0], max(highs), min(lows), closes[-1], *map(sum, sums))


def opens(rows: list[Row]) -> list[int]:
    return [int(row[0]) for row in rows]


@pytest.mark.parametrize(
    ("spec", "change"),
    [
        (
            "hole:minutes=80,cut=17.123,restored=+3h",
            MarketChange(
                ChangeKind.HOLE,
                NOW_MS,
                MINUTE + MINUTE_MS,
                MINUTE + 81 * MINUTE_MS,
                restored_ms=NOW_MS + 3 * HOUR_MS,
                cut_ms=17_123,
            ),
        ),
        (
            "zero_trades:symbol=BTCUSDT, from=2026-01-09T12:00:00Z, until=2026-01-09T15:00:00+02:00",
            MarketChange(
                ChangeKind.ZERO_TRADES, NOW_MS, HOUR - 2 * HOUR_MS, HOUR - HOUR_MS, symbol="BTCUSDT"
            ),
        ),
        (
            "amended:from=-10m,minutes=2",
            MarketChange(ChangeKind.AMENDED, NOW_MS, MINUTE - 10 * MINUTE_MS, MINUTE - 8 * MINUTE_MS),
        ),
        (
            "delisting:symbol=ETHUSDT,from=+1h30m0.5s",
            MarketChange(ChangeKind.DELISTING, NOW_MS, NOW_MS + 5_400_500, symbol="ETHUSDT"),
        ),
        ("listing:symbol=ETHUSDT", MarketChange(ChangeKind.LISTING, NOW_MS, NOW_MS, symbol="ETHUSDT")),
    ],
)
def test_spec_is_read(spec: str, change: MarketChange) -> None:
    assert parse_change(spec, NOW_MS) == change


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("outage:minutes=3", "unknown market change 'outage'; known are hole, zero_trades, amended, listing"),
        ("hole", "market change hole: either minutes or until must be given"),
        ("hole:minutes=1,until=+1m", "either minutes or until must be given"),
        ("hole:minutes=0", "minutes is '0', must be a whole number from 1"),
        ("hole:minutes=1,count=2", "unknown count; accepted are symbol, from, until, minutes, restored, cut"),
        ("hole:minutes=1,cut=60", "cut is '60', must be a number from 0.001 to 59.999"),
        ("hole:minutes=1,restored=-1m", "restored must lie after from"),
        ("hole:from=soon,minutes=1", "from is 'soon', must be an offset such as +90s or -1h30m, or a time"),
        ("hole:from=2026-01-09T10:00,minutes=1", "from is '2026-01-09T10:00', must be an offset"),
        ("zero_trades:until=-1m", "until must lie after from"),
        ("amended:minutes=1", "only closed candles are amended"),
        ("delisting:from=+1h", "symbol must be given"),
        ("listing:symbol=BTCUSDT,minutes=3", "unknown minutes; accepted are symbol, from"),
    ],
)
def test_wrong_spec_says_what_is_accepted(spec: str, complaint: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_change(spec, NOW_MS)
    assert complaint in str(caught.value)


def test_unknown_symbol_is_refused_with_those_known() -> None:
    with pytest.raises(SpecError, match="unknown symbol NOPE; known are BTCUSDT, ETHUSDT"):
        market_with("hole:symbol=NOPE,minutes=1")


def test_hole_has_no_candles_and_pages_reach_across_it() -> None:
    market = market_with("hole:from=-30m,minutes=10")
    start_ms = MINUTE - 40 * MINUTE_MS
    kept = [start_ms + n * MINUTE_MS for n in range(41) if not 11 <= n < 21]
    assert opens(rows_of(market, start_ms, NOW_MS)) == kept
    forward = market.klines("BTCUSDT", KlinesQuery(Interval.M1, start_ms, limit=15), NOW_MS)
    assert opens(forward) == kept[:15]
    newest = market.klines("BTCUSDT", KlinesQuery(Interval.M1, limit=25), NOW_MS)
    assert opens(newest) == kept[-25:]
    other = Market(1, DEFAULT_SYMBOLS)
    assert rows_of(market, start_ms, NOW_MS) == [
        row for row in rows_of(other, start_ms, NOW_MS) if row[0] in kept
    ]


def test_hole_of_one_symbol_leaves_the_others_whole() -> None:
    market = market_with("hole:symbol=BTCUSDT,from=-30m,minutes=10")
    assert len(rows_of(market, MINUTE - HOUR_MS, MINUTE)) == 50
    assert len(rows_of(market, MINUTE - HOUR_MS, MINUTE, symbol="ETHUSDT")) == 60


@pytest.mark.parametrize("interval", EVERY_LENGTH)
def test_longer_candles_are_the_aggregate_of_the_minutes_that_exist(interval: Interval) -> None:
    market = market_with(
        "hole:from=-26h,until=-22h",
        "hole:from=-400m,minutes=7",
        "zero_trades:from=-5h,minutes=72",
        "amended:from=-50m,minutes=20",
        "listing:symbol=BTCUSDT,from=-9d",
        "delisting:symbol=BTCUSDT,from=-10m",
    )
    minutes = rows_of(market, 0, NOW_MS)
    candles = rows_of(market, 0, NOW_MS, interval)
    inside = {at: list(rows) for at, rows in groupby(minutes, lambda row: interval.floor(int(row[0])))}
    assert opens(candles) == list(inside)
    for candle in candles:
        assert figures(candle) == folded(inside[int(candle[0])])


def test_hole_across_a_whole_longer_candle_takes_it_away() -> None:
    market = market_with("hole:from=2026-01-09T10:30:00Z,until=2026-01-09T13:00:00Z")
    hours = rows_of(market, HOUR - 6 * HOUR_MS, NOW_MS, Interval.H1)
    assert opens(hours) == [HOUR - n * HOUR_MS for n in (6, 5, 4, 1, 0)]
    assert figures(hours[2]) == folded(rows_of(market, HOUR - 4 * HOUR_MS, HOUR - 3 * HOUR_MS))


def test_hole_ahead_opens_when_its_time_comes() -> None:
    market = market_with("hole:minutes=3")
    begin_ms = MINUTE + MINUTE_MS
    assert opens(rows_of(market, MINUTE, begin_ms)) == [MINUTE]
    during = rows_of(market, MINUTE, begin_ms + HOUR_MS, now_ms=begin_ms + 90_000)
    assert opens(during) == [MINUTE]
    after = rows_of(market, MINUTE, begin_ms + HOUR_MS, now_ms=begin_ms + 3 * MINUTE_MS)
    assert opens(after) == [MINUTE, begin_ms + 3 * MINUTE_MS]


def test_restored_candles_are_what_they_would_have_been() -> None:
    market, restored_ms = market_with("hole:from=-30m,minutes=10,restored=+1h"), NOW_MS + HOUR_MS
    window = (MINUTE - HOUR_MS, MINUTE)
    assert len(rows_of(market, *window, now_ms=restored_ms - 1)) == 50
    whole = rows_of(Market(1, DEFAULT_SYMBOLS), *window)
    assert rows_of(market, *window, now_ms=restored_ms) == whole


def test_candle_before_a_hole_can_be_cut_short_at_every_interval_it_ends() -> None:
    market = market_with("hole:from=2026-01-09T12:39:00Z,until=2026-01-09T14:00:00Z,cut=17.123")
    last_ms = ms_from_utc(utc_from_ms(NOW_MS).replace(hour=12, minute=38, second=0, microsecond=0))
    minutes = rows_of(market, last_ms - MINUTE_MS, NOW_MS)
    assert minutes[0][6] == last_ms - 1
    assert (minutes[1][0], minutes[1][6]) == (last_ms, last_ms + 17_123)
    hours = rows_of(market, HOUR - 2 * HOUR_MS, NOW_MS, Interval.H1)
    assert [row[6] for row in hours] == [last_ms + 17_123, HOUR + HOUR_MS - 1]
    (day,) = rows_of(market, Interval.D1.floor(NOW_MS), NOW_MS, Interval.D1)
    assert day[6] == Interval.D1.next(int(day[0])) - 1


def test_cut_stays_when_the_hole_is_filled() -> None:
    market = market_with("hole:from=-30m,minutes=30,cut=5,restored=+1m")
    cut = rows_of(market, MINUTE - 30 * MINUTE_MS, MINUTE - 29 * MINUTE_MS, now_ms=NOW_MS + HOUR_MS)
    assert [row[6] for row in cut] == [MINUTE - 30 * MINUTE_MS + 5_000]
    (hour,) = rows_of(market, HOUR, HOUR + 1, Interval.H1, now_ms=NOW_MS + HOUR_MS)
    assert hour[6] == HOUR + HOUR_MS - 1


def test_cut_does_not_show_before_it_happens() -> None:
    market = market_with("hole:minutes=3,cut=30")
    seen = [
        rows_of(market, MINUTE, MINUTE + 1, now_ms=MINUTE + elapsed)[0][6] for elapsed in (29_999, 30_000)
    ]
    assert seen == [MINUTE + MINUTE_MS - 1, MINUTE + 30_000]


def test_candles_without_trades_are_flat_and_empty() -> None:
    market = market_with("zero_trades:symbol=BTCUSDT,from=-72m,until=+10m")
    rows = rows_of(market, MINUTE - 73 * MINUTE_MS, NOW_MS)
    assert len(rows) == 74
    before, *quiet = rows[1:]
    prices = {row[column] for row in quiet for column in (1, 2, 3, 4)}
    assert prices == {before[4]}
    assert {row[column] for row in quiet for column in (5, 7, 9, 10)} == {"0.00000000"}
    assert {row[8] for row in quiet} == {0}
    ticks = market.mid_ticks("BTCUSDT", NOW_MS)
    assert ticks is not None
    assert Decimal(ticks).scaleb(-2) == Decimal(before[4])


def test_amendment_shows_from_its_moment_on_and_stays_sound() -> None:
    market, original = market_with("amended:from=-10m,minutes=2"), Market(1, DEFAULT_SYMBOLS)
    window = (MINUTE - 11 * MINUTE_MS, MINUTE - 7 * MINUTE_MS)
    assert rows_of(market, *window, now_ms=NOW_MS - 1) == rows_of(original, *window)
    old, new = rows_of(original, *window), rows_of(market, *window)
    assert [old[n] == new[n] for n in range(4)] == [True, False, False, True]
    for row in new:
        opened, high, low, closed, volume, quote, taker, taker_quote, _ = map(Decimal, figures(row))
        assert low <= min(opened, closed) <= max(opened, closed) <= high
        assert low * volume <= quote <= high * volume
        assert (taker <= volume, taker_quote <= quote) == (True, True)
    twice = market_with("amended:from=-10m,minutes=1")
    twice.add_change(parse_change("amended:from=-11m,minutes=1", NOW_MS + MINUTE_MS))
    later = rows_of(twice, *window, now_ms=NOW_MS + MINUTE_MS)
    assert len({str(rows[1]) for rows in (old, new, later)}) == 3


def test_every_amended_candle_differs_even_the_smallest() -> None:
    tiny = replace(BTC, symbol="TINY", quote_per_minute=1, quantity_decimals=0)
    market, original = Market(1, (tiny,)), Market(1, (tiny,))
    market.add_change(parse_change("zero_trades:from=-1h,minutes=10", NOW_MS))
    market.add_change(parse_change("amended:from=-1h,minutes=50", NOW_MS))
    window = (MINUTE - HOUR_MS, MINUTE - 10 * MINUTE_MS)
    pairs = zip(
        rows_of(market, *window, symbol="TINY"), rows_of(original, *window, symbol="TINY"), strict=True
    )
    assert all(figures(new) != figures(old) for new, old in pairs)


def test_listing_in_the_middle_of_a_window_is_where_the_symbol_begins() -> None:
    market = market_with("listing:symbol=BTCUSDT,from=-90m")
    rows = rows_of(market, MINUTE - DAY_MS, NOW_MS)
    assert opens(rows)[0] == MINUTE - 90 * MINUTE_MS
    assert len(rows) == 91
    assert "BTCUSDT" not in {spec.symbol for spec in market.list_symbols(NOW_MS - 2 * HOUR_MS)}
    assert rows_of(market, MINUTE - DAY_MS, NOW_MS, now_ms=NOW_MS - 91 * MINUTE_MS) == []


def test_delisted_symbol_ends_and_is_in_a_break() -> None:
    market, end_ms = market_with("delisting:symbol=BTCUSDT,from=+90s"), NOW_MS + 90_000
    assert {spec.status for spec in market.list_symbols(end_ms - 1)} == {"TRADING"}
    assert [spec.status for spec in market.list_symbols(end_ms)] == ["BREAK", *["TRADING"] * 4]
    later_ms = end_ms + HOUR_MS
    assert opens(rows_of(market, MINUTE, later_ms, now_ms=later_ms)) == [MINUTE, MINUTE + MINUTE_MS]
    newest = market.klines("BTCUSDT", KlinesQuery(Interval.M1, limit=1), later_ms)
    assert opens(newest) == [MINUTE + MINUTE_MS]


def test_changes_are_listed_and_taken_back() -> None:
    market, original = market_with("hole:from=-30m,minutes=3,cut=1.5"), Market(1, DEFAULT_SYMBOLS)
    assert market.describe_changes() == [
        {
            "id": 1,
            "kind": "hole",
            "symbol": None,
            "at": "2026-01-09T14:20:00.123Z",
            "from": "2026-01-09T13:51:00.000Z",
            "until": "2026-01-09T13:54:00.000Z",
            "cut": 1.5,
        }
    ]
    assert describe_change(parse_change("listing:symbol=A", NOW_MS))["from"] == "2026-01-09T14:20:00.123Z"
    assert (market.remove_changes([7]), market.remove_changes()) == (0, 1)
    window = (MINUTE - HOUR_MS, NOW_MS)
    assert rows_of(market, *window) == rows_of(original, *window)


def test_truth_of_a_time_ahead_knows_what_will_be_restored_and_amended() -> None:
    with Simulator(SimulatorConfig(clock=lambda: NOW_MS)) as simulator:
        window = Window(MINUTE - 20 * MINUTE_MS, MINUTE)
        plain = simulator.truth("BTCUSDT", Interval.M1, window)
        simulator.change_market("hole:from=-10m,minutes=5,restored=+1h")
        assert len(simulator.truth("BTCUSDT", Interval.M1, window)) == 15
        assert simulator.truth("BTCUSDT", Interval.M1, window, at_ms=NOW_MS + HOUR_MS) == plain
