"""Retention that is interrupted, or in company: a rerun completes it, nobody waits long, rollups stay."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Self

import pytest
from sqlalchemy import Connection, Table, select

from src.clock import ManualClock
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Window
from src.lake.local_store import LocalStore
from src.maintenance import dropping_facts
from src.maintenance.retention import Retention
from src.warehouse import dropping
from src.warehouse.aged import list_aged
from src.warehouse.coverage import DifferenceKind, recount
from src.warehouse.dropping import list_partitions
from src.warehouse.engine import Warehouse
from src.warehouse.series import list_series
from src.warehouse.tables import daily_klines, fact_klines, fact_orderbook, hourly_klines, series
from tests.builders import (
    CAPTURED_MS,
    Pipeline,
    StoredRow,
    make_depth,
    make_object,
    open_pipeline,
    random_kline,
    read_table,
)

# 2026-01-05T00:00Z, a Monday; retention begins ten days later. What is loaded begins on Friday evening.
MONDAY_MS = 1_767_571_200_000
FRIDAY_MS = MONDAY_MS + 4 * DAY_MS
BEGUN_MS = FRIDAY_MS + 20 * HOUR_MS
SYMBOLS = ("BTCUSDT", "ETHUSDT")
# A writer waits two seconds at most; a busy machine gets three times as long.
PATIENCE_S = 6


@contextmanager
def opened(url: str, folder: Path) -> Iterator[Pipeline]:
    """Give a warehouse with four hours of Friday, all of Saturday, and an hour of the next Monday."""
    with open_pipeline(url, LocalStore(folder / "lake")) as plain:
        pipeline = Pipeline(plain.warehouse, plain.lake, ManualClock(MONDAY_MS + 10 * DAY_MS + HOUR_MS))
        opens = range(BEGUN_MS, FRIDAY_MS + 2 * DAY_MS, MINUTE_MS)
        young = range(MONDAY_MS + 7 * DAY_MS, MONDAY_MS + 7 * DAY_MS + HOUR_MS, MINUTE_MS)
        for number, symbol in enumerate(SYMBOLS):
            load(pipeline, symbol, [*opens, *young], CAPTURED_MS + number)
        levels = [("1.0", "2.0"), ("1.1", "2.0")]
        pipeline.land(*[make_depth("BTCUSDT", levels, levels, BEGUN_MS + n * HOUR_MS) for n in range(100)])
        pipeline.load()
        with pipeline.warehouse.write() as connection:
            connection.execute(series.update().values(wanted_from=BEGUN_MS))
        yield pipeline


def load(pipeline: Pipeline, symbol: str, opens_ms: Sequence[int], captured_ms: int) -> None:
    random = Random(captured_ms)
    pipeline.land(make_object(symbol, [random_kline(random, at) for at in opens_ms], captured_ms))
    pipeline.load()


@pytest.fixture
def pipeline(warehouse_url: str, tmp_path: Path) -> Iterator[Pipeline]:
    with opened(warehouse_url, tmp_path) as found:
        yield found


@pytest.fixture
def on_server(database_url: str, tmp_path: Path) -> Iterator[Pipeline]:
    with opened(database_url, tmp_path) as found:
        yield found


def retention(pipeline: Pipeline) -> Retention:
    return Retention(pipeline.warehouse, pipeline.clock, keep_days=3, keep_depth_days=3)


def rollups(pipeline: Pipeline) -> list[list[StoredRow]]:
    """Return the hours and days to the last digit, but for when they were sealed."""
    tables = [read_table(pipeline.warehouse, table) for table in (hourly_klines, daily_klines)]
    for row in (row for table in tables for row in table):
        del row["sealed_at"]
    return tables


def state(pipeline: Pipeline) -> dict[str, Any]:
    """Return everything that retention is to leave behind."""
    with pipeline.warehouse.read() as connection:
        rows = list_series(connection, tracked_only=False)
        differences = [one for row in rows for one in recount(connection, row)]
        aged = list_aged(connection)
    counts = [(row.record_count, row.first_open_ms, row.last_open_ms) for row in rows]
    facts = [(row["symbol"], row["open_time"]) for row in read_table(pipeline.warehouse, fact_klines)]
    depth = len(read_table(pipeline.warehouse, fact_orderbook))
    return {"facts": facts, "aged": aged, "differences": differences, "series": counts, "depth": depth}


def assert_nothing_is_lost(pipeline: Pipeline) -> None:
    """Each minute is held, or both ledgers say that it aged out; no ledger tells of what is not held."""
    found = state(pipeline)
    assert {one.kind for one in found["differences"]} <= {DifferenceKind.NOT_IN_LEDGER}
    held = {at for symbol, at in found["facts"] if symbol == "BTCUSDT"}
    with pipeline.warehouse.read() as connection:
        ids = {row.key.symbol: row.id for row in list_series(connection, tracked_only=False)}
    windows = [each.window for each in found["aged"].get(ids["BTCUSDT"], [])]
    for at in range(BEGUN_MS, FRIDAY_MS + 2 * DAY_MS, MINUTE_MS):
        assert at in held or any(window.start_ms <= at < window.end_ms for window in windows)


class Killed(BaseException):
    """Stands for the end of the process."""


@contextmanager
def killed_in(number: int, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """End the process in the transaction of that number, counted from 1, before it is committed."""
    transactions, write = count(1), warehouse.write

    @contextmanager
    def counted(**options: Any) -> Iterator[Connection]:
        with write(**options) as connection:
            yield connection
            if next(transactions) == number:
                raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(warehouse, "write", counted)
        yield


def run_bit_by_bit(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run retention to its end, killed a transaction or two after it went on; return how often."""
    for attempt in range(50):
        with killed_in(2 + attempt // 4, pipeline.warehouse, monkeypatch):
            try:
                retention(pipeline).run()
            except Killed:
                assert_nothing_is_lost(pipeline)
                continue
        return attempt
    raise AssertionError("it never came to its end")


def test_killed_between_any_two_transactions_it_completes_when_run_again(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rollups(pipeline)
    assert run_bit_by_bit(pipeline, monkeypatch) >= 4
    retention(pipeline).run()
    after = state(pipeline)
    assert rollups(pipeline) == before
    assert after["differences"] == []
    assert after["series"] == [(60, MONDAY_MS + 7 * DAY_MS, MONDAY_MS + 7 * DAY_MS + 59 * MINUTE_MS)] * 2
    assert [at for _, at in after["facts"]] == list(
        range(MONDAY_MS + 7 * DAY_MS, MONDAY_MS + 7 * DAY_MS + HOUR_MS, MINUTE_MS)
    ) * len(SYMBOLS)
    assert {tuple(ranges) for ranges in map(tuple, after["aged"].values())} == {
        ((Window(BEGUN_MS, FRIDAY_MS + 2 * DAY_MS), 240 + 1440),)
    }
    assert after["depth"] == 4 * len(
        [n for n in range(100) if BEGUN_MS + n * HOUR_MS >= MONDAY_MS + 7 * DAY_MS]
    )


@pytest.mark.parametrize("step", ["ledgers told", "partition gone"])
def test_killed_right_before_or_after_the_partition_goes(
    on_server: Pipeline, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before, drop = rollups(on_server), dropping.drop_partitions

    def killed(*arguments: Any) -> bool:
        if step == "partition gone":
            drop(*arguments)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(dropping_facts, "drop_partitions", killed)
        with pytest.raises(Killed):
            retention(on_server).run()
    assert_nothing_is_lost(on_server)
    retention(on_server).run()
    after = state(on_server)
    assert (rollups(on_server), after["differences"], len(after["facts"])) == (before, [], 120)


def test_what_lands_between_the_look_and_the_drop_is_not_lost(
    on_server: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = [BEGUN_MS - 90 * MINUTE_MS, BEGUN_MS - 30 * MINUTE_MS]
    drop, tries = dropping.drop_partitions, list[str]()

    def late_load_first(warehouse: Warehouse, table: Table, names: Sequence[str], may_drop: Any) -> bool:
        if "p_20260112" in names and "p_20260112" not in tries:
            load(on_server, "ETHUSDT", late, CAPTURED_MS + 50)
        tries.extend(names)
        return drop(warehouse, table, names, may_drop)

    monkeypatch.setattr(dropping_facts, "drop_partitions", late_load_first)
    report = retention(on_server).run()
    assert "p_20260112" in tries
    assert "fact_klines.p_20260112" not in report.partitions
    after = state(on_server)
    assert after["differences"] == []
    # Their day is not sealed as it is now, so all of it stays until the next run.
    friday = [at for symbol, at in after["facts"] if symbol == "ETHUSDT" and at < FRIDAY_MS + DAY_MS]
    assert friday == [*late, *range(BEGUN_MS, FRIDAY_MS + DAY_MS, MINUTE_MS)]
    assert len(after["facts"]) == 120 + len(friday)
    retention(on_server).run()
    assert len(state(on_server)["facts"]) == 120


def test_partitions_go_at_once_and_a_late_load_holds_up_only_its_own(
    on_server: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier, late = FRIDAY_MS - 7 * DAY_MS, FRIDAY_MS - 7 * DAY_MS + 30 * MINUTE_MS
    load(on_server, "BTCUSDT", range(earlier, earlier + DAY_MS, MINUTE_MS), CAPTURED_MS + 40)
    drop, tries = dropping.drop_partitions, list[set[str]]()

    def late_load_first(warehouse: Warehouse, table: Table, names: Sequence[str], may_drop: Any) -> bool:
        if not tries:
            load(on_server, "ETHUSDT", [late], CAPTURED_MS + 50)
        tries.append({"p_20260105", "p_20260112"}.intersection(names))
        return drop(warehouse, table, names, may_drop)

    monkeypatch.setattr(dropping_facts, "drop_partitions", late_load_first)
    report = retention(on_server).age_facts()
    assert [names for names in tries if names] == [{"p_20260105", "p_20260112"}, {"p_20260112"}]
    assert "fact_klines.p_20260112" in report.partitions
    assert "fact_klines.p_20260105" not in report.partitions
    assert report.rows == 1440 + 2 * (240 + 1440)
    after = state(on_server)
    assert after["differences"] == []
    assert [one for one in after["facts"] if one[1] < FRIDAY_MS + 2 * DAY_MS] == [("ETHUSDT", late)]


class Writer:
    """Loads a minute after the other in a thread, and notes how long each took."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.waits_s: list[float] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _write(self) -> None:
        at, number = MONDAY_MS + 8 * DAY_MS, 100
        while not self._stop.is_set():
            started = time.monotonic()
            load(self._pipeline, "BTCUSDT", [at], CAPTURED_MS + number)
            self.waits_s.append(time.monotonic() - started)
            at, number = at + MINUTE_MS, number + 1


@contextmanager
def in_transaction(warehouse: Warehouse) -> Iterator[Connection]:
    """Open what others do to read: a transaction that keeps a server's table as it is until its end."""
    if not warehouse.is_mysql:
        with warehouse.read() as connection:
            yield connection
        return
    with warehouse.engine.begin() as connection:
        # The server ends our own sessions when they are silent for long; those of other programs it lets be.
        connection.exec_driver_sql("SET SESSION wait_timeout = 600")
        yield connection


def test_no_writer_waits_long_while_it_runs_and_somebody_reads_for_long(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dropping, "_ATTEMPTS", 2)
    monkeypatch.setattr(dropping, "_PAUSE_S", (0.1, 0.2))
    before = [rows for rows in rollups(pipeline)[0] if rows["hour_start"] < MONDAY_MS + 7 * DAY_MS]
    with in_transaction(pipeline.warehouse) as reader:
        seen = len(reader.execute(select(fact_klines.c.open_time)).all())
        with Writer(pipeline) as writer:
            report = retention(pipeline).age_facts()
            while len(writer.waits_s) < 3:
                time.sleep(0.05)
        assert seen == 2 * (240 + 1440 + 60)
    # A partition cannot go under a reader's eyes: its rows were deleted instead.
    assert (report.rows, report.partitions) == (2 * (240 + 1440), [])
    assert max(writer.waits_s) < PATIENCE_S
    after = [rows for rows in rollups(pipeline)[0] if rows["hour_start"] < MONDAY_MS + 7 * DAY_MS]
    assert after == before
    assert state(pipeline)["differences"] == []


def test_it_stops_when_asked_and_goes_on_from_there(tmp_path: Path) -> None:
    with opened(f"sqlite:///{tmp_path}/warehouse.db", tmp_path) as pipeline:
        before, stops = rollups(pipeline), 0
        while retention(pipeline).run(should_stop=_at_the_third_question()).is_stopped:
            stops += 1
            assert stops < 10
        assert stops > 1
        assert rollups(pipeline) == before
        assert (state(pipeline)["differences"], len(state(pipeline)["facts"])) == ([], 120)


def _at_the_third_question() -> Callable[[], bool]:
    answers = iter([False, False])
    return lambda: next(answers, True)


def test_partition_of_which_a_part_is_old_waits_and_goes_as_a_whole(on_server: Pipeline) -> None:
    clock = on_server.clock
    assert isinstance(clock, ManualClock)
    clock.advance(-4 * DAY_MS)
    waiting = retention(on_server).run()
    assert waiting.rows == 0
    assert "fact_klines.p_20260112" in waiting.waiting
    clock.advance(4 * DAY_MS)
    report = retention(on_server).run()
    assert "fact_klines.p_20260112" in report.partitions
    assert "fact_orderbook.p_20260112" in report.partitions
    names = {one.name for one in list_partitions(on_server.warehouse, fact_klines)}
    assert "p_20260112" not in names


def test_late_load_of_a_dropped_week_lies_in_the_next_partition_and_goes_with_it(on_server: Pipeline) -> None:
    retention(on_server).run()
    before = rollups(on_server)
    load(on_server, "BTCUSDT", range(BEGUN_MS, BEGUN_MS + 30 * MINUTE_MS, MINUTE_MS), CAPTURED_MS + 60)
    assert rollups(on_server) == before
    retention(on_server).run()
    clock = on_server.clock
    assert isinstance(clock, ManualClock)
    clock.advance(7 * DAY_MS)
    retention(on_server).run()
    assert rollups(on_server) == before
    assert [at for _, at in state(on_server)["facts"] if at < MONDAY_MS + 7 * DAY_MS] == []
