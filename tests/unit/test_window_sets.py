"""Window algebra against sets of whole milliseconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from src.domain import Window
from src.window_sets import intersect, merge, subtract, total_ms

_ENDS = st.tuples(st.integers(0, 60), st.integers(0, 60))
_WINDOWS = st.lists(_ENDS.map(lambda ends: Window(min(ends), max(ends))), max_size=12)


@given(_WINDOWS)
def test_merging_covers_the_same_time(windows: list[Window]) -> None:
    merged = merge(windows)

    assert _times(merged) == _times(windows)
    assert _is_a_set(merged)
    assert total_ms(merged) == len(_times(windows))


@given(_WINDOWS, _WINDOWS)
def test_subtracting_leaves_what_no_hole_covers(windows: list[Window], holes: list[Window]) -> None:
    left = subtract(merge(windows), merge(holes))

    assert _times(left) == _times(windows) - _times(holes)
    assert _is_a_set(left)


@given(_WINDOWS, _WINDOWS)
def test_intersection_is_what_both_cover(one: list[Window], other: list[Window]) -> None:
    common = intersect(merge(one), merge(other))

    assert _times(common) == _times(one) & _times(other)
    assert _is_a_set(common)


@given(_WINDOWS, _WINDOWS)
def test_parts_make_the_whole(windows: list[Window], others: list[Window]) -> None:
    whole, other = merge(windows), merge(others)

    assert merge([*subtract(whole, other), *intersect(whole, other)]) == whole


def test_windows_that_touch_become_one() -> None:
    assert merge([Window(5, 9), Window(0, 5)]) == [Window(0, 9)]


def test_hole_over_two_windows_shortens_both() -> None:
    assert subtract([Window(0, 10), Window(20, 30)], [Window(5, 25)]) == [Window(0, 5), Window(25, 30)]


def _times(windows: Iterable[Window]) -> set[int]:
    return {time for window in windows for time in range(window.start_ms, window.end_ms)}


def _is_a_set(windows: Sequence[Window]) -> bool:
    return all(w.start_ms < w.end_ms for w in windows) and all(
        one.end_ms < other.start_ms for one, other in pairwise(windows)
    )
