"""``backfill`` against a simulated exchange: the plan is what it takes, and nothing is asked for twice."""

# ruff: noqa: F811  fixtures of another file are imported, and are arguments here

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Window, ms_from_utc
from src.simulator.request_log import LoggedRequest
from src.simulator.simulator import Simulator
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.gaps import GapFilter, GapState, list_gaps
from src.warehouse.tables import fact_klines, series
from tests.builders import as_kline, read_table
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

START = datetime.fromisoformat("2026-01-09T00:00+00:00")
START_MS = ms_from_utc(START)
HOLE_MS = START_MS + 12 * HOUR_MS
WHAT = ["backfill", "--symbols", "BTCUSDT", "--start", "2026-01-09"]


@pytest.fixture
def warehouse(simulated: Simulator, tmp_path: Path) -> Iterator[Warehouse]:
    succeed("migrate")
    opened = open_warehouse(f"sqlite:///{tmp_path}/data/warehouse.db")
    yield opened
    opened.close()


def until(days: int) -> list[str]:
    return ["--end", f"{START + timedelta(days=days):%Y-%m-%d}"]


def asked(simulator: Simulator) -> list[LoggedRequest]:
    """Return the requests for candles, but not the one that finds the listing."""
    requests = (one for one in simulator.requests if one.path.endswith("klines"))
    return [one for one in requests if one.query.get("startTime") != "0"]


def truth(simulator: Simulator, first_day: int, end_day: int) -> list[list[Any]]:
    window = Window(START_MS + first_day * DAY_MS, START_MS + end_day * DAY_MS)
    return [list(row) for row in simulator.truth("BTCUSDT", Interval.M1, window)]


def facts(warehouse: Warehouse) -> list[list[Any]]:
    return [list(as_kline(row)) for row in read_table(warehouse, fact_klines, symbol="BTCUSDT")]


def gaps_told(warehouse: Warehouse) -> set[tuple[int, int]]:
    with warehouse.read() as connection:
        return {(row.window.start_ms, row.window.end_ms) for row in list_gaps(connection, GapFilter())}


def wanted(warehouse: Warehouse) -> tuple[int | None, int | None]:
    [row] = read_table(warehouse, series, symbol="BTCUSDT", interval_code="1m")
    return row["wanted_from"], row["keep_days"]


def test_plan_is_what_it_takes_and_the_second_time_nothing_is_asked(
    simulated: Simulator, warehouse: Warehouse
) -> None:
    simulated.change_market(f"hole:symbol=BTCUSDT,from={START:%Y-%m-%d}T12:00:00Z,minutes=80")
    plan = succeed_json(*WHAT, *until(12), "--dry-run")
    assert (plan["candles"], facts(warehouse)) == (12 * 1_440, [])
    simulated.clear_requests()
    lines = run(*WHAT, *until(12), "--yes", "--json").stdout.splitlines()
    assert json.loads(lines[0])["series"] == plan["series"]
    assert json.loads(lines[-1])["state"] == "succeeded"
    assert len(asked(simulated)) == pytest.approx(plan["requests"], rel=0.1)
    assert sum(one.weight for one in asked(simulated)) == pytest.approx(plan["weight"], rel=0.1)
    assert facts(warehouse) == truth(simulated, 0, 12)
    assert (HOLE_MS, HOLE_MS + 80 * MINUTE_MS) in gaps_told(warehouse)

    simulated.clear_requests()
    second = succeed_json(*WHAT, *until(12), "--dry-run")
    [told] = second["series"]
    assert (second["candles"], told["held"], told["empty"]) == (0, 12 * 1_440 - 80, 80)
    assert "nothing to fetch" in succeed(*WHAT, *until(12), "--yes")
    assert asked(simulated) == []

    assert succeed_json(*WHAT, *until(12), "--again", "--dry-run")["candles"] == 80
    run(*WHAT, *until(12), "--again", "--yes", "--json")
    assert [_window_of(one) for one in asked(simulated)] == [(HOLE_MS, HOLE_MS + 80 * MINUTE_MS)]


def test_older_and_newer_than_what_is_held_are_fetched_alone(
    simulated: Simulator, warehouse: Warehouse
) -> None:
    middle = ["--start", "2026-01-11", *until(4)]
    succeed("backfill", "--symbols", "BTCUSDT", *middle, "--yes")
    assert wanted(warehouse) == (START_MS + 2 * DAY_MS, 0)
    simulated.clear_requests()
    told = succeed(*WHAT, *until(6), "--yes", "--keep", "90d")
    assert "BTCUSDT 1m is kept for ever so far; this changes all of it to 90 days" in told
    assert facts(warehouse) == truth(simulated, 0, 6)
    held = Window(START_MS + 2 * DAY_MS, START_MS + 4 * DAY_MS)
    for start_ms, end_ms in map(_window_of, asked(simulated)):
        assert end_ms <= held.start_ms or start_ms >= held.end_ms
    assert wanted(warehouse) == (START_MS, 90)


def test_gap_that_a_backfill_fetches_is_none_at_its_end(simulated: Simulator, warehouse: Warehouse) -> None:
    for start, days in (("2026-01-09", 1), ("2026-01-11", 3)):
        run("backfill", "--symbols", "BTCUSDT", "--start", start, *until(days), "--yes", "--json")
    run("symbols", "add", "BTCUSDT")
    succeed("gaps", "check", "BTCUSDT")
    hole = (START_MS + DAY_MS, START_MS + 2 * DAY_MS)
    assert hole in gaps_told(warehouse)
    run(*WHAT, *until(3), "--yes", "--json")
    with warehouse.read() as connection:
        [gap] = [row for row in list_gaps(connection, GapFilter()) if row.window.start_ms == hole[0]]
    assert (gap.state, facts(warehouse)) == (GapState.FILLED, truth(simulated, 0, 3))


def test_what_a_run_will_fetch_is_not_asked_for_twice(simulated: Simulator, warehouse: Warehouse) -> None:
    succeed(*WHAT, *until(2), "--yes", "--detach")
    plan = succeed_json(*WHAT, *until(3), "--dry-run")
    assert (plan["candles"], plan["series"][0]["under_way"]) == (1_440, 2 * 1_440)


def test_it_begins_with_the_listing(simulated: Simulator) -> None:
    simulated.change_market(f"listing:symbol=BTCUSDT,from={START:%Y-%m-%d}T12:00:00Z")
    plan = succeed_json("backfill", "--symbols", "BTCUSDT", "--start", "2017-01-01", *until(1), "--dry-run")
    assert plan["series"][0]["window"] == {"start_ms": HOLE_MS, "end_ms": START_MS + DAY_MS}
    told = succeed("backfill", "--symbols", "BTCUSDT", "--start", "2017-01-01", *until(1), "--dry-run")
    assert "720 candles in 1 request of weight 2, about 130 kB in the lake" in told
    assert "kept for ever" in told


def test_without_a_yes_nothing_is_queued_or_wanted(simulated: Simulator, warehouse: Warehouse) -> None:
    result = run(*WHAT, *until(1))
    assert (result.exit_code, "Fetch it?" in result.output) == (1, True)
    assert succeed_json("runs", "list") == []
    assert read_table(warehouse, series, symbol="BTCUSDT", interval_code="1m")[0]["keep_days"] is None


def test_unknown_symbol_is_named(simulated: Simulator) -> None:
    assert "NOPEUSDT" in fail(1, "backfill", "--symbols", "NOPEUSDT", "--start", "2026-01-09", "--dry-run")


def _window_of(request: LoggedRequest) -> tuple[int, int]:
    """Return the window asked for, its end excluded."""
    return int(request.query["startTime"]), int(request.query["endTime"]) + 1
