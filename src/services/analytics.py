"""What a chart shows: bars of any interval, the gaps between them and why, the bar that is forming."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from src.clock import Clock
from src.domain import Interval, SeriesKey, Window
from src.errors import NotFound
from src.services.charts import Charts, clip, divides
from src.services.coverage import AGED_OUT, ROLLED_UP
from src.services.order_book import OrderBook, build_book
from src.warehouse.aged import AgedRange, list_aged
from src.warehouse.bars import ALWAYS, Bar, Page, are_complete, open_times, read_stored
from src.warehouse.depth import find_snapshot
from src.warehouse.engine import Warehouse
from src.warehouse.sources import (
    ChartGap,
    Look,
    Source,
    get_sources,
    list_chart_gaps,
    list_restated,
    look_at,
)
from src.window_sets import intersect, merge, subtract

_MOST_LOOKS = 1_000


@dataclass(frozen=True, slots=True)
class BarQuery:
    """Which bars are wanted: UTC ms, *start_ms* included and *end_ms* not; None leaves a side open.

    With a start they are the oldest from there on, without one the newest.
    """

    exchange: str
    symbol: str
    interval: Interval
    start_ms: int | None = None
    end_ms: int | None = None
    limit: int = 500

    @property
    def page(self) -> Page:
        """The bars as a page; nothing when it ends before it starts."""
        start_ms = ALWAYS.start_ms if self.start_ms is None else self.start_ms
        end_ms = ALWAYS.end_ms if self.end_ms is None else self.end_ms
        return Page(Window(start_ms, max(start_ms, end_ms)), self.limit, self.start_ms is None)


@dataclass(frozen=True, slots=True)
class Hole:
    """A window without bars, or with incomplete ones: *gap* says why, None where nobody has looked yet."""

    window: Window
    interval: Interval
    gap: ChartGap | None
    why: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars oldest first; *restated_ms* are those that hold a candle the exchange amended.

    *has_more*: there may be further ones beyond the limit, on the side that it cut off.
    """

    interval: Interval
    bars: Sequence[Bar]
    holes: list[Hole] = field(default_factory=list)
    forming: Bar | None = None
    has_more: bool = False
    restated_ms: list[int] = field(default_factory=list)


class AnalyticsService:
    """Reads charts and order books; one may serve many threads."""

    def __init__(self, warehouse: Warehouse, clock: Clock, looks_ms: int = 0) -> None:
        self._warehouse = warehouse
        self._clock = clock
        self._looks_ms = looks_ms
        self._looks: dict[tuple[str, str], tuple[int, Look]] = {}

    def look(self, exchange: str, symbol: str) -> Look:
        """Return what there is of a symbol, *looks_ms* old at the most; NotFound for an unknown one.

        Many ask about one symbol at once; what they see is of one moment.
        """
        now_ms = self._clock.steady_ms()
        kept = self._looks.get((exchange, symbol))
        if kept and now_ms - kept[0] < self._looks_ms:
            return kept[1]
        with self._warehouse.read() as connection:
            found = look_at(connection, exchange, symbol)
        if len(self._looks) >= _MOST_LOOKS:
            self._looks.clear()
        self._looks[exchange, symbol] = now_ms, found
        return found

    def candlestick(self, query: BarQuery, look: Look | None = None, *, with_forming: bool = True) -> Chart:
        """Return a chart; NotFound for an unknown symbol, or where nothing kept makes such bars."""
        look = look or self.look(query.exchange, query.symbol)
        with self._warehouse.read() as connection:
            charts = self.open(connection, query, look.sources)
            bars = charts.read(query.interval, query.page)
            has_more = len(bars) >= query.limit
            # Where the limit cut newer bars off, the one that is forming would stand alone.
            is_cut = has_more and not query.page.is_newest
            forming = _find_forming(charts, query) if with_forming and not is_cut else None
            holes = _list_holes(connection, query, charts, bars, look)
            restated = _list_restated(connection, query.interval, charts, bars) if look.has_restated else []
        return Chart(query.interval, bars, holes, forming, has_more, restated)

    def bars(self, query: BarQuery) -> Sequence[Bar]:
        """Return the bars of a chart alone."""
        with self._warehouse.read() as connection:
            return self.open(connection, query).read(query.interval, query.page)

    def klines(self, query: BarQuery) -> Chart:
        """Return candles of a stored series as they are stored; NotFound where it is not."""
        sources = self.look(query.exchange, query.symbol).sources
        source = sources.get(query.interval)
        if source is None:
            raise _not_as_such(query, sources)
        key = SeriesKey(query.exchange, query.symbol, query.interval)
        with self._warehouse.read() as connection:
            bars = read_stored(connection, key, clip(query.page, source), source.first_open_ms or 0)
        return Chart(query.interval, bars, has_more=len(bars) >= query.limit)

    def open(
        self, connection: Connection, query: BarQuery, sources: Mapping[Interval, Source] | None = None
    ) -> Charts:
        """Return what reads the bars that *query* asks for; NotFound where nothing kept makes such bars."""
        sources = sources or get_sources(connection, query.exchange, query.symbol)
        charts = Charts(connection, query.exchange, query.symbol, sources, self._clock.now_ms())
        if not charts.feeding(query.interval):
            raise _not_stored(query, sources)
        return charts

    def order_book(self, exchange: str, symbol: str, levels: int = 20, at_ms: int | None = None) -> OrderBook:
        """Return the newest snapshot, or the last one until *at_ms*; NotFound where there is none."""
        with self._warehouse.read() as connection:
            snapshot = find_snapshot(connection, exchange, symbol, at_ms)
            if snapshot is None:
                get_sources(connection, exchange, symbol)
                raise NotFound(f"no order book of {symbol} is kept {'until then' if at_ms else 'yet'}")
        return build_book(snapshot, levels)


def _list_holes(
    connection: Connection, query: BarQuery, charts: Charts, bars: Sequence[Bar], look: Look
) -> list[Hole]:
    """List what is missing between the bars, and after the last one until now."""
    sources = charts.feeding(query.interval)
    missing = _list_missing(query, bars, sources, charts.now_ms)
    if not missing:
        return []
    span = Window(missing[0].start_ms, missing[-1].end_ms)
    gaps = list_chart_gaps(connection, [source.id for source in sources], span) if look.gaps else []
    unfinished = () if are_complete(bars) else (bar for bar in bars if not bar.is_complete)
    partial = [Window(bar.open_time_ms, query.interval.next(bar.open_time_ms)) for bar in unfinished]
    holes = _explain(missing, gaps, sources)
    known = merge(hole.window for hole in holes)
    # A partial bar lacks no more than what a gap within it says.
    explained = merge([*known, *(window for window in partial if intersect([window], known))])
    if rest := subtract(missing, explained):
        ids = [source.id for source in sources] if look.has_aged else []
        holes += _explain_rest(rest, sources, list_aged(connection, ids, span) if ids else {})
    return sorted(holes, key=lambda hole: (hole.window, hole.interval))


def _list_restated(
    connection: Connection, interval: Interval, charts: Charts, bars: Sequence[Bar]
) -> list[int]:
    """Return which of the bars hold an amended candle."""
    if not bars:
        return []
    window = Window(interval.floor(bars[0].open_time_ms), interval.next(bars[-1].open_time_ms))
    found = list_restated(connection, [source.id for source in charts.feeding(interval)], window)
    slots = {interval.floor(open_ms) for open_ms in found}
    return [bar.open_time_ms for bar in bars if interval.floor(bar.open_time_ms) in slots]


def _find_forming(charts: Charts, query: BarQuery) -> Bar | None:
    window = query.page.window
    slot_ms = query.interval.floor(charts.now_ms)
    return charts.find_forming(query.interval) if window.start_ms <= slot_ms < window.end_ms else None


def _list_missing(
    query: BarQuery, bars: Sequence[Bar], sources: Sequence[Source], now_ms: int
) -> list[Window]:
    """Return the slots without a whole bar, from the first one shown or wanted until now or the end."""
    interval, page = query.interval, query.page
    end_ms = min(page.window.end_ms, interval.floor(now_ms))
    firsts = [source.wanted_from_ms or source.first_open_ms for source in sources]
    first_ms = min((one for one in firsts if one is not None), default=end_ms)
    if bars:
        first_ms = min(first_ms, bars[0].open_time_ms)
    start_ms = max(page.window.start_ms, first_ms)
    if len(bars) >= query.limit:
        start_ms = bars[0].open_time_ms if page.is_newest else start_ms
        end_ms = end_ms if page.is_newest else interval.next(bars[-1].open_time_ms)
    start_ms = interval.floor(start_ms)
    if start_ms >= end_ms:
        return []
    return subtract([Window(start_ms, end_ms)], merge(_held(interval, bars)))


def _held(interval: Interval, bars: Sequence[Bar]) -> list[Window]:
    """Return the windows of whole bars; two off the grid may share a slot."""
    if window := _unbroken(interval, bars):
        return [window]
    found: list[Window] = []
    start_ms = end_ms = -1
    for bar in bars:
        if not bar.is_complete:
            continue
        slot_ms = interval.floor(bar.open_time_ms)
        if slot_ms != end_ms:
            if end_ms > start_ms:
                found.append(Window(start_ms, end_ms))
            start_ms = slot_ms
        end_ms = interval.next(slot_ms)
    return [*found, Window(start_ms, end_ms)] if end_ms > start_ms else found


def _unbroken(interval: Interval, bars: Sequence[Bar]) -> Window | None:
    """Return the window of whole bars that follow one another on the grid, as they mostly do."""
    length_ms = interval.fixed_ms
    if not bars or length_ms is None or not are_complete(bars):
        return None
    opens = open_times(bars)
    first_ms, end_ms = interval.floor(opens[0]), opens[-1] + length_ms
    is_so = opens == [*range(first_ms, end_ms, length_ms)]
    return Window(first_ms, end_ms) if is_so else None


def _explain(missing: list[Window], gaps: Sequence[ChartGap], sources: Sequence[Source]) -> list[Hole]:
    """Say of missing windows why they are, by the gaps of the series that would have filled them."""
    intervals = {source.id: source.interval for source in sources}
    return [
        Hole(gap.window, intervals[gap.series_id], gap, gap.hint or gap.reason.in_words)
        for gap in gaps
        if intersect(missing, [gap.window])
    ]


def _explain_rest(
    rest: list[Window], sources: Sequence[Source], aged: Mapping[int, Sequence[AgedRange]]
) -> list[Hole]:
    """Say of windows without a gap why they are missing: they went on purpose, or nobody has looked yet."""
    holes: list[Hole] = []
    for source in sources:
        gone = intersect(rest, [each.window for each in aged.get(source.id, ())])
        why = ROLLED_UP if source.interval is Interval.M1 else AGED_OUT
        holes += (Hole(window, source.interval, None, why) for window in gone)
        rest = subtract(rest, gone)
    finest = min(sources, key=lambda source: source.interval.fixed_ms or 0).interval
    wanted = [source.wanted_from_ms for source in sources if source.wanted_from_ms is not None]
    early = intersect(rest, [Window(0, min(wanted))]) if wanted and min(wanted) > 0 else []
    holes += (Hole(window, finest, None, "not wanted") for window in early)
    last_ms = max((source.last_open_ms for source in sources if source.last_open_ms is not None), default=0)
    for window in subtract(rest, early):
        why = "not fetched or loaded yet" if window.end_ms > last_ms else "missing; not looked into yet"
        holes.append(Hole(window, finest, None, why))
    return holes


def _not_as_such(query: BarQuery, sources: Mapping[Interval, Source]) -> NotFound:
    """Say of candles that are not stored whether a chart can make them."""
    name = query.interval.value
    if not any(divides(each, query.interval) for each in sources):
        return _not_stored(query, sources)
    path = f"/api/candlestick/{query.symbol}?interval={name}"
    return NotFound(f"no {name} candles of {query.symbol} are stored; {path} makes them")


def _not_stored(query: BarQuery, sources: Mapping[Interval, Source]) -> NotFound:
    kept = ", ".join(interval.value for interval in sources)
    return NotFound(f"nothing kept of {query.symbol} makes {query.interval.value} candles; kept are {kept}")
