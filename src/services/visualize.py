"""What pages show of symbols: their last day, and candles as columns for what is computed from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from sqlalchemy import Connection

from src.clock import Clock
from src.domain import DAY_MS, HOUR_MS, Interval, Window
from src.freshness import Freshness, Tier, judge_freshness, lateness_ms
from src.services.analytics import AnalyticsService, BarQuery
from src.services.charts import Charts
from src.services.day import Day, day_of_card, sum_up
from src.services.indicators import CandleSeries
from src.warehouse.bars import Bar, Page
from src.warehouse.coverage import list_coverage
from src.warehouse.engine import Warehouse
from src.warehouse.overview import NO_HOURS, Amounts, Card, list_cards, read_edges, read_hours
from src.warehouse.sources import Source, get_sources
from src.warehouse.symbols import TRADING
from src.window_sets import subtract

_SPARKS = 24


@dataclass(frozen=True, slots=True)
class SymbolCard:
    """One symbol of the dashboard; *closes* are hourly, oldest first."""

    exchange: str
    symbol: str
    interval: Interval
    tier: Tier
    status: str | None
    freshness: Freshness | None
    last_open_ms: int | None
    candles: int
    day: Day
    closes: list[Decimal]


class VisualizeService:
    """Reads what is shown of symbols and of the pipeline."""

    def __init__(self, warehouse: Warehouse, clock: Clock) -> None:
        self._warehouse = warehouse
        self._clock = clock
        self._analytics = AnalyticsService(warehouse, clock)

    def statistics(self, exchange: str, symbol: str) -> Day:
        """Return the last 24 hours of a symbol; NotFound for an unknown one."""
        with self._warehouse.read() as connection:
            return self._day(connection, exchange, symbol)

    def cards(self, exchange: str) -> list[SymbolCard]:
        """Return a card for each tracked symbol: three statements, where minutes are tracked."""
        with self._warehouse.read() as connection:
            cards = _finest(list_cards(connection, exchange))
            now_ms = max([self._clock.now_ms(), *(card.seen_ms or 0 for card in cards)])
            cutoff_ms = now_ms - DAY_MS
            names = [card.symbol for card in cards if card.interval is Interval.M1]
            hours = read_hours(connection, exchange, names, cutoff_ms) if names else {}
            edges = read_edges(connection, exchange, names, cutoff_ms) if names else {}
            made = []
            for card in cards:
                own = hours.get(card.symbol, NO_HOURS)
                if card.interval is Interval.M1:
                    day = day_of_card(card, own, edges.get(card.symbol), cutoff_ms)
                else:
                    day = self._day(connection, exchange, card.symbol)
                closes = [Decimal(close) for _, close in own.closes[-_SPARKS:]]
                made.append(_symbol_card(card, day, closes, now_ms))
        return made

    def candles(self, query: BarQuery, warm_up: int) -> tuple[Sequence[Bar], CandleSeries]:
        """Return the bars that *query* asks for, and as columns with up to *warm_up* candles before them."""
        with self._warehouse.read() as connection:
            charts = self._analytics.open(connection, query)
            bars = charts.read(query.interval, query.page)
            before: Sequence[Bar] = []
            if bars and warm_up:
                before = charts.read(query.interval, Page(Window(0, bars[0].open_time_ms), warm_up))
        return bars, as_columns([*before, *bars])

    def _day(self, connection: Connection, exchange: str, symbol: str) -> Day:
        """Return the last 24 hours, from the shortest interval kept, and hours where they are made of it."""
        sources = get_sources(connection, exchange, symbol)
        charts = Charts(connection, exchange, symbol, sources, self._clock.now_ms())
        finest = min(sources, key=lambda each: each.fixed_ms or 31 * DAY_MS)
        cutoff_ms, now_ms = charts.now_ms - DAY_MS, charts.now_ms
        bars = _read_day(charts, finest, Window(cutoff_ms, now_ms))
        forming = charts.find_forming(finest)
        before = charts.read(finest, Page(_ended_by(cutoff_ms, finest), 1))
        shown = [*bars, forming] if forming and forming.open_time_ms >= cutoff_ms else bars
        last_ms = sources[finest].last_open_ms
        return sum_up(
            map(_amounts, shown),
            _find_price(sources.values(), bars, finest, last_ms),
            _decimal(before[-1].close) if before else None,
            is_complete=_is_whole(connection, sources[finest], cutoff_ms),
        )


def _ended_by(cutoff_ms: int, interval: Interval) -> Window:
    """Return in which window candles open that had ended by *cutoff_ms*, and not a day or more before."""
    end_ms = interval.floor(cutoff_ms)
    return Window(end_ms - max(DAY_MS, interval.fixed_ms or 31 * DAY_MS), end_ms)


def _find_price(
    sources: Iterable[Source], bars: Sequence[Bar], finest: Interval, last_ms: int | None
) -> tuple[Decimal, int] | None:
    """Return the price that was seen last, else the last close."""
    seen = [source.forming for source in sources if source.forming]
    if seen:
        newest = max(seen, key=lambda forming: forming.seen_ms)
        return _decimal(newest.bar.close), newest.seen_ms
    return (_decimal(bars[-1].close), finest.next(last_ms)) if bars and last_ms is not None else None


def _is_whole(connection: Connection, source: Source, cutoff_ms: int) -> bool:
    """Whether no candle is missing from *cutoff_ms* to the last one held."""
    if source.last_open_ms is None or source.last_open_ms < cutoff_ms:
        return False
    interval = source.interval
    wanted = Window(interval.next(interval.floor(cutoff_ms - 1)), interval.next(source.last_open_ms))
    held = [row.window for row in list_coverage(connection, [source.id]).get(source.id, [])]
    return not subtract([wanted], held)


def as_columns(bars: Sequence[Bar]) -> CandleSeries:
    """Return bars as columns of floats."""
    times = np.array([bar.open_time_ms for bar in bars], dtype=np.int64)
    columns = [
        np.array([float(getattr(bar, name)) for bar in bars], dtype=np.float64)
        for name in ("high", "low", "close", "volume")
    ]
    return CandleSeries(times, *columns)


def _read_day(charts: Charts, finest: Interval, window: Window) -> Sequence[Bar]:
    most = 100_000
    first_hour_ms = Interval.H1.floor(window.start_ms) + HOUR_MS
    last_hour_ms = Interval.H1.floor(window.end_ms)
    if finest is not Interval.M1:
        return charts.read(finest, Page(window, most))
    edges = (Window(window.start_ms, first_hour_ms), Window(last_hour_ms, window.end_ms))
    first, last = (charts.read(finest, Page(edge, most)) for edge in edges)
    return [*first, *charts.read(Interval.H1, Page(Window(first_hour_ms, last_hour_ms), most)), *last]


def _amounts(bar: Bar) -> Amounts:
    high, low, volume, quote_volume = map(_decimal, (bar.high, bar.low, bar.volume, bar.quote_volume))
    return Amounts(high, low, volume, quote_volume, int(bar.trade_count))


def _decimal(amount: bytes) -> Decimal:
    return Decimal(amount.decode())


def _finest(cards: Sequence[Card]) -> list[Card]:
    """Return the card of each symbol's shortest interval."""
    chosen: dict[str, Card] = {}
    for card in cards:
        other = chosen.get(card.symbol)
        if other is None or (card.interval.fixed_ms or 31 * DAY_MS) < (
            other.interval.fixed_ms or 31 * DAY_MS
        ):
            chosen[card.symbol] = card
    return list(chosen.values())


def _symbol_card(card: Card, day: Day, closes: list[Decimal], now_ms: int) -> SymbolCard:
    is_halted = card.status not in {None, TRADING}
    freshness = None
    if card.last_open_ms is not None and not is_halted:
        freshness = judge_freshness(lateness_ms(card.interval, card.last_open_ms, now_ms), card.tier)
    return SymbolCard(
        card.exchange,
        card.symbol,
        card.interval,
        card.tier,
        card.status,
        freshness,
        card.last_open_ms,
        card.candles,
        day,
        closes,
    )
