"""The cycle: one extract-and-transform pass over all tracked series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from src.clock import Clock
from src.domain import Lane
from src.extract.manager import ExtractionManager, ExtractReport
from src.transform.manager import TransformManager, TransformReport

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CycleReport:
    """What one cycle did.

    *inserted_beside* are candles that the loader made new since the last cycle, whoever had fetched them;
    *objects_waiting* are what is landed and yet to be loaded.
    """

    extracted: ExtractReport
    transformed: TransformReport
    took_ms: int
    inserted_beside: int
    objects_waiting: int


def run_cycle(
    extraction: ExtractionManager,
    transform: TransformManager,
    clock: Clock,
    wait_s: float | None,
    is_stopping: Callable[[], bool] = lambda: False,
    run: int | None = None,
    lanes: Sequence[Lane] = tuple(Lane),
) -> CycleReport:
    """Extract for *wait_s* seconds at most (None: until all is caught up), then load what has landed.

    Loading begins no slice after *wait_s* either, or the next cycle would wait for a whole backlog; nor once
    *is_stopping*. Of what waits only *lanes* are loaded. *run* is the id of the run that it is, for the log.
    """
    started_ms = clock.now_ms()
    extracted = extraction.run_once(wait_s)
    loading_since_ms = clock.steady_ms()

    def should_stop() -> bool:
        is_over = wait_s is not None and clock.steady_ms() - loading_since_ms > wait_s * 1000
        return is_over or is_stopping()

    transformed = transform.load_waiting(should_stop, lanes)
    took_ms = clock.now_ms() - started_ms
    beside = transform.take_inserted() - transformed.loaded.inserted
    report = CycleReport(extracted, transformed, took_ms, beside, transform.count_waiting())
    _log(report, run)
    return report


def _log(report: CycleReport, run: int | None) -> None:
    tasks_by_error: dict[str, list[str]] = defaultdict(list)
    for task, error in sorted(report.extracted.failures.items()):
        tasks_by_error[error].append(task)
    for error, tasks in tasks_by_error.items():
        log.error("extraction failed", error=error, tasks=tasks)
    loaded = report.transformed.loaded
    # What was fetched and is none of these lies in objects that wait: nothing is lost.
    log.info(
        "cycle done",
        run=run,
        exchange=report.extracted.exchange,
        fetched=report.extracted.candles,
        snapshots=report.extracted.snapshots,
        catching_up=report.extracted.catching_up,
        objects=loaded.objects,
        inserted=loaded.inserted,
        inserted_beside=report.inserted_beside,
        replaced=loaded.replaced,
        unchanged=loaded.unchanged,
        rows_set_aside=loaded.bad_rows,
        objects_waiting=report.objects_waiting,
        quarantined=len(report.transformed.quarantined),
        failed=len(report.extracted.failures),
        took_ms=report.took_ms,
    )
