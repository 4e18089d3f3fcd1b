"""A 429 or 418 is obeyed to its end by all threads and processes on the address, by the simulator's log."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from src.clock import SystemClock
from src.extract.budget import Budget
from src.simulator.config import SimulatorConfig, extra_symbols
from src.simulator.request_log import LoggedRequest
from src.simulator.simulator import Simulator
from src.warehouse.engine import open_warehouse
from src.warehouse.tables import exchange_budget
from tests.conftest import PROJECT_ROOT
from tests.faults.caller import calling

_SYMBOLS = extra_symbols(16)
_LIMIT = 1_000_000  # so large that only the faults hold anybody back
_OURS = [spec.symbol for spec in _SYMBOLS[:8]]
_THEIRS = [spec.symbol for spec in _SYMBOLS[8:]]
# Several times what a process takes to start.
_BAN_S = 8


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(SimulatorConfig(symbols=_SYMBOLS, weight_limit=_LIMIT)).serve_in_thread() as running:
        yield running


@pytest.fixture
def shared_url(warehouse_url: str) -> str:
    warehouse = open_warehouse(warehouse_url)
    exchange_budget.create(warehouse.engine)
    Budget(warehouse, "binance", "default", 1.0, SystemClock()).set_limit(_LIMIT)
    warehouse.close()
    return warehouse_url


@contextmanager
def process(url: str, simulator: Simulator, symbols: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Run callers in a process of their own while the block lasts: one thread a symbol."""
    command = [sys.executable, "-m", "tests.faults.caller", url, simulator.base_url, *symbols]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=PROJECT_ROOT, stdin=pipe, stdout=pipe, text=True) as started:
        try:
            yield started
            started.communicate(timeout=20)  # closes its input, at which it ends
        finally:
            started.kill()
    assert started.returncode == 0


def eventually(holds: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def callers(requests: Sequence[LoggedRequest]) -> Counter[str]:
    """Count klines requests by symbol, which is by thread."""
    return Counter(one.query.get("symbol", one.path) for one in requests)


def split_by_block(requests: Sequence[LoggedRequest]) -> tuple[LoggedRequest, list[LoggedRequest]]:
    """Return the first refusal, and what arrived after it and before its Retry-After was over."""
    first = next(one for one in requests if one.status in {418, 429})
    assert first.retry_after_s is not None
    end_ms = first.at_ms + first.retry_after_s * 1000
    return first, [one for one in requests if one.n > first.n and one.at_ms < end_ms]


def is_flowing_again(simulator: Simulator, symbols: Sequence[str]) -> bool:
    """Whether each of these threads was answered after a refusal."""
    refused = [one.n for one in simulator.requests if one.status in {418, 429}]
    if not refused:
        return False
    answered = callers([one for one in simulator.requests if one.n > refused[-1] and one.status == 200])
    return set(symbols) <= set(answered)


# Answered once, the exchange would let the others go on: only we hold them back. Answered for as long
# as it lasts, those on the wire are refused as well, and their later blocks must not disturb the first.
@pytest.mark.parametrize("how_often", ["count=1", "seconds=2"])
def test_nobody_calls_between_a_429_and_its_retry_after(
    shared_url: str, simulator: Simulator, how_often: str
) -> None:
    with process(shared_url, simulator, _OURS), process(shared_url, simulator, _THEIRS):
        eventually(lambda: set(_OURS + _THEIRS) <= set(callers(simulator.requests)))
        simulator.add_fault(f"429:path=klines,retry_after=2,{how_often}")
        eventually(lambda: is_flowing_again(simulator, _OURS + _THEIRS))
    first, on_the_wire = split_by_block(simulator.requests)
    assert first.query["symbol"] not in callers(on_the_wire)
    # As long as the exchange refuses, each thread stops at its own refusal at the latest. Where it refused
    # one call alone, others may begin another until the news is written down, or two on a busy machine;
    # callers that nobody held back would make dozens.
    most = 3 if how_often == "count=1" else 1
    assert all(count <= most for count in callers(on_the_wire).values()), callers(on_the_wire)


def test_process_started_after_a_418_does_not_call_before_its_end(
    shared_url: str, simulator: Simulator
) -> None:
    simulator.add_fault(f"418:path=klines,retry_after={_BAN_S},count=1")
    with calling(shared_url, simulator.base_url, _OURS[:1]) as blocked:
        assert blocked.wait(10)
    ban = next(one for one in simulator.requests if one.status == 418)
    with process(shared_url, simulator, _THEIRS) as fresh:
        assert fresh.stdout is not None
        assert fresh.stdout.readline() == "blocked\n"
        assert simulator.clock.now_ms() < ban.at_ms + _BAN_S * 1000, "it started too late to prove anything"
        eventually(lambda: is_flowing_again(simulator, _THEIRS))
    assert split_by_block(simulator.requests) == (ban, [])
