"""``jobs`` on the command line: what it shows, changes, queues and refuses."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from src.clock import SystemClock
from src.domain import DAY_MS, utc_from_ms
from src.jobs.job_registry import build_jobs
from src.jobs.leadership import Leadership
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.jobs import ensure_jobs, set_next_run, set_schedule
from src.warehouse.run_states import TRANSIENT, Failure, claim, finish
from src.warehouse.runs import RunState, get_run
from tests.unit.test_cli import (  # noqa: F401  environment is a fixture
    environment,
    fail,
    run,
    succeed,
    succeed_json,
)

pytestmark = pytest.mark.usefixtures("environment")

NOBODY = "no process executes runs at the moment: ./candlehouse up starts one\n"


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """Return the warehouse that the commands work on."""
    succeed("migrate")
    opened = open_warehouse(f"sqlite:///{tmp_path}/data/warehouse.db")
    yield opened
    opened.close()


def job(job_id: str) -> dict[str, Any]:
    (found,) = (one for one in succeed_json("jobs", "list") if one["id"] == job_id)
    return dict(found)


def line_of(job_id: str) -> list[str]:
    (line,) = (line for line in succeed("jobs", "list").splitlines() if line.startswith(job_id))
    return line.split()


def fail_run(warehouse: Warehouse, run_id: int, what: str) -> None:
    """Do what a worker does whose run fails."""
    token = warehouse.run(lambda c: claim(c, run_id, "worker"))
    assert token is not None
    failure = Failure(TRANSIENT, {"what": what, "todo": "wait"})
    assert warehouse.run(lambda c: finish(c, run_id, token, RunState.FAILED, None, failure))


# --- showing ---


def test_list_shows_each_job_before_any_has_run() -> None:
    lines = [" ".join(line.split()) for line in succeed("jobs", "list").splitlines()]
    assert lines[0] == "job schedule enabled next run (UTC) last run (UTC) state took"
    assert lines[1:] == [
        "cycle every minute yes - never",
        "reconcile_lake daily at 04:30 UTC yes - never",
        "refresh_symbols daily at 00:10 UTC yes - never",
        "check_quality daily at 04:00 UTC yes - never",
        "watch_disk every 10 minutes yes - never",
        "repair_gaps every hour yes - never",
        "backfill_gaps daily at 03:00 UTC yes - never",
        "refetch_recent every hour yes - never",
        "refetch_days daily at 02:30 UTC yes - never",
        "verify_sample daily at 05:15 UTC yes - never",
        "recount_coverage Wednesdays at 03:30 UTC yes - never",
        "daily_ageing daily at 01:00 UTC yes - never",
        "weekly_maintenance Sundays at 02:00 UTC yes - never",
    ]


def test_list_tells_programs_all_there_is() -> None:
    assert job("reconcile_lake") == {
        "id": "reconcile_lake",
        "title": "Reconcile the lake",
        "description": "compare the lake with its catalog, and adopt what has no row",
        "schedule": "30 4 * * *",
        "time_zone": "UTC",
        "in_words": "daily at 04:30 UTC",
        "default_schedule": "30 4 * * *",
        "locked_by": None,
        "problem": None,
        "enabled": True,
        "parameters": {"checksums": False},
        "next_run_ms": None,
        "updated_ms": None,
        "updated_by": None,
        "last_run": None,
    }


def test_next_run_that_is_long_past_is_told_as_overdue(warehouse: Warehouse) -> None:
    now_ms = SystemClock().now_ms()
    times = {"cycle": now_ms - DAY_MS, "reconcile_lake": now_ms + DAY_MS}
    warehouse.run(lambda c: ensure_jobs(c, times))
    warehouse.run(lambda c: set_next_run(c, times))
    assert " ".join(line_of("cycle")).startswith("cycle every minute yes overdue since 20")
    assert "overdue" not in line_of("reconcile_lake")


def test_show_tells_next_times_parameters_and_the_last_runs(warehouse: Warehouse) -> None:
    run_id = succeed_json("jobs", "trigger", "reconcile_lake")["run_id"]
    fail_run(warehouse, run_id, "the disk is gone")
    shown = succeed("jobs", "show", "reconcile_lake")
    assert "daily at 04:30 UTC (the default)" in shown
    assert '{"checksums": false}' in shown
    assert "the disk is gone" in shown
    told = succeed_json("jobs", "show", "reconcile_lake")
    times = told["next_times_ms"]
    assert all(f"{utc_from_ms(time):%Y-%m-%d} 04:30:00" in shown for time in times)
    assert [later - earlier for earlier, later in pairwise(times)] == [DAY_MS] * 4
    (run,) = told["runs"]
    assert (run["state"], run["origin"], run["error"]["what"]) == ("failed", "manual", "the disk is gone")
    assert 0 <= run["took_ms"] < 60_000
    assert told["last_run"] == run


def test_stored_schedule_that_is_not_valid_is_told_with_what_holds(warehouse: Warehouse) -> None:
    warehouse.run(lambda c: set_schedule(c, "cycle", "now and then", "UTC", "sql"))
    told = job("cycle")
    assert told["in_words"] == "every minute"
    assert "the default holds: schedule 'now and then'" in told["problem"]
    assert "the default holds" in succeed("jobs", "show", "cycle")


@pytest.mark.parametrize("command", ["show", "enable", "disable", "trigger"])
def test_unknown_job_is_told_with_the_nearest(command: str) -> None:
    assert fail(1, "jobs", command, "cicle") == (
        "candlehouse: there is no job 'cicle'. Did you mean cycle? "
        f"Known are {', '.join(build_jobs(lambda: 60))}\n"
    )


# --- schedules ---


def test_schedule_is_changed_and_taken_back() -> None:
    lines = succeed("jobs", "schedule", "cycle", "every 10 s").splitlines()
    assert lines[0] == "cycle runs every 10 seconds, next (UTC):"
    assert len(lines) == 6
    assert all(line.endswith("0") for line in lines[1:])
    assert job("cycle")["schedule"] == "every 10s"
    assert job("cycle")["updated_by"]
    assert succeed("jobs", "schedule", "cycle", "--default").startswith("cycle runs every minute, next")
    assert job("cycle")["schedule"] == "every 1min"


def test_cron_line_goes_by_the_clocks_of_its_time_zone() -> None:
    line = ("0 2 * * sun", "--time-zone", "Europe/Berlin")
    told = succeed_json("jobs", "schedule", "reconcile_lake", *line)
    assert (told["schedule"], told["time_zone"]) == ("0 2 * * sun", "Europe/Berlin")
    assert {time % DAY_MS // 3_600_000 for time in told["next_times_ms"]} <= {0, 1}
    assert job("reconcile_lake")["in_words"] == "Sundays at 02:00 Europe/Berlin"


def test_dry_run_says_when_and_changes_nothing() -> None:
    told = succeed("jobs", "schedule", "cycle", "every 10s", "--dry-run")
    assert told.startswith("cycle would run every 10 seconds, next (UTC):\n  20")
    assert job("cycle")["schedule"] == "every 1min"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["every 1M"], "schedule 'every 1M': no such interval; accepted: every 10s"),
        (["0 2 * * *", "--time-zone", "Mars/Olympus"], "time zone 'Mars/Olympus' is not known here"),
        (["every 10s", "--time-zone", "Europe/Berlin"], "--time-zone is for cron lines"),
        (["every 10s", "--default"], "give either a schedule"),
        ([], "give either a schedule"),
        (["--default", "--time-zone", "UTC"], "give either a schedule"),
    ],
)
def test_wrong_schedule_is_refused_and_nothing_changed(arguments: list[str], told: str) -> None:
    assert told in fail(2, "jobs", "schedule", "cycle", *arguments)
    assert job("cycle")["updated_ms"] is None


def test_schedule_that_the_environment_sets_is_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEHOUSE_CYCLE_SECONDS", "30")
    told = fail(2, "jobs", "schedule", "cycle", "every 10s")
    assert "the schedule of cycle is locked by CANDLEHOUSE_CYCLE_SECONDS" in told
    assert (job("cycle")["locked_by"], job("cycle")["schedule"]) == ("CANDLEHOUSE_CYCLE_SECONDS", "every 30s")
    assert "every 30 seconds (set by CANDLEHOUSE_CYCLE_SECONDS)" in succeed("jobs", "show", "cycle")


def test_default_of_the_cycle_is_the_setting_that_is_stored() -> None:
    succeed("settings", "set", "cycle_seconds", "20")
    assert job("cycle")["in_words"] == "every 20 seconds"


# --- the rest ---


def test_job_is_disabled_and_enabled() -> None:
    assert succeed("jobs", "disable", "cycle") == (
        "cycle is disabled; ./candlehouse jobs trigger cycle still runs it\n"
    )
    assert line_of("cycle")[3] == "no"
    assert succeed_json("jobs", "show", "cycle")["next_times_ms"] == []
    assert succeed_json("jobs", "enable", "cycle") == {"id": "cycle", "enabled": True}
    assert line_of("cycle")[3] == "yes"


def test_parameters_are_changed_and_taken_back() -> None:
    assert succeed("jobs", "parameters", "reconcile_lake", '{"checksums": true}') == (
        'reconcile_lake runs with {"checksums": true}\n'
    )
    assert job("reconcile_lake")["parameters"] == {"checksums": True}
    told = succeed_json("jobs", "parameters", "reconcile_lake", "--default")
    assert told == {"id": "reconcile_lake", "parameters": {"checksums": False}}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("checksums", "parameters 'checksums' are no JSON"),
        ("[1]", "parameters '[1]': accepted: an object like"),
        ('{"checksum": true}', "parameters of reconcile_lake: checksum: "),
        ('{"checksums": 5}', "parameters of reconcile_lake: checksums: "),
    ],
)
def test_wrong_parameters_are_refused(text: str, told: str) -> None:
    assert told in fail(2, "jobs", "parameters", "reconcile_lake", text)
    assert told in fail(2, "jobs", "trigger", "reconcile_lake", "--parameters", text)
    assert job("reconcile_lake")["last_run"] is None


def test_trigger_queues_one_run_with_the_parameters_of_the_job_and_its_own(warehouse: Warehouse) -> None:
    succeed("jobs", "parameters", "reconcile_lake", '{"checksums": true}')
    told = succeed_json("jobs", "trigger", "reconcile_lake")
    assert told["is_new"]
    with warehouse.read() as connection:
        run = get_run(connection, told["run_id"])
    assert (run.job_id, run.origin, run.state) == ("reconcile_lake", "manual", RunState.QUEUED)
    assert run.parameters == {"checksums": True}
    again = succeed("jobs", "trigger", "reconcile_lake", "--parameters", '{"checksums": false}')
    assert again.startswith(
        f"reconcile_lake: run {run.id} is under way already; see ./candlehouse runs follow"
    )
    fail_run(warehouse, run.id, "no")
    told = succeed_json("jobs", "trigger", "reconcile_lake", "--parameters", '{"checksums": false}')
    with warehouse.read() as connection:
        assert get_run(connection, told["run_id"]).parameters == {"checksums": False}


def test_it_is_said_when_nobody_would_do_what_is_due(warehouse: Warehouse) -> None:
    for command in (["list"], ["trigger", "cycle"]):
        assert run("jobs", *command).stderr == NOBODY
    leadership = Leadership(warehouse, SystemClock())
    assert leadership.try_acquire()
    try:
        for command in (["list"], ["trigger", "cycle"]):
            assert run("jobs", *command).stderr == ""
    finally:
        leadership.resign()


def test_disabled_job_can_be_triggered() -> None:
    succeed("jobs", "disable", "refresh_symbols")
    assert succeed("jobs", "trigger", "refresh_symbols").startswith("refresh_symbols: run 1 is queued")


# --- who leads ---


def test_leader_says_that_nobody_leads_with_1() -> None:
    succeed("migrate")
    assert fail(1, "jobs", "leader") == f"candlehouse: {NOBODY}"


def test_leader_names_the_process_that_leads(warehouse: Warehouse) -> None:
    leadership = Leadership(warehouse, SystemClock(), "pi/4711")
    assert leadership.try_acquire()
    try:
        assert succeed("jobs", "leader").startswith("process 4711 on host pi leads since 20")
        told = succeed_json("jobs", "leader")
    finally:
        leadership.resign()
    assert told["leader"] == "process 4711 on host pi"
    assert told["since_ms"] < told["until_ms"]
    fail(1, "jobs", "leader")


def test_leader_makes_no_schema() -> None:
    assert "migrate" in fail(1, "jobs", "leader")
