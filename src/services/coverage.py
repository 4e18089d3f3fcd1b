"""What is held of each series, how much of what is wanted that is, and what is not wanted and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from sqlalchemy import Connection

from src.domain import Interval, Window
from src.warehouse.aged import list_aged
from src.warehouse.coverage import CoverageRow, list_coverage
from src.warehouse.gaps import list_open
from src.warehouse.series import SeriesRow, list_series
from src.warehouse.slots import count_slots
from src.warehouse.symbols import Lifetime, list_lifetimes
from src.warehouse.wanted import FOR_EVER, ages_before, kept_from, wanted_window
from src.window_sets import intersect, merge, subtract

BEFORE_LISTING, AFTER_DELISTING = "before listing", "after delisting"
AGED_OUT, ROLLED_UP = "aged out", "aged out, rolled up"
# Whole UTC days age: what is held of a day goes at the next look, or when the day is old enough as a whole.
TOO_OLD, AGES_NEXT = "older than it is kept", "ages out next"


class Unwanted(NamedTuple):
    """A window that is not wanted, though it lies after *wanted from*, or was held once."""

    window: Window
    reason: str


@dataclass(frozen=True)
class SeriesCoverage:
    """One series: *wanted* is None where nothing is; *ranges* are what is held, oldest first.

    *gaps* are the windows of its open gaps, as far as somebody has looked for them.
    """

    row: SeriesRow
    wanted: Window | None
    unwanted: list[Unwanted]
    ranges: list[CoverageRow]
    gaps: list[Window] = field(default_factory=list)

    @cached_property
    def missing(self) -> list[Window]:
        """What is wanted and not held."""
        held = [each.window for each in self.ranges]
        return subtract([self.wanted], held) if self.wanted else []

    @cached_property
    def missing_candles(self) -> int:
        return sum(count_slots(self.row.key.interval, window) for window in self.missing)

    @cached_property
    def lag(self) -> Window | None:
        """What is missing at the end and is no gap: live fetching is to bring it."""
        if not self.missing or not self.wanted or self.missing[-1].end_ms != self.wanted.end_ms:
            return None
        return next(reversed(subtract(self.missing[-1:], merge(self.gaps))), None)

    @property
    def lag_candles(self) -> int:
        return count_slots(self.row.key.interval, self.lag) if self.lag else 0

    @property
    def share(self) -> float | None:
        """Return how much of what is wanted is held, 0 to 1; None where nothing is wanted."""
        if self.wanted is None:
            return None
        return 1 - self.missing_candles / count_slots(self.row.key.interval, self.wanted)


def read_coverage(
    connection: Connection,
    now_ms: int,
    symbols: Collection[str] = (),
    interval: Interval | None = None,
    keep_days: int = FOR_EVER,
) -> list[SeriesCoverage]:
    """Read the coverage of the tracked series and of all that hold or held anything, or of those named."""
    aged = list_aged(connection)
    known = list_series(connection, tracked_only=False)
    rows = [row for row in known if row.tracked or row.record_count or row.id in aged]
    if symbols:
        rows = [row for row in rows if row.key.symbol in symbols]
    if interval:
        rows = [row for row in rows if row.key.interval is interval]
    lives = list_lifetimes(connection)
    ranges = list_coverage(connection, [row.id for row in rows] if symbols else None)
    gaps = list_open(connection, [row.id for row in rows] if symbols else None)
    unknown = Lifetime()
    return [
        _one(
            row,
            lives.get((row.key.exchange, row.key.symbol), unknown),
            ranges.get(row.id, []),
            [gap.window for gap in gaps.get(row.id, ())],
            [each.window for each in aged.get(row.id, ())],
            now_ms,
            keep_days,
        )
        for row in rows
    ]


def _one(
    row: SeriesRow,
    life: Lifetime,
    ranges: list[CoverageRow],
    gaps: list[Window],
    aged: list[Window],
    now_ms: int,
    keep_days: int,
) -> SeriesCoverage:
    wanted = wanted_window(row, life.listed_ms, life.delisted_ms, now_ms, keep_days)
    held = [each.window for each in ranges]
    ages_next, too_old = _ageing(row, held, now_ms, keep_days)
    reasons = {
        BEFORE_LISTING: merge([Window(0, life.listed_ms or 0)]),
        AFTER_DELISTING: merge([Window(min(life.delisted_ms or now_ms, now_ms), now_ms)]),
        ROLLED_UP if row.key.interval is Interval.M1 else AGED_OUT: subtract(aged, held),
        AGES_NEXT: ages_next,
        TOO_OLD: too_old,
    }
    unwanted = _list_unwanted(row, wanted, now_ms, reasons)
    return SeriesCoverage(row, wanted, sorted([*unwanted, *_aged_before(row, reasons)]), ranges, gaps)


def _ageing(
    row: SeriesRow, held: list[Window], now_ms: int, keep_days: int
) -> tuple[list[Window], list[Window]]:
    """Return what ages out next, held or in the day whose turn is next, and all that is older."""
    before_ms, kept_ms = ages_before(row, now_ms, keep_days), kept_from(row, now_ms, keep_days)
    old = merge([Window(0, before_ms)])
    return merge([Window(before_ms, kept_ms), *intersect(held, old)]), old


def _aged_before(row: SeriesRow, reasons: Mapping[str, list[Window]]) -> list[Unwanted]:
    """List what aged out before *wanted from*: fetched once on purpose, or dropped in, and never wanted."""
    early = [Window(0, row.wanted_from_ms or 0)] if row.wanted_from_ms else []
    gone = (reason for reason in (ROLLED_UP, AGED_OUT) if reason in reasons)
    return [Unwanted(part, reason) for reason in gone for part in intersect(early, reasons[reason])]


def _list_unwanted(
    row: SeriesRow, wanted: Window | None, now_ms: int, reasons: Mapping[str, list[Window]]
) -> list[Unwanted]:
    """Say why each part from *wanted from* until now is not wanted: the first reason that holds."""
    if row.wanted_from_ms is None or row.wanted_from_ms >= now_ms:
        return []
    rest = subtract([Window(row.wanted_from_ms, row.key.interval.floor(now_ms))], [wanted] if wanted else [])
    found = []
    for reason, windows in reasons.items():
        found += [Unwanted(part, reason) for part in intersect(rest, windows)]
        rest = subtract(rest, windows)
    return sorted(found)
