"""Extraction's threads: each task once at a time, and nobody waits for one that fails or lags behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from src.errors import (
    CandlehouseError,
    SourceBlocked,
    SourcePermanent,
    SourceResting,
    SourceTransient,
    Stopped,
    StoreUnavailable,
)
from src.extract.workers import Workers
from src.stopping import Stop, stopping_by

SOON = 10.0
"""Longer than anything here takes; a test that waits it out has failed."""


class Crew:
    """Workers whose failures and finished work a test can look at."""

    def __init__(self, threads: int = 4) -> None:
        self.failures: list[tuple[str, CandlehouseError]] = []
        self.done: list[str] = []
        self.workers = Workers(threads, lambda name, error: self.failures.append((name, error)))
        self.gates: list[threading.Event] = []

    def gate(self) -> threading.Event:
        """Return an event that tasks may wait for; it is opened at the end at the latest."""
        made = threading.Event()
        self.gates.append(made)
        return made

    def add(self, name: str, *, stretches: int = 1) -> None:
        """Submit a task that notes each stretch it has worked off."""
        left = iter(range(stretches - 1, -1, -1))

        def work() -> bool:
            self.done.append(name)
            return next(left) > 0

        self.workers.submit(name, work)

    def add_waiting(self, name: str, gate: threading.Event) -> threading.Event:
        """Submit a task that waits for *gate*; return what is set once it runs."""
        running = threading.Event()

        def work() -> bool:
            running.set()
            assert gate.wait(SOON)
            self.done.append(name)
            return False

        self.workers.submit(name, work)
        return running

    def add_failing(self, name: str, error: Exception) -> None:
        self.workers.submit(name, raising(error))


def raising(error: Exception) -> Callable[[], bool]:
    def work() -> bool:
        raise error

    return work


@pytest.fixture
def crew() -> Iterator[Crew]:
    made = Crew()
    yield made
    for gate in made.gates:
        gate.set()
    made.workers.close()


def returns_at_once(wait_for: Callable[[], None]) -> bool:
    started = time.monotonic()
    wait_for()
    return time.monotonic() - started < SOON / 4


def test_everything_submitted_is_done_when_waiting_ends(crew: Crew) -> None:
    for number in range(20):
        crew.add(f"series {number}")
    crew.workers.wait(None)
    assert sorted(crew.done) == sorted(f"series {number}" for number in range(20))


def test_waiting_for_nothing_ends_at_once(crew: Crew) -> None:
    assert returns_at_once(lambda: crew.workers.wait(SOON))
    assert returns_at_once(lambda: crew.workers.wait(None))


def test_stragglers_are_counted_until_they_are_done(crew: Crew) -> None:
    gate = crew.gate()
    crew.add_waiting("BTCUSDT", gate).wait(SOON)
    crew.add("ETHUSDT", stretches=3)
    crew.workers.wait(0.1)
    assert crew.workers.count_busy() >= 1
    gate.set()
    crew.workers.wait(None)
    assert crew.workers.count_busy() == 0


def test_task_under_way_is_not_started_a_second_time(crew: Crew) -> None:
    gate = crew.gate()
    assert crew.add_waiting("BTCUSDT", gate).wait(SOON)
    crew.add("BTCUSDT")
    crew.add("ETHUSDT")
    gate.set()
    crew.workers.wait(None)
    assert sorted(crew.done) == ["BTCUSDT", "ETHUSDT"]
    crew.add("BTCUSDT")
    crew.workers.wait(None)
    assert crew.done.count("BTCUSDT") == 2


def test_name_submitted_by_many_at_once_runs_once(crew: Crew) -> None:
    gate, start = crew.gate(), threading.Barrier(8)
    running: list[int] = []

    def work() -> bool:
        running.append(1)
        return not gate.wait(SOON)

    def submit(_: int) -> None:
        start.wait(SOON)
        crew.workers.submit("BTCUSDT", work)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(submit, range(8)))
    gate.set()
    crew.workers.wait(None)
    assert running == [1]


# --- failures ---


def test_failure_is_reported_by_name_and_stops_nobody_else(crew: Crew) -> None:
    error = SourcePermanent("binance", "no such symbol: NOPEUSDT")
    crew.add_failing("NOPEUSDT", error)
    crew.add("BTCUSDT")
    crew.workers.wait(None)
    assert crew.failures == [("NOPEUSDT", error)]
    assert crew.done == ["BTCUSDT"]


def test_unexpected_error_is_reported_with_its_kind_and_the_thread_survives() -> None:
    crew = Crew(threads=1)
    crew.add_failing("BTCUSDT", ZeroDivisionError("a bug"))
    crew.add("ETHUSDT")
    crew.workers.wait(None)
    [(name, error)] = crew.failures
    assert (name, str(error)) == ("BTCUSDT", "unexpected ZeroDivisionError: a bug")
    assert crew.done == ["ETHUSDT"]
    crew.workers.close()


def test_task_ended_by_the_shutdown_is_no_failure(crew: Crew) -> None:
    crew.add_failing("BTCUSDT", Stopped("a wait was ended"))
    crew.workers.wait(None)
    assert crew.failures == []


# --- who is waited for ---


def test_waiting_ends_when_its_time_is_over(crew: Crew) -> None:
    assert crew.add_waiting("BTCUSDT", crew.gate()).wait(SOON)
    assert returns_at_once(lambda: crew.workers.wait(0.05))
    assert crew.done == []


def test_task_that_failed_last_time_is_not_waited_for(crew: Crew) -> None:
    crew.add_failing("BADUSDT", SourceTransient("binance", "timed out"))
    crew.workers.wait(None)
    gate = crew.gate()
    assert crew.add_waiting("BADUSDT", gate).wait(SOON)
    crew.add("BTCUSDT")
    assert returns_at_once(lambda: crew.workers.wait(SOON))
    assert crew.done == ["BTCUSDT"]
    gate.set()
    crew.workers.wait(None)  # without a limit everybody is waited for
    assert crew.done == ["BTCUSDT", "BADUSDT"]


def test_task_that_works_again_is_waited_for_again(crew: Crew) -> None:
    crew.add_failing("BADUSDT", SourceTransient("binance", "timed out"))
    crew.workers.wait(None)
    crew.add("BADUSDT")
    crew.workers.wait(None)
    with ThreadPoolExecutor(1) as pool:
        gate = crew.gate()
        assert crew.add_waiting("BADUSDT", gate).wait(SOON)
        waiting = pool.submit(crew.workers.wait, SOON)
        assert not wait([waiting], 0.1).done
        gate.set()
        waiting.result(SOON)
    assert crew.done == ["BADUSDT", "BADUSDT"]


@pytest.mark.parametrize(
    "error",
    [
        SourceBlocked("binance", 1_767_968_400_123, "429"),
        SourceResting("binance", 1_767_968_400_123, "5 calls failed in a row"),
        StoreUnavailable("the lake is away"),
    ],
)
def test_nobody_becomes_a_suspect_for_what_concerns_everybody(crew: Crew, error: CandlehouseError) -> None:
    crew.add_failing("BTCUSDT", error)
    crew.workers.wait(None)
    with ThreadPoolExecutor(1) as pool:
        gate = crew.gate()
        assert crew.add_waiting("BTCUSDT", gate).wait(SOON)
        waiting = pool.submit(crew.workers.wait, SOON)
        assert not wait([waiting], 0.1).done
        gate.set()
        waiting.result(SOON)
    assert crew.failures == [("BTCUSDT", error)]


def test_suspects_that_hang_leave_the_threads_of_the_others_free() -> None:
    crew = Crew(threads=1)
    bad = [f"BAD{number}USDT" for number in range(5)]
    for name in bad:
        crew.add_failing(name, SourceTransient("binance", "timed out"))
    crew.workers.wait(None)
    gate = crew.gate()
    for name in bad:
        crew.add_waiting(name, gate)
    crew.add("BTCUSDT")
    assert returns_at_once(lambda: crew.workers.wait(SOON))
    assert crew.done == ["BTCUSDT"]
    gate.set()
    crew.workers.wait(None)
    assert sorted(crew.done) == sorted([*bad, "BTCUSDT"])
    crew.workers.close()


def test_straggler_costs_only_the_first_cycle_its_time(crew: Crew) -> None:
    """A cycle that waited in vain has given it its chance; the next does not wait again."""
    gate = crew.gate()
    assert crew.add_waiting("SLOWUSDT", gate).wait(SOON)
    crew.workers.wait(0.05)
    crew.add("SLOWUSDT")
    crew.add("BTCUSDT")
    assert returns_at_once(lambda: crew.workers.wait(SOON))
    assert crew.done == ["BTCUSDT"]


# --- a long way to catch up ---


def test_catching_up_goes_to_the_back_of_the_queue_after_each_stretch() -> None:
    crew = Crew(threads=1)
    gate = crew.gate()
    crew.add_waiting("first", gate)  # holds the only thread until all the others are queued
    crew.add("far behind", stretches=3)
    crew.add("BTCUSDT")
    crew.add("ETHUSDT")
    gate.set()
    crew.workers.wait(None)
    assert crew.done == ["first", "far behind", "BTCUSDT", "ETHUSDT", "far behind", "far behind"]
    crew.workers.close()


def test_cycle_does_not_wait_for_who_is_far_behind(crew: Crew) -> None:
    gate, in_second = crew.gate(), threading.Event()
    stretches = iter([False, True])

    def work() -> bool:
        if next(stretches):
            in_second.set()
            assert gate.wait(SOON)
            crew.done.append("far behind")
            return False
        return True

    crew.workers.submit("far behind", work)
    assert in_second.wait(SOON)
    assert returns_at_once(lambda: crew.workers.wait(SOON))
    assert crew.done == []
    gate.set()
    crew.workers.wait(None)
    assert crew.done == ["far behind"]


# --- the end ---


def test_close_lets_what_runs_end_and_drops_what_is_queued() -> None:
    crew = Crew(threads=1)
    gate = crew.gate()
    assert crew.add_waiting("running", gate).wait(SOON)
    crew.add("queued")
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(crew.workers.close)
        assert not wait([closing], 0.1).done
        gate.set()
        closing.result(SOON)
    assert crew.done == ["running"]


def test_nothing_starts_after_close(crew: Crew) -> None:
    crew.workers.close()
    crew.add("BTCUSDT")
    crew.workers.wait(None)
    assert crew.done == []
    crew.workers.close()  # twice is fine


def test_close_ends_a_way_of_many_stretches_after_the_present_one() -> None:
    crew = Crew(threads=1)
    gate, running = crew.gate(), threading.Event()

    def work() -> bool:
        crew.done.append("stretch")
        running.set()
        assert gate.wait(SOON)
        return True

    crew.workers.submit("far behind", work)
    assert running.wait(SOON)
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(crew.workers.close)
        assert not wait([closing], 0.1).done
        gate.set()
        closing.result(SOON)
    assert crew.done == ["stretch"]


def test_who_is_asked_to_stop_waits_no_longer_and_the_tasks_go_on(crew: Crew) -> None:
    gate = crew.gate()
    running = crew.add_waiting("slow", gate)
    assert running.wait(SOON)
    stop = Stop()
    threading.Timer(0.1, stop.set).start()
    with stopping_by(stop):
        assert returns_at_once(lambda: crew.workers.wait(None))
    gate.set()
    crew.workers.wait(None)
    assert crew.done == ["slow"]
