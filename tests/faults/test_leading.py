"""Two daemons on one warehouse: one leads, the other stands by and takes over; jobs changed from outside."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from src.simulator.config import DEFAULT_SYMBOLS, SimulatorConfig
from src.simulator.simulator import Simulator
from src.warehouse.runs import RunFilter, RunRow, RunState, list_runs
from tests.faults.harness import Pipeline, eventually
from tests.faults.test_daemon import stores
from tests.faults.truth import compare

# On a busy machine each wait may take its whole patience, and says what it waited for when that ends.
pytestmark = pytest.mark.timeout(300)

__all__ = ["stores"]

_START_MS = 1_709_037_296_000
# Promised for a leader that died; one whose death can be seen is followed at once.
_TAKES_OVER_WITHIN_S = 30.0

MakePipeline = Callable[..., Pipeline]


@pytest.fixture
def make_pipeline(tmp_path: Path) -> Iterator[MakePipeline]:
    made: list[Pipeline] = []

    def make(**variables: str) -> Pipeline:
        config = SimulatorConfig(symbols=DEFAULT_SYMBOLS[:2], start_at_ms=_START_MS)
        made.append(Pipeline(tmp_path, Simulator(config).serve_in_thread(), variables))
        return made[-1]

    yield make
    for pipeline in made:
        pipeline.simulator.stop()
        pipeline.close()


def cycles(pipeline: Pipeline, *states: RunState) -> list[RunRow]:
    with pipeline.app.warehouse.read() as connection:
        return list_runs(connection, RunFilter(job_id="cycle", states=states), limit=1000)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_who_stands_by_takes_over_and_nothing_is_doubled(
    make_pipeline: MakePipeline, stores: dict[str, str], number: signal.Signals
) -> None:
    pipeline = make_pipeline(CANDLEHOUSE_LOOKBACK_DAYS="3", **stores)
    with pipeline.daemon() as leader:
        leader.wait_for("daemon started")
        with pipeline.daemon() as other:
            other.wait_for("standing by")
            leader.wait_for("cycle done", times=2)
            assert other.count("cycle done") == 0
            started = time.monotonic()
            leader.process.send_signal(number)
            other.wait_for("daemon started")
            assert time.monotonic() - started < _TAKES_OVER_WITHIN_S
            other.wait_for("cycle done", times=2)
            pipeline.wait_until_caught_up(other)
            pipeline.finish(other)
    assert compare(pipeline, _START_MS).differences == []


def test_frozen_leader_finds_itself_replaced_and_stands_by(
    make_pipeline: MakePipeline, stores: dict[str, str]
) -> None:
    """The lease runs out while it is stopped; what it goes on with afterwards is refused."""
    if not stores:
        pytest.skip("a frozen process may hold SQLite's only lock: then nobody can take over, see the docs")
    pipeline = make_pipeline(CANDLEHOUSE_LOOKBACK_DAYS="3", **stores)
    with pipeline.daemon() as one, pipeline.daemon() as two:
        eventually(lambda: one.count("daemon started") + two.count("daemon started") == 1, "one leads")
        leader, other = (one, two) if one.count("daemon started") else (two, one)
        leader.wait_for("cycle done", times=2)
        leader.process.send_signal(signal.SIGSTOP)
        try:
            other.wait_for("daemon started")
            other.wait_for("cycle done", times=2)
        finally:
            leader.process.send_signal(signal.SIGCONT)
        leader.wait_for("leadership lost")
        leader.wait_for("standing by")
        done = leader.count("cycle done")
        other.wait_for("cycle done", times=other.count("cycle done") + 3)
        assert leader.count("cycle done") <= done + 1
        pipeline.wait_until_caught_up(other)
        leader.end()
        pipeline.finish(other)
    assert compare(pipeline, _START_MS).differences == []


def test_jobs_are_changed_from_another_process_while_the_daemon_runs(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(CANDLEHOUSE_CYCLE_SECONDS="")
    with pipeline.daemon() as daemon:
        daemon.wait_for("cycle done")
        told = json.loads(pipeline.run_cli("jobs", "schedule", "cycle", "every 2s", "--json"))
        assert told["schedule"] == "every 2s"
        changed = time.monotonic()
        daemon.wait_for("cycle done", times=4)
        assert time.monotonic() - changed < 30, "the cycle still came every minute"
        pipeline.run_cli("jobs", "disable", "cycle")
        daemon.wait_for("job disabled")
        eventually(lambda: not cycles(pipeline, RunState.QUEUED, RunState.RUNNING), "none is under way")
        before = len(cycles(pipeline))
        time.sleep(5)
        assert len(cycles(pipeline)) == before
        triggered = json.loads(pipeline.run_cli("jobs", "trigger", "cycle", "--json"))
        eventually(lambda: _state_of(pipeline, triggered) is RunState.SUCCEEDED, "what was triggered")
        assert len(cycles(pipeline)) == before + 1
        pipeline.run_cli("jobs", "enable", "cycle")
        eventually(lambda: len(cycles(pipeline)) >= before + 3, "cycles come again")
        daemon.end()


def _state_of(pipeline: Pipeline, triggered: dict[str, Any]) -> RunState:
    return next(run.state for run in cycles(pipeline) if run.id == triggered["run_id"])


def test_settings_take_effect_while_the_daemon_runs(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(CANDLEHOUSE_CYCLE_SECONDS="", CANDLEHOUSE_DEPTH_SECONDS="")
    with pipeline.daemon() as daemon:
        daemon.wait_for("cycle done")
        pipeline.run_cli("settings", "set", "depth_levels", "5")
        pipeline.run_cli("settings", "set", "depth_seconds", "1")
        pipeline.run_cli("settings", "set", "cycle_seconds", "1")
        asked = pipeline.simulator.requests
        eventually(
            lambda: any(one.query.get("limit") == "5" for one in pipeline.simulator.requests[len(asked) :]),
            "depth of five levels is asked for",
        )
        daemon.end()


def test_settings_hold_for_a_command_that_works_itself(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    pipeline.run_cli("migrate")
    pipeline.run_cli("settings", "set", "depth_levels", "5")
    pipeline.run_cli("cycle")
    asked = [one.query["limit"] for one in pipeline.simulator.requests if one.path.endswith("/depth")]
    assert set(asked) == {"5"}
