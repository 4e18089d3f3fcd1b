"""The warehouse is a function of the set of objects: not of their order, nor of who loads them how often."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import delete

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Lane, SeriesKey
from src.lake.local_store import LocalStore
from src.lake.minio_store import MinioStore
from src.lake.reading import ObjectReader
from src.lake.store import ObjectStore
from src.transform.manager import TransformManager, read_object
from src.warehouse.catalog import ObjectState, list_waiting
from src.warehouse.engine import open_warehouse
from src.warehouse.facts import KlineBatch
from src.warehouse.loading import load_slice
from src.warehouse.tables import (
    daily_klines,
    fact_klines,
    fact_klines_coarse,
    fact_orderbook,
    hourly_klines,
    lake_objects,
    series,
)
from tests.builders import (
    CAPTURED_MS,
    DAY_START_MS,
    Kline,
    LakeObject,
    Pipeline,
    StoredRow,
    as_kline,
    make_depth,
    make_kline,
    make_object,
    open_pipeline,
    random_kline,
    read_rollup,
    read_table,
    roll_up,
)

_FACTS = (fact_klines, fact_klines_coarse, fact_orderbook)
_ROLLUPS = (hourly_klines, daily_klines)
# Two hours before midnight, so that hours and days are both torn apart by the pieces.
_START_MS = DAY_START_MS + 22 * HOUR_MS
# Orders of chance, others for each pair of stores.
_ORDERS = {"sqlite and folder": range(12), "mysql and folder": range(12, 18), "mariadb and s3": range(18, 24)}
_ROUNDS = 3
_MOST_ROUNDS = 40


@dataclass(frozen=True)
class Stores:
    """An empty warehouse and a lake; *connect* gives the lake, in other processes as well."""

    name: str
    url: str
    connect: Callable[..., ObjectStore]
    arguments: tuple[Any, ...]

    def lake(self) -> ObjectStore:
        return self.connect(*self.arguments)


@pytest.fixture(params=["sqlite and folder", "mysql and folder", "mariadb and s3"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    engine, _, lake = request.param.split()
    url = f"sqlite:///{tmp_path}/warehouse.db"
    if engine != "sqlite":
        url = request.getfixturevalue(f"{engine}_url")
    if lake == "folder":
        return Stores(request.param, url, LocalStore, (tmp_path / "data_lake",))
    server = request.getfixturevalue("s3_server")
    names = [f"test-{uuid.uuid4().hex[:12]}-{bucket}" for bucket in ("raw", "archive")]
    keys = (server.access_key, server.secret_key)
    return Stores(request.param, url, MinioStore, (server.endpoint, *keys, *names))


@pytest.fixture
def pipeline(stores: Stores) -> Iterator[Pipeline]:
    with open_pipeline(stores.url, stores.lake()) as opened:
        yield opened


def fixed_set() -> list[LakeObject]:
    """Make objects that overlap, amend and repeat each other, and some that end with a forming candle."""
    random = Random(2)
    captures = iter(random.sample(range(CAPTURED_MS, CAPTURED_MS + 100_000), 40))
    objects = [_some_minutes(random, "BTCUSDT", next(captures)) for _ in range(14)]
    objects += [_some_minutes(random, "ETHUSDT", next(captures)) for _ in range(4)]
    objects.append(make_object("BTCUSDT", objects[0].klines, next(captures)))  # the same once more
    objects.append(make_object("BTCUSDT", objects[1].klines[3:9], next(captures)))
    objects += [_forming_last(random, minute) for minute in (7, 8, 120)]
    for interval in (Interval.M5, Interval.H1, Interval.MO1):
        objects += [_coarser(random, interval, next(captures)) for _ in range(3)]
    objects += [make_depth("BTCUSDT", [("9.5", "1")], [("10.5", str(n))], next(captures)) for n in (1, 2)]
    return objects


def _some_minutes(random: Random, symbol: str, captured_at_ms: int) -> LakeObject:
    """Make up to 90 minutes somewhere in four hours, here and there one missing."""
    first = random.randrange(200)
    minutes = [minute for minute in range(first, first + random.randint(1, 90)) if random.random() < 0.9]
    klines = [random_kline(random, _START_MS + minute * MINUTE_MS) for minute in minutes or [first]]
    return make_object(symbol, klines, captured_at_ms)


def _forming_last(random: Random, minute: int) -> LakeObject:
    """Make minutes asked for while the last of them had half a minute to go: the only object so young."""
    opens = [_START_MS + (minute - ago) * MINUTE_MS for ago in (2, 1, 0)]
    return make_object("SOLUSDT", [random_kline(random, at) for at in opens], opens[-1] + 30_000)


def _coarser(random: Random, interval: Interval, captured_at_ms: int) -> LakeObject:
    first = interval.floor(_START_MS)
    return make_object("BTCUSDT", [random_kline(random, first, interval)], captured_at_ms, interval=interval)


def expected_facts(objects: Sequence[LakeObject]) -> dict[tuple[SeriesKey, int], tuple[Kline, str]]:
    """Return by series and open_time the closed candle that was captured last, and its object's key."""
    newest: dict[tuple[SeriesKey, int], tuple[Kline, str]] = {}
    for one in sorted(objects, key=lambda one: (one.key.timestamp_ms, one.key.text)):
        for kline in one.closed:
            of = SeriesKey(one.key.exchange, one.key.symbol, one.key.interval or Interval.M1)
            newest[of, kline.open_time] = (kline, one.key.text)
    return newest


def stored_facts(pipeline: Pipeline) -> dict[tuple[SeriesKey, int], tuple[Kline, str]]:
    rows = [row for table in _FACTS[:2] for row in read_table(pipeline.warehouse, table)]
    return {(_series_of(row), row["open_time"]): (as_kline(row), row["object_key"]) for row in rows}


def _series_of(row: StoredRow) -> SeriesKey:
    return SeriesKey(row["exchange"], row["symbol"], Interval(row["interval_code"]))


def everything(pipeline: Pipeline) -> dict[str, list[StoredRow]]:
    """Return all that must not depend on how it was loaded."""
    found = {table.name: read_table(pipeline.warehouse, table) for table in (*_FACTS, *_ROLLUPS)}
    held = ("exchange", "symbol", "interval_code", "record_count", "first_open_time", "last_open_time")
    found["series"] = sorted(
        ({name: row[name] for name in held} for row in read_table(pipeline.warehouse, series)), key=str
    )
    return found


def forget_all(pipeline: Pipeline) -> None:
    """Empty the warehouse; the lake stays."""
    with pipeline.warehouse.write() as connection:
        for table in (*_FACTS, *_ROLLUPS, lake_objects, series):
            connection.execute(delete(table))


def load_in_pieces(pipeline: Pipeline, objects: Sequence[LakeObject], random: Random) -> None:
    """Catalogue the objects in an order of chance, a few at a time, each time loading all that waits."""
    left = random.sample(objects, len(objects))
    while left:
        size = random.randint(2, 12)
        piece, left = left[:size], left[size:]
        pipeline.catalog(piece, random.choice(list(Lane)))
        pipeline.load(slice_objects=random.randint(1, 8), slice_bytes=random.choice([5_000, 8_000_000]))


def test_order_of_loading_changes_nothing(pipeline: Pipeline, stores: Stores) -> None:
    objects = fixed_set()
    pipeline.put(objects)
    pipeline.catalog(objects)
    pipeline.load()
    expected = everything(pipeline)
    for seed in _ORDERS[stores.name]:
        forget_all(pipeline)
        load_in_pieces(pipeline, objects, Random(seed))
        assert everything(pipeline) == expected, f"order {seed}"


def test_newest_capture_of_each_closed_candle_is_kept_and_rolled_up(pipeline: Pipeline) -> None:
    objects = fixed_set()
    pipeline.put(objects)
    load_in_pieces(pipeline, objects, Random(99))
    expected = expected_facts(objects)
    assert stored_facts(pipeline) == expected
    for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT"):
        of = SeriesKey("binance", symbol, Interval.M1)
        minutes = [kline for (series_key, _), (kline, _) in expected.items() if series_key == of]
        assert read_rollup(pipeline.warehouse, hourly_klines, symbol) == roll_up(minutes, HOUR_MS)
        assert read_rollup(pipeline.warehouse, daily_klines, symbol) == roll_up(minutes, DAY_MS)


def test_forming_candle_is_never_stored(pipeline: Pipeline) -> None:
    minute = make_kline(_START_MS)
    forming = make_kline(_START_MS + MINUTE_MS, close_price="99.00000000")
    final = forming._replace(close_price="101.00000000")
    end_ms = Interval.M1.next(forming.open_time)
    # Captured late by our clock, which is fast; the exchange's time when asked is what counts.
    pipeline.land(make_object("BTCUSDT", [minute, forming], end_ms + 5_000, exchange_time_ms=end_ms - 1))
    pipeline.load()
    assert [as_kline(row) for row in read_table(pipeline.warehouse, fact_klines)] == [minute]
    pipeline.land(make_object("BTCUSDT", [final], end_ms + 6_000, exchange_time_ms=end_ms))
    pipeline.load()
    assert [as_kline(row) for row in read_table(pipeline.warehouse, fact_klines)] == [minute, final]


def test_what_all_threads_have_made_new_is_told_once(pipeline: Pipeline) -> None:
    pipeline.land(*[one for one in fixed_set() if one.klines])
    manager = TransformManager(pipeline.warehouse, pipeline.lake, pipeline.clock)
    loaded = manager.load_waiting().loaded
    assert loaded.inserted > 0
    assert [manager.take_inserted(), manager.take_inserted()] == [loaded.inserted, 0]


def test_loading_candles_again_changes_nothing(pipeline: Pipeline) -> None:
    objects = [one for one in fixed_set() if one.klines]
    pipeline.land(*objects)
    first = pipeline.load().loaded
    expected = everything(pipeline)
    with pipeline.warehouse.write() as connection:
        connection.execute(lake_objects.update().values(state=ObjectState.LANDED))
    report = pipeline.load(slice_objects=5)
    assert (report.loaded.objects, report.loaded.inserted, report.loaded.replaced) == (len(objects), 0, 0)
    assert report.loaded.unchanged == first.inserted + first.replaced + first.unchanged
    assert everything(pipeline) == expected


# Keys of one series differ in their timestamps, so that two objects never share a capture on the way through
# the lake. Were a clock or another key to change that, the keys still decide.
@pytest.mark.parametrize(
    "slices",
    [[[0], [1], [2]], [[2], [1], [0]], [[1], [2], [0]], [[2, 0, 1]], [[2, 0], [1]], [[1], [2, 0]]],
    ids=str,
)
def test_equal_captures_are_decided_by_the_greater_key(pipeline: Pipeline, slices: list[list[int]]) -> None:
    landed = [
        make_object("BTCUSDT", [make_kline(_START_MS, trade_count=n)], CAPTURED_MS + n) for n in range(3)
    ]
    pipeline.land(*[landed[n] for n in (1, 2, 0)])  # ids that are in another order than the keys
    batches = [replace(batch, captured_at_ms=CAPTURED_MS) for batch in waiting_batches(pipeline)]
    for numbers in slices:
        load_slice(pipeline.warehouse, [batches[n] for n in numbers], [])
    (stored,) = read_table(pipeline.warehouse, fact_klines)
    assert (stored["trade_count"], stored["object_key"]) == (2, landed[2].key.text)


def waiting_batches(pipeline: Pipeline) -> list[KlineBatch]:
    """Read and parse what waits, oldest capture first."""
    with pipeline.warehouse.read() as connection:
        rows = list_waiting(connection, Lane.LIVE, 100)
    batches = [read_object(ObjectReader(pipeline.lake), row) for row in rows]
    return [batch for batch in batches if isinstance(batch, KlineBatch)]


_together: Barrier


def _join(barrier: Barrier) -> None:
    """Take the barrier along into a process that starts."""
    global _together  # noqa: PLW0603 - a pool's processes have no other place to keep it
    _together = barrier


def _load_as_second(stores: Stores, slice_objects: int) -> int:
    """Load what waits, beginning at the same moment as the other process; return the objects loaded."""
    warehouse = open_warehouse(stores.url)
    lake = stores.lake()
    _together.wait(30)
    report = Pipeline(warehouse, lake).load(slice_objects=slice_objects)
    warehouse.close()
    assert not report.quarantined
    return report.loaded.objects


def test_two_processes_at_once_change_nothing(stores: Stores, pipeline: Pipeline) -> None:
    objects = fixed_set()
    pipeline.put(objects)
    load_in_pieces(pipeline, objects, Random(7))
    expected = everything(pipeline)
    context = get_context("spawn")
    shared: list[tuple[int, ...]] = []
    with ProcessPoolExecutor(2, context, _join, (context.Barrier(2),)) as processes:
        # Who is served is the database's choice, and SQLite's lock is not a queue: rounds go on until each
        # had some of the work, or this would prove nothing.
        while len(shared) < _ROUNDS or not all(map(any, zip(*shared, strict=True))):
            assert len(shared) < _MOST_ROUNDS, f"one of them had nothing to do: {shared}"
            random = Random(len(shared))
            forget_all(pipeline)
            pipeline.catalog(random.sample(objects, len(objects)))
            sizes = random.sample([1, 2, 3, 5], 2)
            shared.append(tuple(processes.map(_load_as_second, [stores, stores], sizes)))
            assert everything(pipeline) == expected, f"round {len(shared)}, slices of {sizes}"
    assert {sum(counts) for counts in shared} == {len(objects)}


def test_two_halves_of_an_hour_loaded_at_once_make_a_whole_one(pipeline: Pipeline) -> None:
    minutes = [make_kline(DAY_START_MS + n * MINUTE_MS) for n in range(12 * 60)]
    halves = [make_object("BTCUSDT", minutes[n : n + 30], CAPTURED_MS + n) for n in range(0, 12 * 60, 30)]
    pipeline.land(*halves)
    batches = waiting_batches(pipeline)
    barrier = threading.Barrier(2)

    def load_every_second(first: int) -> None:
        for batch in batches[first::2]:
            barrier.wait(30)
            load_slice(pipeline.warehouse, [batch], [])

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(load_every_second, range(2)))
    assert read_rollup(pipeline.warehouse, hourly_klines, "BTCUSDT") == roll_up(minutes, HOUR_MS)
    assert read_rollup(pipeline.warehouse, daily_klines, "BTCUSDT") == roll_up(minutes, DAY_MS)
