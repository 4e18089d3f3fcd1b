"""Kinds of runs that do the daily work: cycle, extract, transform, reconcile, refresh symbols."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from typing import Any

import structlog

from src.clock import Clock
from src.domain import Lane
from src.errors import CandlehouseError, Stopped
from src.extract.manager import ExtractionManager, ExtractReport
from src.extract.tracking import Tracking
from src.jobs.context import Kind, Outcome, RunContext
from src.jobs.cycle import run_cycle
from src.jobs.finishing import judge
from src.jobs.job_registry import CYCLE, RECONCILE_LAKE, REFRESH_SYMBOLS
from src.maintenance.reconcile import Reconciler, ReconcileReport
from src.transform.manager import TransformManager, TransformReport
from src.warehouse.quarantine import release_all
from src.warehouse.runs import RunState

log = structlog.get_logger()

# Those that are no jobs: a daemon's cycle does both.
EXTRACT, TRANSFORM = "extract", "transform"
# Extraction may take this part of a cycle before what has landed is loaded all the same, and so may loading.
_WAIT_SHARE = 0.5
# A result is for people: of what goes wrong a thousand times, this much is told.
_TOLD = 100
_LOOKED_FOR = ("adopted", "ignored", "young", "missing", "changed", "leftovers")


class Cycle:
    """One extract-and-transform pass; *cycle_seconds* tells how often it is due."""

    def __init__(
        self,
        extraction: ExtractionManager,
        transform: TransformManager,
        clock: Clock,
        cycle_seconds: Callable[[], int],
    ) -> None:
        self._extraction = extraction
        self._transform = transform
        self._clock = clock
        self._cycle_seconds = cycle_seconds
        self._turn = threading.Lock()

    def execute(self, context: RunContext) -> Outcome:
        """Do a pass, as long as a scheduled one may take, or until all is caught up where that was asked."""
        is_thorough = bool(context.parameters.get("until_caught_up"))
        wait_s = None if is_thorough else self._wait_s()
        # A backlog is the loader's: a cycle that helped with it would make the next one late.
        lanes = tuple(Lane) if is_thorough else (Lane.LIVE,)
        with self._turn:
            report = run_cycle(
                self._extraction,
                self._transform,
                self._clock,
                wait_s,
                context.stop.is_set,
                run=context.run.id,
                lanes=lanes,
            )
        if context.stop.is_set():
            raise context.stop.error("a cycle")
        fetched, loaded = report.extracted.candles, report.transformed.loaded
        context.progress.start("candles", done=fetched, fetched=fetched, loaded=loaded.inserted)
        result = {
            "extracted": extracted_json(report.extracted),
            "transformed": transformed_json(report.transformed),
            "took_ms": report.took_ms,
            "objects_waiting": report.objects_waiting,
        }
        return judge(result, report.extracted.failures, report.transformed.quarantined)

    def run_unrecorded(self, stop: threading.Event) -> None:
        """Do a pass that no row tells of, because the warehouse is away: depth can never be fetched later."""
        if not self._turn.acquire(blocking=False):
            return
        try:
            run_cycle(self._extraction, self._transform, self._clock, self._wait_s(), stop.is_set)
        except Stopped:
            pass
        except CandlehouseError as error:
            log.error("cycle failed", error=str(error))
        finally:
            self._turn.release()

    def _wait_s(self) -> float:
        return self._cycle_seconds() * _WAIT_SHARE


def work_kinds(
    cycle: Cycle,
    extraction: ExtractionManager,
    transform: TransformManager,
    tracking: Tracking,
    reconciler: Reconciler,
    clock: Clock,
) -> dict[str, Kind]:
    """Return the kinds by name."""

    def extract(context: RunContext) -> Outcome:
        report = extraction.run_once()
        return judge(extracted_json(report), report.failures)

    def load(context: RunContext) -> Outcome:
        if context.parameters.get("retry_quarantined"):
            context.warehouse.run(release_all)
        report = transform.load_waiting(context.stop.is_set)
        return judge(transformed_json(report), {}, report.quarantined)

    def reconcile(context: RunContext) -> Outcome:
        checksums = bool(context.parameters.get("checksums"))
        return _judge_lake(reconciler.run(clock.now_ms(), checksums=checksums))

    def refresh(context: RunContext) -> Outcome:
        refreshed = tracking.refresh()
        return Outcome({"symbols": refreshed.symbols, "changed": dict(refreshed.changed)})

    does = {
        CYCLE: cycle.execute,
        EXTRACT: extract,
        TRANSFORM: load,
        RECONCILE_LAKE: reconcile,
        REFRESH_SYMBOLS: refresh,
    }
    waiting = {
        REFRESH_SYMBOLS
    }  # what can wait for a store or an exchange does; the others come again by themselves
    return {name: Kind(name, execute, retries=name in waiting) for name, execute in does.items()}


def extracted_json(report: ExtractReport) -> dict[str, Any]:
    """Return what was extracted, for a run's result."""
    failures = dict(islice(sorted(report.failures.items()), _TOLD))
    return {**asdict(report), "failures": {task: error[:300] for task, error in failures.items()}}


def transformed_json(report: TransformReport) -> dict[str, Any]:
    """Return what was loaded, for a run's result."""
    return {"loaded": asdict(report.loaded), "quarantined": report.quarantined[:_TOLD]}


def _judge_lake(report: ReconcileReport) -> Outcome:
    counts = {name: len(getattr(report, name)) for name in _LOOKED_FOR}
    told = {name: getattr(report, name)[:_TOLD] for name in counts}
    result = {"objects": report.objects, "counts": counts, **told}
    if report.is_clean:
        return Outcome(result)
    problem = (
        f"{counts['missing']} objects are in the catalog and not in the lake, {counts['changed']} are not "
        "what was landed: restore them from a backup"
    )
    return Outcome(result, RunState.PARTLY_FAILED, problem)
