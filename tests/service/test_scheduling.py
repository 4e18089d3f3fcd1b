"""Jobs fire by their schedules, and follow what others change in the warehouse while they run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

from src.clock import Clock, SystemClock
from src.domain import DAY_MS, ClockOffset
from src.errors import WarehouseUnavailable
from src.jobs.job_registry import JobSpec, build_jobs
from src.jobs.scheduling import JobScheduler
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.jobs import (
    JobRow,
    ensure_jobs,
    find_job,
    set_enabled,
    set_next_run,
    set_parameters,
    set_schedule,
)
from src.warehouse.run_tables import jobs as jobs_table

# What follows within two seconds gets three times as long here.
FOLLOWED_S = 6.0
# Long enough that no test sees a second turn of it.
SELDOM = "every 31d"


class Fired:
    """What was queued: rows by job, in order; *error* is raised instead while it is set."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, JobRow, str]] = []
        self.tries = 0
        self.error: Exception | None = None

    def enqueue(self, spec: JobSpec, row: JobRow, origin: str) -> None:
        self.tries += 1
        if self.error:
            raise self.error
        self.rows.append((spec.id, row, origin))

    def count(self, job_id: str) -> int:
        return sum(fired == job_id for fired, _, _ in self.rows)


@pytest.fixture(autouse=True)
def frequent_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tests wait less than people do."""
    monkeypatch.setattr("src.jobs.scheduling._LOOK_S", 0.1)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = open_warehouse(f"sqlite:///{tmp_path}/warehouse.db")
    jobs_table.create(opened.engine)
    yield opened
    opened.close()


@pytest.fixture
def elsewhere(warehouse: Warehouse, tmp_path: Path) -> Iterator[Warehouse]:
    """Open the same warehouse with connections of its own, as the command line has them."""
    opened = open_warehouse(f"sqlite:///{tmp_path}/warehouse.db")
    yield opened
    opened.close()


@pytest.fixture
def fired() -> Fired:
    return Fired()


@contextmanager
def scheduling(
    warehouse: Warehouse, fired: Fired, specs: dict[str, JobSpec] | None = None, clock: Clock | None = None
) -> Iterator[JobScheduler]:
    specs = specs or build_jobs(lambda: 3600)
    scheduler = JobScheduler(
        warehouse, specs, fired.enqueue, lambda: ClockOffset(0, 0), clock or SystemClock()
    )
    scheduler.start()
    try:
        yield scheduler
    finally:
        scheduler.stop()


def eventually(is_so: Callable[[], Any], within_s: float = FOLLOWED_S) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def find(warehouse: Warehouse, job_id: str) -> JobRow:
    with warehouse.read() as connection:
        return find_job(connection, job_id) or JobRow(job_id)


def reschedule(warehouse: Warehouse, job_id: str, text: str | None, zone: str = "UTC") -> None:
    warehouse.run(lambda connection: set_schedule(connection, job_id, text, zone, "test"))


def enable(warehouse: Warehouse, job_id: str, enabled: bool) -> None:
    warehouse.run(lambda connection: set_enabled(connection, job_id, enabled=enabled, by="test"))


def put_next_run(warehouse: Warehouse, job_id: str, next_run_ms: int) -> None:
    warehouse.run(lambda connection: ensure_jobs(connection, [job_id]))
    warehouse.run(lambda connection: set_next_run(connection, {job_id: next_run_ms}))


# --- at the start ---


def test_cycle_runs_at_once_and_nothing_else(warehouse: Warehouse, fired: Fired) -> None:
    with scheduling(warehouse, fired):
        eventually(lambda: fired.rows)
        time.sleep(0.2)
    assert [(job_id, origin) for job_id, _, origin in fired.rows] == [("cycle", "schedule")]


def test_start_makes_rows_and_tells_the_next_runs(warehouse: Warehouse, fired: Fired) -> None:
    with scheduling(warehouse, fired):
        rows = [find(warehouse, job_id) for job_id in ("cycle", "reconcile_lake", "refresh_symbols")]
    now_ms = SystemClock().now_ms()
    assert [row.version for row in rows] == [0, 0, 0]
    assert all(row.next_run_ms and 0 < row.next_run_ms - now_ms <= DAY_MS for row in rows)
    assert rows[1].next_run_ms is not None
    assert rows[1].next_run_ms % DAY_MS == (4 * 60 + 30) * 60_000


def test_disabled_job_does_not_run_at_the_start(warehouse: Warehouse, fired: Fired) -> None:
    enable(warehouse, "cycle", False)
    with scheduling(warehouse, fired):
        time.sleep(0.2)
        assert find(warehouse, "cycle").next_run_ms is None
    assert fired.rows == []


def test_time_that_passed_while_nobody_led_is_made_up_for_once(warehouse: Warehouse, fired: Fired) -> None:
    put_next_run(warehouse, "reconcile_lake", SystemClock().now_ms() - 5 * DAY_MS)
    with scheduling(warehouse, fired):
        eventually(lambda: fired.count("reconcile_lake"))
        time.sleep(0.2)
    assert sorted(job_id for job_id, _, _ in fired.rows) == ["cycle", "reconcile_lake"]


def test_time_that_is_still_to_come_is_not_brought_forward(warehouse: Warehouse, fired: Fired) -> None:
    put_next_run(warehouse, "reconcile_lake", SystemClock().now_ms() + 60_000)
    with scheduling(warehouse, fired):
        eventually(lambda: fired.count("cycle"))
        time.sleep(0.2)
    assert fired.count("reconcile_lake") == 0


# --- following what others change ---


def test_shorter_interval_set_elsewhere_is_followed_within_two_seconds(
    warehouse: Warehouse, elsewhere: Warehouse, fired: Fired, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # as often as it looks outside of tests
    with scheduling(warehouse, fired):
        eventually(lambda: fired.count("cycle") == 1)
        reschedule(elsewhere, "cycle", "every 1s")
        eventually(lambda: fired.count("cycle") >= 3)
        next_run_ms = find(elsewhere, "cycle").next_run_ms
        assert next_run_ms is not None
        assert next_run_ms < SystemClock().now_ms() + 2_000


def test_disabled_job_stops_and_an_enabled_one_goes_on(
    warehouse: Warehouse, elsewhere: Warehouse, fired: Fired
) -> None:
    reschedule(elsewhere, "refresh_symbols", "every 1s")
    with scheduling(warehouse, fired):
        eventually(lambda: fired.count("refresh_symbols") >= 1)
        enable(elsewhere, "refresh_symbols", False)
        time.sleep(0.5)
        before = fired.count("refresh_symbols")
        time.sleep(1.2)
        assert fired.count("refresh_symbols") == before
        assert find(elsewhere, "refresh_symbols").next_run_ms is None
        enable(elsewhere, "refresh_symbols", True)
        eventually(lambda: fired.count("refresh_symbols") > before)


def test_run_gets_the_parameters_that_hold_now(
    warehouse: Warehouse, elsewhere: Warehouse, fired: Fired
) -> None:
    reschedule(elsewhere, "reconcile_lake", "every 1s")
    with scheduling(warehouse, fired):
        elsewhere.run(lambda c: set_parameters(c, "reconcile_lake", {"checksums": True}, "test"))
        eventually(lambda: any(row.parameters == {"checksums": True} for _, row, _ in fired.rows))


def test_default_that_changes_is_followed(warehouse: Warehouse, fired: Fired) -> None:
    """The cycle's is a setting, which others may change while the daemon runs."""
    seconds = [3600]
    with scheduling(warehouse, fired, build_jobs(lambda: seconds[0])):
        eventually(lambda: fired.count("cycle") == 1)
        seconds[0] = 1
        eventually(lambda: fired.count("cycle") >= 2)


def test_locked_schedule_follows_nobody(warehouse: Warehouse, elsewhere: Warehouse, fired: Fired) -> None:
    with scheduling(warehouse, fired, build_jobs(lambda: 3600, locked="CANDLEHOUSE_CYCLE_SECONDS")) as made:
        eventually(lambda: fired.count("cycle") == 1)
        before = find(elsewhere, "cycle").next_run_ms
        reschedule(elsewhere, "cycle", "every 1s")
        made.follow()
        made.follow()
        assert fired.count("cycle") == 1
        eventually(lambda: find(elsewhere, "cycle").next_run_ms == before)


def test_stored_schedule_that_is_not_valid_gives_way_to_the_default(
    warehouse: Warehouse, elsewhere: Warehouse, fired: Fired
) -> None:
    def told() -> list[str]:
        return [line["error"] for line in logs if line["event"] == "schedule not valid, the default holds"]

    with scheduling(warehouse, fired), capture_logs() as logs:
        reschedule(elsewhere, "cycle", "now and then")
        eventually(told)
        time.sleep(0.3)  # it looks again, and again
        row = find(elsewhere, "cycle")
    assert row.next_run_ms is not None
    assert row.next_run_ms > SystemClock().now_ms() - 60_000
    assert len(told()) == 1
    assert "now and then" in told()[0]


# --- what goes wrong ---


def test_warehouse_that_is_away_stops_no_schedule_and_is_told_once(
    warehouse: Warehouse, fired: Fired
) -> None:
    def refuse(*_: object) -> None:
        raise WarehouseUnavailable("the warehouse is away")

    reschedule(warehouse, "refresh_symbols", "every 1s")
    # Logs are captured to its end: what it says last comes after what the warehouse shows.
    with capture_logs() as logs, scheduling(warehouse, fired) as made:
        eventually(lambda: fired.count("refresh_symbols") >= 1)
        event.listen(warehouse.engine, "begin", refuse)
        before = fired.count("refresh_symbols")
        for _ in range(20):
            made.follow()
        eventually(lambda: fired.count("refresh_symbols") > before)
        event.remove(warehouse.engine, "begin", refuse)
        reschedule(warehouse, "refresh_symbols", SELDOM)
        eventually(lambda: find(warehouse, "refresh_symbols").next_run_ms)
    told = [
        line["event"]
        for line in logs
        if line.get("what") == "following jobs" and line["log_level"] != "debug"
    ]
    assert told == ["jobs in trouble", "jobs in order again"]


def test_warehouse_that_comes_after_the_start_is_followed_then(warehouse: Warehouse, fired: Fired) -> None:
    jobs_table.drop(warehouse.engine)
    with scheduling(warehouse, fired):
        time.sleep(0.2)
        assert fired.rows == []
        jobs_table.create(warehouse.engine)
        eventually(lambda: fired.count("cycle") == 1)


@pytest.mark.parametrize("error", [WarehouseUnavailable("away"), ZeroDivisionError("a bug")], ids=str)
def test_run_that_cannot_be_queued_is_told_once_and_tried_at_the_next_time(
    warehouse: Warehouse, fired: Fired, error: Exception
) -> None:
    specs = build_jobs(lambda: 3600)
    fired.error = error
    with capture_logs() as logs, scheduling(warehouse, fired, specs) as made:
        eventually(lambda: fired.tries == 1)
        for _ in range(3):
            made._fire(specs["cycle"])
        fired.error = None
        made._fire(specs["cycle"])
    assert (fired.tries, fired.count("cycle")) == (5, 1)
    told = [line for line in logs if line.get("what") == "queueing cycle"]
    assert [line["log_level"] for line in told if line["log_level"] != "debug"] == ["error", "info"]


def test_times_that_come_while_one_is_still_being_queued_are_left_out(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    entered, release = threading.Event(), threading.Event()

    class Slow(Fired):
        def enqueue(self, spec: JobSpec, row: JobRow, origin: str) -> None:
            super().enqueue(spec, row, origin)
            entered.set()
            assert release.wait(30)

    slow = Slow()
    with scheduling(warehouse, slow, build_jobs(lambda: 1)):
        assert entered.wait(FOLLOWED_S)
        time.sleep(2.2)
        assert slow.tries == 1
        release.set()
        time.sleep(0.3)
        assert slow.tries <= 2  # none has waited for its turn; one may have come just now
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == []


def test_nothing_fires_after_the_stop(warehouse: Warehouse, fired: Fired) -> None:
    reschedule(warehouse, "refresh_symbols", "every 1s")
    with scheduling(warehouse, fired):
        eventually(lambda: fired.count("refresh_symbols") >= 1)
    before = list(fired.rows)
    time.sleep(1.3)
    assert fired.rows == before


def test_stop_before_the_start_does_nothing(warehouse: Warehouse, fired: Fired) -> None:
    JobScheduler(
        warehouse, build_jobs(lambda: 60), fired.enqueue, lambda: ClockOffset(0, 0), SystemClock()
    ).stop()
    assert fired.rows == []


# --- next runs, and the clock ---


def test_next_run_of_a_frequent_job_is_stored_seldom(warehouse: Warehouse, fired: Fired) -> None:
    writes: list[str] = []
    event.listen(
        warehouse.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: writes.append(statement) if "UPDATE" in statement else None,
    )
    with scheduling(warehouse, fired, build_jobs(lambda: 1)):
        eventually(lambda: fired.count("cycle") >= 4)
    assert len(writes) <= 2


def test_clock_that_is_set_back_does_not_keep_jobs_from_running(warehouse: Warehouse, fired: Fired) -> None:
    """APScheduler would wait until the time has come again: as long as the clock was ahead."""
    clock = JumpingClock()
    with scheduling(warehouse, fired, build_jobs(lambda: 10), clock) as made:
        ahead = datetime.now(UTC) + timedelta(hours=1)
        made._scheduler.modify_job("cycle", next_run_time=ahead)
        made.follow()
        assert made._scheduler.get_job("cycle").next_run_time == ahead
        clock.jump_ms = -3_600_000
        made.follow()
        assert made._scheduler.get_job("cycle").next_run_time < datetime.now(UTC) + timedelta(seconds=11)


class JumpingClock(SystemClock):
    """The machine's clock, set forward or back by *jump_ms*."""

    jump_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.jump_ms
