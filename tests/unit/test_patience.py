"""Patience: blocks and rests are waited out and told in words, everything else goes through."""

from __future__ import annotations

import pytest

from src.clock import ManualClock
from src.domain import HOUR_MS
from src.errors import SourceBlocked, SourceError, SourcePermanent, SourceResting, Stopped
from src.extract.patience import wait_out
from src.stopping import Stop, stopping_by

# 2026-01-09T12:00:00Z.
NOON_MS = 1_767_960_000_000


class Exchange:
    """Answers ``ok`` once all *errors* were raised, each when its time has come."""

    def __init__(self, clock: ManualClock, *errors: SourceError) -> None:
        self.asked_at_ms: list[int] = []
        self._clock = clock
        self._errors = list(errors)

    def ask(self) -> str:
        self.asked_at_ms.append(self._clock.now_ms())
        if self._errors:
            raise self._errors.pop(0)
        return "ok"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON_MS)


def test_block_is_waited_out_to_its_end_and_told(clock: ManualClock) -> None:
    exchange = Exchange(clock, SourceBlocked("binance", NOON_MS + 5_000, "429, too many requests"))
    told: list[str | None] = []
    assert wait_out(exchange.ask, clock, told.append) == "ok"
    assert exchange.asked_at_ms == [NOON_MS, NOON_MS + 5_000]
    assert told == ["binance asked us to wait until 12:00:05 UTC (429, too many requests)", None]


def test_every_further_block_and_rest_is_waited_out_as_well(clock: ManualClock) -> None:
    errors = (
        SourceBlocked("binance", NOON_MS + 2_000, "429"),
        SourceResting("binance", NOON_MS + 62_000, "5 calls failed in a row"),
        SourceBlocked("binance", NOON_MS + 70_000, "418"),
    )
    exchange = Exchange(clock, *errors)
    told: list[str | None] = []
    wait_out(exchange.ask, clock, told.append)
    assert [at_ms - NOON_MS for at_ms in exchange.asked_at_ms] == [0, 2_000, 62_000, 70_000]
    assert told[2:4] == [
        "binance seems down and is left alone until 12:01:02 UTC (5 calls failed in a row)",
        None,
    ]


def test_ban_to_another_day_is_told_with_its_date(clock: ManualClock) -> None:
    exchange = Exchange(clock, SourceBlocked("binance", NOON_MS + 13 * HOUR_MS, "418"))
    told: list[str | None] = []
    wait_out(exchange.ask, clock, told.append)
    assert told[0] == "binance asked us to wait until 2026-01-10 01:00:00 UTC (418)"


def test_time_that_is_over_already_is_no_reason_to_knock_without_a_pause(clock: ManualClock) -> None:
    exchange = Exchange(clock, *[SourceBlocked("binance", NOON_MS - 1, "429") for _ in range(3)])
    wait_out(exchange.ask, clock, lambda _: None)
    assert clock.now_ms() >= NOON_MS + 3 * 250


def test_clock_that_is_set_forward_meanwhile_ends_a_wait_for_years(clock: ManualClock) -> None:
    class SetSoon(ManualClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            self.advance(NOON_MS)

    booted = SetSoon(0)
    exchange = Exchange(booted, SourceBlocked("binance", NOON_MS, "429"))
    wait_out(exchange.ask, booted, lambda _: None)
    assert sum(booted.slept_s) <= 61


@pytest.mark.parametrize(("until_ms", "waits"), [(4_999, True), (5_000, False), (60_000, False)])
def test_what_does_not_end_in_time_is_raised_at_once(clock: ManualClock, until_ms: int, waits: bool) -> None:
    exchange = Exchange(clock, SourceBlocked("binance", NOON_MS + until_ms, "429"))
    told: list[str | None] = []
    if waits:
        assert wait_out(exchange.ask, clock, told.append, before_ms=NOON_MS + 5_000) == "ok"
        return
    with pytest.raises(SourceBlocked):
        wait_out(exchange.ask, clock, told.append, before_ms=NOON_MS + 5_000)
    assert (told, clock.slept_s) == ([], [])


def test_other_errors_go_through(clock: ManualClock) -> None:
    exchange = Exchange(clock, SourcePermanent("binance", "no such symbol"))
    with pytest.raises(SourcePermanent):
        wait_out(exchange.ask, clock, lambda _: None)
    assert clock.slept_s == []


def test_stop_ends_it_and_nothing_is_waited_for_any_more(clock: ManualClock) -> None:
    exchange = Exchange(clock, SourceBlocked("binance", NOON_MS + 60_000, "429"))
    stop, told = Stop(), list[str | None]()

    def note(text: str | None) -> None:
        told.append(text)
        stop.set("pause")

    with stopping_by(stop), pytest.raises(Stopped, match="pause"):
        wait_out(exchange.ask, clock, note)
    assert len(exchange.asked_at_ms) == 1
    assert told[-1] is None
