"""When cycles run: just after the exchange's minute turns, each tick once, however the offset wanders."""

from __future__ import annotations

import pickle
import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.domain import ClockOffset, ms_from_utc, utc_from_ms
from src.errors import SourceTransient
from src.jobs.exchange_trigger import ExchangeTrigger, KnownOffset

NOW_MS = 1_767_968_400_123
SETTLE_MS = 400


def trigger(seconds: int, offset_ms: int = 0, error_ms: int = 0) -> ExchangeTrigger:
    return ExchangeTrigger(seconds, lambda: ClockOffset(offset_ms, error_ms))


@pytest.mark.parametrize("seconds", [1, 5, 60, 3600])
@pytest.mark.parametrize("offset_ms", [0, 1, -1, 1_234, -987_654, 86_400_000])
@pytest.mark.parametrize("error_ms", [0, 3, 250])
def test_tick_comes_a_moment_after_the_exchanges_clock_turns(
    seconds: int, offset_ms: int, error_ms: int
) -> None:
    tick_ms = trigger(seconds, offset_ms, error_ms).next_tick_ms(NOW_MS)
    # By how much the clock has turned, the exchange's clock being offset ± error ahead of ours.
    assert (tick_ms + offset_ms) % (seconds * 1000) == (error_ms + SETTLE_MS) % (seconds * 1000)
    assert NOW_MS < tick_ms <= NOW_MS + seconds * 1000


def test_error_of_the_offset_never_makes_a_tick_early() -> None:
    """Though the exchange's clock be behind by the whole error, its minute has turned."""
    tick_ms = trigger(60, 5_000, 700).next_tick_ms(NOW_MS)
    exchange_at_least_ms = tick_ms + 5_000 - 700
    assert exchange_at_least_ms % 60_000 == SETTLE_MS


def test_first_tick_is_the_next_one() -> None:
    first = trigger(60).get_next_fire_time(None, utc_from_ms(NOW_MS))
    assert first == datetime(2026, 1, 9, 14, 20, 0, 400_000, tzinfo=UTC)


def test_tick_that_is_now_lies_in_the_past() -> None:
    tick_ms = trigger(60).next_tick_ms(NOW_MS)
    assert trigger(60).next_tick_ms(tick_ms) == tick_ms + 60_000
    assert trigger(60).next_tick_ms(tick_ms - 1) == tick_ms


def test_missed_ticks_are_not_caught_up() -> None:
    previous = utc_from_ms(trigger(5).next_tick_ms(NOW_MS))
    woken = previous + timedelta(hours=3, milliseconds=17)
    following = trigger(5).get_next_fire_time(previous, woken)
    assert woken < following <= woken + timedelta(seconds=5)


def test_time_zone_of_the_scheduler_changes_nothing() -> None:
    here = timezone(timedelta(hours=12, minutes=45))
    now = utc_from_ms(NOW_MS)
    assert trigger(3600).get_next_fire_time(None, now.astimezone(here)) == trigger(3600).get_next_fire_time(
        None, now
    )


@given(
    seconds=st.sampled_from([1, 5, 60]),
    start_ms=st.integers(0, 120_000),
    measured=st.lists(st.tuples(st.integers(-60, 60), st.integers(1, 90)), min_size=2, max_size=30),
    late_ms=st.lists(st.integers(0, 45), min_size=30, max_size=30),
)
def test_offset_that_wanders_yields_each_tick_once_and_skips_none(
    seconds: int, start_ms: int, measured: list[tuple[int, int]], late_ms: list[int]
) -> None:
    """As APScheduler asks: the tick that has just run, and the time a little after it."""
    newest = ClockOffset(1_000, 50)
    wandering = ExchangeTrigger(seconds, lambda: newest)
    tick = wandering.get_next_fire_time(None, utc_from_ms(NOW_MS + start_ms))
    numbers = [number_of(tick, newest, seconds)]
    for (shift_ms, error_ms), late in zip(measured, late_ms, strict=False):
        newest = ClockOffset(1_000 + shift_ms, error_ms)
        tick = wandering.get_next_fire_time(tick, tick + timedelta(milliseconds=late))
        numbers.append(number_of(tick, newest, seconds))
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def number_of(tick: datetime, offset: ClockOffset, seconds: int) -> int:
    """Return which turn of the exchange's clock a tick follows."""
    return (ms_from_utc(tick) + offset.offset_ms - offset.error_ms - SETTLE_MS) // (seconds * 1000)


def test_offset_is_asked_for_anew_at_every_tick() -> None:
    asked: list[int] = []

    def offset() -> ClockOffset:
        asked.append(1)
        return ClockOffset(0, 0)

    alive = ExchangeTrigger(60, offset)
    for _ in range(3):
        alive.get_next_fire_time(None, utc_from_ms(NOW_MS))
    assert len(asked) == 3


def test_it_says_what_it_does_and_refuses_to_be_pickled() -> None:
    assert str(trigger(60)) == "every 60 s of the exchange's clock"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(trigger(60))


# --- the offset, for those who cannot wait ---


def test_offset_is_measured_when_it_is_asked_for() -> None:
    measured = iter([ClockOffset(100, 5), ClockOffset(200, 6)])
    offset = KnownOffset(lambda: next(measured))
    assert [offset(), offset()] == [ClockOffset(100, 5), ClockOffset(200, 6)]


@pytest.mark.parametrize("error", [SourceTransient("binance", "no answer"), ZeroDivisionError()])
def test_offset_stays_what_it_was_while_the_exchange_is_away(error: Exception) -> None:
    answers: list[ClockOffset | Exception] = [ClockOffset(100, 5), error, ClockOffset(300, 7)]

    def measure() -> ClockOffset:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    offset = KnownOffset(measure)
    assert [offset(), offset(), offset()] == [ClockOffset(100, 5), ClockOffset(100, 5), ClockOffset(300, 7)]


def test_silent_exchange_holds_nobody_up_and_its_late_answer_counts() -> None:
    answer = threading.Event()

    def measure() -> ClockOffset:
        assert answer.wait(30)
        return ClockOffset(100, 5)

    offset = KnownOffset(measure)
    assert offset() == ClockOffset(0, 0)  # after a second of patience
    started = time.monotonic()
    assert [offset() for _ in range(100)] == [ClockOffset(0, 0)] * 100
    assert time.monotonic() - started < 1
    answer.set()
    deadline = time.monotonic() + 10
    while offset() != ClockOffset(100, 5) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert offset() == ClockOffset(100, 5)
