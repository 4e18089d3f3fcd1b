"""What is wanted of a series: from *wanted from* to the candle that closed last, clipped by what can be.

Before its listing and after its delisting an exchange has nothing, and what has aged out went on purpose.
"""

from __future__ import annotations

from src.domain import DAY_MS, Interval, Window
from src.warehouse.counting import ALL_TIME
from src.warehouse.series import SeriesRow
from src.window_sets import merge

FOR_EVER = 0


def wanted_window(
    row: SeriesRow,
    listed_ms: int | None,
    delisted_ms: int | None,
    now_ms: int,
    default_keep_days: int = FOR_EVER,
) -> Window | None:
    """Return the window of whole slots that is wanted at *now_ms*, None when there is none.

    *default_keep_days* is how long candles under an hour stay where the series does not say; 0 is for ever.
    The slot in which a symbol was listed counts, and so does that of its end: both hold candles.
    """
    if row.wanted_from_ms is None:
        return None
    interval = row.key.interval
    start_ms = max(_slot_from(interval, row.wanted_from_ms), kept_from(row, now_ms, default_keep_days))
    end_ms = interval.floor(now_ms)
    if listed_ms is not None:
        start_ms = max(start_ms, interval.floor(listed_ms))
    if delisted_ms is not None:
        end_ms = min(end_ms, _slot_from(interval, delisted_ms))
    return Window(start_ms, end_ms) if start_ms < end_ms else None


def kept_from(row: SeriesRow, now_ms: int, default_keep_days: int = FOR_EVER) -> int:
    """Return the open_time (UTC ms) before which the series' candles may have aged out; 0 when they stay."""
    # Whole days age, so a candle of the next day may be older than it is kept: it is not asked for again.
    before_ms = ages_before(row, now_ms, default_keep_days)
    return before_ms + DAY_MS if before_ms else 0


def ages_before(row: SeriesRow, now_ms: int, default_keep_days: int = FOR_EVER) -> int:
    """Return the midnight (UTC ms) before which the series' candles are to age out; 0 when they stay."""
    keep_days = default_keep_days if row.keep_days is None else row.keep_days
    if row.key.interval.is_coarse or keep_days == FOR_EVER:
        return 0
    return max(0, now_ms - now_ms % DAY_MS - keep_days * DAY_MS)


def never_wanted(row: SeriesRow, listed_ms: int | None, delisted_ms: int | None) -> list[Window]:
    """Return when nothing is wanted whatever its age: before *wanted from* or listing, after delisting."""
    if row.wanted_from_ms is None:
        return [ALL_TIME]
    interval = row.key.interval
    found = [Window(0, _slot_from(interval, row.wanted_from_ms))]
    if listed_ms is not None:
        found.append(Window(0, interval.floor(listed_ms)))
    if delisted_ms is not None:
        found.append(Window(_slot_from(interval, delisted_ms), ALL_TIME.end_ms))
    return merge(found)


def _slot_from(interval: Interval, time_ms: int) -> int:
    """Return *time_ms* where a slot starts there, else the start of the next."""
    start_ms = interval.floor(time_ms)
    return start_ms if start_ms == time_ms else interval.next(start_ms)
