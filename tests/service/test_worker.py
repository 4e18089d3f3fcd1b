"""Fifty runs at once in a real worker: what one does harms no other, and each state says what happened."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select

from src.clock import SystemClock
from src.domain import Lane
from src.errors import RunRevoked, SourcePermanent, SourceTransient
from src.jobs import asking
from src.jobs.context import Execute, Kind, Outcome, RunContext
from src.jobs.worker import Worker
from src.stopping import Stop
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.run_progress import add_event
from src.warehouse.run_tables import run_events
from src.warehouse.runs import NewRun, RunRow, RunState, create_run, get_run
from src.warehouse.schema import migrate
from tests.faults.harness import eventually

MakeWorker = Callable[..., Worker]


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Warehouse]:
    opened = open_warehouse(warehouse_url)
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Give what lets a hanging run go on; it is set at the end, so that no thread is left."""
    event = threading.Event()
    yield event
    event.set()


def work(context: RunContext) -> Outcome:
    context.progress.start("things", 10)
    for _ in range(10):
        context.clock.sleep(0.01)
        context.progress.advance(1)
    return Outcome({"things": 10})


def wait(context: RunContext) -> Outcome:
    context.clock.sleep(60)
    return Outcome()


def fail(context: RunContext) -> Outcome:
    raise ValueError("a bug")


def refuse(context: RunContext) -> Outcome:
    raise SourcePermanent("binance", "no such symbol")


def hiccup_once() -> Execute:
    """Return what fails the first time that it is tried."""
    tries: list[int] = []

    def hiccup(context: RunContext) -> Outcome:
        tries.append(context.run.id)
        if len(tries) == 1:
            raise SourceTransient("binance", "status 502")
        return Outcome()

    return hiccup


def hang_until(release: threading.Event, hung: list[threading.Thread]) -> Execute:
    """Return what hears of no stop, and writes late; *hung* gets the threads that did."""

    def hang(context: RunContext) -> Outcome:
        hung.append(threading.current_thread())
        release.wait(60)
        context.warehouse.run(lambda c: add_event(c, context.run.id, "late", "written after its limit"))
        return Outcome()

    return hang


@pytest.fixture
def make_worker(warehouse: Warehouse, release: threading.Event) -> Iterator[MakeWorker]:
    stop = Stop()
    clock = SystemClock(stop)
    started: list[Worker] = []
    does: dict[str, Execute] = {"work": work, "wait": wait, "fail": fail, "refuse": refuse}
    hung: list[threading.Thread] = []
    does |= {"hiccup": hiccup_once(), "hang": hang_until(release, hung)}

    def make(slots: int = 60, name: str = "worker 1") -> Worker:
        kinds = {key: Kind(key, execute, retries=True) for key, execute in does.items()}
        worker = Worker(warehouse, clock, kinds, name, stop, slots=slots)
        worker.start()
        started.append(worker)
        return worker

    yield make
    release.set()
    for worker in started:
        worker.stop()
    for thread in hung:
        thread.join(30)  # given up by their workers; the warehouse goes away under who still writes


def queue(warehouse: Warehouse, kind: str, **options: int) -> int:
    new = NewRun(kind, Lane.HISTORY.value, "manual", "a test", **options)  # type: ignore[arg-type]
    return warehouse.run(lambda connection: create_run(connection, new))


def read(warehouse: Warehouse, run_id: int) -> RunRow:
    with warehouse.read() as connection:
        return get_run(connection, run_id)


def wait_for(warehouse: Warehouse, run_id: int, state: RunState) -> RunRow:
    eventually(lambda: read(warehouse, run_id).state is state, f"run {run_id} is {state}")
    return read(warehouse, run_id)


def test_fifty_at_once_and_the_bad_ones_harm_no_other(
    warehouse: Warehouse, make_worker: MakeWorker, release: threading.Event
) -> None:
    failing, hanging, cancelled = (
        queue(warehouse, "fail"),
        queue(warehouse, "hang", time_limit_s=1),
        queue(warehouse, "wait"),
    )
    good = [queue(warehouse, "work") for _ in range(47)]
    make_worker()
    wait_for(warehouse, cancelled, RunState.RUNNING)
    asking.cancel(warehouse, [cancelled], "a test")
    for run_id in good:
        run = wait_for(warehouse, run_id, RunState.SUCCEEDED)
        assert (run.attempt, run.done, run.total, run.result) == (1, 10, 10, {"things": 10})
    wait_for(warehouse, cancelled, RunState.CANCELLED)
    failed = wait_for(warehouse, failing, RunState.FAILED)
    assert failed.error_kind == "unexpected"
    assert failed.error
    assert failed.error["what"] == "unexpected ValueError: a bug"
    assert "ValueError" in (failed.traceback or "")
    overdue = wait_for(warehouse, hanging, RunState.FAILED)
    assert overdue.error_kind == "timeout"
    release.set()  # its thread goes on now, and what it writes is refused
    time.sleep(0.5)
    with warehouse.read() as connection:
        kinds = list(connection.scalars(select(run_events.c.kind).where(run_events.c.run_id == hanging)))
    assert "late" not in kinds
    assert read(warehouse, hanging).state is RunState.FAILED


def test_hanging_run_gives_its_place_back(warehouse: Warehouse, make_worker: MakeWorker) -> None:
    queue(warehouse, "hang", time_limit_s=1)
    after = queue(warehouse, "work")
    make_worker(slots=2)  # one of them is kept for repairs
    wait_for(warehouse, after, RunState.SUCCEEDED)


def test_queued_run_starts_without_delay(warehouse: Warehouse, make_worker: MakeWorker) -> None:
    make_worker()
    time.sleep(0.5)
    started = time.monotonic()
    run_id = queue(warehouse, "wait")
    wait_for(warehouse, run_id, RunState.RUNNING)
    assert time.monotonic() - started < 3  # a second is promised


def test_what_may_pass_is_tried_again_and_what_cannot_is_not(
    warehouse: Warehouse, make_worker: MakeWorker
) -> None:
    hiccup, refused = queue(warehouse, "hiccup"), queue(warehouse, "refuse")
    make_worker()
    assert wait_for(warehouse, hiccup, RunState.SUCCEEDED).attempt == 2
    run = wait_for(warehouse, refused, RunState.FAILED)
    assert (run.attempt, run.error_kind) == (1, "permanent")
    assert asking.retry(warehouse, [refused], "a test").permanent == [refused]


def test_who_failed_for_the_last_time_is_told_how_to_go_on_all_the_same(
    warehouse: Warehouse, make_worker: MakeWorker
) -> None:
    spent = queue(warehouse, "hiccup", attempt_limit=1)
    make_worker()
    error = wait_for(warehouse, spent, RunState.FAILED).error or {}
    assert error["todo"] == "nothing is lost; a retry goes on where it stopped"
    assert asking.retry(warehouse, [spent], "a test").skipped_for_attempts == [spent]
    assert asking.retry(warehouse, [spent], "a test", force=True).retried == [spent]
    wait_for(warehouse, spent, RunState.SUCCEEDED)


def test_shutdown_costs_no_attempt_and_the_next_worker_goes_on(
    warehouse: Warehouse, make_worker: MakeWorker
) -> None:
    run_id = queue(warehouse, "wait")
    first = make_worker(name="worker 1")
    wait_for(warehouse, run_id, RunState.RUNNING)
    first.stop()
    assert (read(warehouse, run_id).state, read(warehouse, run_id).attempt) == (RunState.QUEUED, 0)
    make_worker(name="worker 2")
    assert wait_for(warehouse, run_id, RunState.RUNNING).attempt == 1


def test_error_of_a_revoked_run_is_named() -> None:
    assert "7" in str(RunRevoked(7))
