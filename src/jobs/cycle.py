"""The cycle: one extract-and-transform pass over all tracked series."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import structlog

from src.clock import Clock
from src.extract.manager import ExtractionManager, ExtractReport
from src.transform.manager import TransformManager, TransformReport

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class CycleReport:
    """What one cycle did."""

    extracted: ExtractReport
    transformed: TransformReport
    took_ms: int


def run_cycle(
    extraction: ExtractionManager, transform: TransformManager, clock: Clock, wait_s: float | None
) -> CycleReport:
    """Extract for *wait_s* seconds at most (None: until all is caught up), then load what has landed."""
    started_ms = clock.now_ms()
    extracted = extraction.run_once(wait_s)
    transformed = transform.load_waiting()
    report = CycleReport(extracted, transformed, clock.now_ms() - started_ms)
    _log(report)
    return report


def _log(report: CycleReport) -> None:
    tasks_by_error: dict[str, list[str]] = defaultdict(list)
    for task, error in sorted(report.extracted.failures.items()):
        tasks_by_error[error].append(task)
    for error, tasks in tasks_by_error.items():
        log.error("extraction failed", error=error, tasks=tasks)
    log.info(
        "cycle done",
        fetched=report.extracted.candles,
        snapshots=report.extracted.snapshots,
        objects=report.transformed.loaded.objects,
        inserted=report.transformed.loaded.inserted,
        replaced=report.transformed.loaded.replaced,
        quarantined=len(report.transformed.quarantined),
        failed=len(report.extracted.failures),
        took_ms=report.took_ms,
    )
