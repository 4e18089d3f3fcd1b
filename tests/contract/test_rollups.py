"""A rollup equals the aggregate of its minutes, however they came; a sealed one outlives them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval
from src.warehouse.tables import daily_klines, fact_klines, hourly_klines
from tests.builders import (
    CAPTURED_MS,
    DAY_START_MS,
    Kline,
    LakeObject,
    Pipeline,
    StoredRow,
    make_kline,
    make_object,
    random_kline,
    read_rollup,
    read_table,
    roll_up,
)

_SEALED_MS = CAPTURED_MS - DAY_MS
# Two hours before a midnight.
_EVENING_MS = DAY_START_MS + 22 * HOUR_MS


@pytest.fixture
def pipeline(emptied_pipeline: Pipeline) -> Pipeline:
    return emptied_pipeline


def rollups(pipeline: Pipeline, symbol: str = "BTCUSDT") -> tuple[dict[int, StoredRow], dict[int, StoredRow]]:
    """Return the hours and the days that are stored."""
    hours = read_rollup(pipeline.warehouse, hourly_klines, symbol)
    return hours, read_rollup(pipeline.warehouse, daily_klines, symbol)


def rolled_up(klines: Sequence[Kline]) -> tuple[dict[int, StoredRow], dict[int, StoredRow]]:
    """Return the hours and the days of these minutes, computed one by one."""
    return roll_up(klines, HOUR_MS), roll_up(klines, DAY_MS)


class Captures:
    """Makes objects of random minutes, each captured after the one before, and keeps the newest candles."""

    def __init__(self, symbol: str, seed: int) -> None:
        self.symbol = symbol
        self.newest: dict[int, Kline] = {}
        self._random = Random(seed)
        self._made = 0

    def take(self, minutes: Sequence[int], start_ms: int = _EVENING_MS) -> LakeObject:
        klines = [random_kline(self._random, start_ms + minute * MINUTE_MS) for minute in sorted(minutes)]
        self.newest |= {kline.open_time: kline for kline in klines}
        self._made += 1
        return make_object(self.symbol, klines, CAPTURED_MS + self._made)

    @property
    def klines(self) -> list[Kline]:
        return list(self.newest.values())


_PIECES = st.lists(st.sets(st.integers(0, 239), min_size=1, max_size=60), min_size=1, max_size=6)
_examples: Iterator[int] = iter(range(10**6))


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each example has a symbol of its own
)
@given(pieces=_PIECES, slice_objects=st.integers(1, 3), random=st.randoms(use_true_random=False))
def test_any_minutes_in_any_pieces_make_the_rollup_of_what_is_held(
    pipeline: Pipeline, pieces: list[set[int]], slice_objects: int, random: Random
) -> None:
    captures = Captures(f"SYM{next(_examples)}", len(pieces))
    objects = [captures.take(list(minutes)) for minutes in pieces]
    random.shuffle(objects)
    half = random.randint(0, len(objects))
    for some in (objects[:half], objects[half:]):
        pipeline.land(*some)
        pipeline.load(slice_objects=slice_objects)
    assert rollups(pipeline, captures.symbol) == rolled_up(captures.klines)


def test_rollup_follows_after_every_piece(pipeline: Pipeline) -> None:
    captures, random = Captures("BTCUSDT", 1), Random(1)
    minutes = random.sample(range(240), 240)
    for first in range(0, 240, 40):
        pipeline.land(captures.take(minutes[first : first + 40]))
        pipeline.load()
        assert rollups(pipeline) == rolled_up(captures.klines)
    assert [hour["candle_count"] for hour in rollups(pipeline)[0].values()] == [60] * 4


def test_amended_minute_is_seen_in_hour_and_day(pipeline: Pipeline) -> None:
    captures = Captures("BTCUSDT", 3)
    pipeline.land(captures.take(range(120)))
    pipeline.load()
    pipeline.land(captures.take([17]))
    pipeline.load()
    assert rollups(pipeline) == rolled_up(captures.klines)


def test_candles_without_trades_count_as_candles(pipeline: Pipeline) -> None:
    nought = "0.00000000"
    klines = [
        make_kline(_EVENING_MS + n * MINUTE_MS, trade_count=0, volume=nought, quote_volume=nought)
        for n in range(3)
    ]
    pipeline.land(make_object("BTCUSDT", klines))
    pipeline.load()
    (hour,) = rollups(pipeline)[0].values()
    assert (hour["candle_count"], hour["trade_count"], hour["volume"]) == (3, 0, nought)


class Sealed:
    """A day of full hours, sealed, whose minutes have aged out."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.captures = Captures("BTCUSDT", 4)
        pipeline.land(self.captures.take(range(1440), DAY_START_MS))
        pipeline.load()
        self.before = rollups(pipeline)
        _mark(pipeline, sealed_at=_SEALED_MS)
        with pipeline.warehouse.write() as connection:
            connection.execute(delete(fact_klines))


def _mark(pipeline: Pipeline, **values: Any) -> None:
    """Overwrite columns of all rollups, by SQL."""
    with pipeline.warehouse.write() as connection:
        for table in (hourly_klines, daily_klines):
            connection.execute(table.update().values(**values))


def _is_all_sealed(pipeline: Pipeline) -> bool:
    rows = [row for table in (hourly_klines, daily_klines) for row in read_table(pipeline.warehouse, table)]
    return {row["sealed_at"] for row in rows} == {_SEALED_MS}


@pytest.mark.parametrize("minutes", [range(10, 50), range(59), range(30, 90)])
def test_part_of_the_minutes_does_not_change_what_is_sealed(pipeline: Pipeline, minutes: range) -> None:
    sealed = Sealed(pipeline)
    pipeline.land(sealed.captures.take(minutes, DAY_START_MS))
    pipeline.load()
    assert len(read_table(pipeline.warehouse, fact_klines)) == len(minutes)
    assert rollups(pipeline) == sealed.before
    assert _is_all_sealed(pipeline)


def test_all_minutes_of_a_sealed_hour_change_it_and_its_day(pipeline: Pipeline) -> None:
    sealed = Sealed(pipeline)
    pipeline.land(sealed.captures.take(range(60, 120), DAY_START_MS))
    pipeline.load()
    # Minutes of other hours are gone, yet their hours stand, so that the day is whole as well.
    assert rollups(pipeline) == rolled_up(sealed.captures.klines)
    assert rollups(pipeline) != sealed.before
    assert _is_all_sealed(pipeline)


def test_sealed_hour_changes_once_the_last_of_its_minutes_is_back(pipeline: Pipeline) -> None:
    sealed = Sealed(pipeline)
    for minutes in (range(30), range(31, 60)):
        pipeline.land(sealed.captures.take(minutes, DAY_START_MS))
        pipeline.load()
        assert rollups(pipeline) == sealed.before
    pipeline.land(sealed.captures.take([30], DAY_START_MS))
    pipeline.load()
    assert rollups(pipeline) == rolled_up(sealed.captures.klines)


def test_open_day_takes_its_sealed_hours_as_they_are(pipeline: Pipeline) -> None:
    sealed = Sealed(pipeline)
    with pipeline.warehouse.write() as connection:
        connection.execute(daily_klines.update().values(sealed_at=None))
        second_hour = hourly_klines.c.hour_start == DAY_START_MS + HOUR_MS
        connection.execute(hourly_klines.update().where(second_hour).values(sealed_at=None))
    remnant = sealed.captures.take(range(20), DAY_START_MS)
    amended = sealed.captures.take(range(60, 120), DAY_START_MS)
    pipeline.land(remnant, amended)
    pipeline.load()
    hours, days = rollups(pipeline)
    assert hours == sealed.before[0] | roll_up(amended.klines, HOUR_MS)
    assert days[DAY_START_MS]["candle_count"] == 1440
    assert days[DAY_START_MS]["trade_count"] == sum(hour["trade_count"] for hour in hours.values())


def test_only_the_buckets_of_what_was_loaded_are_computed_again(pipeline: Pipeline) -> None:
    for number, symbol in enumerate(("BTCUSDT", "ETHUSDT")):
        pipeline.land(Captures(symbol, number).take(range(240)))
    kraken = Captures("BTCUSDT", 7).take(range(240)).klines
    pipeline.land(make_object("BTCUSDT", kraken, exchange="kraken"))
    pipeline.load()
    _mark(pipeline, trade_count=-1)  # what is computed again loses the mark
    pipeline.land(make_object("BTCUSDT", [make_kline(_EVENING_MS + 61 * MINUTE_MS)], CAPTURED_MS + 99))
    pipeline.load()
    hours = [row for row in read_table(pipeline.warehouse, hourly_klines) if row["trade_count"] != -1]
    days = [row for row in read_table(pipeline.warehouse, daily_klines) if row["trade_count"] != -1]
    assert [(row["exchange"], row["symbol"], row["hour_start"]) for row in hours] == [
        ("binance", "BTCUSDT", _EVENING_MS + HOUR_MS)
    ]
    assert [(row["exchange"], row["symbol"], row["date"]) for row in days] == [
        ("binance", "BTCUSDT", date(2026, 1, 9))
    ]


def test_candles_that_lose_compute_nothing_again(pipeline: Pipeline) -> None:
    captures = Captures("BTCUSDT", 5)
    older, newer = captures.take(range(60)), captures.take(range(60))
    pipeline.land(newer)
    pipeline.load()
    _mark(pipeline, trade_count=-1)
    pipeline.land(older)
    pipeline.load()
    (hour,) = rollups(pipeline)[0].values()
    assert hour["trade_count"] == -1


@pytest.mark.parametrize("interval", [Interval.M30, Interval.H1])
def test_other_intervals_are_not_rolled_up_and_not_counted(pipeline: Pipeline, interval: Interval) -> None:
    other = random_kline(Random(6), DAY_START_MS, interval)
    pipeline.land(make_object("BTCUSDT", [other], interval=interval))
    pipeline.load()
    assert rollups(pipeline) == ({}, {})
    captures = Captures("BTCUSDT", 6)
    pipeline.land(captures.take(range(5), DAY_START_MS))
    pipeline.load()
    assert rollups(pipeline) == rolled_up(captures.klines)
