"""What candles and order books tell of a symbol."""

from __future__ import annotations

import math
from decimal import Decimal

import orjson
from flask import Response
from pydantic import Field

from src.api.answers import versioned
from src.api.candle_schemas import MOST_CANDLES, CandlesQuery
from src.api.context import clock, warehouse
from src.api.indicator_names import INDICATORS, Computed, Indicator, compute, warm_up_of
from src.api.known import check_exchange
from src.api.problems import invalid
from src.api.routing import Routes
from src.api.schemas import OfExchange, OfSymbol, Out, TimeMs, parameter
from src.api.services import analytics
from src.domain import DAY_MS, Interval, format_utc
from src.services.day import Day
from src.services.indicators import Series
from src.services.order_book import Level
from src.services.visualize import VisualizeService

routes = Routes("market", "What candles and order books tell: the last day, indicators, depth.")


class OrderBookQuery(OfExchange):
    levels: int = parameter(20, about="How many of each side at most.", ge=1, le=5_000)
    at: TimeMs | None = parameter(None, about="The last one captured until then; without it, the newest.")


class LevelOut(Out):
    price: Decimal
    quantity: Decimal
    cumulative: Decimal = Field(description="All from the best price to this one, in the base asset.")


class OrderBookOut(Out):
    exchange: str
    symbol: str
    captured_ms: int
    captured: str
    bids: list[LevelOut] = Field(description="The highest first.")
    asks: list[LevelOut] = Field(description="The lowest first.")
    middle: Decimal | None = Field(description="Null where a side is empty, like the spread.")
    spread: Decimal | None
    spread_bps: float | None = Field(description="In hundredths of a percent of the middle.")
    imbalance: float | None = Field(description="1: only bids on the levels shown, -1: only asks.")


@routes.get("/api/orderbook/<symbol>", responses={200: OrderBookOut})
def orderbook(path: OfSymbol, query: OrderBookQuery) -> OrderBookOut:
    """Return an order book with depth added up, spread and imbalance; at a past time, too.

    404 where none is kept. How often they are captured is CANDLEHOUSE_DEPTH_SECONDS.
    """
    check_exchange(query.exchange)
    book = analytics().order_book(query.exchange, path.symbol, query.levels, query.at)
    return OrderBookOut(
        exchange=book.exchange,
        symbol=book.symbol,
        captured_ms=book.captured_at_ms,
        captured=format_utc(book.captured_at_ms),
        bids=list(map(_level, book.bids)),
        asks=list(map(_level, book.asks)),
        middle=book.middle,
        spread=book.spread,
        spread_bps=book.spread_bps,
        imbalance=book.imbalance,
    )


def _level(level: Level) -> LevelOut:
    return LevelOut(**level._asdict())


class DayOut(Out):
    """The last 24 hours; null where nothing kept tells."""

    price: Decimal | None = Field(description="The last one seen.")
    price_at_ms: int | None
    price_before: Decimal | None = Field(description="That of 24 hours ago.")
    change: Decimal | None
    change_percent: Decimal | None
    high: Decimal | None
    low: Decimal | None
    volume: Decimal = Field(description="In the base asset.")
    quote_volume: Decimal
    weighted_average: Decimal | None = Field(description="The mean price by volume.")
    trade_count: int
    complete: bool = Field(description="Whether no candle is missing from then to the last one held.")


class StatisticsOut(Out):
    exchange: str
    symbol: str
    now_ms: int
    now: str
    since_ms: int
    since: str
    day: DayOut


def day_out(day: Day) -> DayOut:
    names = [name for name in DayOut.model_fields if name != "complete"]
    return DayOut(**{name: getattr(day, name) for name in names}, complete=day.is_complete)


@routes.get("/api/statistics/<symbol>", responses={200: StatisticsOut})
def statistics(path: OfSymbol, query: OfExchange) -> StatisticsOut:
    """Return what happened in the last 24 hours.

    The price is the newest seen, the change is against the last close that was known 24 hours ago.
    """
    check_exchange(query.exchange)
    now_ms = clock().now_ms()
    day = VisualizeService(warehouse(), clock()).statistics(query.exchange, path.symbol)
    since_ms = now_ms - DAY_MS
    return StatisticsOut(
        exchange=query.exchange,
        symbol=path.symbol,
        now_ms=now_ms,
        now=format_utc(now_ms),
        since_ms=since_ms,
        since=format_utc(since_ms),
        day=day_out(day),
    )


_ACCEPTED_NAMES = f"of {', '.join(INDICATORS)}, periods of 1 to 500; several as names=rsi&names=macd"


class IndicatorsQuery(CandlesQuery):
    limit: int = parameter(100, about="How many candles at most.", ge=1, le=MOST_CANDLES)
    names: list[str] = parameter(
        [each.value for each in (Indicator.RSI, Indicator.MACD, Indicator.BOLLINGER)],
        about=f"Of {', '.join(INDICATORS)}; with other numbers like rsi:21, macd:5:35:5, bollinger:20:2.5; "
        "may be given several times. obv starts at nought at the first candle shown.",
    )


class BinOut(Out):
    low: float
    high: float
    volume: float


class ProfileOut(Out):
    bins: list[BinOut]
    point_of_control: float = Field(description="The middle of the bin with most volume.")
    value_area_low: float
    value_area_high: float = Field(description="Between the two lie 70 % of the volume.")


class IndicatorsOut(Out):
    exchange: str
    symbol: str
    interval: Interval
    open_time_ms: list[int] = Field(description="The candles, oldest first.")
    values: dict[str, list[float | None]] = Field(
        description="A list beside `open_time_ms` for each; null while there are too few candles before."
    )
    volume_profile: ProfileOut | None = Field(description="Of these candles; null unless asked for.")


@routes.get("/api/indicators/<symbol>", responses={200: IndicatorsOut})
def indicators(path: OfSymbol, query: IndicatorsQuery) -> Response:
    """Return indicators beside the candles that they belong to.

    They are computed from candles before the first one shown, too, as far as there are any. Closed candles
    alone count, as they come: gaps are not filled.
    """
    wanted = query.bars(path.symbol, query.limit)
    try:
        asked = [Computed.parse(name) for name in query.names]
    except ValueError as error:
        raise invalid("names", str(error), _ACCEPTED_NAMES) from None

    warm_up = max((warm_up_of(one, query.interval) for one in asked), default=0)

    def build() -> bytes:
        service = VisualizeService(warehouse(), clock())
        bars, candles = service.candles(wanted, warm_up)
        values, profile = compute(asked, candles, len(bars), query.interval)
        return orjson.dumps(
            {
                "exchange": query.exchange,
                "symbol": path.symbol,
                "interval": query.interval.value,
                "open_time_ms": [bar.open_time_ms for bar in bars],
                "values": {name: _nulls(series) for name, series in values.items()},
                "volume_profile": profile,
            }
        )

    versions = analytics().look(query.exchange, path.symbol).versions
    return versioned((*versions, clock().now_ms() // 60_000), build)


def _nulls(values: Series) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]
