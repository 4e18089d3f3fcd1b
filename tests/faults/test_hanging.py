"""A request that hangs on the wire delays nobody's end: neither the daemon's nor a run's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from src.clock import SystemClock
from src.domain import Interval
from src.errors import Stopped
from src.extract.binance import Binance
from src.extract.budget import Budget
from src.extract.http import HttpClient
from src.simulator.config import DEFAULT_SYMBOLS, SimulatorConfig
from src.simulator.simulator import Simulator
from src.stopping import Stop, stopping_by
from src.warehouse.budgets import OPEN, find_budget
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.tables import exchange_budget
from tests.faults.harness import Pipeline, eventually

# On a busy machine each wait may take its whole patience, and says what it waited for when that ends.
pytestmark = pytest.mark.timeout(300)

# Far less than the 15 seconds of silence after which a request is given up by itself.
_ENDS_WITHIN_S = 10.0
_STOPS_WITHIN_S = 5.0


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(SimulatorConfig(symbols=DEFAULT_SYMBOLS[:2])).serve_in_thread() as running:
        yield running


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = open_warehouse(f"sqlite:///{tmp_path}/warehouse.db")
    exchange_budget.create(opened.engine)
    yield opened
    opened.close()


def hanging(simulator: Simulator, fault: str) -> Callable[[], bool]:
    """Set *fault* and return what tells whether a request has met it."""
    number = simulator.add_fault(fault)
    return lambda: any(one["id"] == number and one["happened"] for one in simulator.faults.describe(0))


@pytest.mark.parametrize("fault", ["half_open:delay=60,path=klines", "slow:delay=60,path=exchangeInfo"])
def test_signal_ends_the_daemon_while_a_request_hangs(
    tmp_path: Path, simulator: Simulator, fault: str
) -> None:
    is_hanging = hanging(simulator, fault)
    pipeline = Pipeline(tmp_path, simulator)
    with pipeline.daemon() as daemon:
        eventually(is_hanging, "a request that hangs")
        assert daemon.end() < _ENDS_WITHIN_S


def fetch_until_stopped(exchange: Binance, stop: Stop, is_under_way: Callable[[], bool]) -> float:
    """Fetch klines, set *stop* when the request is under way; return how long Stopped took from then."""
    set_at: list[float] = []

    def set_soon() -> None:
        eventually(is_under_way, "the request is on the wire")
        set_at.append(time.monotonic())
        stop.set("cancel")

    setter = threading.Thread(target=set_soon)
    setter.start()
    with stopping_by(stop), pytest.raises(Stopped, match="cancel"):
        exchange.fetch_klines("BTCUSDT", Interval.M1)
    took_s = time.monotonic() - set_at[0]
    setter.join()
    return took_s


def test_run_that_is_stopped_abandons_its_request_and_keeps_its_weight_reserved(
    simulator: Simulator, warehouse: Warehouse
) -> None:
    clock = SystemClock()
    budget = Budget(warehouse, "binance", "default", 0.8, clock)
    exchange = Binance(simulator.base_url, HttpClient("binance", clock), budget, clock)
    is_hanging = hanging(simulator, "slow:delay=60,path=klines,count=1")
    assert fetch_until_stopped(exchange, Stop(clock.stop), is_hanging) < _STOPS_WITHIN_S
    with warehouse.read() as connection:
        row = find_budget(connection, "binance", "default")
    assert row is not None
    assert row.used_weight >= 2
    assert exchange.fetch_klines("BTCUSDT", Interval.M1).row_count > 0  # nobody else was stopped


def test_probe_that_is_abandoned_leaves_the_probing_to_the_next_call(
    simulator: Simulator, warehouse: Warehouse
) -> None:
    clock = SystemClock()
    budget = Budget(warehouse, "binance", "default", 0.8, clock)
    exchange = Binance(simulator.base_url, HttpClient("binance", clock), budget, clock)
    exchange.measure_clock()
    for _ in range(5):
        budget.failed("no answer")
    clock.now_ms = lambda: SystemClock().now_ms() + 60_000  # type: ignore[method-assign]
    is_hanging = hanging(simulator, "slow:delay=60,count=1")
    fetch_until_stopped(exchange, Stop(clock.stop), is_hanging)
    with warehouse.read() as connection:
        row = find_budget(connection, "binance", "default")
    assert row is not None
    assert row.breaker_state == OPEN
    assert exchange.fetch_klines("BTCUSDT", Interval.M1).row_count > 0
