"""A window cut into chunks, and what an exchange should have of it: pure arithmetic.

A chunk is what is fetched again after a crash and what is not once it is finished. Its borders are the same
whatever window was asked for, so that two requests for overlapping windows share all but their ends.
"""

from __future__ import annotations

from collections.abc import Iterable

from src.domain import DAY_MS, MINUTE_MS, Interval, Window, utc_from_ms

# What an exchange answers at once, at most.
PAGE_CANDLES = 1000

_WEEK_MS = 7 * DAY_MS
_FIRST_MONDAY_MS = 4 * DAY_MS
# So many candles are a week of minutes, in eleven pages. No chunk is longer than ten years, none shorter than
# a day.
_CHUNK_CANDLES = _WEEK_MS // MINUTE_MS
_LONGEST_MS = 522 * _WEEK_MS


def plan_chunks(interval: Interval, window: Window) -> list[Window]:
    """Cut the slots that open in *window* into chunks, oldest first; none is empty.

    The borders between them lie at midnight, UTC, and between slots.
    """
    span = _on_grid(interval, window)
    chunks = []
    start_ms = span.start_ms
    while start_ms < span.end_ms:
        end_ms = min(_border_after(interval, start_ms), span.end_ms)
        chunks.append(Window(start_ms, end_ms))
        start_ms = end_ms
    return chunks


def plan_pages(interval: Interval, window: Window, now_ms: int) -> list[Window]:
    """Cut *window* into what an exchange answers at once, oldest first; its own ends stay where they are.

    The page of *now_ms* goes on to the end: nothing is there yet to be asked for in pages.
    """
    pages = []
    start_ms = window.start_ms
    while start_ms < window.end_ms:
        end_ms = window.end_ms
        if interval.fixed_ms is not None:  # no chunk has a thousand months
            border_ms = _slot_at_or_after(interval, start_ms) + PAGE_CANDLES * interval.fixed_ms
            end_ms = min(border_ms, end_ms) if border_ms < now_ms else end_ms
        pages.append(Window(start_ms, end_ms))
        start_ms = end_ms
    return pages


def expected_candles(interval: Interval, window: Window) -> int:
    """Count the slots that open in *window*: more candles than that an exchange cannot have."""
    span = _on_grid(interval, window)
    if interval.fixed_ms is None:
        return _months(span.end_ms) - _months(span.start_ms)
    return (span.end_ms - span.start_ms) // interval.fixed_ms


def count_requests(interval: Interval, chunk: Window) -> int:
    """Count the pages that it takes when every candle is there: the fewest, and the usual number."""
    return -(-expected_candles(interval, chunk) // PAGE_CANDLES)


def find_missing(interval: Interval, window: Window, open_times_ms: Iterable[int]) -> list[Window]:
    """List the parts of *window* without a candle, oldest first and as long as can be.

    A candle off the grid fills the slot that it falls in.
    """
    span, opens_ms = _on_grid(interval, window), set(open_times_ms)
    if interval.fixed_ms and opens_ms.issuperset(range(span.start_ms, span.end_ms, interval.fixed_ms)):
        return []  # as nearly always, and found much faster
    slots = {interval.floor(open_ms) for open_ms in opens_ms}
    missing = []
    after_ms = span.start_ms
    for slot_ms in sorted(slot for slot in slots if span.start_ms <= slot < span.end_ms):
        if slot_ms > after_ms:
            missing.append(Window(after_ms, slot_ms))
        after_ms = interval.next(slot_ms)
    if after_ms < span.end_ms:
        missing.append(Window(after_ms, span.end_ms))
    return missing


def _on_grid(interval: Interval, window: Window) -> Window:
    """Return the window of whole slots that holds every slot that opens in *window*, and no other."""
    start_ms = _slot_at_or_after(interval, window.start_ms)
    return Window(start_ms, _slot_at_or_after(interval, window.end_ms))


def _slot_at_or_after(interval: Interval, time_ms: int) -> int:
    slot_ms = interval.floor(time_ms)
    return slot_ms if slot_ms == time_ms else interval.next(slot_ms)


def _border_after(interval: Interval, slot_ms: int) -> int:
    length_ms = _LONGEST_MS
    if interval.fixed_ms is not None:
        length_ms = max(DAY_MS, min(interval.fixed_ms * _CHUNK_CANDLES, _LONGEST_MS))
    number = (slot_ms - _FIRST_MONDAY_MS) // length_ms
    # Slots of three days and of months do not meet the Mondays.
    return _slot_at_or_after(interval, _FIRST_MONDAY_MS + (number + 1) * length_ms)


def _months(time_ms: int) -> int:
    moment = utc_from_ms(time_ms)
    return moment.year * 12 + moment.month
