"""Finds the gaps: what is wanted of the tracked series and not held, at both ends and in between.

What is missing at the end of a series is *lag* and gets no row, until an answer of the exchange shows that
nothing is there (see ``src.jobs.filling``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from sqlalchemy import Connection

from src.domain import SeriesKey, Window
from src.extract.chunks import expected_candles
from src.maintenance.gap_reasons import explain
from src.maintenance.gap_story import Part, cut, cut_held, diff, join_empty, settle
from src.maintenance.outages import Outage
from src.warehouse.coverage import list_held
from src.warehouse.evidence import list_present
from src.warehouse.gaps import (
    CLOSED_STATES,
    GapReason,
    GapRow,
    GapState,
    GapWrites,
    list_filled,
    list_open,
    release_gaps,
    take_gaps_turn,
    write_gaps,
)
from src.warehouse.series import SeriesRow, list_series
from src.warehouse.symbols import Lifetime, list_lifetimes
from src.warehouse.unsettled import count_tracked, list_unsettled
from src.warehouse.wanted import FOR_EVER, kept_from, wanted_window
from src.window_sets import intersect, merge, subtract


@dataclass(frozen=True, slots=True)
class Lag:
    """What is missing at the end of a series and has no row; *follows_gap* where an open gap touches it."""

    row: SeriesRow
    window: Window
    follows_gap: bool


@dataclass(slots=True)
class GapChanges:
    """What a look at all series found: gaps that are new or begin anew, filled, and empty no longer.

    *missing* are the candles of all open gaps, *series* those that may lack something, of *looked_at*;
    *wanted* says what is wanted of them.
    """

    series: dict[int, SeriesRow] = field(default_factory=dict)
    wanted: dict[int, Window] = field(default_factory=dict)
    looked_at: int = 0
    detected: int = 0
    filled: int = 0
    reopened: int = 0
    open: int = 0
    missing: int = 0
    lags: list[Lag] = field(default_factory=list)

    @property
    def lag_candles(self) -> int:
        """Count what is missing at the ends of series, and is no gap."""
        return sum(expected_candles(lag.row.key.interval, lag.window) for lag in self.lags)


def detect_gaps(
    connection: Connection,
    now_ms: int,
    series: Sequence[SeriesKey] | None = None,
    *,
    outages: Sequence[Outage] = (),
    keep_days: int = FOR_EVER,
    run_id: int | None = None,
    lost: Mapping[int, Sequence[Window]] | None = None,
) -> GapChanges:
    """Bring the rows of all tracked series, or of those named, up to what is wanted and held now.

    *keep_days* is for how long candles are wanted where a series does not say. Gaps that *run_id*, or a run
    that has ended, was filling are given back. *lost* are windows, by series id, whose facts were held until
    now: no lag, wherever they lie.
    """
    take_gaps_turn(connection)
    release_gaps(connection, run_id)
    tracked, count = _choose(connection, now_ms, series)
    ids = [row.id for row in tracked]
    held, lives = list_held(connection, ids), list_lifetimes(connection)
    before = list_open(connection, ids)
    changes = GapChanges({row.id: row for row in tracked}, looked_at=count)
    gone = _find_gone(connection, chain.from_iterable(before.values()))
    looks = []
    for row in tracked:
        life = lives.get((row.key.exchange, row.key.symbol), Lifetime())
        wanted = wanted_window(row, life.listed_ms, life.delisted_ms, now_ms, keep_days)
        windows = held.get(row.id, ())
        lost_here = merge((lost or {}).get(row.id, ()))
        aged = Window(0, kept_from(row, now_ms, keep_days))
        looks.append(_Look(row, wanted, windows, before.get(row.id, []), gone, lost_here, aged))
        if wanted:
            changes.wanted[row.id] = wanted
    _write(connection, looks, changes, now_ms, outages, explains_all=series is not None)
    return changes


def _choose(
    connection: Connection, now_ms: int, named: Sequence[SeriesKey] | None
) -> tuple[list[SeriesRow], int]:
    """Return the series to look at, and how many that is with those that are known to lack nothing."""
    if named is None:
        return list_unsettled(connection, lambda one: one.floor(now_ms)), count_tracked(connection)
    keys = set(named)
    rows = [row for row in list_series(connection) if row.key in keys]
    return rows, len(rows)


class _Look:
    """One series: what its gaps were, and what they are by what is wanted and held."""

    def __init__(
        self,
        row: SeriesRow,
        wanted: Window | None,
        held: Sequence[Window],
        before: Sequence[GapRow],
        gone: frozenset[str],
        lost: Sequence[Window],
        aged: Window,
    ) -> None:
        self.row = row
        self.before = before
        self._interval = row.key.interval
        self._wanted = [wanted] if wanted else []
        self._missing = subtract(self._wanted, held)
        self._gone = gone
        self._lost = lost
        # What has aged out is not wanted, but closed gaps in it stay: they account for what is not there.
        self._stays = subtract(merge([aged]), merge(held))
        known = merge(gap.window for gap in before)
        news = subtract(self._missing, known)
        self.lag = self._take_lag(news, known)
        self.news = news

    def _take_lag(self, news: list[Window], known: Sequence[Window]) -> Lag | None:
        """Take what is missing at the end, and has no row, out of *news*."""
        if not news or news[-1].end_ms != self._wanted[0].end_ms:
            return None
        window = news.pop()
        lost = intersect([window], self._lost)
        start_ms = lost[-1].end_ms if lost else window.start_ms
        if window.start_ms < start_ms:
            news.append(Window(window.start_ms, start_ms))
        if start_ms == window.end_ms:
            return None
        follows_gap = bool(lost) or any(one.end_ms == window.start_ms for one in known)
        return Lag(self.row, Window(start_ms, window.end_ms), follows_gap)

    def now(self, now_ms: int) -> list[GapRow]:
        """Return the rows as they are now, those that were open and those that are new."""
        rows = []
        stays = merge([*self._missing, *self._stays])
        for gap in map(self._without_gone, self._grown()):
            missing = stays if gap.state in CLOSED_STATES else self._missing
            pieces = cut_held(self._interval, gap, missing, self._wanted, now_ms)
            for piece in pieces:
                rows += settle(self._interval, piece) if _is_settled(piece) else [piece]
        rows += [self._new(window, now_ms) for window in self.news]
        return join_empty(self._interval, rows)

    def _new(self, window: Window, now_ms: int) -> GapRow:
        reason = GapReason.FACTS_LOST if intersect([window], self._lost) else GapReason.NOT_FETCHED
        missing = expected_candles(self._interval, window)
        return GapRow(0, self.row.id, window, missing, reason=reason, detected_ms=now_ms)

    def _grown(self) -> list[GapRow]:
        """Let gaps that nobody has asked for yet grow into what is missing right behind them."""
        follows = {window.start_ms: window for window in self.news}
        grown = []
        for gap in self.before:
            window = follows.get(gap.window.end_ms)
            if window and gap.state is GapState.DETECTED and not gap.attempts and not self._lost:
                self.news.remove(window)
                whole = Window(gap.window.start_ms, window.end_ms)
                [gap] = cut(self._interval, gap, [(whole, {})])  # noqa: PLW2901
            grown.append(gap)
        return grown

    def _without_gone(self, gap: GapRow) -> GapRow:
        """Take out the evidence whose object is gone: what can be shown no more proves nothing."""
        left = tuple(one for one in gap.evidence if one.key not in self._gone)
        return gap if left == gap.evidence else replace(gap, evidence=left, ask_again_ms=None)


def _is_settled(gap: GapRow) -> bool:
    """Whether its evidence says what it is: what a run is filling is left to it."""
    return gap.state not in {GapState.FILLED, GapState.FILLING}


def _write(
    connection: Connection,
    looks: Sequence[_Look],
    changes: GapChanges,
    now_ms: int,
    outages: Sequence[Outage],
    *,
    explains_all: bool,
) -> None:
    """Write what has changed, and count it."""
    filled = _filled_again(connection, looks)
    writes = GapWrites()
    for look in looks:
        after = look.now(now_ms)
        one = diff(look.before, after)
        writes.changed += one.changed
        writes.added += one.added
        writes.dropped += one.dropped
        _count(changes, look, after, now_ms)
    writes.changed += filled.changed
    writes.dropped += filled.dropped
    writes.added += filled.added
    write_gaps(connection, explain(connection, writes, changes.series, outages, now_ms))
    if explains_all:
        _explain_rest(connection, changes, writes, outages, now_ms)


def _explain_rest(
    connection: Connection,
    changes: GapChanges,
    writes: GapWrites,
    outages: Sequence[Outage],
    now_ms: int,
) -> None:
    """Look anew at why what did not change is missing: a run may have found out."""
    told = {row.id for row in writes.changed}
    rows = chain.from_iterable(list_open(connection, list(changes.series)).values())
    again = GapWrites(changed=[row for row in rows if row.id not in told])
    explained = explain(connection, again, changes.series, outages, now_ms)
    write_gaps(connection, diff(again.changed, explained.changed))


def _filled_again(connection: Connection, looks: Sequence[_Look]) -> GapWrites:
    """Take what is missing once more out of the rows that tell of it as filled."""
    by_id = {look.row.id: look for look in looks if look.news}
    found = list_filled(connection, list(by_id)) if by_id else {}
    writes = GapWrites()
    for series_id, rows in found.items():
        look = by_id[series_id]
        for row in rows:
            if not intersect([row.window], look.news):
                continue
            left: list[Part] = [(window, {}) for window in subtract([row.window], look.news)]
            one = diff([row], cut(look.row.key.interval, row, left))
            writes.changed += one.changed
            writes.added += one.added
            writes.dropped += one.dropped
    return writes


def _find_gone(connection: Connection, gaps: chain[GapRow]) -> frozenset[str]:
    keys = {one.key for gap in gaps for one in gap.evidence}
    return frozenset(keys - list_present(connection, keys)) if keys else frozenset()


def _count(changes: GapChanges, look: _Look, after: Sequence[GapRow], now_ms: int) -> None:
    if look.lag:
        changes.lags.append(look.lag)
    was_empty = merge(gap.window for gap in look.before if gap.state is GapState.EMPTY_AT_EXCHANGE)
    for gap in after:
        if gap.state is GapState.FILLED:
            changes.filled += 1
            continue
        changes.open += 1
        changes.missing += gap.missing
        changes.detected += not gap.id and gap.detected_ms == now_ms
        if was_empty and gap.state is GapState.DETECTED:
            changes.reopened += bool(intersect([gap.window], was_empty))
