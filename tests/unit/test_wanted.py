"""What is wanted of a series: whole slots, clipped by listing, delisting, age and the present."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, SeriesKey, Window
from src.warehouse.series import SeriesRow
from src.warehouse.slots import count_slots, held_windows
from src.warehouse.wanted import wanted_window
from tests.builders import DAY_START_MS

NOW_MS = DAY_START_MS + 10 * HOUR_MS + 90_000
ROW = SeriesRow(
    id=1,
    key=SeriesKey("binance", "BTCUSDT", Interval.M1),
    tracked=True,
    record_count=0,
    first_open_ms=None,
    last_open_ms=None,
    load_version=0,
    wanted_from_ms=DAY_START_MS,
)


def at(interval: Interval) -> SeriesRow:
    return replace(ROW, key=replace(ROW.key, interval=interval))


def test_slot_that_is_forming_is_not_wanted_yet() -> None:
    assert wanted_window(ROW, None, None, NOW_MS) == Window(DAY_START_MS, NOW_MS - 30_000)
    assert wanted_window(at(Interval.H1), None, None, NOW_MS) == Window(
        DAY_START_MS, DAY_START_MS + 10 * HOUR_MS
    )


def test_nothing_is_wanted_before_the_first_fetch_nor_where_nothing_has_closed() -> None:
    assert wanted_window(replace(ROW, wanted_from_ms=None), None, None, NOW_MS) is None
    assert wanted_window(ROW, None, None, DAY_START_MS + 59_999) is None
    assert wanted_window(at(Interval.MO1), None, None, NOW_MS) is None


def test_slot_that_began_before_wanted_from_is_not_wanted() -> None:
    late = replace(at(Interval.H1), wanted_from_ms=DAY_START_MS + 1)
    assert wanted_window(late, None, None, NOW_MS) == Window(
        DAY_START_MS + HOUR_MS, DAY_START_MS + 10 * HOUR_MS
    )


def test_slots_of_listing_and_delisting_are_wanted_and_none_beyond_them() -> None:
    listed_ms, delisted_ms = DAY_START_MS + 90 * MINUTE_MS, DAY_START_MS + 150 * MINUTE_MS
    assert wanted_window(at(Interval.H1), listed_ms, delisted_ms, NOW_MS) == Window(
        DAY_START_MS + HOUR_MS, DAY_START_MS + 3 * HOUR_MS
    )
    assert wanted_window(ROW, NOW_MS, None, NOW_MS) is None
    assert wanted_window(ROW, None, DAY_START_MS - DAY_MS, NOW_MS) is None


def test_minutes_age_and_hours_stay() -> None:
    old = replace(ROW, wanted_from_ms=DAY_START_MS - 365 * DAY_MS)
    wanted = wanted_window(old, None, None, NOW_MS, default_keep_days=90)
    assert wanted == Window(DAY_START_MS - 89 * DAY_MS, NOW_MS - 30_000)
    hours = replace(old, key=replace(ROW.key, interval=Interval.H1))
    for kept in (hours, replace(old, keep_days=0)):
        found = wanted_window(kept, None, None, NOW_MS, default_keep_days=90)
        assert found is not None
        assert found.start_ms == old.wanted_from_ms


@pytest.mark.parametrize("interval", list(Interval))
def test_slots_of_a_window_are_counted_as_one_would_by_hand(interval: Interval) -> None:
    opens = [interval.floor(DAY_START_MS)]
    for _ in range(30):
        opens.append(interval.next(opens[-1]))
    window = Window(opens[0], opens[-1])
    assert count_slots(interval, window) == 30
    assert count_slots(interval, Window(window.start_ms + 1, window.end_ms + 1)) == 30
    assert count_slots(interval, Window(window.start_ms + 1, window.end_ms)) == 29
    assert held_windows(interval, np.array(opens[:-1], dtype=np.int64)) == [(window, 30)]
