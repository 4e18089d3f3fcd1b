"""How far a run is: counted from any thread, told with rate and time left, and never less than it was."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from src.clock import ManualClock
from src.domain import MINUTE_MS
from src.jobs.progress import Progress, RateMeter
from src.warehouse.run_progress import _PROGRESS
from tests.builders import CAPTURED_MS
from tests.run_builders import MINUTES, make_row


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(CAPTURED_MS)


@pytest.fixture
def progress(clock: ManualClock) -> Progress:
    return Progress(7, 3, clock)


# --- the rate ---


def test_rate_is_unknown_until_something_is_done_in_some_time(clock: ManualClock) -> None:
    meter = RateMeter(clock)
    assert (meter.rate(), meter.time_left_ms(0, 100)) == (None, None)
    meter.note(0)
    assert meter.rate() is None
    meter.note(10)
    assert meter.rate() is None  # no time went by
    clock.advance(1_000)
    assert meter.rate() is None  # what is done at once at the beginning is no speed that lasts
    clock.advance(4_000)
    assert meter.rate() == 2.0
    assert meter.time_left_ms(10, 100) == 45_000
    assert meter.time_left_ms(10, None) is None


def test_what_was_done_before_measuring_began_is_no_speed(clock: ManualClock) -> None:
    meter = RateMeter(clock)
    meter.note(1_000)
    clock.advance(5_000)
    meter.note(1_250)
    assert meter.rate() == 50.0


def test_rate_falls_while_nothing_happens(clock: ManualClock) -> None:
    meter = RateMeter(clock)
    meter.note(0)
    clock.advance(5_000)
    meter.note(100)
    assert meter.rate() == 20.0
    clock.advance(5_000)
    assert meter.rate() == 10.0
    assert meter.time_left_ms(100, 200) == 10_000


def test_rate_is_of_the_last_two_minutes(clock: ManualClock) -> None:
    meter = RateMeter(clock)
    done = 0
    meter.note(done)
    for step, minutes in ((1_000, 10), (60, 10)):
        for _ in range(minutes * 60):
            clock.advance(1_000)
            done += step
            meter.note(done)
    assert meter.rate() == pytest.approx(60, rel=0.01)
    clock.advance(MINUTE_MS)
    assert meter.rate() == pytest.approx(60 * 120 / 180, rel=0.02)


def test_budget_that_is_used_up_early_in_each_minute_gives_an_even_rate(clock: ManualClock) -> None:
    meter = RateMeter(clock)
    done = 0
    meter.note(done)
    rates = []
    for second in range(1, 10 * 60 + 1):
        clock.advance(1_000)
        done += 100 if second % 60 < 20 else 0
        meter.note(done)
        if second > 120:
            rates.append(meter.rate() or 0)
    assert min(rates) > 0.75 * 2_000 / 60
    assert max(rates) < 1.35 * 2_000 / 60


def test_more_done_than_there_was_leaves_no_time(clock: ManualClock) -> None:
    meter = RateMeter(clock)
    meter.note(0)
    clock.advance(5_000)
    meter.note(150)
    assert meter.time_left_ms(150, 100) == 0


def test_samples_do_not_pile_up(clock: ManualClock) -> None:
    meter = RateMeter(clock)
    for done in range(10_000):
        clock.advance(1_000)
        meter.note(done)
    assert len(meter._samples) < 130


# --- the progress of a run ---


def test_snapshot_is_what_is_saved(progress: Progress, clock: ManualClock) -> None:
    progress.start("candles", 1_440, expected=1_440, batches_total=2)
    progress.advance(100, fetched=90)
    progress.advance(20, fetched=20, batches=1)
    progress.at(MINUTES, CAPTURED_MS)
    progress.loaded(80)
    progress.waiting("the exchange: 58 s to go")
    clock.advance(6_000)
    told = progress.snapshot()
    assert set(told) == {"id", "token", *_PROGRESS}
    assert told == {
        "id": 7,
        "token": 3,
        "unit": "candles",
        "done": 120,
        "total": 1_440,
        "batches_done": 1,
        "batches_total": 2,
        "current_series": "binance:BTCUSDT:1m",
        "current_open_time": CAPTURED_MS,
        "fetched": 110,
        "loaded": 80,
        "expected": 1_440,
        "rate": 20.0,
        "time_left_ms": 66_000,
        "waiting_for": "the exchange: 58 s to go",
        "steps": None,
    }


def test_steps_are_told_in_the_order_in_which_they_began(progress: Progress) -> None:
    for name, state in (("fetch", "running"), ("load", "running"), ("fetch", "done")):
        progress.step(name, state)
    assert list(json.loads(progress.snapshot()["steps"]).items()) == [("fetch", "done"), ("load", "running")]


def test_what_is_counted_next_has_a_rate_of_its_own(progress: Progress, clock: ManualClock) -> None:
    progress.start("objects", 1_000)
    clock.advance(1_000)
    progress.advance(1_000)
    progress.start("rows", 50, done=0)
    clock.advance(5_000)
    progress.advance(10)
    assert progress.snapshot()["time_left_ms"] == 20_000


def test_wait_and_place_can_be_over(progress: Progress) -> None:
    progress.waiting("something")
    progress.at(MINUTES, CAPTURED_MS)
    progress.waiting(None)
    progress.at(None)
    told = progress.snapshot()
    assert (told["waiting_for"], told["current_series"], told["current_open_time"]) == (None, None, None)


def test_part_that_is_done_counts_what_the_exchange_lacks(progress: Progress) -> None:
    progress.start("candles", 2_880)
    progress.advance(700, fetched=700)
    begun = progress.mark()
    progress.advance(600, fetched=600)
    progress.set_done(begun.done + 1_440, fetched=begun.fetched + 600)
    assert progress.mark() == (2_140, 1_300)


def test_next_attempt_goes_on_from_what_the_row_says(progress: Progress, clock: ManualClock) -> None:
    """Else a run that is stopped again before it begins would have forgotten what it had done."""
    row = make_row(steps={"fetch": "running"}, batches_done=3)
    known = [progress.is_known]
    progress.take_up(row)
    assert [*known, progress.is_known] == [False, True]
    told = progress.snapshot()
    for name in ("unit", "done", "total", "batches_done", "batches_total", "fetched", "loaded", "expected"):
        assert told[name] == getattr(row, name), name
    assert (told["current_series"], told["current_open_time"]) == (row.current_series, row.current_open_ms)
    assert json.loads(told["steps"]) == {"fetch": "running"}
    clock.advance(5_000)
    progress.start("candles", 1_440, done=720, fetched=700)
    progress.advance(72, fetched=72)
    clock.advance(6_000)
    assert (progress.snapshot()["rate"], progress.mark()) == (12.0, (792, 772))


def test_part_that_is_fetched_anew_takes_nothing_back(progress: Progress, clock: ManualClock) -> None:
    progress.start("candles", 1_440, done=500, at_least=900)
    shown = [progress.snapshot()["done"]]
    for _ in range(3):
        clock.advance(2_000)
        progress.advance(300)
        shown.append(progress.snapshot()["done"])
    assert shown == [900, 900, 1_100, 1_400]
    assert progress.snapshot()["rate"] == 150.0  # of what was counted, all of it in these six seconds


def test_nothing_is_lost_between_threads(progress: Progress) -> None:
    def work(_: int) -> None:
        for _ in range(1_000):
            progress.advance(1, fetched=2)
            progress.snapshot()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert progress.mark() == (8_000, 16_000)
