"""How long a disk lasts: the slope, what is too little to say anything, bytes against inodes."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from src.domain import DAY_MS, HOUR_MS
from src.maintenance.disk_forecast import Forecast, forecast, slope_a_day
from src.warehouse.disk_samples import DiskSample

GB = 10**9
NOW_MS = 1_767_916_800_000


def hourly(free: list[int | None], inodes: list[int] | None = None) -> list[DiskSample]:
    """Return a sample an hour, the last one now."""
    first_ms = NOW_MS - (len(free) - 1) * HOUR_MS
    return [
        DiskSample("lake", first_ms + i * HOUR_MS, free_bytes=room, free_inodes=inodes[i] if inodes else None)
        for i, room in enumerate(free)
    ]


def test_steady_growth_ends_when_what_is_free_is_used_up() -> None:
    ahead = forecast(hourly([124 * GB - i * GB for i in range(25)]))
    assert ahead.days_left == pytest.approx(100 / 24)
    assert ahead.because == "bytes"
    assert ahead.bytes_a_day == pytest.approx(24 * GB)


def test_inodes_may_be_used_up_first() -> None:
    samples = hourly([10**12 - i * GB for i in range(25)], [10_000 - 100 * i for i in range(25)])
    ahead = forecast(samples)
    assert ahead.because == "inodes"
    assert ahead.days_left == pytest.approx(7_600 / 2_400)


@pytest.mark.parametrize("free", [[], [5], [9, 8, 7, 6, 5, 4], [9, None, None, None, None, None, None, 2]])
def test_few_samples_of_few_hours_say_nothing(free: list[int | None]) -> None:
    assert forecast(hourly(free)) == Forecast()


def test_disk_that_does_not_fill_up_has_no_end() -> None:
    assert forecast(hourly([100 * GB] * 30)) == Forecast(bytes_a_day=0)
    assert forecast(hourly([GB * i for i in range(30)])).days_left is None


def test_more_than_ten_years_is_no_end() -> None:
    assert forecast(hourly([10**15 - i for i in range(30)])).days_left is None


def test_file_that_came_and_went_does_not_change_the_forecast() -> None:
    plain = hourly([500 * GB - i * GB for i in range(100)])
    disturbed = [
        replace(one, free_bytes=(one.free_bytes or 0) - 300 * GB) if 40 <= i < 50 else one
        for i, one in enumerate(plain)
    ]
    expected = forecast(plain).days_left
    assert expected is not None
    assert forecast(disturbed).days_left == pytest.approx(expected, rel=0.1)


def test_daily_cleaning_is_not_taken_for_growth() -> None:
    # 24 GB a day come and 20 go each night: 4 GB a day remain.
    free = [1000 * GB - i * GB + (i // 24) * 20 * GB for i in range(168)]
    days = forecast(hourly(list(free))).days_left
    assert days is not None
    assert days == pytest.approx(free[-1] / (4 * GB), rel=0.35)


@pytest.mark.parametrize("seed", range(5))
def test_slope_of_noisy_points_is_near_the_true_one(seed: int) -> None:
    random = Random(seed)
    points = [(i * HOUR_MS, round(-1000.0 * i + random.gauss(0, 500))) for i in range(168)]
    slope = slope_a_day(points)
    assert slope == pytest.approx(-1000 * DAY_MS / HOUR_MS, rel=0.02)
