"""Maintenance as runs: its steps, what they tell, what one that fails costs the others; and its command."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from src.clock import ManualClock
from src.commands.maintenance import _lines
from src.domain import DAY_MS
from src.errors import CandlehouseError, Stopped, WarehouseUnavailable
from src.jobs.ageing import MAINTENANCE, Ageing
from src.jobs.ageing_steps import ALL_STEPS, DAILY_STEPS, Ages, Step, StepOutcome, lake_steps
from src.jobs.context import RunContext
from src.jobs.job_registry import (
    DAILY_AGEING,
    WEEKLY_MAINTENANCE,
    AgeingParameters,
    MaintenanceParameters,
)
from src.maintenance.ageing_clock import AgeingClock
from src.maintenance.data_lake import DataLakeManager
from src.stopping import Stop
from src.warehouse.engine import open_warehouse, sqlite_url
from src.warehouse.optimising import Optimiser
from src.warehouse.runs import RunRow, RunState
from src.warehouse.series import set_tracked
from src.warehouse.watermarks import find_last_heard
from tests.service.rig import BTC, Rig
from tests.service.test_filling import execute
from tests.unit.test_cli import environment, fail, succeed, succeed_json  # noqa: F401  environment is a fixture


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path / "rig") as made:
        yield made


def ageing(*steps: Step) -> Ageing:
    return Ageing(lambda _: steps, threading.Lock())


def step(name: str, outcome: StepOutcome | Exception | None = None) -> Step:
    def run(_: RunContext) -> StepOutcome:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome or StepOutcome({"freed_bytes": 5})

    return Step(name, "objects", lambda: {"objects": 7}, run, amount=lambda: 7)


def test_names_of_steps_are_the_same_everywhere() -> None:
    from src.commands.maintenance import _STEPS, _TELLERS

    for parameters, names in ((AgeingParameters, DAILY_STEPS), (MaintenanceParameters, ALL_STEPS)):
        assert parameters.model_validate({"steps": names}).model_dump()["steps"] == names
    assert _STEPS == ALL_STEPS == tuple(_TELLERS)


def test_run_tells_each_step_and_what_was_freed(rig: Rig) -> None:
    kinds = ageing(step("pack"), step("archive", StepOutcome({"objects": 3}))).kinds()
    outcome, progress = execute(rig, kinds[DAILY_AGEING])
    assert outcome.state is RunState.SUCCEEDED
    steps = {"pack": {"freed_bytes": 5}, "archive": {"objects": 3}}
    assert outcome.result == {"dry_run": False, "freed_bytes": 5, "steps": steps}
    assert progress.snapshot()["steps"] == '{"pack": "done", "archive": "done"}'


def test_each_step_counts_from_nought_of_what_it_has_to_do(rig: Rig) -> None:
    seen = []

    def look(context: RunContext) -> StepOutcome:
        context.progress.advance(3)
        told = context.progress.snapshot()
        seen.append((told["done"], told["total"], told["unit"]))
        return StepOutcome({})

    steps = [
        Step(name, unit, dict, look, lambda: 7) for name, unit in [("pack", "objects"), ("tidy", "rows")]
    ]
    execute(rig, ageing(*steps).kinds()[MAINTENANCE])
    assert seen == [(3, 7, "objects"), (3, 7, "rows")]


def test_steps_that_are_asked_for_are_done_alone(rig: Rig) -> None:
    kinds = ageing(step("pack"), step("archive")).kinds()
    outcome, _ = execute(rig, kinds[MAINTENANCE], steps=["archive"])
    assert list(outcome.result["steps"]) == ["archive"]


def test_dry_run_only_says_what_would_happen(rig: Rig) -> None:
    kinds = ageing(step("pack", RuntimeError("was done"))).kinds()
    outcome, _ = execute(rig, kinds[WEEKLY_MAINTENANCE], dry_run=True)
    assert outcome.result == {"dry_run": True, "steps": {"pack": {"objects": 7}}}


def test_step_that_fails_stops_no_other_and_is_told(rig: Rig) -> None:
    bad, odd = step("pack", CandlehouseError("the disk lies")), step("archive", StepOutcome({}, "2 left"))
    outcome, progress = execute(rig, ageing(bad, odd, step("cleanup")).kinds()[DAILY_AGEING])
    assert outcome.state is RunState.PARTLY_FAILED
    assert outcome.problem == "pack: the disk lies; archive: 2 left"
    assert outcome.result["steps"] == {"pack": {}, "archive": {}, "cleanup": {"freed_bytes": 5}}
    assert '"cleanup": "done"' in progress.snapshot()["steps"]


def test_database_error_of_a_step_stops_no_other(rig: Rig) -> None:
    locked = OperationalError("ALTER TABLE", {}, Exception("1205: lock wait timeout exceeded"))
    outcome, _ = execute(rig, ageing(step("pack", locked), step("archive")).kinds()[MAINTENANCE])
    assert (outcome.state, "1205" in (outcome.problem or "")) == (RunState.PARTLY_FAILED, True)
    assert outcome.result["steps"]["archive"] == {"freed_bytes": 5}


def test_nothing_ages_by_a_clock_that_is_ahead_of_the_exchange(rig: Rig) -> None:
    clock = ManualClock(rig.clock.now_ms())
    ages = AgeingClock(clock, rig.warehouse)
    assert ages.now_ms() == clock.now_ms(), "nothing was ever heard"
    rig.warehouse.run(lambda connection: set_tracked(connection, [BTC], tracked=True))
    rig.start().extraction.run_once()
    with rig.warehouse.read() as connection:
        heard_ms = find_last_heard(connection)
    assert heard_ms is not None
    assert clock.now_ms() - heard_ms < 60_000
    clock.advance(365 * DAY_MS)
    assert ages.now_ms() == heard_ms
    clock.advance(-730 * DAY_MS)
    assert ages.now_ms() == clock.now_ms()


def test_store_that_is_away_is_waited_for(rig: Rig) -> None:
    kind = ageing(step("pack", WarehouseUnavailable("gone"))).kinds()[DAILY_AGEING]
    assert kind.retries
    with pytest.raises(WarehouseUnavailable):
        execute(rig, kind)


def test_stop_ends_a_run_while_it_waits_for_its_turn(rig: Rig) -> None:
    made, stop = ageing(step("pack")), Stop()
    stop.set("cancel")
    with made.turn, pytest.raises(Stopped):
        execute(rig, made.kinds()[DAILY_AGEING], stop)


def test_daily_steps_look_back_some_days_and_weekly_ones_at_all(rig: Rig) -> None:
    rig.warehouse.run(lambda connection: set_tracked(connection, [BTC], tracked=True))
    rig.start().extraction.run_once()
    rig.load()
    manager = DataLakeManager(rig.lake, rig.warehouse, rig.clock, pack_objects=0)

    def make(is_thorough: bool) -> Sequence[Step]:
        return lake_steps(manager, Ages(1, 2), is_thorough=is_thorough)

    kinds = Ageing(make, threading.Lock()).kinds()
    rig.clock.advance(60 * DAY_MS)
    outcomes = [execute(rig, kinds[name])[0].result["steps"] for name in (DAILY_AGEING, WEEKLY_MAINTENANCE)]
    assert [one["archive"]["objects"] > 0 for one in outcomes] == [True, False]
    assert [one["cleanup"]["objects"] > 0 for one in outcomes] == [False, True]


def test_free_pages_go_back_to_the_disk_where_there_are_many(tmp_path: Path) -> None:
    path = tmp_path / "w.db"
    warehouse = open_warehouse(sqlite_url(path))
    with warehouse.write() as connection:
        connection.execute(text("CREATE TABLE filler (content TEXT)"))
        rows = [{"content": "x" * 4000} for _ in range(3000)]
        connection.execute(text("INSERT INTO filler VALUES (:content)"), rows)
    assert Optimiser(warehouse).run().given_back_bytes == 0
    with warehouse.write() as connection:
        connection.execute(text("DELETE FROM filler WHERE rowid > 100"))
    planned = Optimiser(warehouse).plan()["give_back_bytes"]
    report = Optimiser(warehouse).run()
    assert report.given_back_bytes >= planned > 10_000_000
    assert report.free_bytes == 0
    warehouse.close()
    assert path.stat().st_size < 1_500_000


# --- the command ---


@pytest.mark.usefixtures("environment")
def test_command_does_all_steps_and_says_what_it_did() -> None:
    lines = succeed("maintenance").splitlines()
    assert [line.split()[0] for line in lines] == [*ALL_STEPS, "freed"]
    assert lines[1] == "archive      archived 0 objects of 0 B"
    assert "gave back" not in lines[5]
    assert lines[6] == "recount      2 series counted, 0 differences"


@pytest.mark.usefixtures("environment")
def test_command_says_what_would_happen() -> None:
    told = succeed("maintenance", "--dry-run", "--step", "cleanup", "--step", "retention")
    assert told.splitlines() == [
        "cleanup      would delete 0 objects of 0 B",
        "retention    would age out 0 candles and 0 rows of depth",
    ]
    last = succeed("maintenance", "--dry-run").splitlines()[-1]
    assert last == "each step is counted alone: a run also does what the steps before it make ready"
    value: dict[str, Any] = succeed_json("maintenance", "--dry-run")
    assert value["dry_run"] is True
    assert list(value["steps"]) == list(ALL_STEPS)


@pytest.mark.parametrize(
    ("steps", "is_file", "is_told"),
    [(["retention"], True, True), (["retention"], False, False), (["retention", "optimise"], True, False)],
)
def test_room_that_the_file_still_holds_is_told(steps: list[str], is_file: bool, is_told: bool) -> None:
    told = {
        "retention": {"rows": 1440, "depth_rows": 0, "partitions": ["fact_klines.p1"]},
        "optimise": {"analysed": 3, "given_back_bytes": 0},
    }
    result = {"dry_run": False, "freed_bytes": 0, "steps": {name: told[name] for name in steps}}
    first, *_, last = _lines(result, is_file=is_file)
    assert first.endswith("1,440 candles and 0 rows of depth, 1 partition")
    assert last.endswith("; the file gives space back at the next optimise") is is_told


@pytest.mark.usefixtures("environment")
def test_ctrl_c_says_how_far_it_came_and_that_the_rest_can_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(run: RunRow, _: object) -> None:
        if run.done:
            raise KeyboardInterrupt

    def work(context: RunContext) -> StepOutcome:
        context.progress.advance(3)
        while not context.stop.wait(0.05):
            pass
        return StepOutcome({})

    slow = Step("archive", "objects", dict, work, lambda: 7)
    monkeypatch.setattr("src.wiring.work.Work._list_ageing_steps", lambda *_: [step("pack"), slow])
    monkeypatch.setattr("src.commands.maintenance._tell_step", interrupt)
    assert fail(1, "maintenance") == (
        "candlehouse: run 1 is cancelled at 3 of 7 objects of archive; done: pack. What is done stays "
        "done: the same command does the rest\n"
    )
