"""Work asked for on the command line: done here when nobody leads, else by the process that does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from src.errors import SourceTransient, WarehouseUnavailable
from src.jobs.doing import do_run, executing
from src.jobs.end_news import tell_of_ends
from src.jobs.firing import Firing
from src.jobs.job_registry import CYCLE, REFRESH_SYMBOLS
from src.settings import load_settings
from src.simulator.config import DEFAULT_SYMBOLS, SimulatorConfig
from src.simulator.simulator import Simulator
from src.warehouse.engine import Warehouse
from src.warehouse.jobs import JobRow, ensure_jobs, find_job
from src.warehouse.notifications import list_notifications
from src.warehouse.runs import RunFilter, RunState, create_run, list_runs
from src.wiring import App, build


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(SimulatorConfig(symbols=DEFAULT_SYMBOLS[:1])).serve_in_thread() as running:
        yield running


@pytest.fixture
def make_app(tmp_path: Path, simulator: Simulator) -> Iterator[Any]:
    made: list[App] = []

    def make() -> App:
        settings = load_settings(
            data_dir=str(tmp_path), symbols="BTCUSDT", binance_base_url=simulator.base_url
        )
        app = build(settings)
        app.starter.prepare()
        made.append(app)
        return app

    yield make
    for app in made:
        app.stop.set()
        app.extraction.close()
        app.warehouse.close()


def told_nothing(run_id: int) -> None:
    raise AssertionError(f"run {run_id} was handed over")


def test_without_a_leader_it_is_done_here_and_the_lease_is_given_back(make_app: Any) -> None:
    app = make_app()
    run = do_run(app, app.new_run("cycle", "a test", {"until_caught_up": True}), told_nothing)
    assert (run.state, run.attempt, run.lane) == (RunState.SUCCEEDED, 1, "live")
    assert run.result["transformed"]["loaded"]["inserted"] == run.result["extracted"]["candles"] >= 1439
    assert app.leadership.find_leader() is None


def test_who_leads_is_handed_the_work(make_app: Any) -> None:
    leader, other = make_app(), make_app()
    other.leadership.holder = "elsewhere/1"  # both are this process: only the name tells them apart
    handed: list[int] = []
    with executing(leader) as leads:
        assert leads
        run = do_run(other, other.new_run("transform", "a test", {}), handed.append)
    assert handed == [run.id]
    assert run.state is RunState.SUCCEEDED
    assert run.worker == leader.leadership.holder


def test_only_the_run_that_was_asked_for_is_started(make_app: Any) -> None:
    app = make_app()
    first = app.new_run("transform", "somebody else", {})

    waiting = app.warehouse.run(lambda connection: create_run(connection, first))
    done = do_run(app, app.new_run("transform", "a test", {}), told_nothing)
    with app.warehouse.read() as connection:
        states = {run.id: run.state for run in list_runs(connection, RunFilter())}
    assert states == {waiting: RunState.QUEUED, done.id: RunState.SUCCEEDED}


def test_failed_symbol_is_told_and_so_is_that_it_works_again(make_app: Any, simulator: Simulator) -> None:
    app = make_app()
    simulator.add_fault("451:symbol=BTCUSDT,path=klines")
    run = do_run(app, app.new_run("cycle", "a test", {"until_caught_up": True}), told_nothing)
    assert run.state is RunState.PARTLY_FAILED
    simulator.faults.clear()
    app.clock.sleep(0.1)
    again = do_run(app, app.new_run("cycle", "a test", {"until_caught_up": True}), told_nothing)
    assert again.state is RunState.SUCCEEDED
    with app.warehouse.read() as connection:
        kinds = [one.kind for one in list_notifications(connection, unread_only=True, limit=10)]
    assert sorted(kinds) == ["run_failed", "run_recovered"]


# --- firing ---


class Away(Warehouse):
    """A warehouse that cannot be written."""

    def run(self, work: Any, *, guarded: bool = True) -> Any:
        raise WarehouseUnavailable("it is down")


class Wakes:
    def wake(self) -> None:
        pass


class CountedCycle:
    def __init__(self) -> None:
        self.unrecorded = 0

    def run_unrecorded(self, _stop: object) -> None:
        self.unrecorded += 1


def job_row(app: App, job_id: str) -> JobRow:
    app.warehouse.run(lambda connection: ensure_jobs(connection, [job_id]))
    with app.warehouse.read() as connection:
        found = find_job(connection, job_id)
    assert found
    return found


def test_cycle_goes_on_without_a_row_while_the_warehouse_is_away(make_app: Any) -> None:
    app = make_app()
    cycle = CountedCycle()
    away: Any = Away(app.warehouse.engine)
    firing = Firing(away, Wakes(), cycle, app.stop)  # type: ignore[arg-type]
    firing.enqueue(app.jobs[CYCLE], job_row(app, CYCLE), "schedule")
    assert cycle.unrecorded == 1
    with pytest.raises(WarehouseUnavailable):
        firing.enqueue(app.jobs[REFRESH_SYMBOLS], job_row(app, REFRESH_SYMBOLS), "schedule")
    assert cycle.unrecorded == 1


def test_job_under_way_is_not_queued_twice(make_app: Any) -> None:
    app = make_app()
    firing = Firing(app.warehouse, Wakes(), CountedCycle(), app.stop)  # type: ignore[arg-type]
    for _ in range(3):
        firing.enqueue(app.jobs[CYCLE], job_row(app, CYCLE), "schedule")
    with app.warehouse.read() as connection:
        found = list_runs(connection, RunFilter(job_id=CYCLE))
    assert [(run.state, run.origin, run.requested_by) for run in found] == [
        (RunState.QUEUED, "schedule", "scheduler")
    ]


def test_news_that_cannot_be_stored_harm_nobody(make_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    app = make_app()

    def fail(*_: Any, **__: Any) -> None:
        raise SourceTransient("binance", "anything of ours")

    monkeypatch.setattr(app.warehouse, "read", fail)
    tell_of_ends(app.warehouse, app.notifier)(1, RunState.FAILED)
