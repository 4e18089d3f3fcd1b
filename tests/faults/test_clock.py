"""Odd hours: midnight, the end of a month, a leap second, and a clock of ours that jumps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from src.clock import ManualClock
from src.domain import DAY_MS, MINUTE_MS, Interval, SeriesKey
from src.extract.landing import Landing
from src.extract.manager import ExtractionManager
from src.warehouse.series import set_tracked
from src.warehouse.tables import daily_klines, fact_klines, fact_klines_coarse, fact_orderbook
from tests.builders import as_kline, read_rollup, read_table, roll_up
from tests.faults.collector import Collector, collect
from tests.service.rig import BTC, NOW_MS, Rig

_MIDNIGHT_MS = Interval.D1.floor(NOW_MS) + DAY_MS
_FEBRUARY_MS = 1_769_904_000_000
_TEN_MINUTES_MS = 10 * MINUTE_MS


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as made:
        yield made


def keep_true_capture_times(collector: Collector) -> None:
    """Let objects be named after the rig's clock itself, as the daemon's are."""
    rig, process = collector.rig, collector.process
    process.extraction.close()
    landing = Landing(rig.lake, rig.warehouse, rig.clock)
    process.extraction = ExtractionManager(process.exchange, rig.warehouse, landing, rig.clock, workers=2)


def wait_until(rig: Rig, time_ms: int) -> None:
    rig.clock.advance(time_ms - rig.clock.now_ms())


# --- midnight and the end of a month ---


def test_what_lands_in_the_last_moment_of_a_day_is_loaded(rig: Rig) -> None:
    collector = collect(rig)
    keep_true_capture_times(collector)
    wait_until(rig, _MIDNIGHT_MS - 100)
    collector.process.extraction.run_once()
    last_keys = {row.object_key for row in [*rig.objects("klines"), *rig.objects("depth")]}
    assert {key[:10] for key in last_keys} == {"2026-01-09"}
    rig.clock.advance(200)
    report = rig.load()  # it is tomorrow
    assert report.loaded.objects == len(last_keys)
    # The day's last candle closed after it was asked for.
    assert collector.held("BTCUSDT") == collector.truth("BTCUSDT", _MIDNIGHT_MS - 100)
    captured = {row["captured_at"] for row in read_table(rig.warehouse, fact_orderbook)}
    assert captured == {_MIDNIGHT_MS - 100}


def test_each_day_has_its_own_minutes_across_midnight(rig: Rig) -> None:
    collector = collect(rig)
    wait_until(rig, _MIDNIGHT_MS - 3 * MINUTE_MS + 400)
    for _ in range(5):
        collector.cycle()
    assert collector.is_whole()
    klines = [as_kline(row) for row in read_table(rig.warehouse, fact_klines, symbol="BTCUSDT")]
    assert read_rollup(rig.warehouse, daily_klines, "BTCUSDT") == roll_up(klines, DAY_MS)
    assert read_rollup(rig.warehouse, daily_klines, "BTCUSDT")[_MIDNIGHT_MS]["candle_count"] == 2


def test_month_closes_with_its_last_moment(rig: Rig) -> None:
    month = SeriesKey("binance", "BTCUSDT", Interval.MO1)
    rig.warehouse.run(lambda connection: set_tracked(connection, [month], tracked=True))
    wait_until(rig, _FEBRUARY_MS - 2 * MINUTE_MS + 400)
    collector = collect(rig)
    collector.cycle()
    assert read_table(rig.warehouse, fact_klines_coarse) == []
    collector.cycle()
    collector.cycle()
    held = [list(as_kline(row)) for row in read_table(rig.warehouse, fact_klines_coarse)]
    january_ms = Interval.MO1.floor(_FEBRUARY_MS - 1)
    assert held == rig.truth("BTCUSDT", january_ms, _FEBRUARY_MS, Interval.MO1)
    assert rig.watermark(month) == january_ms
    assert collector.is_whole()


# --- a leap second: the exchange's clock, and so its minutes, differ from ours by one second ---


@pytest.mark.parametrize("jump_ms", [-1_000, 1_000], ids=["second repeated", "second left out"])
@pytest.mark.parametrize("steps", [1, 5], ids=["at once", "smeared"])
def test_leap_second_lets_no_forming_candle_in(rig: Rig, jump_ms: int, steps: int) -> None:
    collector = collect(rig)
    wait_until(rig, _MIDNIGHT_MS - 2 * MINUTE_MS + 400)  # when the daemon's cycles come
    collector.cycle()
    for step in range(1, steps + 1):
        rig.simulator.clock.add_skew(jump_ms * step // steps)
        collector.cycle()
        assert not collector.find_unfinal()
    for _ in range(11):  # until the exchange's time is asked for anyway
        collector.cycle()
    assert collector.is_whole()
    assert collector.said == []


# --- our own clock, set back and forth ---


class JumpingClock(ManualClock):
    """A clock that somebody sets by hand, while the steady one goes on."""

    def __init__(self, steady: ManualClock) -> None:
        super().__init__(0)
        self._steady_clock = steady
        self.set_by_ms = 0

    def now_ms(self) -> int:
        return self._steady_clock.now_ms() + self.set_by_ms

    def steady_ms(self) -> int:
        return self._steady_clock.steady_ms()

    def sleep(self, seconds: float) -> None:
        self._steady_clock.sleep(seconds)

    def advance(self, milliseconds: int) -> None:
        self._steady_clock.advance(milliseconds)


@pytest.mark.parametrize("first_ms", [_TEN_MINUTES_MS, -_TEN_MINUTES_MS], ids=["ahead first", "back first"])
def test_our_clock_jumping_back_and_forth_changes_no_candle(rig: Rig, first_ms: int) -> None:
    rig.clock = clock = JumpingClock(rig.clock)
    collector = collect(rig)
    keep_true_capture_times(collector)
    watermarks = []
    for set_by_ms in (0, first_ms, 0, -first_ms, 0):
        clock.set_by_ms = set_by_ms
        for _ in range(3):
            collector.cycle()
            watermarks.append(rig.watermark() or 0)
        assert collector.is_whole()
    assert watermarks == [watermarks[0] + number * MINUTE_MS for number in range(15)]
    assert (collector.said, collector.set_aside()) == ([], [])


def test_captures_are_named_by_our_clock_even_when_it_repeats_itself(rig: Rig) -> None:
    """Ten minutes lived twice: each object has a key of its own, and its exchange time goes on."""
    rig.clock = clock = JumpingClock(rig.clock)
    collector = collect(rig)
    keep_true_capture_times(collector)
    for _ in range(10):
        collector.cycle()
    clock.set_by_ms = -_TEN_MINUTES_MS
    for _ in range(10):
        collector.cycle()
    assert collector.is_whole()
    for kind in ("klines", "depth"):
        rows = [row for row in rig.objects(kind) if row.symbol == BTC.symbol]
        assert len(rows) >= 20
        assert len({row.object_key for row in rows}) == len(rows)
        by_landing = sorted(rows, key=lambda row: row.id)
        exchange_times = [row.exchange_time for row in by_landing]
        assert exchange_times == sorted(exchange_times)
        away = [row.captured_at - row.exchange_time for row in by_landing]
        assert all(abs(ms) < MINUTE_MS for ms in away[:10])
        assert all(abs(ms + _TEN_MINUTES_MS) < MINUTE_MS for ms in away[-10:])
