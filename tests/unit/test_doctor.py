"""What the doctor makes of what it is told: deadlines, verdicts, growth, and how all that is shown."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from src.clock import SystemClock
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, ClockOffset, Interval, SeriesKey
from src.errors import WarehouseUnavailable
from src.maintenance.disk_room import DiskGate
from src.maintenance.doctor.checkup import Doctor, is_healthy
from src.maintenance.doctor.disk import check_disk
from src.maintenance.doctor.exchange import judge_budget, judge_offset
from src.maintenance.doctor.findings import Finding, Verdict, ok, problem, size_text, warning
from src.maintenance.doctor.growth import Cadence, Homes, Sizes, check_growth, estimated_sizes, plan_growth
from src.maintenance.doctor.series import overdue_ms
from src.maintenance.doctor.warehouse import judge_pool, judge_server
from src.services.status import SeriesStatus
from src.terminal import doctor_json, doctor_view, to_text
from src.warehouse.budgets import BudgetRow
from src.warehouse.engine import PoolNumbers
from src.warehouse.health import ServerFacts

NOW_MS = 1_767_968_400_000
MINUTE = SeriesKey("binance", "BTCUSDT", Interval.M1)
CADENCE = Cadence(cycle_seconds=60, depth_seconds=60, depth_levels=20)

MARIADB = ServerFacts(
    kind="MariaDB",
    version="10.11.19-MariaDB-0+deb12u1",
    driver="mysql-connector 9.7.0",
    is_native=True,
    settings={
        "local_infile": "ON",
        "sql_mode": "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION",
        "time_zone": "+00:00",
        "tx_isolation": "READ-COMMITTED",
        "innodb_flush_log_at_trx_commit": "1",
        "max_allowed_packet": "16777216",
        "log_bin": "ON",
        "binlog_format": "MIXED",
        "max_connections": "151",
    },
    now_ms=NOW_MS,
)


def verdicts(findings: Iterator[Finding]) -> dict[str, Verdict]:
    return {finding.check: finding.verdict for finding in findings}


# --- the checkup as a whole ---


def test_an_area_that_hangs_or_fails_does_not_keep_the_others_from_being_examined() -> None:
    release = threading.Event()

    def hang() -> Iterator[Finding]:
        yield ok("place", "far away")
        release.wait(30)

    def refuse() -> Iterator[Finding]:
        raise WarehouseUnavailable("the warehouse cannot be reached: check that it runs")

    def break_down() -> Iterator[Finding]:
        raise ZeroDivisionError("a fault of ours")

    areas = {"lake": hang, "warehouse": refuse, "growth": break_down, "disk": lambda: [ok("room", "much")]}
    closed: list[bool] = []
    started = time.monotonic()
    report = Doctor(areas, SystemClock(), deadline_s=1.5, close=lambda: closed.append(True)).examine()
    release.set()

    assert time.monotonic() - started < 10
    assert list(report) == ["lake", "warehouse", "growth", "disk"]
    assert [finding.found for finding in report["lake"]] == ["far away", "no answer within 1.5 s"]
    assert report["warehouse"][0].found == "the warehouse cannot be reached: check that it runs"
    assert "ZeroDivisionError: a fault of ours" in report["growth"][0].found
    assert report["disk"] == [ok("room", "much")]
    assert closed
    assert all(finding.advice for found in report.values() for finding in found if finding.verdict != "ok")


@pytest.mark.parametrize(
    ("findings", "healthy"),
    [
        ([], True),
        ([ok("a", "fine")], True),
        ([ok("a", "fine"), warning("b", "late", "look")], True),
        ([problem("c", "down", "mend it"), ok("a", "fine")], False),
    ],
)
def test_only_problems_make_it_ill(findings: list[Finding], healthy: bool) -> None:
    assert is_healthy({"area": findings}) is healthy
    assert doctor_json({"area": findings})["healthy"] is healthy


def test_the_view_aligns_findings_and_says_what_to_do_without_colours() -> None:
    report = {
        "lake": [ok("place", "http://[::1]:9000, [red]buckets"), problem("reachable", "no", "start it")],
        "disk": [warning("room", "little", "make room")],
    }
    lines = to_text(doctor_view(report)).splitlines()
    assert [line.rstrip() for line in lines] == [
        "lake",
        "  ok       place      http://[::1]:9000, [red]buckets",
        "  problem  reachable  no",
        "                      → start it",
        "disk",
        "  warning  room       little",
        "                      → make room",
        "",
        "problems: 1, warnings: 1",
    ]


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_200, "1.2 kB"),
        (310_000, "310 kB"),
        (1.44e9, "1.4 GB"),
        (3e12, "3.0 TB"),
    ],
)
def test_sizes_are_said_as_disks_are_sold(size: float, text: str) -> None:
    assert size_text(size) == text


# --- warehouse ---


def test_a_server_set_up_as_it_should_be_is_well() -> None:
    found = verdicts(judge_server(MARIADB))
    assert set(found.values()) == {Verdict.OK}
    assert set(found) == {
        *("version", "driver", "local_infile", "sql_mode", "time_zone", "tx_isolation"),
        *("innodb_flush_log_at_trx_commit", "max_allowed_packet", "binary log"),
    }


@pytest.mark.parametrize(
    ("setting", "value", "check", "verdict", "advice"),
    [
        ("local_infile", "OFF", "local_infile", "problem", "SET GLOBAL local_infile = 1"),
        ("sql_mode", "", "sql_mode", "problem", "proxy"),
        ("time_zone", "SYSTEM", "time_zone", "problem", "proxy"),
        ("tx_isolation", "REPEATABLE-READ", "tx_isolation", "problem", "proxy"),
        ("innodb_flush_log_at_trx_commit", "2", "innodb_flush_log_at_trx_commit", "warning", "set it to 1"),
        ("max_allowed_packet", "1048576", "max_allowed_packet", "warning", "16M"),
        ("binlog_format", "STATEMENT", "binary log", "problem", "binlog_format = ROW"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(
    setting: str, value: str, check: str, verdict: str, advice: str
) -> None:
    facts = replace(MARIADB, settings={**MARIADB.settings, setting: value})
    (wrong,) = [finding for finding in judge_server(facts) if finding.verdict is not Verdict.OK]
    assert (wrong.check, wrong.verdict) == (check, verdict)
    assert advice in wrong.advice


def test_statement_format_does_no_harm_without_a_binary_log() -> None:
    settings = {**MARIADB.settings, "log_bin": "OFF", "binlog_format": "STATEMENT"}
    assert verdicts(judge_server(replace(MARIADB, settings=settings)))["binary log"] is Verdict.OK


@pytest.mark.parametrize(
    ("kind", "version", "verdict"),
    [
        ("MariaDB", "10.5.29-MariaDB", "problem"),
        ("MariaDB", "10.6.0-MariaDB", "ok"),
        ("MySQL", "5.7.44-log", "problem"),
        ("MySQL", "9.7.0", "ok"),
        ("TiDB", "8.0.11-TiDB-v8.5.0", "warning"),
    ],
)
def test_versions_too_old_are_a_problem(kind: str, version: str, verdict: str) -> None:
    assert verdicts(judge_server(replace(MARIADB, kind=kind, version=version)))["version"] == verdict


def test_the_connector_in_pure_python_is_told() -> None:
    (driver,) = [one for one in judge_server(replace(MARIADB, is_native=False)) if one.check == "driver"]
    assert driver.verdict is Verdict.WARNING
    assert "half as fast" in driver.advice


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"journal_mode": "wal", "auto_vacuum": "2"}, {}),
        ({"journal_mode": "delete", "auto_vacuum": "2"}, {"journal_mode": "problem"}),
        ({"journal_mode": "wal", "auto_vacuum": "0"}, {"auto_vacuum": "warning"}),
    ],
)
def test_sqlite_needs_wal_and_had_better_shrink(settings: dict[str, str], wrong: dict[str, str]) -> None:
    found = verdicts(judge_server(ServerFacts("SQLite", "3.40.1", "Python's own", True, settings, NOW_MS)))
    assert {check: verdict for check, verdict in found.items() if verdict is not Verdict.OK} == wrong


def test_a_pool_larger_than_the_server_grants_is_told_with_its_numbers() -> None:
    pool = PoolNumbers(size=150, most=160, checked_out=3, idle=2, overflow=0)
    finding = judge_pool(pool, MARIADB.settings)
    assert finding.verdict is Verdict.WARNING
    assert "151" in finding.advice
    assert finding.numbers == {"size": 150, "most": 160, "checked_out": 3, "idle": 2, "overflow": 0}
    assert judge_pool(replace(pool, size=10, most=20), MARIADB.settings).verdict is Verdict.OK


# --- exchange ---


@pytest.mark.parametrize(
    ("offset_ms", "error_ms", "verdict"),
    [(0, 3, "ok"), (1_000, 10, "ok"), (-1_000, 10, "ok"), (1_001, 10, "warning"), (-90_000, 10, "warning")],
)
def test_a_clock_off_by_more_than_a_second_is_warned_of(offset_ms: int, error_ms: int, verdict: str) -> None:
    finding = judge_offset(ClockOffset(offset_ms, error_ms))
    assert finding.verdict == verdict
    assert finding.numbers == {"offset_ms": offset_ms, "error_ms": error_ms}


def test_the_offset_is_told_as_what_our_clock_is_wrong_by() -> None:
    assert judge_offset(ClockOffset(90_000, 12)).found.startswith("ours is -90,000 ms from the exchange's")


def test_an_offset_measured_too_coarsely_is_warned_of() -> None:
    assert judge_offset(ClockOffset(0, 1_001)).verdict is Verdict.WARNING


@pytest.mark.parametrize(("ahead_ms", "verdict"), [(-1, "ok"), (60_000, "warning"), (3 * DAY_MS, "problem")])
def test_a_block_is_told_until_it_is_over(ahead_ms: int, verdict: str) -> None:
    row = BudgetRow(NOW_MS, 10, 6_000, NOW_MS + ahead_ms, "418, address banned")
    (block,) = [one for one in judge_budget(row, 0.8, NOW_MS) if one.check == "block"]
    assert block.verdict == verdict
    assert "418, address banned" in block.found


def test_budget_and_breaker_are_told() -> None:
    row = BudgetRow(
        NOW_MS, 1_234, 6_000, breaker_state="open", breaker_failures=5, breaker_opened_at_ms=NOW_MS
    )
    budget, _, breaker = judge_budget(row, 0.8, NOW_MS)
    assert budget.found == "1,234 of 6,000 weight used in the minute of 14:20 UTC; our share is 4,800"
    assert breaker.verdict is Verdict.WARNING
    assert breaker.found == "open since 2026-01-09T14:20:00.000Z after 5 failures in a row"


# --- data ---


@pytest.mark.parametrize(
    ("interval", "last_open_ms", "overdue"),
    [
        # Held to 14:18; the candle of 14:19 ended at 14:20, a moment ago.
        (Interval.M1, NOW_MS - 2 * MINUTE_MS, 0),
        (Interval.M1, NOW_MS - 62 * MINUTE_MS, HOUR_MS),
        # Yesterday's daily candle is held; today's is due at midnight.
        (Interval.D1, Interval.D1.floor(NOW_MS) - DAY_MS, NOW_MS % DAY_MS - DAY_MS),
    ],
)
def test_a_series_is_late_from_when_its_next_candle_was_due(
    interval: Interval, last_open_ms: int, overdue: int
) -> None:
    row = SeriesStatus(SeriesKey("binance", "BTCUSDT", interval), 1, last_open_ms, None, None)
    assert overdue_ms(row, NOW_MS) == overdue


# --- growth and disk ---


def test_growth_of_a_minute_series_is_added_up() -> None:
    sizes = Sizes(candle_row=250, level_row=100, catalog_row=500, levels=40, objects={("klines", "1m"): 800})
    growth = plan_growth([MINUTE], CADENCE, sizes)
    assert (growth.candles, growth.levels, growth.objects) == (1_440, 57_600, 2_880)
    # Depth is not measured here: an envelope of 440 bytes and 40 levels of 27.
    assert growth.lake_bytes == 1_440 * 800 + 1_440 * (440 + 40 * 27)
    assert growth.lake_blocks == 2_880 * 4_096
    assert growth.warehouse_bytes == 1_440 * 250 + 57_600 * 100 + 2_880 * 500


def test_growth_follows_cadence_and_interval() -> None:
    slow = Cadence(cycle_seconds=60, depth_seconds=90, depth_levels=5)
    assert slow.snapshots_a_day == 720, "due after 90 s, taken in the second cycle"
    keys = [replace(MINUTE, interval=interval) for interval in (Interval.S1, Interval.H1, Interval.MO1)]
    growth = plan_growth(keys, slow, estimated_sizes("mysql", slow))
    assert growth.candles == pytest.approx(86_400 + 24 + 1 / 30)
    assert growth.objects == pytest.approx(1_440 + 24 + 1 / 30 + 720), "depth once for all three"
    assert growth.levels == 720 * 10


def test_growth_is_told_before_the_first_start_and_creates_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "yet"
    found = {
        f.check: f for f in check_growth(None, [MINUTE], CADENCE, Homes(folder, lake=True, warehouse=True))
    }
    assert found["rows a day"].numbers == {"candles": 1_440, "levels": 57_600}
    assert "estimated" in found["basis"].found
    assert list(tmp_path.iterdir()) == []


def test_stores_elsewhere_do_not_fill_this_disk(tmp_path: Path) -> None:
    *_, room = check_growth(None, [MINUTE], CADENCE, Homes(tmp_path, lake=False, warehouse=False))
    assert room.found == "nothing of this grows on this machine's disk"


@pytest.mark.parametrize(
    ("free_bytes", "free_files", "room", "files"),
    [
        (80_000_000_000, 9_000_000, "ok", "ok"),
        (4_999_000_000, 9_000_000, "warning", "ok"),
        (499_000_000, 9_000_000, "problem", "ok"),
        (80_000_000_000, 400_000, "ok", "warning"),
        (80_000_000_000, 9_000, "ok", "problem"),
    ],
)
def test_a_disk_that_fills_up_is_told_in_time(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    free_bytes: int,
    free_files: int,
    room: str,
    files: str,
) -> None:
    seen = SimpleNamespace(
        f_frsize=1_000, f_bavail=free_bytes // 1_000, f_blocks=10**8, f_favail=free_files, f_files=10**7
    )
    monkeypatch.setattr("os.statvfs", lambda _: seen)
    found = verdicts(check_disk(tmp_path))
    assert (found["room"], found["files"]) == (room, files)


@pytest.mark.parametrize(("free_bytes", "verdict"), [(7 * 10**9, "warning"), (10**8, "problem")])
def test_a_disk_that_keeps_history_waiting_is_not_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_bytes: int, verdict: str
) -> None:
    seen = SimpleNamespace(
        f_frsize=1_000, f_bavail=free_bytes // 1_000, f_blocks=10**8, f_favail=10**6, f_files=10**7
    )
    monkeypatch.setattr("os.statvfs", lambda _: seen)
    gate = DiskGate([tmp_path], lambda: 8 * 10**9, lambda _: seen)
    found = {each.check: each for each in check_disk(tmp_path, gate.obstacle)}["room"]
    assert found.verdict == verdict
    assert "history and repairs wait" in found.found
    assert "below 8.0 GB" in found.found
    assert "CANDLEHOUSE_DISK_RESERVE_GB" in (found.advice or "")


def test_a_file_system_without_a_limit_of_files_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.statvfs(tmp_path)
    seen = SimpleNamespace(f_frsize=real.f_frsize, f_bavail=10**10, f_blocks=10**10, f_favail=0, f_files=0)
    monkeypatch.setattr("os.statvfs", lambda _: seen)
    assert verdicts(check_disk(tmp_path))["files"] is Verdict.OK
