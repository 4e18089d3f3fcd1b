"""When jobs run: what people may write, what it means across summer time, and how it is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.domain import DAY_MS, MINUTE_MS, ClockOffset, ms_from_utc, utc_from_ms
from src.errors import ConfigurationError
from src.jobs.cron import CronLineTrigger, parse_cron
from src.jobs.exchange_trigger import ExchangeTrigger
from src.jobs.schedules import parse_schedule

BERLIN = "Europe/Berlin"
NOW_MS = 1_767_968_400_123  # Friday, 2026-01-09T14:20:00.123Z


def next_utc(text: str, after: str, count: int, zone: str = "UTC") -> list[str]:
    """Return the next times as ``MM-DD HH:MM`` in UTC."""
    after_ms = ms_from_utc(datetime.fromisoformat(after).replace(tzinfo=UTC))
    times = parse_schedule(text, zone).next_times(count, after_ms)
    return [f"{utc_from_ms(time):%m-%d %H:%M}" for time in times]


# --- what is accepted ---


@pytest.mark.parametrize(
    ("text", "stored", "words"),
    [
        ("every 10s", "every 10s", "every 10 seconds"),
        ("every 1s", "every 1s", "every second"),
        ("every 60s", "every 1min", "every minute"),
        ("every 90 s", "every 90s", "every 90 seconds"),
        ("every 5 min", "every 5min", "every 5 minutes"),
        ("every 5m", "every 5min", "every 5 minutes"),
        ("every 2h", "every 2h", "every 2 hours"),
        (" Every  24 hours ", "every 1d", "every day"),
        ("every 31 days", "every 31d", "every 31 days"),
        ("every hour", "every 1h", "every hour"),
    ],
)
def test_intervals_are_read_stored_and_said(text: str, stored: str, words: str) -> None:
    schedule = parse_schedule(text)
    assert (str(schedule), schedule.in_words()) == (stored, words)
    assert parse_schedule(str(schedule)) == schedule
    assert parse_schedule(schedule.in_words()) == schedule


@pytest.mark.parametrize(
    ("text", "zone", "words"),
    [
        ("0 3 * * *", "UTC", "daily at 03:00 UTC"),
        ("30 4,16 * * *", "UTC", "daily at 04:30 and 16:30 UTC"),
        ("0 2 * * 0", BERLIN, "Sundays at 02:00 Europe/Berlin"),
        ("0 2 * * 7", BERLIN, "Sundays at 02:00 Europe/Berlin"),
        ("0 2 * * SUN", BERLIN, "Sundays at 02:00 Europe/Berlin"),
        ("5 9 * * mon,wed-fri", "UTC", "Mondays, Wednesdays, Thursdays and Fridays at 09:05 UTC"),
        ("0 2 * * sat-sun", "UTC", "Saturdays and Sundays at 02:00 UTC"),
        ("*/5 * * * *", "UTC", "every 5 minutes"),
        ("7-59/30 * * * *", "UTC", "every 30 minutes"),
        ("*/20 */2 * * *", "UTC", "*/20 */2 * * * UTC"),
        ("0,20 * * * *", "UTC", "0,20 * * * * UTC"),
        ("0 * * * *", BERLIN, "0 * * * * Europe/Berlin"),
        ("0 0 1 * *", "UTC", "0 0 1 * * UTC"),
        ("0 0 * jan *", "UTC", "0 0 * jan * UTC"),
    ],
)
def test_cron_lines_are_said_as_people_say_them(text: str, zone: str, words: str) -> None:
    assert parse_schedule(text, zone).in_words() == words


def test_cron_line_is_stored_as_it_was_written_without_its_blanks() -> None:
    schedule = parse_schedule("  0   2 * *\tSun ", BERLIN)
    assert (str(schedule), schedule.time_zone) == ("0 2 * * sun", BERLIN)
    assert parse_schedule(str(schedule), BERLIN) == schedule


def test_interval_goes_by_no_time_zone() -> None:
    assert parse_schedule("every 1d", BERLIN) == parse_schedule("every 1d")
    assert parse_schedule("every 1d", BERLIN).time_zone == "UTC"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "a cron line has 5 fields, not 0"),
        ("hourly", "a cron line has 5 fields, not 1"),
        ("0 3 * *", "a cron line has 5 fields, not 4"),
        ("0 0 3 * * *", "a cron line has 5 fields, not 6"),
        ("60 0 * * *", "'60' is no minute: 0 to 59"),
        ("0 24 * * *", "'24' is no hour: 0 to 23"),
        ("0 0 0 * *", "'0' is no day of the month: 1 to 31"),
        ("0 0 * 13 *", "'13' is no month: 1 to 12"),
        ("0 0 * * 8", "'8' is no day of the week: 0 to 7"),
        ("0 0 * * moon", "'moon' is no day of the week"),
        ("0 0 * * fri-mon", "'fri-mon' is no day of the week: 0 to 7, the smaller one first"),
        ("0 9-5 * * *", "'9-5' is no hour"),
        ("0 0 1,, * *", "'' is no day of the month"),
        ("*-5 * * * *", "'*-5' is no minute"),
        ("*/90 * * * *", "a step is at least 1 and fits into 0 to 59"),
        ("*/0 * * * *", "a step is at least 1"),
        ("0 ٣ * * *", "'٣' is no hour"),
        ("0 0 31 2,4 *", "that never comes"),
        ("0 0 * * " + ",".join("1234567" * 5), "longer than 64 characters"),
        ("every", "no such interval"),
        ("every 1M", "no such interval"),
        ("every fortnight", "no such interval"),
        ("every 10s please", "no such interval"),
        ("every -5s", "no such interval"),
        ("every 0s", "too short or too long"),
        ("every 32d", "too short or too long"),
    ],
)
def test_wrong_schedule_is_refused_with_what_is_accepted(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_schedule(text)
    assert told in str(caught.value)
    assert "accepted: every 10s, every 5min, every 2h or every 1d" in str(caught.value)
    assert '"0 3 * * *"' in str(caught.value)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "Europe", "../UTC", "", "Ümlaut", "x" * 60])
def test_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ConfigurationError, match="is not known here; accepted: UTC and names like Europe"):
        parse_schedule("0 3 * * *", zone)


# --- when that is ---


def test_interval_counts_from_midnight() -> None:
    assert next_utc("every 2h", "2026-01-09 14:20", 3) == ["01-09 16:00", "01-09 18:00", "01-09 20:00"]
    assert next_utc("every 1d", "2026-01-09 00:00", 2) == ["01-10 00:00", "01-11 00:00"]
    times = parse_schedule("every 10s").next_times(2, NOW_MS)
    assert times == [NOW_MS - 123 + 10_000, NOW_MS - 123 + 20_000]


def test_daily_line_comes_daily() -> None:
    assert next_utc("0 3 * * *", "2026-01-09 02:59", 2) == ["01-09 03:00", "01-10 03:00"]
    assert next_utc("0 3 * * *", "2026-01-09 03:00", 2) == ["01-10 03:00", "01-11 03:00"]


@pytest.mark.parametrize("sunday", ["0", "7", "sun", "SUN"])
def test_sunday_is_sunday(sunday: str) -> None:
    """APScheduler's week begins with Monday as 0: taken as it is, 0 would be Monday and 7 an error."""
    assert next_utc(f"0 2 * * {sunday}", "2026-01-09 14:20", 2) == ["01-11 02:00", "01-18 02:00"]


def test_working_days_are_monday_to_friday() -> None:
    numbers = next_utc("0 2 * * 1-5", "2026-01-09 14:20", 6)
    assert numbers == [f"01-{day} 02:00" for day in (12, 13, 14, 15, 16, 19)]
    assert next_utc("0 2 * * mon-fri", "2026-01-09 14:20", 6) == numbers


def test_line_with_days_of_both_kinds_means_either() -> None:
    assert next_utc("0 0 13 * fri", "2026-01-09 14:20", 4) == [
        "01-13 00:00",
        "01-16 00:00",
        "01-23 00:00",
        "01-30 00:00",
    ]


def test_star_with_a_step_counts_as_a_star() -> None:
    """As in cron(8): every Friday that is an odd day of its month."""
    assert next_utc("0 0 */2 * fri", "2026-01-09 14:20", 2) == ["01-23 00:00", "02-13 00:00"]


def test_leap_day_comes_every_four_years() -> None:
    times = parse_schedule("0 0 29 2 *").next_times(2, NOW_MS)
    assert [utc_from_ms(time).year for time in times] == [2028, 2032]


# --- summer time: Berlin's clocks skip 02:00-03:00 on 2026-03-29 and repeat it on 2026-10-25 ---


def test_daily_line_keeps_its_local_hour_across_summer_time() -> None:
    assert next_utc("0 4 * * *", "2026-03-28 00:00", 3, BERLIN) == [
        "03-28 03:00",
        "03-29 02:00",
        "03-30 02:00",
    ]


def test_time_in_the_skipped_hour_comes_an_hour_later() -> None:
    assert next_utc("30 2 * * *", "2026-03-28 00:00", 3, BERLIN) == [
        "03-28 01:30",
        "03-29 01:30",
        "03-30 00:30",
    ]


def test_time_in_the_repeated_hour_comes_once() -> None:
    assert next_utc("30 2 * * *", "2026-10-24 00:00", 3, BERLIN) == [
        "10-24 00:30",
        "10-25 00:30",
        "10-26 01:30",
    ]


def test_midnight_after_the_skipped_hour_is_not_left_out() -> None:
    assert next_utc("0 0 * * *", "2026-03-28 12:00", 3, BERLIN) == [
        "03-28 23:00",
        "03-29 22:00",
        "03-30 22:00",
    ]


def test_line_of_every_two_hours_does_not_make_up_for_the_skipped_hour() -> None:
    assert next_utc("0 */2 * * *", "2026-03-28 22:30", 3, BERLIN) == [
        "03-28 23:00",
        "03-29 02:00",
        "03-29 04:00",
    ]


def test_line_of_every_half_hour_goes_on_through_the_repeated_hour() -> None:
    assert next_utc("*/30 * * * *", "2026-10-24 23:45", 5, BERLIN) == [
        "10-25 00:00",
        "10-25 00:30",
        "10-25 01:00",
        "10-25 01:30",
        "10-25 02:00",
    ]


@settings(max_examples=40, deadline=None)
@given(
    start_ms=st.integers(NOW_MS, NOW_MS + 365 * DAY_MS),
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    zone=st.sampled_from(["UTC", BERLIN, "America/New_York", "Pacific/Chatham", "Australia/Lord_Howe"]),
)
def test_daily_line_comes_each_local_day_exactly_once(
    start_ms: int, minute: int, hour: int, zone: str
) -> None:
    """Even when APScheduler's own trigger would leave out a midnight or come twice."""
    times = parse_schedule(f"{minute} {hour} * * *", zone).next_times(200, start_ms)
    days = [utc_from_ms(time).astimezone(ZoneInfo(zone)).date() for time in times]
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))


# --- as APScheduler asks ---


def test_missed_times_of_a_line_are_not_caught_up_one_by_one() -> None:
    trigger = parse_schedule("* * * * *").trigger(lambda: ClockOffset(0, 0))
    previous = datetime(1970, 1, 1, tzinfo=UTC)
    woken = utc_from_ms(NOW_MS)
    following = trigger.get_next_fire_time(previous, woken)
    assert woken < following <= woken + timedelta(minutes=1)


def test_time_that_has_just_run_does_not_come_again() -> None:
    trigger = CronLineTrigger(parse_cron("*/30 * * * *"), ZoneInfo(BERLIN))
    previous = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)  # 02:00 for the second time
    following = trigger.get_next_fire_time(previous, previous)
    assert following == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_interval_runs_on_the_exchanges_clock() -> None:
    trigger = parse_schedule("every 1min").trigger(lambda: ClockOffset(20_000, 0))
    assert isinstance(trigger, ExchangeTrigger)
    tick_ms = trigger.next_tick_ms(NOW_MS)
    assert (tick_ms + 20_000) % MINUTE_MS == 400  # a moment after its minute turns
