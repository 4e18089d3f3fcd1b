"""Partitions: weeks and months planned as pure arithmetic, then made on a real server ahead of need."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Table, inspect, select, text

from src.clock import ManualClock
from src.domain import DAY_MS, MINUTE_MS, Interval, Window, ms_from_utc, utc_from_ms
from src.lake.local_store import LocalStore
from src.transform.manager import TransformManager
from src.warehouse import partitions
from src.warehouse.engine import Warehouse, open_warehouse, sqlite_url
from src.warehouse.partitions import Partitions, partition_bounds, plan_splits
from src.warehouse.schema import migrate
from src.warehouse.tables import fact_klines, fact_klines_coarse, fact_orderbook, metadata
from src.warehouse.types import ExactDecimal
from tests.builders import Pipeline, make_depth, make_kline, make_object

WEEK_MS = 7 * DAY_MS
# Nobody waits for longer than two seconds; a busy machine gets three times as long.
PATIENCE_S = 6


def day(text: str) -> int:
    return ms_from_utc(datetime.fromisoformat(text).replace(tzinfo=UTC))


def days(bounds: set[int] | list[int]) -> list[str]:
    return [f"{utc_from_ms(bound):%Y-%m-%d}" for bound in sorted(bounds)]


NOW_MS = day("2026-11-22T10:00")  # a Sunday; 120 days before is 2026-07-25, in the week of Monday the 20th


# --- planned ---


def test_recent_window_is_cut_into_weeks_that_open_on_monday() -> None:
    window = Window(day("2026-11-11T23:59"), day("2026-11-23"))
    assert days(partition_bounds(window, NOW_MS)) == ["2026-11-09", "2026-11-16", "2026-11-23"]


def test_window_that_ends_with_a_week_does_not_touch_the_next() -> None:
    assert days(partition_bounds(Window(day("2026-11-16"), day("2026-11-23")), NOW_MS)) == [
        "2026-11-16",
        "2026-11-23",
    ]


def test_old_window_is_cut_into_months() -> None:
    window = Window(day("2023-12-31T23:59"), day("2024-03-01"))
    assert days(partition_bounds(window, NOW_MS)) == ["2023-12-01", "2024-01-01", "2024-02-01", "2024-03-01"]


def test_months_give_way_to_weeks_120_days_ago() -> None:
    window = Window(day("2026-06-15"), day("2026-08-02"))
    assert days(partition_bounds(window, NOW_MS)) == [
        "2026-06-01",
        "2026-07-01",
        "2026-07-20",
        "2026-07-27",
        "2026-08-03",
    ]


def test_empty_window_needs_no_partition() -> None:
    assert partition_bounds(Window(NOW_MS, NOW_MS), NOW_MS) == set()


@given(start_day=st.integers(0, 21_000), length=st.integers(1, 400 * DAY_MS))
def test_every_moment_of_a_window_has_a_week_or_month_of_its_own(start_day: int, length: int) -> None:
    window = Window(start_day * DAY_MS, start_day * DAY_MS + length)
    bounds = sorted(partition_bounds(window, NOW_MS))
    assert bounds[0] <= window.start_ms
    assert bounds[-1] >= window.end_ms
    assert len(bounds) <= 2 + length // WEEK_MS + 2
    weekly_from = Interval.W1.floor(NOW_MS - 120 * DAY_MS)
    for start, end in pairwise(bounds):
        if start >= weekly_from:
            assert end == Interval.W1.next(start)
        else:
            assert Interval.MO1.floor(start) == start
            assert end in {Interval.MO1.next(start), weekly_from}


def test_split_goes_into_the_partition_that_holds_the_new_end() -> None:
    assert plan_splits([], {30, 10}) == [(None, [10, 30])]
    assert plan_splits([20, 40], {10, 15, 30, 50}) == [(20, [10, 15]), (40, [30]), (None, [50])]
    assert plan_splits([20, 40], set()) == []


@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)))
def test_after_all_splits_exactly_the_ends_asked_for_are_added(existing: set[int], wanted: set[int]) -> None:
    made = set(existing)
    for upper, ends in plan_splits(sorted(existing), wanted - existing):
        assert ends == sorted(ends)
        assert upper is None or upper in existing
        below = max((end for end in existing if upper is None or end < upper), default=-1)
        assert all(below < end and (upper is None or end < upper) for end in ends)
        made |= set(ends)
    assert made == existing | wanted


# --- made ---


@pytest.fixture
def warehouse(database_url: str) -> Iterator[Warehouse]:
    opened = open_warehouse(database_url)
    metadata.create_all(opened.engine, tables=[fact_klines, fact_klines_coarse, fact_orderbook])
    yield opened
    opened.close()


def made(warehouse: Warehouse, table: Table = fact_klines) -> dict[str, int]:
    """Return the partitions of *table* in order, with how many rows lie in each."""
    query = text(
        "SELECT partition_name FROM information_schema.partitions WHERE table_schema = DATABASE() "
        "AND table_name = :name ORDER BY partition_ordinal_position"
    )
    with warehouse.read() as connection:
        names = connection.execute(query, {"name": table.name}).scalars().all()
        return {
            name: connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table.name} PARTITION ({name})").scalar()
            or 0
            for name in names
        }


def test_new_table_has_one_partition_without_an_end(warehouse: Warehouse) -> None:
    assert made(warehouse) == {"p_max": 0}


def test_four_weeks_ahead_are_ready_in_every_partitioned_table(warehouse: Warehouse) -> None:
    Partitions(warehouse).ensure_ahead(NOW_MS)
    for table in (fact_klines, fact_orderbook):
        assert list(made(warehouse, table)) == [
            "p_20261116",
            "p_20261123",
            "p_20261130",
            "p_20261207",
            "p_20261214",
            "p_20261221",
            "p_max",
        ]


def test_partitions_asked_for_again_stay_as_they_are(warehouse: Warehouse) -> None:
    window = Window(day("2026-06-15"), day("2026-08-02"))
    Partitions(warehouse).ensure(fact_klines, window, NOW_MS)
    before = made(warehouse)
    for _ in range(2):
        Partitions(warehouse).ensure(fact_klines, window, NOW_MS)
    assert made(warehouse) == before
    assert len(before) == 6


def test_old_window_is_made_between_what_is_there(warehouse: Warehouse) -> None:
    found = Partitions(warehouse)
    found.ensure_ahead(NOW_MS)
    found.ensure(fact_klines, Window(day("2022-01-01"), day("2022-01-04")), NOW_MS)
    found.ensure(fact_klines, Window(day("2021-11-30"), day("2021-12-02")), NOW_MS)
    assert list(made(warehouse))[:5] == [
        "p_20211101",
        "p_20211201",
        "p_20220101",
        "p_20220201",
        "p_20261116",
    ]


def test_tables_without_partitions_are_left_alone(warehouse: Warehouse) -> None:
    Partitions(warehouse).ensure(fact_klines_coarse, Window(NOW_MS, NOW_MS + 1), NOW_MS)
    with warehouse.read() as connection:
        query = "SELECT COUNT(*) FROM information_schema.partitions WHERE table_schema = DATABASE() AND "
        query += "table_name = 'fact_klines_coarse' AND partition_name IS NOT NULL"
        assert connection.exec_driver_sql(query).scalar() == 0


def test_rows_that_lie_there_already_move_into_their_partitions(warehouse: Warehouse) -> None:
    opens = [day(text) for text in ("2022-01-31T23:59", "2022-02-01", "2026-11-22T23:59", "2026-11-23")]
    insert_minutes(warehouse, opens)
    assert made(warehouse) == {"p_max": 4}
    ready = Partitions(warehouse)
    ready.ensure(fact_klines, Window(opens[0], opens[1] + 1), NOW_MS)
    ready.ensure(fact_klines, Window(opens[2], opens[3] + 1), NOW_MS)
    found = {name: rows for name, rows in made(warehouse).items() if rows}
    assert found == {"p_20220201": 1, "p_20220301": 1, "p_20261123": 1, "p_20261130": 1}


def insert_minutes(warehouse: Warehouse, opens: list[int]) -> None:
    names = [column.name for column in fact_klines.columns if isinstance(column.type, ExactDecimal)]
    common = {"exchange": "binance", "symbol": "BTCUSDT", "interval_code": "1m", "trade_count": 1}
    common |= {"object_id": 1, "captured_at": NOW_MS, **dict.fromkeys(names, Decimal(1))}
    rows = [{**common, "open_time": at, "close_time": at + 59_999} for at in opens]
    warehouse.run(lambda connection: connection.execute(fact_klines.insert(), rows))


def test_loading_puts_each_row_into_its_own_week_or_month(warehouse: Warehouse, tmp_path: Path) -> None:
    lake = LocalStore(tmp_path)
    lake.ensure_buckets()
    migrate(warehouse)
    opens = [day(text) for text in ("2022-01-31T23:59", "2022-02-01T00:00", "2026-11-15T23:59", "2026-11-16")]
    pipeline = Pipeline(warehouse, lake, ManualClock(NOW_MS))
    pipeline.land(
        make_object("BTCUSDT", [make_kline(at) for at in opens[:2]], NOW_MS),
        make_object("BTCUSDT", [make_kline(at) for at in opens[2:]], NOW_MS + 1),
        make_depth("BTCUSDT", [("1.0", "2.0")], [("1.1", "2.0")], day("2026-11-23")),
    )
    assert pipeline.load().loaded.inserted == 4
    found = {name: rows for name, rows in made(warehouse).items() if rows}
    assert found == {"p_20220201": 1, "p_20220301": 1, "p_20261116": 1, "p_20261123": 1}
    assert {name: rows for name, rows in made(warehouse, fact_orderbook).items() if rows} == {"p_20261130": 2}


def test_what_another_process_split_meanwhile_is_split_further(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at what is there and the ALTER another process may have made some of it."""
    mine, other = Partitions(warehouse), Partitions(warehouse)
    look = mine._bounds

    def look_then_lose_the_race(table: Table) -> list[int]:
        found = look(table)
        other.ensure(table, Window(NOW_MS, NOW_MS + WEEK_MS), NOW_MS)
        return found

    monkeypatch.setattr(mine, "_bounds", look_then_lose_the_race)
    mine.ensure(fact_klines, Window(NOW_MS - WEEK_MS, NOW_MS + 2 * WEEK_MS), NOW_MS)
    assert list(made(warehouse)) == [
        "p_20261109",
        "p_20261116",
        "p_20261123",
        "p_20261130",
        "p_20261207",
        "p_max",
    ]


def test_two_processes_at_once_make_every_partition_once(database_url: str, warehouse: Warehouse) -> None:
    others = [open_warehouse(database_url) for _ in range(2)]
    start = threading.Barrier(2)

    def ensure(number: int) -> None:
        found = Partitions(others[number])
        found.ensure_ahead(NOW_MS)
        found.ensure(fact_klines, Window(day(f"202{number + 1}-05-20"), day("2023-03-02")), NOW_MS)

    def ensure_at_once(number: int) -> None:
        start.wait(20)
        ensure(number)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(ensure_at_once, range(2)))
    ensure(0)  # if one was in the other's way for too long, the next load makes what is missing
    ensure(1)
    months = [f"p_{year}{month:02d}01" for year in (2021, 2022) for month in range(1, 13)][4:]
    weeks = ["p_20261116", "p_20261123", "p_20261130", "p_20261207", "p_20261214", "p_20261221", "p_max"]
    assert list(made(warehouse)) == [*months, "p_20230101", "p_20230201", "p_20230301", "p_20230401", *weeks]
    for other in others:
        other.close()


@contextmanager
def read_for_long(warehouse: Warehouse) -> Iterator[None]:
    """Keep a transaction open that has read the facts: ALTER TABLE waits for its end."""
    with warehouse.engine.begin() as reader:
        # The server ends our own sessions when they are silent for long; those of other programs it lets be.
        reader.exec_driver_sql("SET SESSION wait_timeout = 600")
        reader.execute(select(fact_klines.c.open_time).limit(1)).all()
        yield


def test_history_waits_for_a_reader_and_writers_behind_it_are_not_held_up_for_long(
    warehouse: Warehouse,
) -> None:
    """ALTER TABLE waits behind a reader's transaction, and everybody else behind the ALTER TABLE."""
    january = Window(day("2022-01-01"), day("2022-01-04"))
    with ThreadPoolExecutor(1) as pool:
        with read_for_long(warehouse):
            altering = pool.submit(Partitions(warehouse).ensure, fact_klines, january, NOW_MS)
            assert not wait([altering], 0.3).done
            started = time.monotonic()
            insert_minutes(warehouse, [NOW_MS])
            assert time.monotonic() - started < PATIENCE_S
        altering.result(60)
    assert list(made(warehouse)) == ["p_20220101", "p_20220201", "p_max"]


def test_live_load_goes_on_without_a_partition_while_somebody_reads_for_long(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    lake = LocalStore(tmp_path)
    lake.ensure_buckets()
    migrate(warehouse)
    pipeline = Pipeline(warehouse, lake, ManualClock(NOW_MS))
    manager = TransformManager(warehouse, lake, pipeline.clock)
    with read_for_long(warehouse):
        for number in range(3):
            kline = make_kline(NOW_MS - (number + 1) * MINUTE_MS)
            pipeline.land(make_object("BTCUSDT", [kline], NOW_MS + number))
            started = time.monotonic()
            assert manager.load_waiting().loaded.inserted == 1
            assert time.monotonic() - started < PATIENCE_S
        assert made(warehouse) == {"p_max": 3}
    TransformManager(warehouse, lake, pipeline.clock).load_waiting()
    assert made(warehouse)["p_20261123"] == 3
    assert len(made(warehouse)) == 7


def test_history_too_gives_up_and_rests_where_somebody_reads_without_end(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_ATTEMPTS", 2)
    found, january = Partitions(warehouse), Window(day("2022-01-01"), day("2022-01-04"))
    with read_for_long(warehouse):
        found.ensure(fact_klines, january, NOW_MS)
        started = time.monotonic()
        found.ensure(fact_klines, january, NOW_MS)
        assert time.monotonic() - started < 0.5, "it does not ask again at once"
    assert list(made(warehouse)) == ["p_max"]
    monkeypatch.setattr(found, "_rests_until_ms", {})
    found.ensure(fact_klines, january, NOW_MS)
    assert list(made(warehouse)) == ["p_20220101", "p_20220201", "p_max"]


def test_partition_that_is_full_is_not_split_since_nobody_can_write_meanwhile(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_MOST_COPIED", 2)
    Partitions(warehouse).ensure_ahead(NOW_MS)
    late = [day("2022-01-01"), day("2022-01-02"), day("2022-01-03")]
    insert_minutes(warehouse, late)
    Partitions(warehouse).ensure(fact_klines, Window(late[0], late[2] + 1), NOW_MS)
    assert next(iter(made(warehouse).items())) == ("p_20261116", 3)
    # The last one has no end, so that without a split it would never be old enough to go.
    insert_minutes(warehouse, [day("2026-12-24") + number * MINUTE_MS for number in range(3)])
    Partitions(warehouse).ensure_ahead(NOW_MS + WEEK_MS)
    assert list(made(warehouse).items())[-2:] == [("p_20261228", 3), ("p_max", 0)]


def test_sqlite_has_no_partitions_to_make(tmp_path: Path) -> None:
    opened = open_warehouse(sqlite_url(tmp_path / "warehouse.db"))
    found = Partitions(opened)
    found.ensure_ahead(NOW_MS)  # there is not even a schema: it would fail if it did anything
    found.ensure(fact_klines, Window(0, NOW_MS), NOW_MS)
    assert inspect(opened.engine).get_table_names() == []
    opened.close()
