"""What is odd about candles, and what is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Window, utc_from_ms
from src.maintenance.quality_checks import check_candles, margin
from src.warehouse.quality import CandleColumns, FindingKind
from tests.builders import DAY_START_MS

DAY = Window(DAY_START_MS, DAY_START_MS + DAY_MS)
DATE = utc_from_ms(DAY_START_MS).date()


def columns(
    minutes: Sequence[int],
    closes: Mapping[int, float] | None = None,
    volumes: Mapping[int, float] | None = None,
    impossible: Sequence[int] = (),
) -> CandleColumns:
    """Return minutes of that day, by number, with a close of 100 and a volume of 1 unless said otherwise."""
    return CandleColumns(
        np.array([DAY_START_MS + minute * MINUTE_MS for minute in minutes], dtype=np.int64),
        np.array([(closes or {}).get(minute, 100.0) for minute in minutes]),
        np.array([(volumes or {}).get(minute, 1.0) for minute in minutes]),
        np.array([minute in impossible for minute in minutes], dtype=np.bool_),
    )


def found(given: CandleColumns, window: Window = DAY) -> dict[str, tuple[int, str]]:
    findings = list(check_candles(Interval.M1, given, window))
    assert {finding.date for finding in findings} <= {DATE}
    return {finding.kind.value: (finding.count, finding.detail) for finding in findings}


def silent(first: int, end: int) -> dict[int, float]:
    return dict.fromkeys(range(first, end), 0.0)


def test_an_ordinary_day_has_nothing_odd() -> None:
    assert found(columns(range(-60, 1_440), closes={7: 119.9}, volumes={8: 50.0})) == {}


def test_nothing_held_has_nothing_odd() -> None:
    assert found(columns([])) == {}


def test_impossible_prices_are_an_error() -> None:
    assert found(columns(range(100), impossible=[3, 70])) == {
        "ohlc": (2, "prices that cannot be: 00:03, 01:10 (UTC)")
    }


def test_jump_is_told_with_its_size_there_and_back() -> None:
    assert found(columns(range(100), closes={50: 130.0})) == {
        "price_jump": (2, "close by +30% at most: 00:50, 00:51 (UTC)")
    }


def test_jump_over_midnight_belongs_to_the_day_it_arrives_on() -> None:
    given = columns(range(-60, 10), closes=dict.fromkeys(range(-60, 0), 10.0))
    assert found(given) == {"price_jump": (1, "close by +900% at most: 00:00 (UTC)")}
    before = Window(DAY_START_MS - DAY_MS, DAY_START_MS)
    assert list(check_candles(Interval.M1, given, before)) == []


def test_an_hour_without_trades_is_noticed_and_a_minute_less_is_not() -> None:
    assert found(columns(range(300), volumes=silent(100, 160)))["zero_volume"][0] == 60
    assert found(columns(range(300), volumes=silent(100, 159))) == {}


def test_quiet_hour_over_midnight_counts_on_each_day_for_its_minutes() -> None:
    given = columns(range(-60, 300), volumes=silent(-40, 20))
    assert found(given)["zero_volume"][0] == 20
    [before] = check_candles(Interval.M1, given, Window(DAY_START_MS - DAY_MS, DAY_START_MS))
    assert (before.kind, before.count) == (FindingKind.ZERO_VOLUME, 40)


def test_missing_candle_ends_a_quiet_run() -> None:
    minutes = [minute for minute in range(300) if minute != 140]
    assert found(columns(minutes, volumes=silent(100, 190))) == {}


def test_volume_far_over_the_median_is_noticed_and_quiet_minutes_do_not_lower_that() -> None:
    given = columns(range(300), volumes={**silent(0, 59), 200: 50.1})
    assert found(given) == {"volume_outlier": (1, "over 50 × the median 1: 03:20 (UTC)")}


def test_a_few_candles_have_no_median_worth_the_name() -> None:
    assert found(columns(range(20), volumes={7: 1e9})) == {}


def test_candle_off_the_grid_is_named_to_the_second() -> None:
    given = columns(range(100))
    given.open_times_ms[10] += 7_000
    assert found(given) == {"off_grid": (1, "not at a multiple of 1m: 00:10:07 (UTC)")}


def test_only_a_few_times_are_named() -> None:
    assert found(columns(range(100), impossible=range(40, 50)))["ohlc"] == (
        10,
        "prices that cannot be: 00:40, 00:41, 00:42 and 7 more (UTC)",
    )


def test_margin_holds_the_candle_before_however_long_it_is() -> None:
    assert margin(Interval.M1, DAY) == Window(DAY.start_ms - HOUR_MS, DAY.end_ms + HOUR_MS)
    assert margin(Interval.D1, DAY) == Window(DAY.start_ms - DAY_MS, DAY.end_ms + HOUR_MS)


def test_months_are_looked_at_too() -> None:
    opens = [Interval.MO1.floor(DAY_START_MS - 40 * DAY_MS), Interval.MO1.floor(DAY_START_MS)]
    given = CandleColumns(
        np.array(opens, dtype=np.int64), np.array([10.0, 20.0]), np.array([1.0, 0.0]), np.zeros(2, np.bool_)
    )
    kinds = [one.kind for one in check_candles(Interval.MO1, given, Window(opens[1], opens[1] + DAY_MS))]
    assert kinds == [FindingKind.PRICE_JUMP, FindingKind.ZERO_VOLUME]
