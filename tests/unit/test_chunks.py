"""How a window is cut into chunks, and what should be in it: pure arithmetic, over every interval."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Window, ms_from_utc
from src.extract.chunks import (
    PAGE_CANDLES,
    count_requests,
    expected_candles,
    find_missing,
    plan_chunks,
    plan_pages,
)

# 2017-07-14 to 2033-05-18, about what exchanges have and will have.
times = st.integers(1_500_000_000_000, 2_000_000_000_000)
intervals = st.sampled_from(list(Interval))
# Seconds are cut into days: few of them, so that a test stays quick.
longest = {Interval.S1: 3 * DAY_MS, Interval.M1: 100 * DAY_MS}


def at(text: str) -> int:
    return ms_from_utc(datetime.fromisoformat(text).replace(tzinfo=UTC))


def window(start: str, end: str) -> Window:
    return Window(at(start), at(end))


@st.composite
def asked(draw: st.DrawFn) -> tuple[Interval, Window]:
    interval, start_ms = draw(intervals), draw(times)
    return interval, Window(start_ms, start_ms + draw(st.integers(0, longest.get(interval, 6_000 * DAY_MS))))


def slots(interval: Interval, span: Window) -> list[int]:
    """List the slots that open in a window, one by one."""
    opens = interval.floor(span.start_ms)
    found = []
    while opens < span.end_ms:
        if opens >= span.start_ms:
            found.append(opens)
        opens = interval.next(opens)
    return found


# --- chunks ---


@given(asked())
def test_chunks_hold_each_slot_of_the_window_once_and_no_other(asked: tuple[Interval, Window]) -> None:
    interval, span = asked
    chunks = plan_chunks(interval, span)
    assert all(earlier.end_ms == later.start_ms for earlier, later in pairwise(chunks))
    assert sum(expected_candles(interval, chunk) for chunk in chunks) == expected_candles(interval, span)
    for chunk in chunks:
        assert interval.floor(chunk.start_ms) == chunk.start_ms < chunk.end_ms
        assert interval.floor(chunk.end_ms) == chunk.end_ms
    if chunks:
        assert span.start_ms <= chunks[0].start_ms < interval.next(span.start_ms)
        assert span.end_ms <= chunks[-1].end_ms < interval.next(span.end_ms)
    else:
        assert slots(interval, span) == []


@given(asked(), st.integers(0, 400 * DAY_MS), st.integers(0, 400 * DAY_MS))
def test_borders_do_not_depend_on_what_was_asked_for(
    asked: tuple[Interval, Window], more_before_ms: int, more_behind_ms: int
) -> None:
    interval, span = asked
    wider = Window(
        span.start_ms - more_before_ms % longest.get(interval, 400 * DAY_MS),
        span.end_ms + more_behind_ms % longest.get(interval, 400 * DAY_MS),
    )
    inner = {chunk.start_ms for chunk in plan_chunks(interval, span)[1:]}
    outer = {chunk.start_ms for chunk in plan_chunks(interval, wider)[1:]}
    assert inner <= outer
    assert all(border_ms % DAY_MS == 0 for border_ms in outer)


@given(asked())
def test_no_chunk_takes_more_than_a_few_pages(asked: tuple[Interval, Window]) -> None:
    interval, span = asked
    most = 86_400 if interval is Interval.S1 else 10_080
    for chunk in plan_chunks(interval, span):
        assert 1 <= expected_candles(interval, chunk) <= most
        assert 1 <= count_requests(interval, chunk) <= -(-most // 1000)


@given(asked(), st.integers(0, 100 * DAY_MS), times)
def test_pages_of_a_chunk_hold_its_slots_once_and_no_more_than_an_answer_has(
    asked: tuple[Interval, Window], late_ms: int, now_ms: int
) -> None:
    interval, span = asked
    for chunk in plan_chunks(interval, span)[:3]:
        rest = Window(min(chunk.start_ms + late_ms, chunk.end_ms), chunk.end_ms)
        pages = plan_pages(interval, rest, now_ms)
        assert all(earlier.end_ms == later.start_ms for earlier, later in pairwise(pages))
        assert [page.start_ms for page in pages[:1]] == [rest.start_ms] * len(pages[:1])
        assert [page.end_ms for page in pages[-1:]] == [rest.end_ms] * len(pages[-1:])
        assert sum(expected_candles(interval, page) for page in pages) == expected_candles(interval, rest)
        for page in pages[:-1]:
            assert expected_candles(interval, page) == PAGE_CANDLES
            assert page.end_ms < now_ms
        if chunk.end_ms < now_ms and expected_candles(interval, rest):
            assert len(pages) == count_requests(interval, rest)


@pytest.mark.parametrize(
    ("interval", "days"),
    [("1s", 1), ("1m", 7), ("5m", 35), ("1h", 420), ("1d", 3_654), ("3d", 3_654), ("1w", 3_654)],
)
def test_chunk_is_long_enough_to_fill_pages(interval: str, days: int) -> None:
    second = plan_chunks(Interval(interval), window("1990-01-01", "2026-01-01"))[1]
    assert (second.end_ms - second.start_ms) // DAY_MS == days


def test_minutes_are_cut_by_the_week_which_begins_on_monday() -> None:
    chunks = plan_chunks(Interval.M1, window("2026-01-08T23:30:00", "2026-01-20T00:00:00"))
    assert chunks == [
        window("2026-01-08T23:30:00", "2026-01-12"),
        window("2026-01-12", "2026-01-19"),
        window("2026-01-19", "2026-01-20"),
    ]
    assert [count_requests(Interval.M1, chunk) for chunk in chunks] == [5, 11, 2]


def test_month_belongs_to_a_chunk_as_a_whole() -> None:
    months = window("2016-01-15", "2024-02-02")
    assert plan_chunks(Interval.MO1, months) == [
        window("2016-02-01", "2020-02-01"),
        window("2020-02-01", "2024-03-01"),
    ]
    assert expected_candles(Interval.MO1, months) == 97
    assert count_requests(Interval.MO1, months) == 1


@pytest.mark.parametrize(
    ("start", "end", "count"),
    [
        ("14:20:00", "14:25:00", 5),
        ("14:20:00.001", "14:25:00", 4),
        ("14:20:00", "14:24:00.001", 5),
        ("14:20:01", "14:20:59", 0),
        ("14:20:00", "14:20:00", 0),
    ],
)
def test_slot_belongs_to_the_window_that_it_opens_in(start: str, end: str, count: int) -> None:
    span = window(f"2026-01-09T{start}", f"2026-01-09T{end}")
    assert expected_candles(Interval.M1, span) == count
    assert len(plan_chunks(Interval.M1, span)) == min(count, 1)
    assert count_requests(Interval.M1, span) == min(count, 1)


# --- what is missing ---

short = st.builds(
    lambda interval, start_ms, slots, ragged_ms: (
        interval,
        Window(start_ms, start_ms + slots * (interval.fixed_ms or 30 * DAY_MS) + ragged_ms),
    ),
    intervals,
    times,
    st.integers(0, 60),
    st.integers(0, 500),
)


@given(short)
def test_as_many_candles_are_expected_as_slots_open(asked: tuple[Interval, Window]) -> None:
    assert expected_candles(*asked) == len(slots(*asked))


@given(short, st.data())
def test_missing_windows_are_the_slots_without_a_candle_as_long_as_can_be(
    asked: tuple[Interval, Window], data: st.DataObject
) -> None:
    interval, span = asked
    opens = slots(interval, span)
    held = data.draw(st.sets(st.sampled_from(opens)) if opens else st.just(set[int]()))
    missing = find_missing(interval, span, held)
    found = [slot for part in missing for slot in slots(interval, part)]
    assert found == [slot for slot in opens if slot not in held]
    assert all(earlier.end_ms < later.start_ms for earlier, later in pairwise(missing))


def test_candle_off_the_grid_fills_the_slot_that_it_falls_in() -> None:
    span = window("2017-12-04T10:00:00", "2017-12-04T10:06:00")
    off_grid = [at("2017-12-04T10:01:14.789"), at("2017-12-04T10:02:14.789"), at("2017-12-04T10:04:59.999")]
    assert find_missing(Interval.M1, span, off_grid) == [
        window("2017-12-04T10:00:00", "2017-12-04T10:01:00"),
        window("2017-12-04T10:03:00", "2017-12-04T10:04:00"),
        window("2017-12-04T10:05:00", "2017-12-04T10:06:00"),
    ]


def test_candles_outside_the_window_do_not_matter() -> None:
    span = window("2026-01-09T10:00:00", "2026-01-09T12:00:00")
    around = [span.start_ms - HOUR_MS, span.end_ms, span.end_ms + MINUTE_MS]
    assert find_missing(Interval.H1, span, around) == [span]
    assert find_missing(Interval.H1, span, [*around, span.start_ms, span.start_ms + HOUR_MS]) == []
