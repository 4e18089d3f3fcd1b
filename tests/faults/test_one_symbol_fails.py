"""Of two symbols one always fails: the other is never late, and the first catches up once it is well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from src.domain import MINUTE_MS, Interval
from src.jobs.cycle import CycleReport, run_cycle
from src.simulator.config import DEFAULT_SYMBOLS, SimulatorConfig
from src.simulator.simulator import Simulator
from src.warehouse.series import list_series
from tests.faults.harness import Pipeline, eventually

_HEALTHY, _FAILING = "BTCUSDT", "ETHUSDT"
_CYCLES = 3
# How long a cycle waits for its extraction here; a daemon waits for half of its cycle.
_WAIT_S = 1.5


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """Give a pipeline of two symbols that has caught up; the minute turns only when a test says so."""
    in_mid_minute_ms = 1_709_037_270_000
    config = SimulatorConfig(symbols=DEFAULT_SYMBOLS[:2], start_at_ms=in_mid_minute_ms)
    with Simulator(config).serve_in_thread() as simulator:
        pipeline = Pipeline(tmp_path, simulator, {"CANDLEHOUSE_DEPTH_SECONDS": "3600"})
        app = pipeline.app
        app.starter.prepare()
        run_cycle(app.extraction, app.transform, app.clock, wait_s=None)
        assert newest_candle(pipeline, _FAILING) == newest_closed(pipeline)
        yield pipeline
        simulator.stop()  # lets go of the requests it has been holding back
        app.stop.set()
        app.extraction.close()
        pipeline.close()


def newest_candle(pipeline: Pipeline, symbol: str) -> int | None:
    with pipeline.app.warehouse.read() as connection:
        return next(row.last_open_ms for row in list_series(connection) if row.key.symbol == symbol)


def newest_closed(pipeline: Pipeline) -> int:
    return Interval.M1.floor(pipeline.simulator.clock.now_ms()) - MINUTE_MS


def next_cycle(pipeline: Pipeline) -> CycleReport:
    """Let a minute pass at the exchange, and run the cycle that comes just after its turn."""
    app = pipeline.app
    pipeline.simulator.clock.advance(MINUTE_MS)
    app.exchange.measure_clock()
    return run_cycle(app.extraction, app.transform, app.clock, wait_s=_WAIT_S)


@pytest.mark.parametrize("fault", ["5xx", "html:status=403", "truncated", "slow:delay=60"])
def test_one_symbol_is_never_late_while_another_always_fails(pipeline: Pipeline, fault: str) -> None:
    stuck_at = newest_candle(pipeline, _FAILING)
    kind, _, rest = fault.partition(":")
    pipeline.simulator.add_fault(f"{kind}:symbol={_FAILING}{rest and ',' + rest}")
    for _ in range(_CYCLES):
        report = next_cycle(pipeline)
        assert newest_candle(pipeline, _HEALTHY) == newest_closed(pipeline)
        assert report.took_ms < 3 * 1000 * _WAIT_S + 1000
    assert newest_candle(pipeline, _FAILING) == stuck_at


def test_straggler_is_waited_for_once_and_not_in_every_cycle(pipeline: Pipeline) -> None:
    pipeline.simulator.add_fault(f"slow:symbol={_FAILING},delay=60")
    app = pipeline.app
    report = run_cycle(app.extraction, app.transform, app.clock, wait_s=2)
    assert (report.took_ms >= 2_000, report.extracted.catching_up) == (True, 1)
    assert run_cycle(app.extraction, app.transform, app.clock, wait_s=10).took_ms < 5_000


def test_failing_symbol_is_reported_and_catches_up_once_it_is_well_again(pipeline: Pipeline) -> None:
    fault = pipeline.simulator.add_fault(f"5xx:symbol={_FAILING}")
    failures: dict[str, str] = {}

    def is_reported() -> bool:
        failures.update(next_cycle(pipeline).extracted.failures)
        return f"binance:{_FAILING}:1m" in failures

    def is_caught_up() -> bool:
        next_cycle(pipeline)
        return newest_candle(pipeline, _FAILING) == newest_closed(pipeline)

    eventually(is_reported, "the failure in a cycle's report")
    assert "500" in failures[f"binance:{_FAILING}:1m"]
    assert not any(_HEALTHY in task for task in failures)
    pipeline.simulator.faults.clear([fault])
    eventually(is_caught_up, f"{_FAILING} caught up")
