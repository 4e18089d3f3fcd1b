"""Retention: what is old goes, cheaply, and what stays is what it was: rollups, ledgers, other series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import pytest

from src.clock import ManualClock
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, SeriesKey, Window
from src.lake.local_store import LocalStore
from src.maintenance.gaps import detect_gaps
from src.maintenance.replay import Replayer
from src.maintenance.retention import Retention
from src.maintenance.retention_plan import RetentionReport
from src.maintenance.series_days import each_day, list_reaches
from src.maintenance.verify import Verifier
from src.services.coverage import ROLLED_UP, Unwanted, read_coverage
from src.warehouse.aged import AgedRange, list_aged
from src.warehouse.coverage import recount
from src.warehouse.gaps import Evidence, GapRow, GapState, GapWrites, write_gaps
from src.warehouse.series import SeriesRow, list_series
from src.warehouse.tables import daily_klines, fact_klines, hourly_klines, series
from tests.builders import (
    CAPTURED_MS,
    Kline,
    Pipeline,
    StoredRow,
    make_object,
    open_pipeline,
    random_kline,
    read_rollup,
    read_table,
    roll_up,
)

# 2026-01-05T00:00Z, a Monday: the start of a partition.
MONDAY_MS = 1_767_571_200_000
SATURDAY_MS = MONDAY_MS + 5 * DAY_MS
BTC = SeriesKey("binance", "BTCUSDT", Interval.M1)


@pytest.fixture
def pipeline(emptied_pipeline: Pipeline) -> Pipeline:
    """Give a warehouse in which it is ten days after that Monday."""
    clock = ManualClock(MONDAY_MS + 10 * DAY_MS + HOUR_MS)
    return Pipeline(emptied_pipeline.warehouse, emptied_pipeline.lake, clock)


@pytest.fixture
def small_pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """Give the same in SQLite, for what the engine cannot matter to."""
    with open_pipeline(f"sqlite:///{tmp_path}/warehouse.db", LocalStore(tmp_path / "lake")) as opened:
        yield Pipeline(opened.warehouse, opened.lake, ManualClock(MONDAY_MS + 10 * DAY_MS + HOUR_MS))


class Loads:
    """Loads random candles and remembers them."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._random = Random(7)
        self._made = 0
        self.klines: dict[SeriesKey, dict[int, Kline]] = {}

    def load(self, key: SeriesKey, opens_ms: Sequence[int]) -> None:
        made = [random_kline(self._random, at, key.interval) for at in opens_ms]
        self.klines.setdefault(key, {}).update({one.open_time: one for one in made})
        self._made += 1
        captured_ms = CAPTURED_MS + self._made
        self._pipeline.land(make_object(key.symbol, made, captured_ms, interval=key.interval))
        self._pipeline.load()

    def of(self, key: SeriesKey) -> list[Kline]:
        return list(self.klines[key].values())


def minutes(first_day: int, days: int = 1, step: int = 1) -> list[int]:
    start_ms = MONDAY_MS + first_day * DAY_MS
    return [start_ms + n * MINUTE_MS for n in range(0, days * 1440, step)]


def row_of(pipeline: Pipeline, key: SeriesKey = BTC) -> SeriesRow:
    with pipeline.warehouse.read() as connection:
        return next(row for row in list_series(connection, tracked_only=False) if row.key == key)


def rollups(pipeline: Pipeline, symbol: str = "BTCUSDT") -> tuple[dict[int, StoredRow], dict[int, StoredRow]]:
    hours = read_rollup(pipeline.warehouse, hourly_klines, symbol)
    return hours, read_rollup(pipeline.warehouse, daily_klines, symbol)


def want(pipeline: Pipeline, from_ms: int = SATURDAY_MS) -> None:
    with pipeline.warehouse.write() as connection:
        connection.execute(series.update().values(wanted_from=from_ms, tracked=True))


def keep(pipeline: Pipeline, days: int, key: SeriesKey = BTC) -> None:
    with pipeline.warehouse.write() as connection:
        is_it = series.c.id == row_of(pipeline, key).id
        connection.execute(series.update().where(is_it).values(keep_days=days))


def retention(pipeline: Pipeline, keep_days: int = 3, keep_depth_days: int = 3) -> Retention:
    return Retention(pipeline.warehouse, pipeline.clock, keep_days=keep_days, keep_depth_days=keep_depth_days)


def age(pipeline: Pipeline, keep_days: int = 3) -> RetentionReport:
    return retention(pipeline, keep_days).run()


def assert_ledgers_agree(pipeline: Pipeline) -> None:
    with pipeline.warehouse.read() as connection:
        for row in list_series(connection, tracked_only=False):
            assert recount(connection, row) == []
            held = read_table(pipeline.warehouse, fact_klines, symbol=row.key.symbol)
            opens = [one["open_time"] for one in held if one["interval_code"] == row.key.interval.value]
            assert row.record_count == len(opens)
            assert (row.first_open_ms, row.last_open_ms) == (
                min(opens, default=None),
                max(opens, default=None),
            )


def aged(pipeline: Pipeline, key: SeriesKey = BTC) -> list[AgedRange]:
    with pipeline.warehouse.read() as connection:
        return list_aged(connection).get(row_of(pipeline, key).id, [])


def held_opens(pipeline: Pipeline, key: SeriesKey = BTC) -> list[int]:
    rows = read_table(pipeline.warehouse, fact_klines, symbol=key.symbol, interval_code=key.interval.value)
    return [row["open_time"] for row in rows]


def test_whole_days_go_and_their_rollups_stay(pipeline: Pipeline) -> None:
    loads = Loads(pipeline)
    loads.load(BTC, minutes(5, 3))
    want(pipeline)
    before = rollups(pipeline)
    planned, counted = retention(pipeline).plan(), list[int]()
    report = retention(pipeline).run(lambda _, rows: counted.append(rows))
    assert planned.rows == report.rows == 2 * 1440
    assert planned.work == sum(counted)
    assert (report.sealed_hours, report.sealed_days) == (2 * 24, 2)
    assert report.kept == []
    assert held_opens(pipeline) == minutes(7)
    assert rollups(pipeline) == before == (roll_up(loads.of(BTC), HOUR_MS), roll_up(loads.of(BTC), DAY_MS))
    gone = Window(SATURDAY_MS, SATURDAY_MS + 2 * DAY_MS)
    assert aged(pipeline) == [AgedRange(gone, 2 * 1440)]
    assert_ledgers_agree(pipeline)
    with pipeline.warehouse.write() as connection:
        connection.execute(series.update().values(wanted_from=gone.end_ms))
        [told] = read_coverage(connection, gone.end_ms + DAY_MS)
    assert Unwanted(gone, ROLLED_UP) in told.unwanted, "also where nobody ever wanted it"
    assert planned.partitions == report.partitions
    assert ("fact_klines.p_20260112" in report.partitions) == pipeline.warehouse.is_mysql
    again = age(pipeline)
    assert (again.rows, again.sealed_days) == (0, 0)


def test_day_with_an_unexplained_hole_stays_with_its_minutes_and_is_reported(pipeline: Pipeline) -> None:
    loads = Loads(pipeline)
    loads.load(BTC, [at for at in minutes(5, 3) if at not in minutes(6)[100:103]])
    want(pipeline)
    before = rollups(pipeline)
    report = age(pipeline)
    [kept] = report.kept
    day = Window(SATURDAY_MS + DAY_MS, SATURDAY_MS + 2 * DAY_MS)
    assert (kept.series, kept.window) == (BTC, day)
    assert kept.why.startswith("3 candles are missing, nobody knows why, from 2026-01-11T01:40:00.000Z on")
    assert report.rows == 1440
    assert held_opens(pipeline) == [at for at in (*minutes(6), *minutes(7)) if at not in minutes(6)[100:103]]
    assert rollups(pipeline) == before
    assert_ledgers_agree(pipeline)
    loads.load(BTC, minutes(6)[100:103])
    assert age(pipeline).kept == []
    assert held_opens(pipeline) == minutes(7)
    assert rollups(pipeline) == (roll_up(loads.of(BTC), HOUR_MS), roll_up(loads.of(BTC), DAY_MS))
    assert_ledgers_agree(pipeline)


def close_as_empty(pipeline: Pipeline, window: Window) -> None:
    """Have the exchange say that it has nothing there."""
    answers = [make_object("BTCUSDT", [], CAPTURED_MS + n) for n in (-2 * HOUR_MS, -HOUR_MS)]
    pipeline.land(*answers)
    told = tuple(Evidence(one.key.text, window, one.key.timestamp_ms) for one in answers)
    row = GapRow(0, row_of(pipeline).id, window, 0, GapState.EMPTY_AT_EXCHANGE, evidence=told)
    pipeline.warehouse.run(lambda connection: write_gaps(connection, GapWrites(added=[row])))


def test_hole_that_the_exchange_has_too_is_accounted_for_even_after_it_is_wanted_no_more(
    small_pipeline: Pipeline,
) -> None:
    loads = Loads(small_pipeline)
    hole = minutes(6)[100:180]
    loads.load(BTC, [at for at in minutes(5, 3) if at not in hole])
    want(small_pipeline)
    close_as_empty(small_pipeline, Window(hole[0], hole[-1] + MINUTE_MS))
    small_pipeline.warehouse.run(lambda c: detect_gaps(c, small_pipeline.clock.now_ms(), keep_days=3))
    before = rollups(small_pipeline)
    assert age(small_pipeline).kept == []
    assert held_opens(small_pipeline) == minutes(7)
    assert rollups(small_pipeline) == before
    assert [each.window.start_ms for each in aged(small_pipeline)] == [SATURDAY_MS, hole[-1] + MINUTE_MS]


def test_what_was_never_wanted_is_accounted_for(small_pipeline: Pipeline) -> None:
    loads = Loads(small_pipeline)
    begun = minutes(5, 3)[700:]
    loads.load(BTC, begun)
    want(small_pipeline, begun[0] - 1)
    report = age(small_pipeline)
    assert (report.kept, report.rows) == ([], len(begun) - 1440)
    assert rollups(small_pipeline) == (roll_up(loads.of(BTC), HOUR_MS), roll_up(loads.of(BTC), DAY_MS))


class AgedOut:
    """Two days of minutes that have aged out; the exchange had nothing for two hours of Sunday."""

    def __init__(self, small_pipeline: Pipeline) -> None:
        self.pipeline = small_pipeline
        self.loads = Loads(small_pipeline)
        self.sunday = minutes(6)
        self.hole = self.sunday[90:200]
        self.loads.load(BTC, [at for at in minutes(5, 3) if at not in self.hole])
        want(small_pipeline)
        close_as_empty(small_pipeline, Window(self.hole[0], self.hole[-1] + MINUTE_MS))
        assert age(small_pipeline).kept == []
        self.before = rollups(small_pipeline)

    def come_back(self, opens_ms: Sequence[int]) -> tuple[dict[int, StoredRow], dict[int, StoredRow]]:
        self.loads.load(BTC, opens_ms)
        assert_ledgers_agree(self.pipeline)
        return rollups(self.pipeline)

    def age_again(self) -> tuple[dict[int, StoredRow], dict[int, StoredRow]]:
        assert age(self.pipeline).kept == []
        assert held_opens(self.pipeline) == minutes(7)
        assert_ledgers_agree(self.pipeline)
        return rollups(self.pipeline)


def test_late_part_of_a_day_damages_nothing_and_ages_again(pipeline: Pipeline) -> None:
    one = AgedOut(pipeline)
    went = aged(pipeline)
    # As many candles as the hour had when it was sealed, and yet a remnant: some were there, some are new.
    for opens in (one.sunday[:59], one.sunday[70:100], one.sunday[210:230]):
        hours, _ = one.come_back(opens)
        assert {at: hours[at] for at in one.before[0]} == one.before[0]
    assert aged(pipeline) == went
    hours, _ = one.age_again()
    assert {at: hours[at] for at in one.before[0]} == one.before[0]


def test_hour_that_is_whole_again_is_computed_anew_with_its_day(pipeline: Pipeline) -> None:
    one = AgedOut(pipeline)
    truth = roll_up(one.loads.of(BTC), HOUR_MS)
    hours, days = one.come_back(one.sunday[:60])
    truth |= roll_up([one.loads.klines[BTC][at] for at in one.sunday[:60]], HOUR_MS)
    assert hours == truth != one.before[0]
    assert days == roll_up(one.loads.of(BTC), DAY_MS)
    assert one.age_again() == (hours, days)


def test_part_of_an_hour_that_was_empty_joins_its_day_when_the_rest_is_accounted_for(
    small_pipeline: Pipeline,
) -> None:
    one = AgedOut(small_pipeline)
    part = one.sunday[120:150]
    hours, days = one.come_back(part)
    # The hour is new and open; that its day is sealed keeps it out for now.
    assert (hours[part[0]]["candle_count"], days) == (30, one.before[1])
    aged_hours, aged_days = one.age_again()
    assert aged_hours == hours
    assert aged_days[one.sunday[0]]["candle_count"] == 1440 - 110 + 30


def test_outage_that_the_exchange_restores_after_all_joins_what_is_sealed(small_pipeline: Pipeline) -> None:
    one = AgedOut(small_pipeline)
    hours, days = one.come_back(one.hole)
    # Of the hours at its ends the other minutes are gone: these stand. That in the middle is whole, and new.
    middle = [one.loads.klines[BTC][at] for at in one.sunday[120:180]]
    assert hours == one.before[0] | roll_up(middle, HOUR_MS)
    assert days[one.sunday[0]]["candle_count"] == 1440 - 110 + 60
    assert one.age_again() == (hours, days)


def test_each_series_goes_by_its_own_age(pipeline: Pipeline) -> None:
    loads = Loads(pipeline)
    eth, sol, halves = (
        SeriesKey("binance", name, interval)
        for name, interval in (("ETHUSDT", Interval.M1), ("SOLUSDT", Interval.M1), ("BTCUSDT", Interval.M30))
    )
    hourly = SeriesKey("binance", "BTCUSDT", Interval.H1)
    for key in (BTC, eth, sol):
        loads.load(key, minutes(5, 3))
    loads.load(halves, minutes(5, 3, step=30))
    loads.load(hourly, minutes(5, 3, step=60))
    want(pipeline)
    keep(pipeline, 0, eth)
    keep(pipeline, 4, sol)
    before = {name: rollups(pipeline, name) for name in ("BTCUSDT", "ETHUSDT", "SOLUSDT")}
    planned, report = retention(pipeline).plan(), age(pipeline)
    assert planned.rows == report.rows == 2 * 1440 + 1440 + 2 * 48
    assert {one.series: one.rows for one in planned.series}[sol] == 1440
    assert (held_opens(pipeline), held_opens(pipeline, eth)) == (minutes(7), minutes(5, 3))
    assert (held_opens(pipeline, sol), held_opens(pipeline, halves)) == (minutes(6, 2), minutes(7, 1, 30))
    assert row_of(pipeline, hourly).record_count == 3 * 24
    assert {name: rollups(pipeline, name) for name in before} == before
    assert aged(pipeline, halves) == [AgedRange(Window(SATURDAY_MS, SATURDAY_MS + 2 * DAY_MS), 2 * 48)]


def test_series_that_is_to_be_kept_from_now_on_is_left_alone(small_pipeline: Pipeline) -> None:
    loads = Loads(small_pipeline)
    loads.load(BTC, minutes(5, 3))
    want(small_pipeline)

    def keep_once_sealed(what: str, _rows: int) -> None:
        keep(small_pipeline, 0)

    report = retention(small_pipeline).run(keep_once_sealed)
    assert report.sealed_days > 0
    assert held_opens(small_pipeline) == minutes(5, 3)
    assert_ledgers_agree(small_pipeline)


def test_what_has_aged_out_is_no_difference_to_verify_nor_taken_back_by_replay(
    small_pipeline: Pipeline,
) -> None:
    halves = SeriesKey("binance", "BTCUSDT", Interval.M30)
    loads = Loads(small_pipeline)
    loads.load(halves, minutes(5, 3, step=30))
    want(small_pipeline)
    assert age(small_pipeline).rows == 2 * 48
    with small_pipeline.warehouse.read() as connection:
        days = list(each_day(list_reaches(connection, [row_of(small_pipeline, halves)])))
    report = Verifier(small_pipeline.lake, small_pipeline.warehouse, small_pipeline.clock).verify(days)
    assert report.findings == []
    Replayer(small_pipeline.lake, small_pipeline.warehouse, small_pipeline.clock).replay(days)
    assert held_opens(small_pipeline, halves) == minutes(7, 1, 30)
