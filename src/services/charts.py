"""Bars of any interval from what is stored: rollups, candles of that interval, or finer ones put together.

A bar of an hour or a day is the rollup where that is complete, else the stored candle, else what there is
of the rollup. Bars of other intervals are the stored ones, and where there are none they are made of the
coarsest interval that divides them. Nothing is invented: where there is no candle, there is no bar.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from sqlalchemy import Connection

from src.domain import DAY_MS, MINUTE_MS, Interval, SeriesKey, Window
from src.warehouse.bars import ROLLED_UP, Bar, Page, combine, open_times, read_rollups, read_stored
from src.warehouse.slots import count_slots
from src.warehouse.sources import Source
from src.window_sets import merge, subtract

# So many finer bars at most are held at a time; where a page takes more, they are read in turns.
_PARTS_AT_ONCE = 200_000
# The series of a symbol are asked for in one cycle.
_OUTDATED_MS = 5 * MINUTE_MS


def divides(part: Interval, whole: Interval) -> bool:
    """Whether bars of *whole* can be made of shorter ones of *part*."""
    if part.fixed_ms is None or part is whole:
        return False
    if whole.fixed_ms is None:
        return DAY_MS % part.fixed_ms == 0
    # Weeks begin on a Monday, which no interval between a day and a week does.
    return whole.fixed_ms % part.fixed_ms == 0 and whole.floor(0) % part.fixed_ms == 0


def clip(page: Page, source: Source) -> Page:
    """Let a page end where the series does, so that its newest candles are found at once."""
    last_ms = page.window.start_ms if source.last_open_ms is None else source.last_open_ms + 1
    end_ms = max(page.window.start_ms, min(page.window.end_ms, last_ms))
    return Page(Window(page.window.start_ms, end_ms), page.limit, page.is_newest)


def resample(bars: Sequence[Bar], part: Interval, whole: Interval) -> list[Bar]:
    """Put bars of *part*, in order of time, together to those of *whole*."""
    made: list[Bar] = []
    for open_ms, group in groupby(bars, key=lambda bar: whole.floor(bar.open_time_ms)):
        within = list(group)
        slots = {part.floor(bar.open_time_ms) for bar in within}
        wanted = count_slots(part, Window(open_ms, whole.next(open_ms)))
        is_complete = len(slots) == wanted and all(bar.is_complete for bar in within)
        made.append(combine(within, open_ms, is_complete=is_complete))
    return made


class Charts:
    """The bars of one symbol, read in one transaction; *now_ms* is the exchange's time at the least."""

    def __init__(
        self,
        connection: Connection,
        exchange: str,
        symbol: str,
        sources: Mapping[Interval, Source],
        now_ms: int,
    ) -> None:
        self._connection = connection
        self._key = (exchange, symbol)
        self._sources = sources
        # Our clock may be a little late: what the exchange has said since is no future.
        seen = [source.forming.seen_ms for source in sources.values() if source.forming]
        self._seen_ms = max(seen, default=0)
        self.now_ms = max(now_ms, self._seen_ms)

    def read(self, interval: Interval, page: Page) -> Sequence[Bar]:
        """Return bars of slots that have ended, oldest first."""
        end_ms = min(page.window.end_ms, interval.floor(self.now_ms))
        if page.window.start_ms >= end_ms:
            return []
        page = Page(Window(page.window.start_ms, end_ms), page.limit, page.is_newest)
        return self._read(interval, page)

    def find_forming(self, interval: Interval) -> Bar | None:
        """Return the bar of the slot that has not ended, as far as it is known."""
        start_ms = interval.floor(self.now_ms)
        source = self._sources.get(interval)
        if source and source.forming and self._is_news(source, start_ms):
            return source.forming.bar
        part = self._part_of(interval, with_rollups=True)
        if part is None:
            return None
        last = self.find_forming(part)
        until_ms = last.open_time_ms if last else interval.next(start_ms)
        closed = (
            self._read(part, Page(Window(start_ms, until_ms), _most_within(part, interval)))
            if until_ms > start_ms
            else []
        )
        known = [*closed, last] if last else closed
        return combine(known, start_ms, is_complete=False) if known else None

    def feeding(self, interval: Interval) -> list[Source]:
        """Return the series that bars of *interval* are made of, the longest candles first."""
        parts = [each for each in self._sources if each is interval or divides(each, interval)]
        return [self._sources[each] for each in sorted(parts, key=_length_ms, reverse=True)]

    def _is_news(self, source: Source, start_ms: int) -> bool:
        """Whether what was forming last lies in the slot that began then, and nothing newer is known."""
        assert source.forming
        open_ms, seen_ms = source.forming.bar.open_time_ms, source.forming.seen_ms
        is_held = source.last_open_ms is not None and source.last_open_ms >= open_ms
        # One that is not tracked any more would stand still for as long as its slot lasts.
        return open_ms >= start_ms and not is_held and seen_ms >= self._seen_ms - _OUTDATED_MS

    def _read(self, interval: Interval, page: Page) -> Sequence[Bar]:
        own = self._read_own(interval, page)
        part = self._part_of(interval, with_rollups=interval not in ROLLED_UP)
        hole = _find_hole(interval, page, own) if part else None
        if part is None or hole is None:
            return own
        made = self._read_parts(part, interval, Page(hole, page.limit, page.is_newest))
        held = {interval.floor(bar.open_time_ms) for bar in own}
        more = [bar for bar in made if bar.open_time_ms not in held]
        return page.cut(sorted([*own, *more]))

    def _read_own(self, interval: Interval, page: Page) -> Sequence[Bar]:
        """Return the rollups and stored candles of this very interval."""
        key = SeriesKey(*self._key, interval)
        source = self._sources.get(interval)
        stored: Sequence[Bar] = []
        if source and source.first_open_ms is not None:
            stored = read_stored(self._connection, key, clip(page, source), source.first_open_ms)
        if interval not in ROLLED_UP or Interval.M1 not in self._sources:
            return stored
        rolled = read_rollups(self._connection, key, page)
        if not stored:
            return rolled
        slots = {interval.floor(bar.open_time_ms): bar for bar in stored}
        slots |= {bar.open_time_ms: bar for bar in rolled if bar.is_complete or bar.open_time_ms not in slots}
        return page.cut([slots[open_ms] for open_ms in sorted(slots)])

    def _part_of(self, interval: Interval, *, with_rollups: bool) -> Interval | None:
        """Return the coarsest interval there is that divides *interval*."""
        there = set(self._sources)
        if Interval.M1 in there:
            # What minutes can tell of an hour or a day is in its rollup.
            there = there | ROLLED_UP if with_rollups else there - {Interval.M1}
        parts = [each for each in there if divides(each, interval)]
        return max(parts, key=_length_ms, default=None)

    def _read_parts(self, part: Interval, whole: Interval, page: Page) -> Sequence[Bar]:
        """Return bars of *whole* made of *part*, all that the page has room for."""
        start_ms = whole.floor(page.window.start_ms)
        if start_ms < page.window.start_ms:
            start_ms = whole.next(start_ms)
        end_ms = whole.next(whole.floor(page.window.end_ms - 1))
        made: list[Bar] = []
        most = max(_most_within(part, whole), min(_PARTS_AT_ONCE, (page.limit + 1) * _ratio(part, whole)))
        while start_ms < end_ms and len(made) < page.limit:
            parts = self._read(part, Page(Window(start_ms, end_ms), most, page.is_newest))
            more = resample(parts, part, whole)
            if len(parts) < most:
                start_ms = end_ms
            # Of the bar that the limit cuts through nothing is taken: the next turn begins with it.
            elif page.is_newest:
                end_ms = whole.next(more.pop(0).open_time_ms)
            else:
                start_ms = more.pop().open_time_ms
            if not more:  # candles that share a slot by the dozen
                most *= 2
            made = [*more, *made] if page.is_newest else [*made, *more]
        return page.cut(made)


def _ratio(part: Interval, whole: Interval) -> int:
    return -(-_length_ms(whole) // _length_ms(part))


def _most_within(part: Interval, whole: Interval) -> int:
    """Return more than one bar can have of parts, also where two off the grid share each slot."""
    return 2 * _ratio(part, whole) + 1


def _find_hole(interval: Interval, page: Page, bars: Sequence[Bar]) -> Window | None:
    """Return the window, as small as can be, in which bars may be missing from a page."""
    span = page.window
    if len(bars) >= page.limit:
        first, last = bars[0].open_time_ms, interval.next(bars[-1].open_time_ms)
        span = Window(first, span.end_ms) if page.is_newest else Window(span.start_ms, last)
    slots = [interval.floor(open_ms) for open_ms in open_times(bars)]
    holes = subtract([span], merge(Window(slot, interval.next(slot)) for slot in slots))
    holes = [hole for hole in holes if _has_slot(interval, hole)]
    return Window(holes[0].start_ms, holes[-1].end_ms) if holes else None


def _has_slot(interval: Interval, window: Window) -> bool:
    return count_slots(interval, window) > 0


def _length_ms(interval: Interval) -> int:
    """Return how long it lasts at most."""
    return interval.fixed_ms or 31 * DAY_MS
