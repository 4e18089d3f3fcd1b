"""Kinds of runs that prove and rebuild: ``verify``, the nightly ``verify_sample``, ``replay``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

from src.domain import Interval, Window
from src.errors import NotFound
from src.jobs.context import Kind, Outcome, RunContext
from src.jobs.job_registry import VERIFY_SAMPLE
from src.maintenance.replay import Replayer, ReplayReport
from src.maintenance.series_days import (
    Reach,
    SeriesDay,
    count_days,
    each_day,
    in_whole_days,
    list_reaches,
    some_days,
)
from src.maintenance.verify import Verifier, VerifyReport
from src.warehouse.runs import RunState
from src.warehouse.series import SeriesRow, list_series
from src.warehouse.verification import VerifyState

VERIFY, REPLAY = "verify", "replay"
_TOLD = 100
_REPLAYED = (
    "days",
    "changed_days",
    "inserted",
    "replaced",
    "deleted",
    "kept",
    "refused_days",
    "merged_days",
)


def proof_kinds(verifier: Verifier, replayer: Replayer) -> dict[str, Kind]:
    """Return the kinds by name. *sample* is a number of days, without it all are compared.

    Parameters of all: *symbols*, *intervals* (all where empty), *start_ms*, *end_ms* (both or none).
    """

    def verify(context: RunContext) -> Outcome:
        reaches = in_whole_days(_reaches(context))
        days: Iterable[SeriesDay] = each_day(reaches)
        total, sample = count_days(reaches), context.parameters.get("sample")
        if sample is not None:
            days = some_days(reaches, int(sample), Random(context.parameters.get("seed")))
            total = min(total, int(sample))
        context.progress.start("days", total)
        return _judge_verified(verifier.verify(_told(context, days)))

    def replay(context: RunContext) -> Outcome:
        reaches = _reaches(context)
        context.progress.start("days", count_days(reaches))
        is_dry = bool(context.parameters.get("dry_run"))
        return _judge_replayed(replayer.replay(_told(context, each_day(reaches)), dry_run=is_dry))

    does = {VERIFY: verify, VERIFY_SAMPLE: verify, REPLAY: replay}
    return {name: Kind(name, execute, retries=True) for name, execute in does.items()}


def _reaches(context: RunContext) -> list[Reach]:
    """Return what the run is about; NotFound when no series is."""
    asked = context.parameters
    start_ms, end_ms = asked.get("start_ms"), asked.get("end_ms")
    window = None if start_ms is None or end_ms is None else Window(start_ms, end_ms)
    with context.warehouse.read() as connection:
        rows = [row for row in list_series(connection, tracked_only=False) if _is_asked(row, asked)]
        if not rows and (asked.get("symbols") or asked.get("intervals")):
            raise NotFound("no such series: ./candlehouse symbols list shows which there are")
        return list_reaches(connection, rows, window)


def _is_asked(row: SeriesRow, asked: dict[str, Any]) -> bool:
    symbols, intervals = asked.get("symbols"), asked.get("intervals")
    if symbols and row.key.symbol not in symbols:
        return False
    return not intervals or row.key.interval in [Interval(one) for one in intervals]


def _told(context: RunContext, days: Iterable[SeriesDay]) -> Iterator[SeriesDay]:
    """Yield the days, telling the progress; end the run between two when it was asked to stop."""
    for day in days:
        if context.stop.is_set():
            raise context.stop.error(f"a run of {context.run.kind}")
        context.series, context.window = day.series.key, day.window
        context.progress.at(day.series.key, day.window.start_ms)
        yield day
        context.progress.advance(1)


def _judge_verified(report: VerifyReport) -> Outcome:
    last = report.reproducible_up_to()
    result = {
        "days": sum(report.states.values()),
        "candles": report.candles,
        "states": {state.value: report.states[state] for state in VerifyState},
        "objects": {state.value: report.objects[state] for state in VerifyState if state.is_of_objects},
        "reproducible_up_to": None if last is None else last.isoformat(),
        "findings_total": report.findings_total,
        "findings": [
            {
                "series": str(one.series),
                "date": one.day.isoformat(),
                "state": one.state.value,
                "what": one.what[:500],
            }
            for one in report.findings[:_TOLD]
        ],
    }
    if not report.faults:
        return Outcome(result)
    first = next(one for one in report.findings if one.state.is_fault)
    problem = (
        f"{report.faults} of {result['days']} days are not what the lake gives; the first finding: "
        f"{first.series} {first.state.value}: {first.what[:300]}"
    )
    return Outcome(result, RunState.PARTLY_FAILED, problem)


def _judge_replayed(report: ReplayReport) -> Outcome:
    result = {
        **{name: getattr(report, name) for name in _REPLAYED},
        "faults": report.refused_days + report.faulty_merges,
        "troubles": [
            {
                "series": str(one.series),
                "start_ms": one.window.start_ms,
                "end_ms": one.window.end_ms,
                "refused": one.is_refused,
                "reasons": one.reasons[:5],
            }
            for one in report.troubles[:_TOLD]
        ],
    }
    if not result["faults"]:
        return Outcome(result)
    problem = (
        f"{report.refused_days} days were left as they are, {report.merged_days} merged into: objects of "
        f"them are gone; the first: {report.troubles[0].reasons[0][:300]}"
    )
    return Outcome(result, RunState.PARTLY_FAILED, problem)
