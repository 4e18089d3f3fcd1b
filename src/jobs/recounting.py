"""The kind of runs that compares the ledger of coverage with the facts, and corrects it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from src.domain import format_utc
from src.errors import NotFound
from src.jobs.context import Kind, Outcome, RunContext
from src.jobs.job_registry import RECOUNT_COVERAGE
from src.warehouse.coverage import CoverageDifference, note_verified, recount, rewrite_coverage
from src.warehouse.runs import RunState
from src.warehouse.series import SeriesRow, list_series, lock_series

# A result is for people: of what differs in a thousand places, this much is told.
_TOLD = 100


def recount_kind() -> Kind:
    """Return the kind; its parameters are ``RecountParameters``."""
    return Kind(RECOUNT_COVERAGE, _recount_all, retries=True)


def _recount_all(context: RunContext) -> Outcome:
    rows, fix = _asked(context), bool(context.parameters.get("fix", True))
    context.progress.start("series", len(rows))
    found: list[CoverageDifference] = []
    for row in rows:
        if context.stop.is_set():
            raise context.stop.error("a recount of coverage")
        context.progress.at(row.key)
        found += _recount_one(context, row, fix=fix)
        context.progress.advance(1)
    return _judge(found, len(rows), is_fixed=fix)


def _recount_one(context: RunContext, row: SeriesRow, *, fix: bool) -> list[CoverageDifference]:
    """Count while loads go on; what seems to differ is counted again while none can."""
    with context.warehouse.read() as connection:
        seems_right = not recount(connection, row)
    if seems_right:
        context.warehouse.run(lambda connection: note_verified(connection, row))
        return []
    return context.warehouse.run(lambda connection: _recount_locked(connection, row, fix=fix))


def _recount_locked(connection: Connection, row: SeriesRow, *, fix: bool) -> list[CoverageDifference]:
    if fix:
        return rewrite_coverage(connection, row)
    lock_series(connection, [row.key])
    return recount(connection, row)


def _asked(context: RunContext) -> list[SeriesRow]:
    symbols, interval = context.parameters.get("symbols"), context.parameters.get("interval")
    with context.warehouse.read() as connection:
        rows = list_series(connection, tracked_only=False)
    if unknown := set(symbols or ()) - {row.key.symbol for row in rows}:
        raise NotFound(f"no such series: {', '.join(sorted(unknown))}; see ./candlehouse symbols list")
    return [
        row
        for row in rows
        if (not symbols or row.key.symbol in symbols) and interval in (None, row.key.interval.value)
    ]


def _judge(found: Sequence[CoverageDifference], series: int, *, is_fixed: bool) -> Outcome:
    told = [_told(each) for each in found[:_TOLD]]
    result = {"series": series, "differences": len(found), "fixed": is_fixed, "found": told}
    if not found:
        return Outcome(result)
    what = f"the ledger of coverage differed from the facts in {len(found)} windows: {found[0]}"
    todo = "it says now what they hold" if is_fixed else "./candlehouse coverage --recount --fix corrects it"
    return Outcome(result, RunState.PARTLY_FAILED, f"{what}; {todo}")


def _told(each: CoverageDifference) -> dict[str, Any]:
    return {
        "series": str(each.series),
        "what": each.kind.value,
        "start": format_utc(each.window.start_ms),
        "end": format_utc(each.window.end_ms),
    }
