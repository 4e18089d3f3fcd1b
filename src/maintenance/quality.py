"""Quality of a series, day by day: its candles, what was set aside or amended, and how late it is."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

from sqlalchemy import Connection

from src.domain import DAY_MS, MINUTE_MS, SeriesKey, Window, utc_from_ms
from src.freshness import Freshness, Tier, judge_freshness, lateness_ms
from src.maintenance.quality_checks import check_candles, make_finding, margin
from src.warehouse.quality import (
    Finding,
    FindingKind,
    Severity,
    find_status,
    list_bad_rows,
    read_columns,
    save_findings,
)
from src.warehouse.restatements import count_by_day
from src.warehouse.series import SeriesRow, lock_series
from src.warehouse.symbols import TRADING

_OPEN_TIME = re.compile(r"\s*\[\s*(\d{12,16})\b")
_SET_ASIDE = "set aside: what the exchange sent cannot be true, or does not fit"
# How ``transform`` words a row that contradicts another of its answer.
_DOUBLES = ("another candle of", "opens before")


def find_quality(connection: Connection, row: SeriesRow, window: Window, now_ms: int) -> list[Finding]:
    """Return what is noticed of a series in *window*, whole UTC days, as it is at *now_ms*."""
    key = row.key
    columns = read_columns(connection, key, margin(key.interval, window))
    found = list(check_candles(key.interval, columns, window))
    found += _bad_rows(connection, key, window)
    for day, count in count_by_day(connection, row, window).items():
        what = (
            "the exchange changed candles after they had closed; the newest answer holds, the earlier is kept"
        )
        found.append(Finding(day, FindingKind.RESTATEMENT, Severity.WARNING, count, what))
    if window.start_ms <= now_ms < window.end_ms:
        found += _staleness(connection, row, now_ms)
    return found


def check_quality(connection: Connection, key: SeriesKey, window: Window, now_ms: int) -> list[Finding]:
    """Find the quality of *window*, whole UTC days, and keep what is found in place of what was before."""
    row = lock_series(connection, [key])[key]
    found = find_quality(connection, row, window, now_ms)
    days = list_days(window)
    today = utc_from_ms(now_ms).date()
    # That a series was stale on a day gone by cannot be found out any more, nor that it was not.
    past = set(FindingKind) - {FindingKind.STALE}
    kinds = {day: set(FindingKind) if day == today else past for day in days}
    save_findings(connection, row, days, kinds, found)
    return found


def list_days(window: Window) -> list[date]:
    """List the UTC days of which *window* holds a part."""
    first = utc_from_ms(window.start_ms).date()
    count = (window.end_ms - 1) // DAY_MS - window.start_ms // DAY_MS + 1
    return [first + timedelta(days=number) for number in range(count)]


def _bad_rows(connection: Connection, key: SeriesKey, window: Window) -> Iterator[Finding]:
    """Yield what was set aside, by the day of its open_time, as far as that can be read."""
    by_day: dict[tuple[int, FindingKind], list[int]] = defaultdict(list)
    for reason, raw in list_bad_rows(connection, key):
        if (open_ms := _open_time_of(raw)) is not None and window.start_ms <= open_ms < window.end_ms:
            kind = FindingKind.DUPLICATE if reason.startswith(_DOUBLES) else FindingKind.QUARANTINED
            by_day[open_ms // DAY_MS, kind].append(open_ms)
    for (day, kind), times in sorted(by_day.items()):
        yield make_finding(day, kind, Severity.WARNING, times, _SET_ASIDE)


def _open_time_of(raw: str) -> int | None:
    found = _OPEN_TIME.match(raw)
    if found is None:
        return None
    return int(found[1]) // 1000 if len(found[1]) > 14 else int(found[1])


def _staleness(connection: Connection, row: SeriesRow, now_ms: int) -> Iterator[Finding]:
    if not row.tracked or row.last_open_ms is None:
        return
    if find_status(connection, row.key) not in {None, TRADING}:
        return
    late_ms = lateness_ms(row.key.interval, row.last_open_ms, now_ms)
    if judge_freshness(late_ms, Tier(row.tier)) is Freshness.STALE:
        what = f"the next candle is {late_ms // MINUTE_MS:,} minutes late, which is stale for {row.tier}"
        yield Finding(utc_from_ms(now_ms).date(), FindingKind.STALE, Severity.WARNING, 1, what)
