"""What the changes of the market make of one symbol: which of its minutes exist, and which were altered.

Knows nothing of prices: it edits the columns that the market computes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from src.domain import MINUTE_MS, Interval, Window
from src.simulator.changes import ChangeKind, MarketChange
from src.simulator.config import DELISTED, SymbolSpec
from src.simulator.wire import Ints


class Bars(NamedTuple):
    """Candles as columns: prices in ticks, volumes in steps, quote volumes in ticks times steps."""

    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volume: Ints
    quote_volume: Ints
    trades: Ints
    taker_volume: Ints
    taker_quote_volume: Ints


class SymbolHistory:
    """The existence of one symbol; of several listings, or delistings, the last one counts."""

    def __init__(self, spec: SymbolSpec, changes: Sequence[MarketChange] = ()) -> None:
        by_kind = {kind: [change for change in changes if change.kind is kind] for kind in ChangeKind}
        listings, delistings = by_kind[ChangeKind.LISTING], by_kind[ChangeKind.DELISTING]
        self._spec = replace(spec, listed_at_ms=listings[-1].from_ms) if listings else spec
        self._delisted_ms = delistings[-1].from_ms if delistings else None
        self._holes = by_kind[ChangeKind.HOLE]
        self._quiet = by_kind[ChangeKind.ZERO_TRADES]
        self._amended = by_kind[ChangeKind.AMENDED]
        self.is_plain = not changes

    def find_spec(self, now_ms: int) -> SymbolSpec | None:
        """Return what exchangeInfo says, None before the listing."""
        if now_ms < self._spec.listed_at_ms:
            return None
        has_ended = self._delisted_ms is not None and now_ms >= self._delisted_ms
        return replace(self._spec, status=DELISTED) if has_ended else self._spec

    def list_spans(self, now_ms: int) -> list[Window]:
        """List the windows whose minutes exist, oldest first, the forming minute included."""
        start_ms, end_ms = Interval.M1.floor(self._spec.listed_at_ms), Interval.M1.floor(now_ms) + MINUTE_MS
        if self._delisted_ms is not None:
            end_ms = min(end_ms, Interval.M1.floor(self._delisted_ms - 1) + MINUTE_MS)
        if now_ms < self._spec.listed_at_ms or start_ms >= end_ms:
            return []
        spans = [Window(start_ms, end_ms)]
        for hole in self._holes:
            if hole.restored_ms is None or now_ms < hole.restored_ms:
                spans = [part for span in spans for part in _without(span, hole)]
        return spans

    def alter(self, bars: Bars, first_minute: int, now_ms: int, price_at: Callable[[int], int]) -> None:
        """Edit successive minutes in place; *price_at* gives the price in ticks at a minute's start."""
        for change in self._quiet:
            if (where := _find_part(change, first_minute, len(bars.open))) is not None:
                _silence(bars, where, price_at(change.from_ms // MINUTE_MS))
        for change in self._amended:
            where = _find_part(change, first_minute, len(bars.open))
            if where is not None and now_ms >= change.at_ms:
                _restate(bars, where)

    def cut_closes(
        self,
        interval: Interval,
        opens_ms: Sequence[int],
        closes_ms: Ints,
        spans: Sequence[Window],
        now_ms: int,
    ) -> None:
        """Set the close times of candles that a hole ends before their time, in place.

        As measured on 2023-03-24, when trading was halted. A candle with minutes after the hole is whole.
        """
        for hole in self._holes:
            last_ms = hole.from_ms - MINUTE_MS
            if hole.cut_ms is None or now_ms < last_ms + hole.cut_ms:
                continue
            slot_ms = interval.floor(last_ms)
            index = bisect_left(opens_ms, slot_ms)
            slot = Window(slot_ms, interval.next(slot_ms))
            if opens_ms[index : index + 1] == [slot_ms] and _last_end(slot, spans) == hole.from_ms:
                closes_ms[index] = last_ms + hole.cut_ms


def _without(span: Window, hole: MarketChange) -> Iterator[Window]:
    until_ms = hole.from_ms if hole.until_ms is None else hole.until_ms
    for start_ms, end_ms in (
        (span.start_ms, min(span.end_ms, hole.from_ms)),
        (max(span.start_ms, until_ms), span.end_ms),
    ):
        if start_ms < end_ms:
            yield Window(start_ms, end_ms)


def _last_end(slot: Window, spans: Sequence[Window]) -> int | None:
    """Return the end of the last minute that exists in *slot*."""
    ends = [min(span.end_ms, slot.end_ms) for span in spans if span.start_ms < slot.end_ms]
    return max((end_ms for end_ms in ends if end_ms > slot.start_ms), default=None)


def _find_part(change: MarketChange, first_minute: int, count: int) -> slice | None:
    until_ms = change.from_ms if change.until_ms is None else change.until_ms
    start = max(0, change.from_ms // MINUTE_MS - first_minute)
    end = min(count, until_ms // MINUTE_MS - first_minute)
    return slice(start, end) if start < end else None


def _silence(bars: Bars, where: slice, price_ticks: int) -> None:
    for column in bars[:4]:
        column[where] = price_ticks
    for column in bars[4:]:
        column[where] = 0


def _restate(bars: Bars, where: slice) -> None:
    """Add trades that the exchange had overlooked: each amended minute differs from what it was."""
    added = 1 + bars.volume[where] // 16
    bars.high[where] += 1 + bars.high[where] // 4096
    bars.volume[where] += added
    bars.quote_volume[where] += bars.low[where] * added
    bars.trades[where] += 1
