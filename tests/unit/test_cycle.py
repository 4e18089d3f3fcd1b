"""The cycle: first fetch, then load; no longer than it may take, and what failed is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from structlog.testing import capture_logs

from src.clock import ManualClock
from src.domain import Lane
from src.extract.manager import ExtractionManager, ExtractReport
from src.jobs.cycle import CycleReport, run_cycle
from src.transform.manager import TransformManager, TransformReport
from src.warehouse.loading import LoadResult


class Managers:
    """Both managers in one: they take a set time, and note when they were asked for what.

    The real ones meet in the service and end-to-end tests; here time itself is under test.
    """

    def __init__(self, report: ExtractReport | None = None, *, slices: int = 1, slice_s: float = 0) -> None:
        self.clock = ManualClock(1_767_968_400_123)
        self.asked: list[Any] = []
        self._report = report or ExtractReport(candles=5, snapshots=2)
        self._slices = slices
        self._slice_s = slice_s

    def run_once(self, wait_s: float | None) -> ExtractReport:
        self.asked.append(("extract", wait_s))
        self.clock.sleep(2)
        return self._report

    def load_waiting(self, should_stop: Callable[[], bool], lanes: Sequence[Lane] = ()) -> TransformReport:
        report = TransformReport(quarantined=["2026-01-09/BTCUSDT_klines_1.json"])
        while report.loaded.objects < self._slices and not should_stop():
            report.count(LoadResult(objects=1, inserted=3))
            self.clock.sleep(self._slice_s)
        self.asked.append(("load", report.loaded.objects))
        return report

    def take_inserted(self) -> int:
        return 1_000

    def count_waiting(self) -> int:
        return 7

    def run(self, wait_s: float | None, is_stopping: Callable[[], bool] = lambda: False) -> CycleReport:
        extraction, transform = cast("ExtractionManager", self), cast("TransformManager", self)
        return run_cycle(extraction, transform, self.clock, wait_s, is_stopping)


def test_what_was_fetched_is_loaded_in_the_same_cycle() -> None:
    managers = Managers(slice_s=0.5)
    report = managers.run(30)
    assert managers.asked == [("extract", 30), ("load", 1)]
    assert (report.extracted.candles, report.extracted.snapshots) == (5, 2)
    assert (report.transformed.loaded.inserted, report.took_ms) == (3, 2_500)


def test_backlog_does_not_hold_up_the_next_cycle() -> None:
    managers = Managers(slices=1_000, slice_s=1)
    managers.run(10)
    assert managers.asked == [("extract", 10), ("load", 11)]


def test_cycle_without_a_limit_loads_everything() -> None:
    managers = Managers(slices=1_000, slice_s=1)
    managers.run(None)
    assert managers.asked == [("extract", None), ("load", 1_000)]


def test_shutdown_ends_loading_after_the_present_slice() -> None:
    managers = Managers(slices=1_000, slice_s=1)
    managers.run(None, is_stopping=lambda: len(managers.clock.slept_s) > 4)
    assert managers.asked[-1] == ("load", 4)


def test_each_failure_is_logged_once_with_all_it_concerns() -> None:
    failures = {
        "binance:B:1m": "blocked until noon",
        "binance:A:1m": "blocked until noon",
        "binance:C:1m": "no",
    }
    with capture_logs() as logs:
        Managers(ExtractReport(failures=failures)).run(1)
    assert [(line["error"], line["tasks"]) for line in logs if line["log_level"] == "error"] == [
        ("blocked until noon", ["binance:A:1m", "binance:B:1m"]),
        ("no", ["binance:C:1m"]),
    ]
    [done] = [line for line in logs if line["event"] == "cycle done"]
    assert (done["failed"], done["inserted"], done["quarantined"], done["objects"]) == (3, 3, 1, 1)
    assert (done["inserted_beside"], done["objects_waiting"]) == (997, 7)


def test_log_tells_of_stragglers_whose_pages_a_later_cycle_counts() -> None:
    with capture_logs() as logs:
        Managers(ExtractReport(candles=1, catching_up=2), slices=9).run(1)
    [done] = [line for line in logs if line["event"] == "cycle done"]
    assert (done["fetched"], done["inserted"], done["catching_up"]) == (1, 27, 2)
