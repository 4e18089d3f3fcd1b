"""Candles to the slots that they fill: which windows are held, and how many candles there are room for. Pure.

A candle fills the slot that it falls in, off the grid or not; two may share one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.domain import Interval, Window

_MS, _MONTH = "datetime64[ms]", "datetime64[M]"


class Held(NamedTuple):
    """A window whose every slot is filled, and how many candles fill them."""

    window: Window
    candles: int


def held_windows(interval: Interval, open_times_ms: NDArray[np.int64]) -> list[Held]:
    """Return the windows that these candles fill, as large as can be, oldest first."""
    if not len(open_times_ms):
        return []
    numbers, candles = np.unique(slot_numbers(interval, open_times_ms), return_counts=True)
    breaks = np.flatnonzero(np.diff(numbers) > 1) + 1
    runs = zip(np.split(numbers, breaks), np.split(candles, breaks), strict=True)
    return [
        Held(slots_window(interval, int(run[0]), int(run[-1])), int(counts.sum())) for run, counts in runs
    ]


def slot_numbers(interval: Interval, times_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the slots that these times fall in, counted from the one that holds 1970-01-01."""
    if interval.fixed_ms is None:
        return times_ms.astype(_MS).astype(_MONTH).astype(np.int64)
    return (times_ms - interval.floor(0)) // interval.fixed_ms


def slots_window(interval: Interval, first: int, last: int) -> Window:
    """Return the window from the slot of one number to the end of that of another."""
    return Window(_start_of(interval, first), _start_of(interval, last + 1))


def count_slots(interval: Interval, window: Window) -> int:
    """Count the slots that open in *window*."""
    ends = np.array([window.start_ms - 1, window.end_ms - 1], dtype=np.int64)
    before, last = slot_numbers(interval, ends)
    return int(last - before)


def _start_of(interval: Interval, number: int) -> int:
    if interval.fixed_ms is None:
        return int(np.datetime64(number, "M").astype(_MS).astype(np.int64))
    return interval.floor(0) + number * interval.fixed_ms
