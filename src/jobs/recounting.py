"""The kind of runs that compares the ledger of coverage with the facts, and corrects it.

What is in the ledger but not held becomes a gap at once, while it is known that its facts were lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection

from src.domain import Window, format_utc
from src.errors import NotFound
from src.jobs.context import Kind, Outcome, RunContext
from src.jobs.job_registry import RECOUNT_COVERAGE
from src.maintenance.gaps import detect_gaps
from src.maintenance.outages import Outage
from src.warehouse.coverage import (
    CoverageDifference,
    DifferenceKind,
    note_verified,
    recount,
    rewrite_coverage,
)
from src.warehouse.runs import RunState
from src.warehouse.series import SeriesRow, list_series, lock_series
from src.warehouse.wanted import FOR_EVER

# A result is for people: of what differs in a thousand places, this much is told.
_TOLD = 100

NoteLost = Callable[[Connection, SeriesRow, Sequence[Window], int], None]


def recount_kind(
    outages: Callable[[], Sequence[Outage]] = tuple, keep_days: Callable[[], int] = lambda: FOR_EVER
) -> Kind:
    """Return the kind; its parameters are ``RecountParameters``, ours those of ``detect_gaps``."""

    def note_lost(connection: Connection, row: SeriesRow, windows: Sequence[Window], now_ms: int) -> None:
        lost = {row.id: windows}
        detect_gaps(connection, now_ms, [row.key], outages=outages(), keep_days=keep_days(), lost=lost)

    return Kind(RECOUNT_COVERAGE, partial(_recount_all, note_lost=note_lost), retries=True)


def _recount_all(context: RunContext, note_lost: NoteLost) -> Outcome:
    rows, fix = _asked(context), bool(context.parameters.get("fix", True))
    context.progress.start("series", len(rows))
    found: list[CoverageDifference] = []
    for row in rows:
        if context.stop.is_set():
            raise context.stop.error("a recount of coverage")
        context.progress.at(row.key)
        found += _recount_one(context, row, note_lost if fix else None)
        context.progress.advance(1)
    return _judge(found, len(rows), is_fixed=fix)


def _recount_one(context: RunContext, row: SeriesRow, note_lost: NoteLost | None) -> list[CoverageDifference]:
    """Count while loads go on; what seems to differ is counted again while none can.

    The ledger is corrected where there is a *note_lost* to hear what it lacks.
    """
    with context.warehouse.read() as connection:
        seems_right = not recount(connection, row)
    if seems_right:
        context.warehouse.run(lambda connection: note_verified(connection, row))
        return []
    now_ms = context.clock.now_ms()
    return context.warehouse.run(lambda connection: _recount_locked(connection, row, note_lost, now_ms))


def _recount_locked(
    connection: Connection, row: SeriesRow, note_lost: NoteLost | None, now_ms: int
) -> list[CoverageDifference]:
    if note_lost is None:
        lock_series(connection, [row.key])
        return recount(connection, row)
    found = rewrite_coverage(connection, row)
    if lost := [one.window for one in found if one.kind is DifferenceKind.NOT_HELD]:
        note_lost(connection, row, lost, now_ms)
    return found


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
    windows = "1 window" if len(found) == 1 else f"{len(found):,} windows"
    what = f"the ledger of coverage differed from the facts in {windows}: {found[0]}"
    todo = "it says now what they hold" if is_fixed else "./candlehouse coverage --recount --fix corrects it"
    return Outcome(result, RunState.PARTLY_FAILED, f"{what}; {todo}")


def _told(each: CoverageDifference) -> dict[str, Any]:
    return {
        "series": str(each.series),
        "what": each.kind.value,
        "start": format_utc(each.window.start_ms),
        "end": format_utc(each.window.end_ms),
    }
