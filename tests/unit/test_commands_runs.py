"""``runs`` on the command line: what it shows, starts, changes and refuses, and how it watches."""

# ruff: noqa: F811  fixtures of another file are imported, and are arguments here

from __future__ import annotations

import csv
import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from src.clock import ManualClock
from src.commands.fetch_request import parse_intervals, parse_symbols, parse_window
from src.commands.following import Watcher, follow
from src.commands.times import parse_duration_ms, parse_time
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Window
from src.errors import ConfigurationError, NotFound
from src.jobs.leadership import Leadership
from src.simulator.simulator import Simulator
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.run_progress import add_event
from src.warehouse.runs import RunState
from tests.builders import CAPTURED_MS, DAY_START_MS
from tests.run_builders import claim, put, queue, queue_batch, read, state_of
from tests.unit.test_cli import (  # noqa: F401  some are fixtures
    environment,
    exchange,
    fail,
    run,
    simulated,
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


def end(warehouse: Warehouse, run_id: int, state: RunState, **values: Any) -> None:
    put(warehouse, run_id, state=state.value, finished_at=CAPTURED_MS, **values)


# --- list and show ---


def test_list_shows_batches_for_their_runs_unless_all_are_wanted(warehouse: Warehouse) -> None:
    batch, children = queue_batch(warehouse, 2)
    cycle = queue(warehouse, kind="cycle", job_id="cycle", series=None)
    lines = succeed("runs", "list").splitlines()
    assert [line.split()[0] for line in lines] == ["run", str(cycle), str(batch)]
    every = [row["id"] for row in succeed_json("runs", "list", "--all")]
    assert every == [cycle, *children[::-1], batch]
    assert [row["id"] for row in succeed_json("runs", "list", "--all", "--limit", "2")] == every[:2]


def test_list_is_narrowed_by_state_kind_job_and_batch(warehouse: Warehouse) -> None:
    batch, children = queue_batch(warehouse, 3)
    cycle = queue(warehouse, kind="cycle", job_id="cycle", series=None)
    end(warehouse, children[0], RunState.FAILED)
    end(warehouse, children[1], RunState.SUCCEEDED)

    def ids(*options: str) -> list[int]:
        return [row["id"] for row in succeed_json("runs", "list", *options)]

    assert ids("--state", "failed", "--state", "succeeded", "--all") == [children[1], children[0]]
    assert ids("--state", "failed") == []
    assert ids("--kind", "cycle") == ids("--job", "cycle") == [cycle]
    assert ids("--batch", str(batch)) == children[::-1]


def test_unknown_state_is_refused_with_all_there_are() -> None:
    told = fail(2, "runs", "list", "--state", "dead")
    assert "--state dead: accepted are queued, running, paused, succeeded, partly_failed, failed" in told


def test_unknown_kind_is_refused_with_all_there_are(warehouse: Warehouse) -> None:
    for command in ("list", "export"):
        told = fail(2, "runs", command, "--kind", "bogus")
        assert "--kind bogus: accepted are batch, fetch_window, cycle, reconcile_lake" in told
    assert succeed_json("runs", "list", "--kind", "transform") == []
    former = queue(warehouse, kind="former")
    assert [row["id"] for row in succeed_json("runs", "list", "--kind", "former")] == [former]


def test_list_of_nothing_says_why(warehouse: Warehouse) -> None:
    assert succeed("runs", "list") == succeed("runs", "list", "--state", "failed") == "no runs yet\n"
    assert succeed_json("runs", "list") == []
    cycle = queue(warehouse, kind="cycle", lane="live", job_id="cycle", series=None)
    end(warehouse, cycle, RunState.SUCCEEDED)
    assert succeed("runs", "list") == "none but cycles that went well: --all shows them\n"
    assert succeed("runs", "list", "--state", "failed") == "none of those\n"


@pytest.mark.parametrize("command", ["list", "show"])
def test_it_is_said_when_nobody_would_do_what_waits(warehouse: Warehouse, command: str) -> None:
    run_id = queue(warehouse)
    arguments = ["runs", command, *([str(run_id)] if command == "show" else [])]
    assert run(*arguments).stderr == run(*arguments, "--json").stderr == NOBODY
    claim(warehouse, run_id)
    assert run(*arguments).stderr == NOBODY
    end(warehouse, run_id, RunState.SUCCEEDED)
    assert run(*arguments).stderr == ""


def test_show_tells_all_of_a_run(warehouse: Warehouse) -> None:
    run_id = queue(warehouse)
    error = {"what": "binance: 503", "series": "binance:BTCUSDT:1m", "window": None, "todo": "wait"}
    end(warehouse, run_id, RunState.FAILED, error=json.dumps(error), traceback="Traceback …\nboom")
    warehouse.run(lambda c: add_event(c, run_id, "failed", "ended: binance: 503"))
    text = succeed("runs", "show", str(run_id))
    for told in ("fetch BTCUSDT 1m  failed", "binance: 503\nseries binance:BTCUSDT:1m\n→ wait", "anna@pi"):
        assert told in text
    assert "boom" not in text
    assert "boom" in succeed("runs", "show", str(run_id), "--traceback")
    told = succeed_json("runs", "show", str(run_id))
    assert (told["error"], told["traceback"]) == (error, "Traceback …\nboom")
    assert [event["message"] for event in told["events"]] == ["ended: binance: 503"]


def test_show_of_a_batch_lists_its_runs(warehouse: Warehouse) -> None:
    batch, children = queue_batch(warehouse, 3)
    assert [child["id"] for child in succeed_json("runs", "show", str(batch))["children"]] == children
    lines = succeed("runs", "show", str(batch)).splitlines()
    assert [line.split()[0] for line in lines[-3:]] == [str(run_id) for run_id in children]


@pytest.mark.parametrize("command", ["show", "follow", "cancel", "pause", "resume", "retry"])
def test_run_that_is_not_there_is_named(command: str) -> None:
    told = fail(1, "runs", command, "4711")
    assert told == "candlehouse: there is no run 4711: ./candlehouse runs list shows which there are\n"


@pytest.mark.parametrize("number", [str(2**63), "9" * 40, "0"])
@pytest.mark.parametrize(
    "command",
    ["runs show", "runs follow", "runs retry", "runs list --batch", "gaps show", "gaps fill", "quality ack"],
)
def test_number_that_no_id_can_be_is_wrong_usage(command: str, number: str) -> None:
    assert f"{number} is not in the range 1<=x<=9223372036854775807" in fail(2, *command.split(), number)


# --- cancel, pause, resume, retry ---


def test_runs_are_paused_resumed_and_cancelled(warehouse: Warehouse) -> None:
    batch, children = queue_batch(warehouse, 2)
    other = queue(warehouse)
    assert succeed("runs", "pause", str(batch), str(other)) == "3 runs to be paused\n"
    assert {state_of(warehouse, one) for one in (batch, *children, other)} == {RunState.PAUSED}
    assert succeed("runs", "pause", str(batch)) == "nothing changed: none of them waits or runs\n"
    resumed = run("runs", "resume", str(children[0]))
    assert (resumed.stdout, resumed.stderr) == ("1 run to go on\n", NOBODY)
    assert state_of(warehouse, batch) is RunState.QUEUED
    assert succeed_json("runs", "cancel", str(batch), str(other)) == {"ids": [batch, other], "runs": 3}
    assert {state_of(warehouse, one) for one in (batch, *children, other)} == {RunState.CANCELLED}
    nothing = run("runs", "resume", str(queue(warehouse)))
    assert nothing.stdout == "nothing changed: none of them is paused or cancelled\n"
    assert nothing.stderr == ""


def test_who_asked_is_part_of_the_story(warehouse: Warehouse, environment: pytest.MonkeyPatch) -> None:
    environment.setattr("src.commands.run_asking.requested_by", lambda: "ben@nas")
    run_id = queue(warehouse)
    succeed("runs", "cancel", str(run_id))
    assert [event["message"] for event in succeed_json("runs", "show", str(run_id))["events"]] == [
        "cancel asked for by ben@nas"
    ]


def test_retry_says_which_were_not_and_force_tries_them_too(warehouse: Warehouse) -> None:
    batch, (fresh, used_up, hopeless) = queue_batch(warehouse, 3)
    end(warehouse, fresh, RunState.FAILED, error_kind="transient", fruitless=1)
    end(warehouse, used_up, RunState.FAILED, error_kind="transient", fruitless=3)
    end(warehouse, hopeless, RunState.FAILED, error_kind="permanent", fruitless=1)
    result = run("runs", "retry", str(batch))
    assert result.stdout == (
        f"retried 1, skipped for attempts 1: {used_up}, failed for good 1: {hopeless} "
        "(why: ./candlehouse runs show ID; --force tries them too)\n"
    )
    assert result.stderr == NOBODY
    assert succeed_json("runs", "retry", str(batch), "--force") == {
        "retried": [used_up, hopeless],
        "skipped_for_attempts": [],
        "permanent": [],
    }


def test_retry_of_what_has_not_failed_says_why_not(warehouse: Warehouse) -> None:
    paused, batch = queue(warehouse), queue_batch(warehouse, 1)[0]
    succeed("runs", "pause", str(paused))
    result = run("runs", "retry", str(paused), str(batch))
    assert (result.exit_code, result.stdout) == (1, "retried 0\n")
    assert result.stderr == (
        f"run {paused} is paused: ./candlehouse runs resume {paused} goes on with it\n"
        f"run {batch} is queued: it begins when its turn comes\n"
    )
    assert state_of(warehouse, paused) is RunState.PAUSED


def test_retry_of_what_failed_for_good_ends_with_1(warehouse: Warehouse) -> None:
    run_id = queue(warehouse)
    end(warehouse, run_id, RunState.FAILED, error_kind="permanent", fruitless=1)
    result = run("runs", "retry", str(run_id), "--json")
    assert (result.exit_code, result.stderr) == (1, "")
    assert json.loads(result.stdout) == {"retried": [], "skipped_for_attempts": [], "permanent": [run_id]}


def test_nobody_is_missed_while_somebody_leads(warehouse: Warehouse) -> None:
    from src.clock import SystemClock

    run_id = queue(warehouse)
    succeed("runs", "cancel", str(run_id))
    leadership = Leadership(warehouse, SystemClock())
    assert leadership.try_acquire()
    try:
        assert run("runs", "resume", str(run_id)).stderr == ""
    finally:
        leadership.resign()


# --- export and prune ---


def test_export_goes_through_all_pages(warehouse: Warehouse, environment: pytest.MonkeyPatch) -> None:
    environment.setattr("src.commands.runs._PAGE", 2)
    made = [queue(warehouse) for _ in range(5)]
    rows = list(csv.DictReader(io.StringIO(succeed("runs", "export"))))
    assert [int(row["id"]) for row in rows] == made[::-1]
    assert (rows[0]["symbol"], rows[0]["expected"]) == ("BTCUSDT", "1440")
    told = json.loads(succeed("runs", "export", "--format", "json", "--state", "queued"))
    assert [row["id"] for row in told] == made[::-1]
    assert json.loads(succeed("runs", "export", "--format", "json", "--state", "failed")) == []


def test_prune_forgets_what_ended_long_ago(warehouse: Warehouse) -> None:
    old, unfinished = queue(warehouse), queue(warehouse)
    end(warehouse, old, RunState.SUCCEEDED)
    put(warehouse, old, finished_at=DAY_START_MS)
    assert succeed_json("runs", "prune", "--older-than", "30000d") == {"runs": 0, "dry_run": False}
    assert succeed("runs", "prune", "--older-than", "1d", "--dry-run") == "1 run would be forgotten\n"
    assert succeed("runs", "prune", "--older-than", "1d") == "1 run forgotten\n"
    assert [row["id"] for row in succeed_json("runs", "list")] == [unfinished]
    assert "--older-than soon: accepted: a duration like 90s" in fail(
        2, "runs", "prune", "--older-than", "soon"
    )


# --- what may be asked to be fetched ---


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("2026-01-09", DAY_START_MS),
        ("2026-01-09T01:00", DAY_START_MS + HOUR_MS),
        ("2026-01-09 01:00:00", DAY_START_MS + HOUR_MS),
        ("2026-01-09T01:00Z", DAY_START_MS + HOUR_MS),
        ("2026-01-09T01:00+01:00", DAY_START_MS),
        ("1970-01-01", 0),
    ],
)
def test_times_are_in_utc_unless_they_say_otherwise(text: str, expected_ms: int) -> None:
    assert parse_time(text, "--start") == expected_ms


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "09.01.2026", "1767916800000"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"--start {text}: accepted: a day like 2026-01-31"):
        parse_time(text, "--start")


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("90s", 90_000),
        ("15min", 15 * MINUTE_MS),
        ("15m", 15 * MINUTE_MS),
        ("2 h", 2 * HOUR_MS),
        ("30d", 30 * DAY_MS),
    ],
)
def test_durations_are_read(text: str, expected_ms: int) -> None:
    assert parse_duration_ms(text, "--time-limit") == expected_ms


@pytest.mark.parametrize("text", ["", "0h", "2", "h", "-1h", "1.5h", "2 hours", "1M"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"--time-limit .*: accepted: a duration like 90s, 15min, 2h or 30d"
    ):
        parse_duration_ms(text, "--time-limit")


def test_lists_are_split_and_each_is_taken_once() -> None:
    assert parse_symbols(["btcusdt, ETHUSDT", "BTCUSDT,"]) == ["BTCUSDT", "ETHUSDT"]
    assert parse_intervals(["1m,1h", "1M", "1h"]) == [Interval.M1, Interval.H1, Interval.MO1]
    assert parse_intervals([]) == [Interval.M1]
    assert parse_symbols([]) == []


@pytest.mark.parametrize("texts", [[""], [","], ["", " , "]])
def test_list_that_names_nothing_does_not_mean_all(texts: list[str]) -> None:
    with pytest.raises(ConfigurationError, match=r"--symbols '.*': names nothing"):
        parse_symbols(texts)
    with pytest.raises(ConfigurationError, match=r"--interval '.*': names nothing"):
        parse_intervals(texts)


@pytest.mark.parametrize("command", ["runs start fetch", "backfill"])
def test_empty_symbols_ask_for_nothing(command: str) -> None:
    told = fail(2, *command.split(), "--symbols", "", "--start", "2026-01-01", "--detach")
    assert "--symbols '': names nothing; leave it out for the default" in told
    assert succeed_json("runs", "list") == []


def test_window_ends_now_at_the_latest() -> None:
    now_ms = DAY_START_MS + DAY_MS
    whole = Window(DAY_START_MS, now_ms)
    assert parse_window("2026-01-09", None, now_ms) == whole
    assert parse_window("2026-01-09", "2026-02-01", now_ms) == whole
    assert parse_window("2026-01-09", "2026-01-09T01:00", now_ms) == Window(
        DAY_START_MS, DAY_START_MS + HOUR_MS
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--symbols", "BTC/USDT"], "--symbols BTC/USDT: accepted are symbols of 2 to 20 letters and digits"),
        (["--interval", "1m,7m"], "--interval 7m: accepted are 1s, 1m"),
        (["--start", "soon"], "--start soon: accepted: a day like 2026-01-31"),
        (["--start", "2999-01-01"], "--start 2999-01-01: nothing has happened then yet"),
        (["--end", "2025-12-31"], "--end 2025-12-31: must come after --start 2026-01-01"),
        (["--end", "2026-01-01"], "--end 2026-01-01: must come after"),
        (
            ["--interval", "1d", "--start", "2026-01-01T01:00", "--end", "2026-01-01T02:00"],
            "no such candle opens",
        ),
        (["--time-limit", "long"], "--time-limit long: accepted: a duration"),
    ],
)
def test_wrong_request_is_refused_before_anything_is_queued(options: list[str], told: str) -> None:
    arguments = [
        "runs",
        "start",
        "fetch",
        "--detach",
        "--symbols",
        "BTCUSDT",
        "--start",
        "2026-01-01",
        *options,
    ]
    message = fail(2, *arguments)
    assert told in message
    assert succeed_json("runs", "list") == []


def test_start_without_a_start_is_wrong_usage() -> None:
    assert "Missing option '--start'" in fail(2, "runs", "start", "fetch", "--symbols", "BTCUSDT")


def test_fetch_of_all_that_is_tracked_needs_something_tracked() -> None:
    told = fail(2, "runs", "start", "fetch", "--detach", "--start", "2026-01-01")
    assert "--symbols: nothing is tracked, so name some" in told


def test_fetch_of_all_that_is_tracked_takes_each_symbol_once(simulated: Simulator) -> None:
    succeed("symbols", "add", "BTCUSDT", "ETHUSDT", "--interval", "1m", "--interval", "1h")
    asked = succeed_json("runs", "start", "fetch", "--detach", "--interval", "1d", "--start", "2026-01-01")
    children = succeed_json("runs", "show", str(asked["run_id"]))["children"]
    assert [(child["symbol"], child["interval"]) for child in children] == [
        ("BTCUSDT", "1d"),
        ("ETHUSDT", "1d"),
    ]


def test_detached_request_is_queued_as_it_was_asked(warehouse: Warehouse) -> None:
    what = ["--symbols", "ethusdt,BTCUSDT", "--interval", "1m,1h", "--time-limit", "2h"]
    when = ["--start", "2026-01-09", "--end", "2026-01-10"]
    result = run("runs", "start", "fetch", *what, *when, "--detach")
    assert (result.exit_code, result.stderr) == (0, NOBODY)
    [batch] = succeed_json("runs", "list")
    assert result.stdout == f"run {batch['id']}; see ./candlehouse runs follow {batch['id']}\n"
    assert (batch["total"], batch["lane"], batch["origin"]) == (2 * (1_440 + 24), "history", "manual")
    children = succeed_json("runs", "show", str(batch["id"]))["children"]
    assert [(child["symbol"], child["interval"]) for child in children] == [
        ("ETHUSDT", "1m"),
        ("ETHUSDT", "1h"),
        ("BTCUSDT", "1m"),
        ("BTCUSDT", "1h"),
    ]
    assert {(child["window_start_ms"], child["window_end_ms"]) for child in children} == {
        (DAY_START_MS, DAY_START_MS + DAY_MS)
    }
    assert {(child["time_limit_s"], child["state"]) for child in children} == {(7_200, "queued")}


def test_very_much_at_once_has_to_be_meant(warehouse: Warehouse) -> None:
    second = ["--symbols", "BTCUSDT,ETHUSDT", "--interval", "1s", "--start", "2025-01-01", "--detach"]
    whole_year = ["runs", "start", "fetch", *second, "--end", "2026-01-01"]
    told = fail(2, *whole_year)
    # 63,072 requests of weight 2, of which 960 fit into a minute: four fifths of the limit assumed at first.
    assert "that would be 63,072,000 candles, which take 2 h at least, by the requests alone" in told
    assert "ask for 20,000,000 at most, or say --yes" in told
    assert succeed_json("runs", "list") == []
    assert succeed_json(*whole_year, "--yes")["runs"] == 2
    assert succeed_json("runs", "start", "fetch", *second, "--end", "2025-04-01")["runs"] == 2


def test_end_that_is_to_come_is_now(warehouse: Warehouse) -> None:
    arguments = ["--symbols", "BTCUSDT", "--start", "2026-01-09", "--end", "2999-01-01", "--detach"]
    result = run("runs", "start", "fetch", *arguments, "--json")
    assert re.match(r"--end 2999-01-01 is to come: taken is now, 2\d{3}-\S+Z\n", result.stderr)
    asked = json.loads(result.stdout)
    assert read(warehouse, asked["run_id"]).window == Window(asked["start_ms"], asked["end_ms"])
    assert asked["end_ms"] < parse_time("2100-01-01", "")


# --- start, executed here ---


def test_fetch_is_executed_here_where_nobody_leads(simulated: Simulator) -> None:
    what = [
        "--symbols",
        "BTCUSDT,ETHUSDT",
        "--interval",
        "1h",
        "--start",
        "2026-01-01",
        "--end",
        "2026-01-11",
    ]
    lines = succeed("runs", "start", "fetch", *what).splitlines()
    [batch] = succeed_json("runs", "list")
    assert (batch["state"], batch["fetched"], batch["loaded"]) == ("succeeded", 480, 480)
    assert lines[-1].startswith(f"run {batch['id']} succeeded after ")
    assert lines[-1].endswith("480 of 480 candles fetched, 480 loaded")
    assert any("fetch ETHUSDT 1h: " in line and line.endswith(" → succeeded") for line in lines)
    with_json = run("runs", "start", "fetch", *what, "--json")
    last = json.loads(with_json.stdout.splitlines()[-1])
    assert (with_json.exit_code, last["kind"], last["state"]) == (0, "batch", "succeeded")


def test_fetch_that_fails_in_part_ends_with_1_and_says_what(simulated: Simulator) -> None:
    what = [
        "--symbols",
        "BTCUSDT,NOPEUSDT",
        "--interval",
        "1h",
        "--start",
        "2026-01-01",
        "--end",
        "2026-01-02",
    ]
    result = run("runs", "start", "fetch", *what)
    assert result.exit_code == 1
    assert "partly failed" in result.stdout
    assert "NOPEUSDT" in result.stdout.split("partly failed")[-1]


# --- following ---


class Parts:
    """What watching takes, on a clock of the test's own: each sleep is a chance to change something."""

    def __init__(self, warehouse: Warehouse, *steps: Callable[[], object]) -> None:
        self.warehouse = warehouse
        self.clock = _SteppingClock(steps)
        self.leadership = Leadership(warehouse, self.clock)


class _SteppingClock(ManualClock):
    def __init__(self, steps: tuple[Callable[[], object], ...]) -> None:
        super().__init__(CAPTURED_MS)
        self._steps = iter(steps)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        next(self._steps)()


def test_lines_tell_each_change_and_now_and_then_how_far_it_is(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = queue(warehouse)
    idle: list[Callable[[], object]] = [lambda: None] * 20
    parts = Parts(
        warehouse,
        lambda: claim(warehouse, run_id),
        *idle,
        lambda: end(warehouse, run_id, RunState.SUCCEEDED, done=1_440, fetched=1_440, loaded=1_440),
    )
    assert follow(parts, run_id) is RunState.SUCCEEDED
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ", 1)[1] for line in lines[:-1]] == [
        f"run {run_id}: queued 0 %, 0 of 1,440 candles; {NOBODY.strip()}",
        f"run {run_id} fetch BTCUSDT 1m: queued → running",
        f"run {run_id}: running 0 %, 0 of 1,440 candles; {NOBODY.strip()}",
        f"run {run_id} fetch BTCUSDT 1m: running → succeeded",
    ]
    assert lines[-1].startswith(f"run {run_id} succeeded")


def test_json_lines_are_the_runs_that_changed(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    batch, (child,) = queue_batch(warehouse, 1)

    def finish() -> None:
        end(warehouse, child, RunState.FAILED)
        end(warehouse, batch, RunState.FAILED)

    assert (
        follow(Parts(warehouse, lambda: claim(warehouse, child), finish), batch, as_json=True)
        is RunState.FAILED
    )
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["id"], one["state"]) for one in told] == [
        (batch, "queued"),
        (child, "running"),
        (child, "failed"),
        (batch, "failed"),
    ]


@pytest.mark.parametrize(
    ("state", "status"), [(RunState.SUCCEEDED, 0), (RunState.PARTLY_FAILED, 1), (RunState.CANCELLED, 1)]
)
def test_follow_ends_as_the_run_did(warehouse: Warehouse, state: RunState, status: int) -> None:
    run_id = queue(warehouse)
    end(warehouse, run_id, state)
    result = run("runs", "follow", str(run_id))
    assert result.exit_code == status
    assert f"run {run_id} {state.value.replace('_', ' ')}" in result.stdout


def test_ctrl_c_ends_the_watching_alone(warehouse: Warehouse, environment: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    run_id = queue(warehouse)
    environment.setattr("src.clock.SystemClock.sleep", interrupt)
    told = fail(1, "runs", "follow", str(run_id))
    assert told == (
        f"\nrun {run_id} goes on:\n  ./candlehouse runs follow {run_id} watches it again\n"
        f"  ./candlehouse runs cancel {run_id} cancels it\n"
    )
    assert state_of(warehouse, run_id) is RunState.QUEUED


def test_ctrl_c_where_it_is_executed_leaves_it_queued(
    simulated: Simulator,
    environment: pytest.MonkeyPatch,
) -> None:
    main_thread, look = threading.main_thread(), Watcher.look

    def look_or_interrupt(self: Watcher) -> Any:
        sight = look(self)
        if threading.current_thread() is main_thread and sight.counts[RunState.RUNNING]:
            raise KeyboardInterrupt
        return sight

    simulated.add_fault("slow:delay=30,path=klines")
    environment.setattr(Watcher, "look", look_or_interrupt)
    told = fail(
        1, "runs", "start", "fetch", "--symbols", "BTCUSDT", "--start", "2026-01-01", "--end", "2026-01-02"
    )
    [batch] = succeed_json("runs", "list")
    assert told.endswith(
        f"run {batch['id']} waits:\n  ./candlehouse up goes on with it\n"
        f"  ./candlehouse runs cancel {batch['id']} drops it\n"
    )
    [child] = succeed_json("runs", "show", str(batch["id"]))["children"]
    assert (child["state"], child["attempt"]) == ("queued", 0)


def test_look_at_a_batch_reads_only_what_works_or_has_changed(warehouse: Warehouse) -> None:
    batch, children = queue_batch(warehouse, 50)
    parts = Parts(warehouse)
    watcher = Watcher(parts, batch)
    first = watcher.look()
    assert (first.active, first.changed, first.counts) == ([], [], {RunState.QUEUED: 50})
    claim(warehouse, children[3])
    end(warehouse, children[4], RunState.SUCCEEDED)
    second = watcher.look()
    assert [one.id for one in second.active] == [one.id for one in second.changed] == children[3:5]
    assert second.before[children[4]] is RunState.QUEUED
    third = watcher.look()
    assert ([one.id for one in third.active], third.changed) == (children[3:5], [])
    parts.clock.advance(5_001)
    assert [one.id for one in watcher.look().active] == [children[3]]


def test_end_of_a_batch_brings_what_failed(warehouse: Warehouse) -> None:
    batch, children = queue_batch(warehouse, 3)
    for run_id, state in zip(children, ("failed", "succeeded", "partly_failed"), strict=True):
        put(warehouse, run_id, state=state)
    watcher = Watcher(Parts(warehouse), batch)
    assert watcher.look().failed == []
    end(warehouse, batch, RunState.PARTLY_FAILED)
    assert [one.id for one in watcher.look().failed] == [children[0], children[2]]


def test_watching_knows_whether_somebody_leads(warehouse: Warehouse) -> None:
    watcher = Watcher(Parts(warehouse), queue(warehouse))
    assert watcher.look().is_led is False
    leader = Leadership(warehouse, ManualClock(CAPTURED_MS))
    assert leader.try_acquire()
    assert watcher.look().is_led is True
    leader.resign()
    assert watcher.look().is_led is False


def test_watching_what_is_not_there_is_not_found(warehouse: Warehouse) -> None:
    with pytest.raises(NotFound, match="there is no run 4711"):
        Watcher(Parts(warehouse), 4711).look()
