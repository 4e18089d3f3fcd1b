"""Sets of time, as windows: what is held, what is wanted, and the one without the other. Pure.

A set is a list of windows in their order, none of them empty, no two of which overlap or touch: every set
has one such list alone. ``merge`` makes it; the other functions take such lists and return one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from src.domain import Window


def merge(windows: Iterable[Window]) -> list[Window]:
    """Return the set of what any of these windows covers, in whatever order they come."""
    found: list[Window] = []
    for window in sorted(windows):
        if window.start_ms == window.end_ms:
            continue
        if found and window.start_ms <= found[-1].end_ms:
            found[-1] = Window(found[-1].start_ms, max(found[-1].end_ms, window.end_ms))
        else:
            found.append(window)
    return found


def intersect(one: Sequence[Window], other: Sequence[Window]) -> list[Window]:
    """Return what both sets cover."""
    if len(one) == 1:
        other = _near(other, one[0])
    elif len(other) == 1:
        one = _near(one, other[0])
    found: list[Window] = []
    i = j = 0
    while i < len(one) and j < len(other):
        start_ms = max(one[i].start_ms, other[j].start_ms)
        end_ms = min(one[i].end_ms, other[j].end_ms)
        if start_ms < end_ms:
            found.append(Window(start_ms, end_ms))
        # The one that ends first has nothing in common with what follows.
        if one[i].end_ms <= other[j].end_ms:
            i += 1
        else:
            j += 1
    return found


def subtract(windows: Sequence[Window], holes: Sequence[Window]) -> list[Window]:
    """Return what *windows* cover and *holes* do not."""
    if len(windows) == 1:
        holes = _near(holes, windows[0])
    found: list[Window] = []
    first = 0
    for window in windows:
        start_ms = window.start_ms
        while first < len(holes) and holes[first].end_ms <= start_ms:
            first += 1
        # A hole may reach into the next window, so the last one looked at is looked at again.
        for index in range(first, len(holes)):
            if holes[index].start_ms >= window.end_ms:
                break
            if holes[index].start_ms > start_ms:
                found.append(Window(start_ms, holes[index].start_ms))
            start_ms = max(start_ms, holes[index].end_ms)
        if start_ms < window.end_ms:
            found.append(Window(start_ms, window.end_ms))
    return found


def _near(windows: Sequence[Window], span: Window) -> Sequence[Window]:
    """Return those that reach into *span*, without a look at the others: of thousands, mostly a few."""
    first = bisect_right(windows, span.start_ms, key=lambda window: window.end_ms)
    after = bisect_left(windows, span.end_ms, key=lambda window: window.start_ms)
    return windows[first:after]


def total_ms(windows: Iterable[Window]) -> int:
    """Return how long they last together."""
    return sum(window.end_ms - window.start_ms for window in windows)
