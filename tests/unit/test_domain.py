"""The arithmetic of intervals, windows and times, which everything else rests on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.domain import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    SECOND_MS,
    Interval,
    SeriesKey,
    Window,
    format_utc,
    ms_from_utc,
    utc_from_ms,
)

# 1970 to 2262: what the exchanges can send, and a good deal beyond.
times = st.integers(0, 9_223_372_036_854)
intervals = st.sampled_from(list(Interval))


def at(text: str) -> int:
    return ms_from_utc(datetime.fromisoformat(text).replace(tzinfo=UTC))


# --- intervals ---


@pytest.mark.parametrize(
    ("interval", "length_ms"),
    [
        ("1s", SECOND_MS),
        ("1m", MINUTE_MS),
        ("3m", 3 * MINUTE_MS),
        ("5m", 5 * MINUTE_MS),
        ("15m", 15 * MINUTE_MS),
        ("30m", 30 * MINUTE_MS),
        ("1h", HOUR_MS),
        ("2h", 2 * HOUR_MS),
        ("4h", 4 * HOUR_MS),
        ("6h", 6 * HOUR_MS),
        ("8h", 8 * HOUR_MS),
        ("12h", 12 * HOUR_MS),
        ("1d", DAY_MS),
        ("3d", 3 * DAY_MS),
        ("1w", 7 * DAY_MS),
        ("1M", None),
    ],
)
def test_interval_has_the_length_its_name_says(interval: str, length_ms: int | None) -> None:
    assert Interval(interval).fixed_ms == length_ms
    assert Interval(interval).is_coarse == (length_ms is None or length_ms >= HOUR_MS)


def test_every_interval_of_the_exchange_is_known() -> None:
    assert " ".join(Interval) == "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M"


@pytest.mark.parametrize("name", ["1M ", "1H", "1mo", "60", "", "7m"])
def test_unknown_interval_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a valid Interval"):
        Interval(name)


@pytest.mark.parametrize(
    ("interval", "moment", "opened", "ended"),
    [
        ("1s", "2026-01-09T14:20:00.123", "2026-01-09T14:20:00", "2026-01-09T14:20:01"),
        ("1m", "2026-01-09T14:20:59.999", "2026-01-09T14:20:00", "2026-01-09T14:21:00"),
        ("1m", "2026-01-09T14:20:00", "2026-01-09T14:20:00", "2026-01-09T14:21:00"),
        ("15m", "2026-01-09T14:20:00", "2026-01-09T14:15:00", "2026-01-09T14:30:00"),
        ("12h", "2026-01-09T14:20:00", "2026-01-09T12:00:00", "2026-01-10T00:00:00"),
        ("1d", "2024-02-28T23:59:59.999", "2024-02-28", "2024-02-29"),
        ("1d", "2024-02-29T12:00:00", "2024-02-29", "2024-03-01"),
        # Weeks open on Monday: 2026-01-09 is a Friday, 2024-01-01 a Monday, 1970-01-01 a Thursday.
        ("1w", "2026-01-09T14:20:00", "2026-01-05", "2026-01-12"),
        ("1w", "2024-01-01T00:00:00", "2024-01-01", "2024-01-08"),
        ("1w", "2023-12-31T23:59:59.999", "2023-12-25", "2024-01-01"),
        ("1w", "1970-01-01T00:00:00", "1969-12-29", "1970-01-05"),
        ("1M", "2024-02-29T23:59:59.999", "2024-02-01", "2024-03-01"),
        ("1M", "2023-02-28T23:59:59.999", "2023-02-01", "2023-03-01"),
        ("1M", "2100-02-28T12:00:00", "2100-02-01", "2100-03-01"),
        ("1M", "2025-12-31T23:59:59.999", "2025-12-01", "2026-01-01"),
        ("1M", "2026-04-30T00:00:00", "2026-04-01", "2026-05-01"),
        ("1M", "2026-05-01T00:00:00", "2026-05-01", "2026-06-01"),
    ],
)
def test_moment_falls_into_its_slot(interval: str, moment: str, opened: str, ended: str) -> None:
    slot = Interval(interval).floor(at(moment))
    assert slot == at(opened)
    assert Interval(interval).next(slot) == at(ended)


@pytest.mark.parametrize(
    ("interval", "opened", "ended"),
    [
        ("1m", "2017-12-04T00:00:17.345", "2017-12-04T00:01:17.345"),
        ("1w", "2026-01-07T03:00", "2026-01-14T03:00"),
        ("1M", "2017-12-17T05:06", "2018-01-17T05:06"),
        # There is no 31st of February: a candle that opened then ends with the month.
        ("1M", "2026-01-31T05:06", "2026-02-28T05:06"),
        ("1M", "2024-01-30", "2024-02-29"),
        ("1M", "2025-12-31", "2026-01-31"),
        ("1M", "2026-08-31", "2026-09-30"),
    ],
)
def test_off_grid_candle_lasts_its_full_length(interval: str, opened: str, ended: str) -> None:
    assert Interval(interval).next(at(opened)) == at(ended)


@given(intervals, times)
def test_every_moment_lies_in_exactly_one_slot(interval: Interval, time_ms: int) -> None:
    opened = interval.floor(time_ms)
    assert opened <= time_ms < interval.next(opened)
    assert interval.floor(opened) == opened
    assert interval.floor(interval.next(opened) - 1) == opened


@given(intervals, times)
def test_slots_touch(interval: Interval, time_ms: int) -> None:
    following = interval.next(interval.floor(time_ms))
    assert interval.floor(following) == following


@given(intervals, times)
def test_next_is_always_later(interval: Interval, time_ms: int) -> None:
    assert interval.next(time_ms) > time_ms
    longest = 31 * DAY_MS if interval.fixed_ms is None else interval.fixed_ms
    assert interval.next(time_ms) - time_ms <= longest


@given(intervals, times, st.integers(0, 90 * DAY_MS))
def test_floor_keeps_the_order_of_time(interval: Interval, time_ms: int, later_ms: int) -> None:
    assert interval.floor(time_ms) <= interval.floor(time_ms + later_ms)


@given(times)
def test_days_divide_into_minutes_hours_and_months_into_days(time_ms: int) -> None:
    day = Interval.D1.floor(time_ms)
    for shorter in (Interval.M1, Interval.M15, Interval.H1, Interval.H12):
        assert shorter.floor(day) == day
    for longer in (Interval.W1, Interval.MO1, Interval.D3):
        assert Interval.D1.floor(longer.floor(time_ms)) == longer.floor(time_ms)


def test_weeks_open_on_monday_for_a_thousand_years() -> None:
    for week in range(0, 52_000, 997):
        assert utc_from_ms(Interval.W1.floor(week * 7 * DAY_MS)).weekday() == 0


# --- series and windows ---


def test_series_is_named_with_all_its_parts() -> None:
    assert str(SeriesKey("binance", "BTCUSDT", Interval.MO1)) == "binance:BTCUSDT:1M"


def test_minute_and_month_are_different_series() -> None:
    minute, month = (SeriesKey("binance", "BTCUSDT", one) for one in (Interval.M1, Interval.MO1))
    assert minute != month
    assert len({minute, month}) == 2
    assert sorted([minute, month]) == sorted([month, minute])


def test_window_says_both_ends() -> None:
    window = Window(at("2026-01-09"), at("2026-01-10T00:00:00.5"))
    assert str(window) == "[2026-01-09T00:00:00.000Z, 2026-01-10T00:00:00.500Z)"


def test_window_may_be_empty_but_not_end_before_it_starts() -> None:
    assert Window(5, 5).start_ms == 5
    with pytest.raises(ValueError, match="window ends before it starts"):
        Window(6, 5)


# --- times ---


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_767_968_400_123, "2026-01-09T14:20:00.123Z"),
        (1_767_968_400_007, "2026-01-09T14:20:00.007Z"),
        (1_767_968_459_999, "2026-01-09T14:20:59.999Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
    ],
)
def test_time_is_written_with_milliseconds_and_z(time_ms: int, text: str) -> None:
    assert format_utc(time_ms) == text


@given(times)
def test_time_survives_datetime_and_text(time_ms: int) -> None:
    assert ms_from_utc(utc_from_ms(time_ms)) == time_ms
    assert ms_from_utc(datetime.fromisoformat(format_utc(time_ms))) == time_ms
    assert utc_from_ms(time_ms).tzinfo is UTC


@pytest.mark.parametrize("microsecond", [0, 1, 999, 999_000, 999_999])
def test_microseconds_are_floored(microsecond: int) -> None:
    moment = datetime(2026, 1, 9, 14, 20, 59, microsecond, tzinfo=UTC)
    assert ms_from_utc(moment) == at("2026-01-09T14:20:59") + microsecond // 1000


def test_microseconds_before_the_epoch_are_floored_as_well() -> None:
    assert ms_from_utc(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1


def test_other_time_zones_are_converted() -> None:
    moment = datetime(2026, 1, 9, 14, 20, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    assert ms_from_utc(moment) == at("2026-01-09T08:35")


def test_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="say which time zone it is in"):
        ms_from_utc(datetime(2026, 1, 9, 14, 20))  # noqa: DTZ001 - that is the point
