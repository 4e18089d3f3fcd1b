"""The catalog: one row per object, what waits found in the right order, and each object loaded once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Row, event, func, select

from src.clock import SystemClock
from src.domain import DAY_MS, DataType, Interval, Lane
from src.errors import WarehouseUnavailable
from src.lake.local_store import LocalStore
from src.transform.manager import TransformManager
from src.warehouse import catalog
from src.warehouse.ageing_tables import lake_packs
from src.warehouse.bulk import BulkLoadError
from src.warehouse.catalog import CatalogRow, LoadedCount, NewObject, ObjectState
from src.warehouse.columns import metadata
from src.warehouse.engine import Warehouse, open_warehouse, sqlite_url
from src.warehouse.facts import DepthBatch, KlineBatch
from src.warehouse.loading import LoadResult, load_slice
from src.warehouse.schema import migrate
from src.warehouse.tables import lake_objects
from tests.builders import CAPTURED_MS, DAY_START_MS, Pipeline, make_kline, make_object

FIRST_OPEN_MS = CAPTURED_MS - DAY_MS


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Warehouse]:
    opened = open_warehouse(warehouse_url)
    metadata.create_all(opened.engine, tables=[lake_objects, lake_packs])
    yield opened
    opened.close()


@pytest.fixture
def whole_warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """Give a warehouse that can load; what a slice takes is decided in Python, so one engine will do."""
    opened = open_warehouse(sqlite_url(tmp_path / "warehouse.db"))
    migrate(opened)
    yield opened
    opened.close()


def make_landed(
    captured_at_ms: int = CAPTURED_MS, *, lane: Lane = Lane.LIVE, run_id: int | None = None
) -> NewObject:
    return NewObject(
        key=f"2026-01-09/BTCUSDT_klines_{captured_at_ms}.json",
        exchange="binance",
        symbol="BTCUSDT",
        data_type=DataType.KLINES,
        interval=Interval.M1,
        captured_at_ms=captured_at_ms,
        exchange_time_ms=captured_at_ms - 5,
        size_bytes=4_321,
        sha256="ab" * 32,
        lane=lane,
        first_open_ms=FIRST_OPEN_MS,
        last_open_ms=FIRST_OPEN_MS + 60_000,
        record_count=2,
        run_id=run_id,
    )


def record(warehouse: Warehouse, *objects: NewObject) -> None:
    for one in objects:
        warehouse.run(lambda connection, one=one: catalog.record_landed(connection, one))  # type: ignore[misc]


def waiting(warehouse: Warehouse, lane: Lane = Lane.LIVE, limit: int = 100) -> list[CatalogRow]:
    with warehouse.read() as connection:
        return catalog.list_waiting(connection, lane, limit)


def stored(warehouse: Warehouse) -> list[Row[tuple[object, ...]]]:
    with warehouse.read() as connection:
        return list(connection.execute(select(lake_objects).order_by(lake_objects.c.id)))


# --- recording ---


def test_landed_object_is_kept_as_it_was_told(warehouse: Warehouse) -> None:
    landed = make_landed()
    record(warehouse, landed)
    [row] = stored(warehouse)
    assert (row.object_key, row.bucket, row.state, row.lane) == (landed.key, "raw", "landed", "live")
    assert (row.exchange, row.symbol, row.data_type, row.interval_code) == (
        "binance",
        "BTCUSDT",
        "klines",
        "1m",
    )
    assert (row.captured_at, row.exchange_time) == (CAPTURED_MS, CAPTURED_MS - 5)
    assert (row.first_open_time, row.last_open_time) == (FIRST_OPEN_MS, FIRST_OPEN_MS + 60_000)
    assert (row.record_count, row.size_bytes, row.sha256) == (2, 4_321, "ab" * 32)
    assert row.run_id is None
    assert row.loaded_at is None
    assert row.error is None


def test_depth_has_no_interval_and_no_open_times(warehouse: Warehouse) -> None:
    depth = replace(
        make_landed(),
        data_type=DataType.DEPTH,
        interval=None,
        first_open_ms=None,
        last_open_ms=None,
        record_count=None,
    )
    record(warehouse, depth)
    [row] = stored(warehouse)
    assert (row.data_type, row.interval_code) == ("depth", "")
    assert (row.first_open_time, row.last_open_time, row.record_count) == (None, None, None)


def test_object_recorded_again_keeps_its_row_and_state(warehouse: Warehouse) -> None:
    record(warehouse, make_landed())
    [before] = stored(warehouse)
    warehouse.run(lambda connection: catalog.mark_loaded(connection, [before.id]))
    record(warehouse, replace(make_landed(), lane=Lane.HISTORY, record_count=None, size_bytes=1))
    [after] = stored(warehouse)
    assert (after.id, after.state, after.lane, after.record_count, after.size_bytes) == (
        before.id,
        "loaded",
        "live",
        2,
        4_321,
    )


def test_object_recorded_by_many_at_once_has_one_row(warehouse: Warehouse) -> None:
    start = threading.Barrier(8)

    def tell(_: int) -> None:
        start.wait(20)
        record(warehouse, make_landed())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tell, range(8)))
    assert len(stored(warehouse)) == 1


def test_keys_that_differ_in_case_alone_are_two_objects(warehouse: Warehouse) -> None:
    minute, month = make_landed(), make_landed()
    keys = ["2026-01-09/A_klines-1M_1.json", "2026-01-09/A_klines-1m_1.json"]
    record(warehouse, replace(minute, key=keys[0]), replace(month, key=keys[1]))
    with warehouse.read() as connection:
        assert catalog.list_known(connection, [*keys, "2026-01-09/B_klines_1.json"]) == set(keys)


# --- finding what waits ---


def test_waiting_objects_come_oldest_capture_first(warehouse: Warehouse) -> None:
    times = [CAPTURED_MS + shift for shift in (5, -7, 0, 12)]
    record(warehouse, *map(make_landed, times))
    assert [row.captured_at_ms for row in waiting(warehouse)] == sorted(times)
    assert [row.captured_at_ms for row in waiting(warehouse, limit=2)] == sorted(times)[:2]
    assert waiting(warehouse, limit=0) == []


def test_lanes_are_listed_apart(warehouse: Warehouse) -> None:
    record(warehouse, make_landed(CAPTURED_MS), make_landed(CAPTURED_MS - 9, lane=Lane.HISTORY))
    assert [row.captured_at_ms for row in waiting(warehouse, Lane.LIVE)] == [CAPTURED_MS]
    assert [row.captured_at_ms for row in waiting(warehouse, Lane.HISTORY)] == [CAPTURED_MS - 9]


def test_listed_row_says_what_loading_needs(warehouse: Warehouse) -> None:
    landed = make_landed()
    record(warehouse, landed)
    [row] = waiting(warehouse)
    assert row == CatalogRow(
        row.id,
        landed.key,
        "raw",
        landed.symbol,
        DataType.KLINES,
        CAPTURED_MS,
        landed.size_bytes,
        landed.sha256,
        pack=None,
    )


def test_loaded_and_quarantined_objects_wait_no_longer(warehouse: Warehouse) -> None:
    record(warehouse, *(make_landed(CAPTURED_MS + n) for n in range(3)))
    loaded, bad, left = waiting(warehouse)
    warehouse.run(lambda connection: catalog.mark_loaded(connection, [loaded.id]))
    warehouse.run(lambda connection: catalog.quarantine(connection, bad.id, "row 3: price 0 – „nought“"))
    assert waiting(warehouse) == [left]
    states = {row.id: (row.state, row.error, row.loaded_at is None) for row in stored(warehouse)}
    assert states == {
        loaded.id: ("loaded", None, False),
        bad.id: ("quarantined", "row 3: price 0 – „nought“", True),
        left.id: ("landed", None, True),
    }


def test_quarantine_never_takes_back_what_is_loaded(warehouse: Warehouse) -> None:
    """A second process may find an object unreadable that the first has loaded a moment ago."""
    record(warehouse, make_landed())
    [row] = waiting(warehouse)
    warehouse.run(lambda connection: catalog.mark_loaded(connection, [row.id]))
    warehouse.run(lambda connection: catalog.quarantine(connection, row.id, "too late"))
    [after] = stored(warehouse)
    assert (after.state, after.error) == ("loaded", None)


def test_reason_of_any_length_can_be_kept(warehouse: Warehouse) -> None:
    record(warehouse, make_landed())
    [row] = waiting(warehouse)
    warehouse.run(lambda connection: catalog.quarantine(connection, row.id, "€" * 100_000))
    [after] = stored(warehouse)
    assert after.error.startswith("€€€")
    assert len(after.error) == 4_000


def test_anything_that_waits_is_noticed_whatever_its_lane(warehouse: Warehouse) -> None:
    for number, lane in enumerate(Lane):
        record(warehouse, make_landed(CAPTURED_MS + number, lane=lane))
        [row] = waiting(warehouse, lane)
        assert is_anything_waiting(warehouse)
        warehouse.run(lambda connection, row=row: catalog.mark_loaded(connection, [row.id]))  # type: ignore[misc]
        assert not is_anything_waiting(warehouse)


def is_anything_waiting(warehouse: Warehouse) -> bool:
    with warehouse.read() as connection:
        return catalog.is_anything_waiting(connection)


# --- counting what a run has fetched ---


def test_objects_of_runs_are_counted_by_how_far_they_have_come(warehouse: Warehouse) -> None:
    record(warehouse, *(make_landed(CAPTURED_MS + n, run_id=7) for n in range(4)))
    record(warehouse, make_landed(CAPTURED_MS + 4, run_id=8), make_landed(CAPTURED_MS + 5))
    first, second, third, *_, of_nobody = waiting(warehouse)
    warehouse.run(lambda connection: catalog.mark_loaded(connection, [first.id, second.id, of_nobody.id]))
    warehouse.run(lambda connection: catalog.quarantine(connection, third.id, "a high below a low"))
    with warehouse.read() as connection:
        counts = catalog.count_loaded_of(connection, [7, 8, 9])
        assert catalog.count_loaded(connection, 7) == counts[7]
    assert counts == {
        7: LoadedCount(1, 2, 1, candles_landed=2, candles_loaded=4, candles_quarantined=2),
        8: LoadedCount(landed=1, candles_landed=2),
        9: LoadedCount(),
    }


def test_objects_deleted_since_count_nowhere_and_unknown_numbers_of_candles_as_nought(
    warehouse: Warehouse,
) -> None:
    record(warehouse, make_landed(run_id=7))
    record(warehouse, replace(make_landed(CAPTURED_MS + 1, run_id=7), record_count=None))
    [deleted, _] = waiting(warehouse)
    of_deleted = lake_objects.update().where(lake_objects.c.id == deleted.id)
    warehouse.run(lambda connection: connection.execute(of_deleted.values(state="deleted")))
    with warehouse.read() as connection:
        assert catalog.count_loaded(connection, 7) == LoadedCount(landed=1)
        assert catalog.count_loaded_of(connection, []) == {}


def test_what_is_asked_every_second_is_answered_by_an_index(tmp_path: Path) -> None:
    """SQLite says in words how it would find the rows; the other two have the same indexes."""
    opened = open_warehouse(sqlite_url(tmp_path / "warehouse.db"))
    metadata.create_all(opened.engine, tables=[lake_objects, lake_packs])
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            found = connection.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[-1] for row in found)

    event.listen(opened.engine, "before_cursor_execute", explain)
    assert not is_anything_waiting(opened)
    with opened.read() as connection:
        catalog.count_loaded_of(connection, [7, 8])
    opened.close()
    assert [plan.split("(")[0].strip() for plan in plans] == [
        "SEARCH lake_objects USING COVERING INDEX ix_lake_objects_waiting",
        "SEARCH lake_objects USING INDEX ix_lake_objects_run",
    ]


def test_newest_capture_is_found_per_exchange(warehouse: Warehouse) -> None:
    kraken = replace(make_landed(CAPTURED_MS + 99), exchange="kraken")
    record(warehouse, make_landed(CAPTURED_MS), make_landed(CAPTURED_MS + 1), kraken)
    with warehouse.read() as connection:
        assert catalog.find_newest_capture(connection, "binance") == CAPTURED_MS + 1
        assert catalog.find_newest_capture(connection, "kraken") == CAPTURED_MS + 99
        assert catalog.find_newest_capture(connection, "nobody") is None


# --- what one slice takes ---


def land(warehouse: Warehouse, folder: Path, *, live: int, repair: int = 0, history: int = 0) -> LocalStore:
    """Put objects into a lake, history captured first, and catalogue them."""
    lake = LocalStore(folder)
    lake.ensure_buckets()
    pipeline = Pipeline(warehouse, lake)
    counts = ((Lane.HISTORY, history, 0), (Lane.REPAIR, repair, 5_000), (Lane.LIVE, live, 10_000))
    for lane, count, first_ms in counts:
        objects = [
            make_object("BTCUSDT", [make_kline(DAY_START_MS)], CAPTURED_MS + first_ms + number)
            for number in range(count)
        ]
        pipeline.land(*objects, lane=lane)
    return lake


def load_tracing(warehouse: Warehouse, lake: LocalStore, **bounds: int) -> list[dict[str, int]]:
    """Load everything; return after each slice how many objects of each lane were loaded by then."""
    trace: list[dict[str, int]] = []

    def look() -> bool:
        loaded = [row.lane for row in stored(warehouse) if row.state == "loaded"]
        trace.append({lane.value: loaded.count(lane.value) for lane in Lane})
        return False

    TransformManager(warehouse, lake, SystemClock(), **bounds).load_waiting(look)
    return trace


def test_live_objects_are_loaded_before_a_backlog_of_history(
    whole_warehouse: Warehouse, tmp_path: Path
) -> None:
    lake = land(whole_warehouse, tmp_path, live=6, history=20)
    trace = load_tracing(whole_warehouse, lake, slice_objects=6)
    assert trace[0] == {"live": 0, "repair": 0, "history": 0}
    assert trace[1] == {"live": 6, "repair": 0, "history": 0}
    assert trace[-1] == {"live": 6, "repair": 0, "history": 20}


def test_repairs_and_history_have_their_share_however_much_live_data_waits(
    whole_warehouse: Warehouse, tmp_path: Path
) -> None:
    lake = land(whole_warehouse, tmp_path, live=24, repair=8, history=8)
    trace = load_tracing(whole_warehouse, lake, slice_objects=1)
    before_the_next_live = {counts["live"]: (counts["repair"], counts["history"]) for counts in trace}
    assert [before_the_next_live[live] for live in (6, 12, 18)] == [(1, 1), (2, 2), (3, 3)]
    assert trace[-1] == {"live": 24, "repair": 8, "history": 8}


@pytest.mark.parametrize(
    ("landed", "first_look"),
    [
        pytest.param({"live": 1, "repair": 20, "history": 20}, (1, 6, 1), id="history keeps its share"),
        pytest.param({"live": 20, "repair": 0, "history": 20}, (7, 0, 1), id="no repairs"),
        pytest.param({"live": 20, "repair": 20, "history": 0}, (7, 1, 0), id="no history"),
        pytest.param({"live": 0, "repair": 0, "history": 20}, (0, 0, 8), id="history alone"),
        pytest.param({"live": 3, "repair": 2, "history": 1}, (3, 2, 1), id="room for all"),
    ],
)
def test_places_that_one_lane_leaves_are_taken_by_the_others(
    whole_warehouse: Warehouse, tmp_path: Path, landed: dict[str, int], first_look: tuple[int, int, int]
) -> None:
    lake = land(whole_warehouse, tmp_path, **landed)
    trace = load_tracing(whole_warehouse, lake, slice_objects=8)
    assert tuple(trace[1].values()) == first_look


def test_each_lane_is_loaded_oldest_capture_first(whole_warehouse: Warehouse, tmp_path: Path) -> None:
    lake = land(whole_warehouse, tmp_path, live=5)
    stops = chain([False], repeat(True))
    manager = TransformManager(whole_warehouse, lake, SystemClock(), slice_objects=2)
    manager.load_waiting(lambda: next(stops))
    taken = [row.captured_at - CAPTURED_MS for row in stored(whole_warehouse) if row.state == "loaded"]
    assert taken == [10_000, 10_001]


@pytest.mark.parametrize(("slice_bytes", "slices"), [(1, 5), (2, 3), (5, 1)])
def test_slice_is_bounded_in_bytes_yet_never_empty(
    whole_warehouse: Warehouse, tmp_path: Path, slice_bytes: int, slices: int
) -> None:
    lake = land(whole_warehouse, tmp_path, live=5)
    size = stored(whole_warehouse)[0].size_bytes if slice_bytes > 1 else 1
    trace = load_tracing(whole_warehouse, lake, slice_bytes=slice_bytes * size)
    assert len({counts["live"] for counts in trace}) - 1 == slices


def test_object_that_the_database_refuses_is_found_and_set_aside_alone(
    whole_warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = land(whole_warehouse, tmp_path, live=7)
    refused = stored(whole_warehouse)[4]

    def load_or_refuse(
        warehouse: Warehouse, klines: Sequence[KlineBatch], depths: Sequence[DepthBatch]
    ) -> LoadResult:
        if refused.id in {batch.object_id for batch in klines}:
            raise BulkLoadError("fact_klines took 0 of 1 rows: no warning")
        return load_slice(warehouse, klines, depths)

    monkeypatch.setattr("src.transform.manager.load_slice", load_or_refuse)
    report = TransformManager(whole_warehouse, lake, SystemClock()).load_waiting()
    assert (report.loaded.objects, report.quarantined) == (6, [refused.object_key])
    states = {row.id: (row.state, row.error) for row in stored(whole_warehouse)}
    assert states.pop(refused.id) == (
        "quarantined",
        "the warehouse refused it: fact_klines took 0 of 1 rows: no warning",
    )
    assert set(states.values()) == {("loaded", None)}


def test_full_disk_is_no_objects_fault(whole_warehouse: Warehouse, tmp_path: Path) -> None:
    lake = LocalStore(tmp_path)
    lake.ensure_buckets()
    klines = [make_kline(DAY_START_MS + number * 60_000) for number in range(1_000)]
    pipeline = Pipeline(whole_warehouse, lake)
    pipeline.land(*(make_object(symbol, klines) for symbol in ("BTCUSDT", "ETHUSDT")))

    def leave_little_room(connection: Any, _: Any) -> None:
        [pages] = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 20}")

    event.listen(whole_warehouse.engine, "connect", leave_little_room)
    whole_warehouse.close()
    with pytest.raises(WarehouseUnavailable, match=r"warehouse\.db has no space left: free some"):
        pipeline.load()
    event.remove(whole_warehouse.engine, "connect", leave_little_room)
    whole_warehouse.close()
    assert {row.state for row in stored(whole_warehouse)} == {"landed"}
    assert pipeline.load().loaded.inserted == 2_000


# --- two processes at once ---


def test_second_process_waits_for_the_first_and_finds_nothing_left(warehouse: Warehouse) -> None:
    record(warehouse, *(make_landed(CAPTURED_MS + n) for n in range(4)))
    ids = [row.id for row in waiting(warehouse)]
    with ThreadPoolExecutor(1) as pool:
        with warehouse.write() as connection:
            assert catalog.lock_waiting(connection, ids[:3]) == set(ids[:3])
            other = pool.submit(warehouse.run, lambda mine: catalog.lock_waiting(mine, ids[::-1]))
            assert not wait([other], 0.3).done
            catalog.mark_loaded(connection, ids[:3])
        assert other.result(20) == {ids[3]}


def test_process_that_gave_up_leaves_the_objects_to_the_next(warehouse: Warehouse) -> None:
    record(warehouse, make_landed())
    ids = [row.id for row in waiting(warehouse)]

    def fail(connection: Connection) -> None:
        assert catalog.lock_waiting(connection, ids) == set(ids)
        catalog.mark_loaded(connection, ids)
        raise RuntimeError("killed inside the load")

    with pytest.raises(RuntimeError, match="killed inside the load"):
        warehouse.run(fail)
    assert warehouse.run(lambda connection: catalog.lock_waiting(connection, ids)) == set(ids)


def test_each_object_is_taken_by_one_of_many_threads(warehouse: Warehouse) -> None:
    record(warehouse, *(make_landed(CAPTURED_MS + n) for n in range(30)))
    ids = [row.id for row in waiting(warehouse)]

    def take(connection: Connection) -> int:
        mine = catalog.lock_waiting(connection, ids[:])
        catalog.mark_loaded(connection, sorted(mine)[:7])
        return len(sorted(mine)[:7])

    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(lambda _: warehouse.run(take), range(6)))
    assert sum(taken) == 30
    with warehouse.read() as connection:
        query = select(func.count()).where(lake_objects.c.state == ObjectState.LOADED.value)
        assert connection.execute(query).scalar() == 30
