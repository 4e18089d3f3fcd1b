"""What is odd about candles, found from their columns alone; pure. Candles that are odd stay as they are.

A candle without trades is a candle, and a day with many of them is worth knowing; so are the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from src.domain import DAY_MS, HOUR_MS, Interval, Window, utc_from_ms
from src.warehouse.quality import CandleColumns, Finding, FindingKind, Severity

JUMP = 0.2
OUTLIER = 50
QUIET_MS = HOUR_MS
# The median of fewer says little.
_ENOUGH_CANDLES = 30
_NAMED = 3


def margin(interval: Interval, window: Window) -> Window:
    """Return *window* with what must be known before and behind it: the last candle, and a quiet hour."""
    before_ms = interval.floor(window.start_ms - 1)
    return Window(min(before_ms, window.start_ms - QUIET_MS), window.end_ms + QUIET_MS)


def check_candles(interval: Interval, columns: CandleColumns, window: Window) -> Iterator[Finding]:
    """Yield what is odd in *window*, day by day; *columns* reach over its ``margin``."""
    times = columns.open_times_ms
    inside = (times >= window.start_ms) & (times < window.end_ms)
    change = _changes(columns.closes)
    quiet = _is_quiet(interval, columns)
    for day in np.unique(times[inside] // DAY_MS):
        of_day = inside & (times // DAY_MS == day)
        jumps = of_day & (np.abs(change) > JUMP)
        loud, median = _is_loud(columns.volumes, of_day)
        odd = of_day & _is_off_grid(interval, times)
        found = (
            (
                FindingKind.OHLC,
                Severity.ERROR,
                of_day & columns.is_impossible,
                "prices that cannot be",
            ),
            (FindingKind.PRICE_JUMP, Severity.WARNING, jumps, f"close by {_largest(change, jumps)}"),
            (FindingKind.ZERO_VOLUME, Severity.INFO, of_day & quiet, "an hour and longer without a trade"),
            (FindingKind.VOLUME_OUTLIER, Severity.INFO, loud, f"over {OUTLIER} × the median {median:g}"),
            (FindingKind.OFF_GRID, Severity.INFO, odd, f"not at a multiple of {interval.value}"),
        )
        for kind, severity, marks, what in found:
            if marks.any():
                yield make_finding(int(day), kind, severity, times[marks], what)


def make_finding(
    day: int, kind: FindingKind, severity: Severity, times_ms: Iterable[int], what: str
) -> Finding:
    """Return a finding of that day since the epoch, its *detail* naming the first few times."""
    times = sorted(map(int, times_ms))
    named = ", ".join(f"{utc_from_ms(time):%H:%M:%S}".removesuffix(":00") for time in times[:_NAMED])
    more = f" and {len(times) - _NAMED} more" if len(times) > _NAMED else ""
    detail = f"{what}: {named}{more} (UTC)"
    return Finding(utc_from_ms(day * DAY_MS).date(), kind, severity, len(times), detail)


def _changes(closes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by which part each close differs from the one before; 0 for the first, and after a nought."""
    change = np.zeros(len(closes))
    before = closes[:-1]
    np.divide(closes[1:] - before, before, out=change[1:], where=before != 0)
    return change


def _largest(change: NDArray[np.float64], marks: NDArray[np.bool_]) -> str:
    if not marks.any():
        return ""
    return f"{max(change[marks], key=abs):+.0%} at most"


def _is_loud(volumes: NDArray[np.float64], of_day: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], float]:
    """Mark the volumes of a day far over the median of those candles that have trades; return that, too."""
    traded = volumes[of_day & (volumes > 0)]
    if len(traded) < _ENOUGH_CANDLES:
        return np.zeros(len(volumes), dtype=np.bool_), 0.0
    median = float(np.median(traded))
    return of_day & (volumes > OUTLIER * median), median


def _is_quiet(interval: Interval, columns: CandleColumns) -> NDArray[np.bool_]:
    """Mark candles of runs without volume that last an hour or longer; a missing candle ends a run."""
    times, is_nought = columns.open_times_ms, columns.volumes == 0
    quiet = np.zeros(len(times), dtype=np.bool_)
    if not is_nought.any():
        return quiet
    ends = np.array([interval.next(int(time)) for time in times], dtype=np.int64)
    is_break = np.concatenate(([True], (times[1:] != ends[:-1]) | (is_nought[1:] != is_nought[:-1])))
    firsts = np.flatnonzero(is_break)
    lasts = np.append(firsts[1:], len(times)) - 1
    for first, last in zip(firsts, lasts, strict=True):
        quiet[first : last + 1] = is_nought[first] and ends[last] - times[first] >= QUIET_MS
    return quiet


def _is_off_grid(interval: Interval, times: NDArray[np.int64]) -> NDArray[np.bool_]:
    if interval.fixed_ms is None:
        return np.array([interval.floor(int(time)) != int(time) for time in times], dtype=np.bool_)
    off: NDArray[np.bool_] = (times - interval.floor(0)) % interval.fixed_ms != 0
    return off
