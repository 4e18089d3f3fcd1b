"""Stopping: reasons, parents and children, and that waits and requests end at once when asked to."""

from __future__ import annotations

import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import ContextVar
from pathlib import Path

import pytest

from src.clock import ManualClock, SystemClock
from src.errors import SourceTransient, Stopped
from src.extract.budget import Budget
from src.extract.http import HttpClient
from src.extract.patience import wait_out
from src.extract.retry import call_with_retry
from src.stopping import Stop, current_stop, run_abandonable, stopping_by
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.tables import exchange_budget
from tests.tiny_server import Asked, Reply, TinyServer

# What is stopped here would go on for much longer, or end without Stopped.
_AT_ONCE_S = 2.0
_LONG_S = 20.0


@pytest.fixture
def stop() -> Stop:
    return Stop()


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = open_warehouse(f"sqlite:///{tmp_path}/warehouse.db")
    exchange_budget.create(opened.engine)
    yield opened
    opened.close()


def assert_stopped_at_once(stop: Stop, work: Callable[[], object]) -> None:
    """Set *stop* while *work* is well under way."""
    setting = threading.Timer(0.2, stop.set, ["cancel"])
    started = time.monotonic()
    setting.start()
    with pytest.raises(Stopped, match="cancel"):
        work()
    assert 0.1 < time.monotonic() - started < _AT_ONCE_S
    setting.join()


# --- a stop ------------------------------------------------------------------------------------------------


def test_first_reason_counts(stop: Stop) -> None:
    assert (stop.is_set(), stop.reason) == (False, None)
    stop.set("cancel")
    stop.set("pause")
    assert (stop.is_set(), stop.reason) == (True, "cancel")


def test_parent_stops_its_children_for_its_reason_and_no_child_its_parent(stop: Stop) -> None:
    children = [Stop(stop), Stop(stop)]
    children[0].set("cancel")
    assert not stop.is_set()
    assert not children[1].is_set()
    stop.set()
    assert [child.reason for child in children] == ["cancel", "shutdown"]


def test_grandchild_is_stopped_as_well(stop: Stop) -> None:
    child = Stop(stop)
    grandchild = Stop(child)
    stop.set()
    assert grandchild.reason == "shutdown"


def test_child_of_a_set_parent_is_set_from_its_beginning(stop: Stop) -> None:
    stop.set("pause")
    assert Stop(stop).reason == "pause"


def test_children_that_nobody_needs_any_more_are_not_kept(stop: Stop) -> None:
    child = Stop(stop)
    assert len(stop._children) == 1
    del child
    gc.collect()
    assert len(stop._children) == 0


def test_callback_is_called_once_and_at_once_when_it_comes_late(stop: Stop) -> None:
    heard: list[str] = []
    stop.on_set(lambda: heard.append("early"))
    stop.set()
    stop.set()
    assert heard == ["early"]
    stop.on_set(lambda: heard.append("late"))
    assert heard == ["early", "late"]


def test_callback_taken_off_is_not_called(stop: Stop) -> None:
    heard: list[str] = []
    take_off = stop.on_set(lambda: heard.append("gone"))
    take_off()
    take_off()
    stop.set()
    assert heard == []


def test_only_the_thread_within_the_block_is_stopped_by_it(stop: Stop) -> None:
    elsewhere: list[Stop | None] = []
    with stopping_by(stop):
        assert current_stop() is stop
        other = threading.Thread(target=lambda: elsewhere.append(current_stop()))
        other.start()
        other.join()
    assert (current_stop(), elsewhere) == (None, [None])


# --- work that can be left behind --------------------------------------------------------------------------


def test_work_gives_its_result_or_its_error_with_and_without_a_stop(stop: Stop) -> None:
    def fail() -> None:
        raise ValueError("a bug")

    for maybe in (None, stop):
        assert run_abandonable(lambda: 7, maybe) == 7
        with pytest.raises(ValueError, match="a bug"):
            run_abandonable(fail, maybe)
    assert stop._callbacks == {}


def test_work_sees_what_its_caller_has_in_context(stop: Stop) -> None:
    word: ContextVar[str] = ContextVar("word", default="none")
    word.set("kept")
    assert run_abandonable(word.get, stop) == "kept"


def test_work_that_hangs_is_left_behind_on_a_thread_that_keeps_no_process_alive(stop: Stop) -> None:
    release, threads = threading.Event(), []

    def hang() -> None:
        threads.append(threading.current_thread())
        release.wait(_LONG_S)

    assert_stopped_at_once(stop, lambda: run_abandonable(hang, stop))
    assert [thread.is_alive() and thread.daemon for thread in threads] == [True]
    release.set()
    threads[0].join()


def test_work_does_not_begin_once_stopped(stop: Stop) -> None:
    begun: list[int] = []
    stop.set()
    with pytest.raises(Stopped):
        run_abandonable(lambda: begun.append(1), stop)
    assert begun == []


# --- waits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [True, False], ids=["the clock's own stop", "the thread's stop"])
def test_sleep_ends_at_once(stop: Stop, own: bool) -> None:
    clock = SystemClock(stop if own else None)
    with stopping_by(Stop(stop)):
        assert_stopped_at_once(stop, lambda: clock.sleep(_LONG_S))


def test_sleep_on_a_clock_held_by_a_test_is_refused_once_stopped(stop: Stop) -> None:
    clock = ManualClock(0)
    with stopping_by(stop):
        clock.sleep(1)
        stop.set()
        with pytest.raises(Stopped):
            clock.sleep(1)
    assert clock.slept_s == [1]


def test_backoff_ends_at_once(stop: Stop) -> None:
    def fail() -> None:
        raise SourceTransient("binance", "timeout")

    with stopping_by(stop):
        assert_stopped_at_once(stop, lambda: call_with_retry(fail, SystemClock(), attempts=100))


def test_wait_for_the_end_of_a_block_ends_at_once(stop: Stop, warehouse: Warehouse) -> None:
    clock, told = SystemClock(), list[str | None]()
    budget = Budget(warehouse, "binance", "default", 1.0, clock)
    budget.block(clock.now_ms() + 60_000, "429")
    with stopping_by(stop):
        assert_stopped_at_once(stop, lambda: wait_out(lambda: budget.acquire(1), clock, told.append))
    assert [text is None for text in told] == [False, True]


@pytest.mark.parametrize("taken", [10, 7], ids=["used up", "all but the floors"])
def test_wait_for_the_budget_ends_at_once(stop: Stop, warehouse: Warehouse, taken: int) -> None:
    budget = Budget(warehouse, "binance", "default", 1.0, SystemClock())
    budget.follow_clock(lambda: 0)  # for ever at the beginning of a minute
    budget.set_limit(10)
    budget.observe(budget.acquire(3), taken)
    with stopping_by(stop):
        assert_stopped_at_once(stop, lambda: budget.acquire(2))


def test_wait_for_what_a_probe_finds_ends_at_once(stop: Stop, warehouse: Warehouse) -> None:
    clock = ManualClock(0)
    prober = Budget(warehouse, "binance", "default", 1.0, clock)
    for _ in range(5):
        prober.failed("no answer")
    clock.advance(60_000)
    assert prober.acquire(1).is_probe
    with stopping_by(stop):
        waiting = Budget(warehouse, "binance", "default", 1.0, _RealSleep(60_000))
        assert_stopped_at_once(stop, lambda: waiting.acquire(1))


class _RealSleep(SystemClock):
    """A clock that stands still, and sleeps all the same."""

    def __init__(self, now_ms: int) -> None:
        super().__init__()
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def steady_ms(self) -> int:
        return self._now_ms


# --- requests ----------------------------------------------------------------------------------------------


def ask(base_url: str, stop: Stop | None = None) -> None:
    with closing(HttpClient("binance", SystemClock(), stop=stop)) as client:
        client.send(client.prepare(base_url, {}))


def test_request_that_is_not_answered_is_abandoned_at_once(stop: Stop) -> None:
    release = threading.Event()

    def late(_: Asked) -> Reply:
        release.wait(_LONG_S)
        return Reply()

    with TinyServer(late) as server:
        with stopping_by(stop):
            assert_stopped_at_once(stop, lambda: ask(server.base_url))
        own = Stop()
        assert_stopped_at_once(own, lambda: ask(server.base_url, own))
        release.set()


def test_body_that_does_not_end_is_abandoned_at_once(stop: Stop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        serving = pool.submit(drip, server)
        with stopping_by(stop):
            assert_stopped_at_once(stop, lambda: ask(f"http://127.0.0.1:{server.getsockname()[1]}"))
        serving.result()


def drip(server: socket.socket) -> None:
    """Answer one request with the beginning of a body, and more of it now and then, for a second."""
    accepted, _ = server.accept()
    with accepted:
        accepted.recv(4096)
        accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[")
        for _ in range(9):
            time.sleep(0.12)
            accepted.sendall(b"1")


def test_connection_that_is_not_accepted_is_abandoned_at_once(stop: Stop) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        with socket.create_connection(address), stopping_by(stop):
            assert_stopped_at_once(stop, lambda: ask(f"http://127.0.0.1:{address[1]}"))


def test_cancelled_request_leaves_the_session_usable(stop: Stop) -> None:
    release = threading.Event()

    def first_late(asked: Asked) -> Reply:
        if asked.path == "/late":
            release.wait(_LONG_S)
        return Reply(body=b"[]")

    client = HttpClient("binance", SystemClock())
    with TinyServer(first_late) as server, closing(client):
        with stopping_by(stop):
            assert_stopped_at_once(stop, lambda: client.send(client.prepare(f"{server.base_url}/late", {})))
        assert client.send(client.prepare(f"{server.base_url}/x", {})).body == b"[]"
        release.set()
