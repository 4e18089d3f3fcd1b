"""The kind of run ``check_quality``: looks at the last days of each tracked series, keeps what it finds."""

from __future__ import annotations

from collections import Counter
from functools import partial

from src.domain import DAY_MS, Window
from src.jobs.context import Kind, Outcome, RunContext
from src.jobs.job_registry import CHECK_QUALITY
from src.maintenance.quality import check_quality
from src.warehouse.series import SeriesRow, list_series


def quality_kind() -> Kind:
    """Return the kind ``check_quality``."""
    return Kind(CHECK_QUALITY, _execute, retries=True)


def _execute(context: RunContext) -> Outcome:
    """Check each series in a transaction of its own: none waits long for its lock."""
    now_ms = context.clock.now_ms()
    window = last_days(now_ms, context.parameters["days"])
    rows = _chosen(context)
    context.progress.start("series", len(rows))
    found: Counter[str] = Counter()
    for row in rows:
        if context.stop.is_set():
            raise context.stop.error("a check of quality")
        findings = context.warehouse.run(partial(check_quality, key=row.key, window=window, now_ms=now_ms))
        found.update(finding.kind.value for finding in findings)
        context.progress.advance(1)
    return Outcome({"series": len(rows), "days": context.parameters["days"], "findings": dict(found)})


def last_days(now_ms: int, days: int) -> Window:
    """Return the window of the last UTC *days*, today included to its end."""
    midnight_ms = now_ms - now_ms % DAY_MS
    return Window(midnight_ms - (days - 1) * DAY_MS, midnight_ms + DAY_MS)


def _chosen(context: RunContext) -> list[SeriesRow]:
    symbols = context.parameters.get("symbols")
    with context.warehouse.read() as connection:
        rows = list_series(connection, tracked_only=not symbols)
    return [row for row in rows if not symbols or row.key.symbol in symbols]
