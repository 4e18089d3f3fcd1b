"""Who leads, and what a process that leads, stands by or was deposed does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import update

from src.clock import SystemClock
from src.errors import LeadershipLost, Stopped, WarehouseUnavailable
from src.jobs.leadership import LEADER, Leadership
from src.warehouse.engine import Warehouse, open_warehouse, sqlite_url
from src.warehouse.leases import Lease, acquire, find_lease
from src.warehouse.run_tables import app_settings, leases

PATIENCE_S = 10.0
SETTING = app_settings.insert().values(name="n", value="v", updated_at=0, updated_by="us")


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with closing(open_warehouse(sqlite_url(tmp_path / "warehouse.db"))) as opened:
        for table in (leases, app_settings):
            table.create(opened.engine)
        yield opened


@pytest.fixture
def other(warehouse: Warehouse) -> Iterator[Warehouse]:
    """Give the same warehouse as another process would have it."""
    with closing(open_warehouse(str(warehouse.engine.url))) as opened:
        yield opened


class Candidates:
    """Makes processes that would lead, by names of their own and impatient; all resign at the end."""

    def __init__(self) -> None:
        self.made: list[Leadership] = []
        self.clock = SystemClock()

    def make(self, warehouse: Warehouse, holder: str, ttl_s: float = 60, **changes: Any) -> Leadership:
        quick: dict[str, Any] = {"renew_s": 0.05, "poll_s": 0.05, **changes}
        self.made.append(Leadership(warehouse, self.clock, holder, ttl_s, **quick))
        return self.made[-1]


@pytest.fixture
def candidates() -> Iterator[Candidates]:
    made = Candidates()
    yield made
    made.clock.stop.set()
    for one in made.made:
        one.resign()


def find(warehouse: Warehouse) -> Lease:
    with warehouse.read() as connection:
        lease = find_lease(connection, LEADER)
    assert lease
    return lease


def depose(warehouse: Warehouse) -> None:
    """Take the lease as if its time were over."""
    holder = find(warehouse).holder
    with warehouse.write(guarded=False) as connection:
        assert acquire(connection, LEADER, "usurper", 60, dead_holder=holder)


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def write(warehouse: Warehouse) -> None:
    warehouse.run(lambda connection: connection.execute(SETTING))


# --- leading ---


def test_one_leads_and_the_other_knows_who(
    warehouse: Warehouse, other: Warehouse, candidates: Candidates
) -> None:
    first, second = candidates.make(warehouse, "one"), candidates.make(other, "two")
    assert first.find_leader() is None
    assert first.try_acquire()
    assert first.try_acquire(), "it leads already"
    assert not second.try_acquire()
    assert (first.is_leading, second.is_leading) == (True, False)
    leader = second.find_leader()
    assert leader
    assert leader.holder == "one"


def test_leader_keeps_the_lease_beyond_its_first_term(
    warehouse: Warehouse, other: Warehouse, candidates: Candidates
) -> None:
    first, second = candidates.make(warehouse, "one", ttl_s=1), candidates.make(other, "two")
    assert first.try_acquire()
    expiry_ms = find(warehouse).expires_at_ms
    wait_for(lambda: find(warehouse).expires_at_ms > expiry_ms + 1000)
    assert not second.try_acquire()
    assert find(warehouse).token == 1


def test_who_resigned_is_followed_at_once(
    warehouse: Warehouse, other: Warehouse, candidates: Candidates
) -> None:
    first, second = candidates.make(warehouse, "one"), candidates.make(other, "two")
    assert first.try_acquire()
    first.resign()
    assert not first.is_leading
    assert second.try_acquire()
    write(warehouse)  # like any process that does not lead
    first.resign()
    assert find(warehouse).holder == "two", "who does not lead has nothing to give back"


def test_resigning_does_not_wait_for_a_warehouse_that_is_away(
    warehouse: Warehouse, candidates: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = candidates.make(warehouse, "one")
    assert first.try_acquire()
    monkeypatch.setattr(warehouse, "run", be_away)
    first.resign()
    assert not first.is_leading
    assert not find(warehouse).is_expired


def be_away(*_: object, **__: object) -> None:
    raise WarehouseUnavailable("the warehouse is away")


# --- standing by ---


def test_who_stands_by_takes_over(warehouse: Warehouse, other: Warehouse, candidates: Candidates) -> None:
    first, second = candidates.make(warehouse, "one"), candidates.make(other, "host/4711")
    assert first.try_acquire()
    with structlog.testing.capture_logs() as logs, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second.wait_until_leading)
        time.sleep(0.3)
        assert not waiting.done()
        first.resign()
        waiting.result(PATIENCE_S)
    assert second.is_leading
    told = [(log["event"], log.get("behind"), log.get("before")) for log in logs]
    # A look in the moment between may find the lease free that could not be taken a moment before.
    assert (told[0], told[-1]) == (("standing by", "one", None), ("leading", None, "one"))
    assert {behind for _, behind, _ in told[1:-1]} <= {"whoever is taking the lease"}


def test_who_stands_by_can_be_stopped(warehouse: Warehouse, other: Warehouse, candidates: Candidates) -> None:
    assert candidates.make(warehouse, "one").try_acquire()
    second = candidates.make(other, "two")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second.wait_until_leading)
        candidates.clock.stop.set()
        with pytest.raises(Stopped):
            waiting.result(PATIENCE_S)
    assert not second.is_leading


def test_who_stands_by_waits_for_a_warehouse_that_is_away(
    warehouse: Warehouse, candidates: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = candidates.make(warehouse, "one")
    with monkeypatch.context() as patch, ThreadPoolExecutor(1) as pool:
        patch.setattr(warehouse, "read", be_away)
        waiting = pool.submit(first.wait_until_leading)
        time.sleep(0.2)
        assert not waiting.done()
        patch.undo()
        waiting.result(PATIENCE_S)
    assert first.is_leading


def test_who_stands_by_bears_a_writer_that_is_frozen_in_the_file(
    warehouse: Warehouse, candidates: Candidates
) -> None:
    with closing(open_warehouse(str(warehouse.engine.url), patience_s=2)) as impatient:
        second = candidates.make(impatient, "two")
        with warehouse.write():
            assert not second.try_acquire()
        assert second.try_acquire()


def test_lease_of_a_dead_process_is_taken_at_once(
    warehouse: Warehouse, other: Warehouse, candidates: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = candidates.make(warehouse, "one"), candidates.make(other, "two")
    assert first.try_acquire()
    monkeypatch.setattr("src.jobs.leadership.is_dead", lambda holder: holder == "one")
    assert second.find_leader() is None
    assert second.try_acquire()
    assert find(warehouse).token == 2


# --- losing it ---


def test_deposed_leader_is_told_once_and_can_write_no_more(
    warehouse: Warehouse, other: Warehouse, candidates: Candidates
) -> None:
    told: list[str] = []
    first = candidates.make(
        warehouse, "one", renew_s=60, on_lost=lambda: told.append(threading.current_thread().name)
    )
    assert first.try_acquire()
    depose(other)
    with pytest.raises(LeadershipLost):
        write(warehouse)
    wait_for(lambda: bool(told))  # the refusal woke the thread that renews, long before its time
    assert not first.is_leading
    with pytest.raises(LeadershipLost):
        write(warehouse)
    assert told == ["lease"]


def test_renewal_notices_the_loss_though_nobody_writes(
    warehouse: Warehouse, other: Warehouse, candidates: Candidates
) -> None:
    lost = threading.Event()
    first = candidates.make(warehouse, "one", on_lost=lost.set)
    assert first.try_acquire()
    depose(other)
    assert lost.wait(PATIENCE_S)
    assert not first.is_leading


def test_deposed_leader_may_lead_again(
    warehouse: Warehouse, other: Warehouse, candidates: Candidates
) -> None:
    first = candidates.make(warehouse, "one")
    assert first.try_acquire()
    depose(other)
    wait_for(lambda: not first.is_leading)
    assert not first.try_acquire()
    with other.write() as connection:
        connection.execute(update(leases).values(expires_at=0))
    assert first.try_acquire()
    write(warehouse)
    assert find(warehouse).token == 3


def test_leader_goes_on_while_the_warehouse_is_away(
    warehouse: Warehouse, other: Warehouse, candidates: Candidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = candidates.make(warehouse, "one", ttl_s=0.3)
    with structlog.testing.capture_logs() as logs:
        assert first.try_acquire()
        with monkeypatch.context() as patch:
            patch.setattr(warehouse, "run", be_away)
            wait_for(lambda: find(other).is_expired)
            assert first.is_leading
        wait_for(lambda: not find(other).is_expired)
        assert first.is_leading
        wait_for(lambda: len(logs) == 3)
    assert [log["event"] for log in logs] == ["leading", "lease not renewed", "lease renewed again"]
    write(warehouse)
