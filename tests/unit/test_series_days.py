"""Days of series: those of a window, and some by chance."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from src.domain import DAY_MS, HOUR_MS, Interval, SeriesKey, Window
from src.maintenance.series_days import Reach, count_days, each_day, in_whole_days, some_days
from src.warehouse.series import SeriesRow
from tests.builders import DAY_START_MS


def reach(start_ms: int, end_ms: int, interval: Interval = Interval.M1, row_id: int = 1) -> Reach:
    row = SeriesRow(row_id, SeriesKey("binance", "BTCUSDT", interval), True, 0, None, None, 0)
    return Reach(row, Window(DAY_START_MS + start_ms, DAY_START_MS + end_ms))


def test_days_of_a_window_begin_and_end_with_it() -> None:
    days = [day.window for day in each_day([reach(20 * HOUR_MS, 50 * HOUR_MS)])]
    cuts = [20 * HOUR_MS, DAY_MS, 2 * DAY_MS, 50 * HOUR_MS]
    bounds = [DAY_START_MS + cut for cut in cuts]
    assert days == [Window(start, end) for start, end in pairwise(bounds)]


def test_window_is_widened_to_whole_days() -> None:
    (wide,) = in_whole_days([reach(20 * HOUR_MS, 50 * HOUR_MS)])
    assert wide.window == Window(DAY_START_MS, DAY_START_MS + 3 * DAY_MS)
    assert in_whole_days([wide]) == [wide]


def test_sample_holds_no_day_twice_and_all_where_there_are_fewer() -> None:
    reaches = [reach(0, 10 * DAY_MS), reach(0, 5 * DAY_MS, row_id=2)]
    assert count_days(reaches) == 15
    assert len(set(some_days(reaches, 7, Random(1)))) == 7
    assert some_days(reaches, 99, Random(1)) == list(each_day(reaches))
    assert some_days([], 3, Random(1)) == []


def test_sample_of_long_candles_takes_days_on_which_one_opens() -> None:
    months = reach(-8 * DAY_MS, 50 * DAY_MS, Interval.MO1)  # from the first of a month on
    chosen = some_days([months], 58, Random(1))
    assert [day.window.start_ms for day in chosen] == [DAY_START_MS + days * DAY_MS for days in (-8, 23)]
