"""How long a disk will last, from how full it was. Pure.

The slope is the median of those between all pairs of samples (Theil and Sen's): a clean-up once a day, or a
file that somebody put there and took away again, moves it little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from src.domain import DAY_MS, HOUR_MS
from src.warehouse.disk_samples import DiskSample

WINDOW_MS = 7 * DAY_MS
# Less says nothing: an hour of loading history is not how it goes on.
_LEAST_SPAN_MS, _LEAST_SAMPLES = 6 * HOUR_MS, 4
_MOST_DAYS = 3650.0

Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Forecast:
    """*days_left* until bytes or inodes are used up, as *because* says.

    None where they do not become fewer, where that takes more than ten years, or too little is known yet.
    """

    days_left: float | None = None
    because: str | None = None
    bytes_a_day: float | None = None


def forecast(samples: Sequence[DiskSample]) -> Forecast:
    """Say how long the room of the newest of these samples lasts; they are of one place, oldest first."""
    free = [(one.at_ms, one.free_bytes) for one in samples if one.free_bytes is not None]
    inodes = [(one.at_ms, one.free_inodes) for one in samples if one.free_inodes is not None]
    slope = slope_a_day(free)
    lasting = {"bytes": _days_left(free, slope), "inodes": _days_left(inodes, slope_a_day(inodes))}
    known = {because: days for because, days in lasting.items() if days is not None}
    because = min(known, key=lambda name: known[name]) if known else None
    taken = None if slope is None else -slope
    return Forecast(known[because] if because else None, because, taken)


def slope_a_day(points: Sequence[Point]) -> float | None:
    """Return by how much the values grow in a day; None where too little is known."""
    if len(points) < _LEAST_SAMPLES or points[-1][0] - points[0][0] < _LEAST_SPAN_MS:
        return None
    slopes = [
        (value - earlier) / (at - before)
        for number, (at, value) in enumerate(points)
        for before, earlier in points[:number]
        if at > before
    ]
    return median(slopes) * DAY_MS


def _days_left(points: Sequence[Point], slope: float | None) -> float | None:
    if slope is None or slope >= 0:
        return None
    days = points[-1][1] / -slope
    return days if days <= _MOST_DAYS else None
