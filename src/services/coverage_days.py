"""Coverage by UTC day, for a heatmap: how many candles of each are wanted, held, missing. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.domain import DAY_MS, Interval, Window, utc_from_ms
from src.services.coverage import SeriesCoverage
from src.warehouse.slots import slot_numbers


class DayCell(NamedTuple):
    """One day by the slots that open in it; what is held need not be wanted (any more).

    *lag* is that part of *missing* which is no gap: live fetching is to bring it.
    """

    day: date
    wanted: int
    held: int
    missing: int
    lag: int


def list_days(one: SeriesCoverage, start_ms: int, end_ms: int) -> list[DayCell]:
    """Return the days from that of *start_ms* until *end_ms*."""
    first, until = start_ms // DAY_MS, -(-end_ms // DAY_MS)
    edges_ms = np.arange(first, until + 1, dtype=np.int64) * DAY_MS
    lag = [one.lag] if one.lag else []
    sets = ([one.wanted] if one.wanted else [], [each.window for each in one.ranges], one.missing, lag)
    counts = [_count_between(one.row.key.interval, windows, edges_ms).tolist() for windows in sets]
    return list(map(DayCell, _days(first, until), *counts))


@lru_cache(maxsize=8)
def _days(first: int, until: int) -> list[date]:
    """Return the days of these numbers: a heatmap has them once for each of hundreds of series."""
    return [utc_from_ms(number * DAY_MS).date() for number in range(first, until)]


def _count_between(
    interval: Interval, windows: Sequence[Window], edges_ms: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Count the slots of *windows*, in order and apart, that open between each two edges."""
    if not windows:
        return np.zeros(max(0, len(edges_ms) - 1), dtype=np.int64)
    starts = np.array([window.start_ms for window in windows], dtype=np.int64)
    ends = np.array([window.end_ms for window in windows], dtype=np.int64)
    before_start = slot_numbers(interval, starts - 1)
    slots = slot_numbers(interval, ends - 1) - before_start
    whole = np.searchsorted(ends, edges_ms, side="right")
    counted = np.concatenate(([0], np.cumsum(slots)))[whole]
    # The window that an edge lies in counts up to there.
    at = np.minimum(whole, len(windows) - 1)
    within = (whole < len(windows)) & (starts[at] < edges_ms)
    partly = slot_numbers(interval, edges_ms - 1) - before_start[at]
    return np.diff(counted + np.where(within, partly, 0))
