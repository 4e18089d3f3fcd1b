"""Binance's rules for startTime, endTime and limit."""

from __future__ import annotations

import pytest

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Window
from src.simulator.slots import KlinesQuery, list_slots

LISTED_MS = 1_000 * DAY_MS
NOW_MS = 2_000 * DAY_MS + 90_000  # one minute and a half into a day


def slots(
    start_ms: int | None = None,
    end_ms: int | None = None,
    limit: int = 500,
    interval: Interval = Interval.M1,
    now_ms: int = NOW_MS,
) -> list[int]:
    spans = [Window(LISTED_MS, Interval.M1.next(Interval.M1.floor(now_ms)))] if now_ms >= LISTED_MS else []
    return list_slots(KlinesQuery(interval, start_ms, end_ms, limit), spans)


def test_without_times_the_newest_come_and_the_forming_one_last() -> None:
    assert slots(limit=2) == [NOW_MS - 90_000, NOW_MS - 30_000]


def test_start_alone_gives_the_oldest_from_there() -> None:
    start_ms = NOW_MS - DAY_MS - 30_000
    assert slots(start_ms, limit=3) == [start_ms, start_ms + MINUTE_MS, start_ms + 2 * MINUTE_MS]


def test_end_alone_gives_the_newest_up_to_there() -> None:
    end_ms = LISTED_MS + DAY_MS
    assert slots(end_ms=end_ms, limit=2) == [end_ms - MINUTE_MS, end_ms]


def test_both_times_are_inclusive() -> None:
    start_ms = LISTED_MS + DAY_MS
    assert slots(start_ms, start_ms) == [start_ms]
    assert slots(start_ms + 1, start_ms + MINUTE_MS) == [start_ms + MINUTE_MS]
    assert slots(start_ms + 1, start_ms + MINUTE_MS - 1) == []


def test_both_times_are_cut_at_the_limit_from_the_start() -> None:
    start_ms = LISTED_MS + DAY_MS
    found = slots(start_ms, start_ms + DAY_MS)
    assert len(found) == 500
    assert found[0] == start_ms


def test_start_before_the_listing_gives_the_first_that_exist() -> None:
    assert slots(0, limit=1) == [LISTED_MS]


def test_window_wholly_before_the_listing_is_empty() -> None:
    assert slots(LISTED_MS - DAY_MS, LISTED_MS - 1) == []


def test_seconds_in_place_of_milliseconds_give_nothing() -> None:
    assert slots((NOW_MS - DAY_MS) // 1000, NOW_MS // 1000) == []


def test_what_lies_ahead_is_not_there() -> None:
    assert slots(NOW_MS + 1) == []
    assert slots(NOW_MS - 30_000, NOW_MS + DAY_MS) == [NOW_MS - 30_000]
    assert slots(now_ms=LISTED_MS - 1) == []


@pytest.mark.parametrize("interval", [Interval.MO1, Interval.W1, Interval.M1])
def test_start_far_in_the_future_is_empty(interval: Interval) -> None:
    assert slots(10**19, interval=interval) == []


def test_start_after_end_is_empty() -> None:
    assert slots(NOW_MS - MINUTE_MS, NOW_MS - DAY_MS) == []


def test_month_of_the_listing_is_the_first() -> None:
    first, second = slots(0, limit=2, interval=Interval.MO1)
    assert first == Interval.MO1.floor(LISTED_MS)
    assert second == Interval.MO1.next(first)


def test_limit_counts_what_exists_across_holes() -> None:
    spans = [Window(n * HOUR_MS, n * HOUR_MS + 2 * MINUTE_MS) for n in range(3)]
    every = [n * HOUR_MS + m * MINUTE_MS for n in range(3) for m in range(2)]
    assert list_slots(KlinesQuery(Interval.M1, 0, limit=5), spans) == every[:5]
    assert list_slots(KlinesQuery(Interval.M1, limit=5), spans) == every[1:]
    assert list_slots(KlinesQuery(Interval.M1, MINUTE_MS, 2 * HOUR_MS), spans) == every[1:5]
    assert list_slots(KlinesQuery(Interval.M1, 3 * MINUTE_MS, HOUR_MS - 1), spans) == []
    assert list_slots(KlinesQuery(Interval.M1), []) == []


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_candle_that_two_spans_share_is_one(limit: int) -> None:
    spans = [Window(0, 5 * MINUTE_MS), Window(7 * MINUTE_MS, 8 * MINUTE_MS), Window(HOUR_MS, 2 * HOUR_MS)]
    hours = [0, HOUR_MS]
    assert list_slots(KlinesQuery(Interval.H1, 0, limit=limit), spans) == hours[:limit]
    assert list_slots(KlinesQuery(Interval.H1, limit=limit), spans) == hours[-limit:]
    assert list_slots(KlinesQuery(Interval.MO1, limit=limit), spans) == [0]
