"""Promise 5: no order of loading, late and partial backfill, ageing and replay leaves a rollup that is wrong.

A machine plays it all, in any order, on SQLite; after each step what is stored is compared with what a few
lines of Python say. ``SEALING_EXAMPLES`` in the environment asks for more games than the few of a usual run.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select

from src.clock import ManualClock
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, SeriesKey, Window
from src.lake.local_store import LocalStore
from src.lake.store import Bucket
from src.maintenance.gaps import detect_gaps
from src.maintenance.replay import Replayer
from src.maintenance.retention import Retention
from src.maintenance.series_days import each_day, list_reaches
from src.warehouse.accounting import list_closed
from src.warehouse.aged import list_aged
from src.warehouse.coverage import recount
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.gaps import Evidence, GapRow, GapState, GapWrites, write_gaps
from src.warehouse.schema import migrate
from src.warehouse.sealing import seal_days
from src.warehouse.series import SeriesRow, ensure_series, list_series
from src.warehouse.symbols import Lifetime
from src.warehouse.tables import daily_klines, fact_klines, hourly_klines, lake_objects, series
from src.window_sets import intersect, subtract
from tests.builders import (
    CAPTURED_MS,
    DAY_START_MS,
    Kline,
    Pipeline,
    StoredRow,
    as_kline,
    day_start_ms,
    make_object,
    random_kline,
    read_rollup,
    read_table,
    roll_up,
)

KEY = SeriesKey("binance", "BTCUSDT", Interval.M1)
DAYS = 2
EXAMPLES = int(os.environ.get("SEALING_EXAMPLES", "12"))
# The exchange trades for two hours a day; half an hour of the first, and the third hour, were an outage.
MARKET_MS = (9 * HOUR_MS, 12 * HOUR_MS)
OUTAGES = [
    Window(DAY_START_MS + 10 * HOUR_MS + 20 * MINUTE_MS, DAY_START_MS + 10 * HOUR_MS + 50 * MINUTE_MS),
    Window(DAY_START_MS + 11 * HOUR_MS, DAY_START_MS + 12 * HOUR_MS),
]
Rollups = dict[int, StoredRow]


def opens_of(windows: Iterable[Window]) -> list[int]:
    return [at for window in windows for at in range(window.start_ms, window.end_ms, MINUTE_MS)]


ALL = Window(DAY_START_MS, DAY_START_MS + DAYS * DAY_MS)
MARKET = [
    Window(DAY_START_MS + day * DAY_MS + MARKET_MS[0], DAY_START_MS + day * DAY_MS + MARKET_MS[1])
    for day in range(DAYS)
]
MINUTES = opens_of(MARKET)


class Sealing(RuleBasedStateMachine):
    """One series, whose candles come, go, and come back."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="candlehouse-sealing-"))
        lake = LocalStore(self.folder / "lake")
        lake.ensure_buckets()
        warehouse = open_warehouse(f"sqlite:///{_copy_of_empty(self.folder)}")
        self.pipeline = Pipeline(warehouse, lake, ManualClock(ALL.end_ms + 10 * DAY_MS))
        self.captures = count(CAPTURED_MS)
        # What each bucket may be once it is sealed: what its minutes gave whenever they were complete.
        self.complete: dict[int, list[StoredRow]] = {}
        self.complete_days: dict[int, list[StoredRow]] = {}
        self.loaded: set[int] = set()

    def teardown(self) -> None:
        self.pipeline.warehouse.close()
        shutil.rmtree(self.folder)

    @property
    def warehouse(self) -> Warehouse:
        return self.pipeline.warehouse

    @property
    def row(self) -> SeriesRow:
        with self.warehouse.read() as connection:
            [row] = list_series(connection, tracked_only=False)
        return row

    @initialize()
    def begin(self) -> None:
        """Want both days; know what the exchange does not have."""
        with self.warehouse.write() as connection:
            ensure_series(connection, [KEY], tracked=True)
            connection.execute(series.update().values(wanted_from=ALL.start_ms))
        answers = [make_object(KEY.symbol, [], CAPTURED_MS + n) for n in (-2 * HOUR_MS, -HOUR_MS)]
        self.pipeline.land(*answers)
        self.evidence = {one.key.text: one.key.timestamp_ms for one in answers}
        rows = [self._closed(window) for window in (*subtract([ALL], MARKET), *OUTAGES)]
        self.warehouse.run(lambda connection: write_gaps(connection, GapWrites(added=rows)))

    def _closed(self, window: Window) -> GapRow:
        """Return a gap of which the exchange said twice that it has nothing there."""
        told = tuple(Evidence(key, window, at) for key, at in self.evidence.items())
        return GapRow(0, self.row.id, window, 0, GapState.EMPTY_AT_EXCHANGE, evidence=told)

    @rule(seed=st.integers(0, 10**6), restored=st.booleans(), share=st.sampled_from([1, 1, 2, 60]))
    def load(self, seed: int, restored: bool, share: int) -> None:
        """Load some minutes: new, amended, or back again; those of the outage if they were *restored*."""
        random = Random(seed)
        gone = set() if restored else set(opens_of(OUTAGES))
        hours = random.sample(range(len(MINUTES) // 60), random.randint(1, 4))
        there = [at for n in hours for at in MINUTES[n * 60 : n * 60 + 60] if at not in gone]
        some = sorted(random.sample(there, max(1, len(there) // share))) if there else []
        self._load([random_kline(random, at) for at in some])

    @rule()
    def load_all_again(self) -> None:
        """Load everything that the exchange has without the outage: what a backfill brings."""
        gone = set(opens_of(OUTAGES))
        random = Random(len(self.loaded))
        self._load([random_kline(random, at) for at in MINUTES if at not in gone])

    def _load(self, klines: list[Kline]) -> None:
        if klines:
            self.pipeline.land(make_object(KEY.symbol, klines, next(self.captures)))
            self.pipeline.load()
            self.loaded |= {kline.open_time for kline in klines}

    @rule(day=st.integers(0, DAYS - 1))
    def seal(self, day: int) -> None:
        """Seal a day; its minutes stay for now."""
        window = Window(ALL.start_ms + day * DAY_MS, ALL.start_ms + (day + 1) * DAY_MS)
        self.warehouse.run(lambda connection: seal_days(connection, KEY, Lifetime(), window))

    @rule(days=st.integers(1, DAYS), stops_after=st.integers(1, 8))
    def age(self, days: int, stops_after: int) -> None:
        """Let the first days, or both, age out; retention may be stopped on its way."""
        keep_days = (self.pipeline.clock.now_ms() - ALL.start_ms) // DAY_MS - days
        answers = iter([False] * stops_after)
        retention = Retention(self.warehouse, self.pipeline.clock, keep_days=keep_days, keep_depth_days=0)
        retention.run(should_stop=lambda: next(answers, True))

    @rule(keep_days=st.sampled_from([0, 1, 365]))
    def look_for_gaps(self, keep_days: int) -> None:
        now_ms = self.pipeline.clock.now_ms()
        self.warehouse.run(lambda connection: detect_gaps(connection, now_ms, keep_days=keep_days))

    @rule()
    def replay(self) -> None:
        with self.warehouse.read() as connection:
            days = list(each_day(list_reaches(connection, [self.row])))
        Replayer(self.pipeline.lake, self.warehouse, self.pipeline.clock).replay(days)

    @rule(number=st.integers(0, 50))
    def lose_object(self, number: int) -> None:
        """Let clean-up delete an object, as it does long before minutes age."""
        with self.warehouse.write() as connection:
            is_loaded = (lake_objects.c.state == "loaded") & (lake_objects.c.captured_at >= CAPTURED_MS)
            keys = list(connection.scalars(select(lake_objects.c.object_key).where(is_loaded)))
            if not keys:
                return
            key = keys[number % len(keys)]
            is_it = lake_objects.c.object_key == key
            connection.execute(lake_objects.update().where(is_it).values(state="deleted"))
        self.pipeline.lake.delete(Bucket.RAW, key)

    @invariant()
    def rollups_are_right(self) -> None:
        facts = [as_kline(row) for row in read_table(self.warehouse, fact_klines)]
        held = {kline.open_time for kline in facts}
        self._check_hours(facts, held)
        self._check_days()
        with self.warehouse.read() as connection:
            if self.loaded:
                assert recount(connection, self.row) == []
        assert self.row.record_count == len(held)
        assert self.loaded <= held | set(opens_of(self._aged()))

    def _aged(self) -> list[Window]:
        with self.warehouse.read() as connection:
            return [each.window for each in list_aged(connection).get(self.row.id, [])]

    def _check_hours(self, facts: list[Kline], held: set[int]) -> None:
        stored, of_facts = read_rollup(self.warehouse, hourly_klines, KEY.symbol), roll_up(facts, HOUR_MS)
        sealed = self._sealed_hours()
        with self.warehouse.read() as connection:
            closed = list_closed(connection, self.row, ALL)
        accounted = held | (set(opens_of(intersect(MARKET, closed))) - set(opens_of(self._aged())))
        for hour, value in of_facts.items():
            minutes = set(range(hour, hour + HOUR_MS, MINUTE_MS))
            if minutes <= accounted or (hour in sealed and minutes & self.loaded <= held):
                self.complete.setdefault(hour, []).append(value)
                assert stored[hour] == value
        for hour, value in stored.items():
            assert value in (self.complete[hour] if hour in sealed else [of_facts[hour]])
        assert stored.keys() >= of_facts.keys()

    def _sealed_hours(self) -> set[int]:
        rows = read_table(self.warehouse, hourly_klines)
        return {row["hour_start"] for row in rows if row["sealed_at"] is not None}

    def _check_days(self) -> None:
        """Compare days with their hours: a sealed one changes only when no hour in it is open."""
        hours = read_rollup(self.warehouse, hourly_klines, KEY.symbol)
        stored = read_rollup(self.warehouse, daily_klines, KEY.symbol)
        sealed_hours = self._sealed_hours()
        rows = read_table(self.warehouse, daily_klines)
        sealed = {day_start_ms(row["date"]) for row in rows if row["sealed_at"] is not None}
        for day, value in stored.items():
            inside = {at: row for at, row in hours.items() if at - at % DAY_MS == day}
            whole = _sum_up(inside)
            is_open = any(at not in sealed_hours and row["candle_count"] < 60 for at, row in inside.items())
            if not is_open:
                self.complete_days.setdefault(day, []).append(whole)
            assert value in (self.complete_days[day] if day in sealed and is_open else [whole])


def _sum_up(hours: Rollups) -> StoredRow:
    """Return the day of these hours, by the rules for minutes."""
    klines = [
        Kline(
            open_time=at,
            close_time=at,
            **{name: value for name, value in row.items() if name != "candle_count"},
        )
        for at, row in hours.items()
    ]
    [day] = roll_up(klines, DAY_MS).values()
    return day | {"candle_count": sum(row["candle_count"] for row in hours.values())}


_empty: list[Path] = []


def _copy_of_empty(folder: Path) -> Path:
    """Return a warehouse without any rows: making one takes longer than a game."""
    if not _empty:
        file = Path(tempfile.mkdtemp(prefix="candlehouse-empty-")) / "warehouse.db"
        warehouse = open_warehouse(f"sqlite:///{file}")
        migrate(warehouse)
        warehouse.close()
        _empty.append(file)
    return Path(shutil.copy(_empty[0], folder / "warehouse.db"))


TestSealing = pytest.mark.timeout(60 + 10 * EXAMPLES)(Sealing.TestCase)
TestSealing.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=14, deadline=None, derandomize=EXAMPLES == 12, database=None
)
