"""The part of filling gaps that asks no exchange: what the lake has of them is reloaded."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from src.domain import SeriesKey, Window
from src.jobs.context import RunContext
from src.maintenance.reloading import Reloader, Times, in_spans
from src.warehouse.counting import ALL_TIME
from src.warehouse.gaps import GapReason, GapRow, tell_gaps
from src.warehouse.objects import find_span
from src.warehouse.series import SeriesRow
from src.window_sets import merge, subtract

RELOADED = "reloaded from the lake"


@dataclass(slots=True)
class Reloaded:
    """What came of it: candles put back, and of which series."""

    candles: int = 0
    series: set[SeriesKey] = field(default_factory=set)


def reload_gaps(
    context: RunContext, reloader: Reloader, gaps: Sequence[GapRow], series: Mapping[int, SeriesRow]
) -> Reloaded:
    """Put back what the lake has of these gaps, and note it in their rows."""
    done = Reloaded()
    ordered = sorted(filter(may_be_in_lake, gaps), key=lambda gap: (gap.series_id, gap.window))
    for series_id, some in groupby(ordered, key=lambda gap: gap.series_id):
        _reload_series(context, reloader, series[series_id], list(some), done)
    return done


def may_be_in_lake(gap: GapRow) -> bool:
    """Whether it is worth a look: what the exchange was asked for and did not have is not there either."""
    return not gap.evidence or gap.reason is GapReason.FACTS_LOST


def _reload_series(
    context: RunContext, reloader: Reloader, row: SeriesRow, gaps: Sequence[GapRow], done: Reloaded
) -> None:
    with context.warehouse.read() as connection:
        reach = find_span(connection, row.key)
    # What is older than all objects is history that was never fetched: years of it cost no look.
    before = [Window(0, reach.start_ms)] if reach else [ALL_TIME]
    windows = subtract(merge(gap.window for gap in gaps), before)
    put: list[Times] = []
    ends, passed = sorted(gap.window.end_ms for gap in gaps), 0
    for span in in_spans(row.key.interval, windows):
        if context.stop.is_set():
            raise context.stop.error("filling gaps")
        context.progress.at(row.key, span[0].start_ms)
        put.append(reloader.reload(row, span))
        gone_by = bisect_right(ends, span[-1].end_ms)
        context.progress.advance(gone_by - passed)
        passed = gone_by
    context.progress.advance(len(ends) - passed)
    times = np.concatenate(put) if put else np.array([], dtype=np.int64)
    if len(times):
        done.candles += len(times)
        done.series.add(row.key)
        told = [gap.id for gap in gaps if _is_any_in(np.sort(times), gap)]
        context.warehouse.run(lambda connection: tell_gaps(connection, told, RELOADED))


def _is_any_in(times: Times, gap: GapRow) -> bool:
    """Whether one of *times*, in their order, lies in the gap."""
    first, after = np.searchsorted(times, [gap.window.start_ms, gap.window.end_ms])
    return bool(first < after)
