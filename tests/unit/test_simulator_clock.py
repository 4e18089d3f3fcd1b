"""The simulator's clock can be set, moved, sped up and stopped."""

from __future__ import annotations

import pytest

from src.simulator.clock import SimulatorClock


class Base:
    """A clock in the test's hand."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


def test_follows_its_base_by_default() -> None:
    base = Base()
    clock = SimulatorClock(base)
    base.now_ms += 5
    assert clock.now_ms() == 1_000_005


def test_starts_where_told_and_runs_as_fast_as_told() -> None:
    base = Base()
    clock = SimulatorClock(base, start_at_ms=50, speed=60)
    base.now_ms += 1_000
    assert clock.now_ms() == 60_050


def test_change_of_speed_does_not_jump() -> None:
    base = Base()
    clock = SimulatorClock(base, start_at_ms=0, speed=10)
    base.now_ms += 100
    clock.set(speed=0)
    base.now_ms += 100
    assert clock.now_ms() == 1_000
    clock.advance(7)
    assert clock.now_ms() == 1_007
    clock.set(now_ms=3, speed=1)
    base.now_ms += 1
    assert clock.now_ms() == 4


def test_skew_is_on_top_of_the_time() -> None:
    base = Base()
    clock = SimulatorClock(base)
    clock.add_skew(-500)
    assert clock.read() == (999_500, 1_000_000)
    clock.add_skew(0, from_ms=1_000_200)
    clock.add_skew(70, from_ms=1_000_100)
    seen = []
    for _ in range(3):
        seen.append(clock.now_ms())
        base.now_ms += 100
    assert seen == [999_500, 1_000_170, 1_000_200]


def test_clock_that_is_set_shows_what_it_was_set_to_whatever_its_skew() -> None:
    clock = SimulatorClock(Base())
    clock.add_skew(90_000)
    clock.set(now_ms=5_000_000)
    assert clock.read() == (5_000_000, 4_910_000)


def test_impossible_speed_is_refused() -> None:
    with pytest.raises(ValueError, match="clock speed -1"):
        SimulatorClock(Base(), speed=-1)
