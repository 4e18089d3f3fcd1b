"""Candles for charts and programs."""

from __future__ import annotations

import orjson
from flask import Response

from src.api.answers import versioned
from src.api.candle_json import candles_json, chart_json
from src.api.candle_schemas import CandlestickOut, CandlestickQuery, KlinesOut, KlinesQuery
from src.api.context import clock
from src.api.routing import Routes
from src.api.schemas import OfSymbol
from src.api.services import analytics
from src.domain import MINUTE_MS

routes = Routes("candles", "Candles as they are stored, and as charts show them.")


@routes.get("/api/klines/<symbol>", responses={200: KlinesOut})
def klines(path: OfSymbol, query: KlinesQuery) -> Response:
    """Return candles of a stored series, as the exchange sent them.

    Closed ones alone; 404 where the series is not kept. `candlestick` makes other intervals, too. For the
    next page set `start` after the last candle's `open_time_ms`, or `end` to the first one's to go back.
    """
    wanted = query.bars(path.symbol, query.limit)

    def build() -> bytes:
        chart = analytics().klines(wanted)
        head = {"exchange": query.exchange, "symbol": path.symbol, "interval": query.interval.value}
        tail = b',"candles":' + candles_json(chart.bars) + b"}"
        return orjson.dumps({**head, "has_more": chart.has_more})[:-1] + tail

    return versioned(analytics().look(query.exchange, path.symbol).versions, build)


@routes.get("/api/candlestick/<symbol>", responses={200: CandlestickOut})
def candlestick(path: OfSymbol, query: CandlestickQuery) -> Response:
    """Return the bars of a chart, of any interval that what is kept can make.

    Bars of an hour or a day are the rollup of minutes where that is complete, else the stored candle; others
    are put together from the coarsest interval that divides them. Gaps come as gaps, with their reason; the
    bar that has not closed comes apart, as `forming`. To go back set `end` to the first `open_time_ms`.
    """
    wanted = query.bars(path.symbol, query.limit)
    look = analytics().look(query.exchange, path.symbol)

    def build() -> bytes:
        chart = analytics().candlestick(wanted, look, with_forming=query.forming)
        return chart_json(query.exchange, path.symbol, chart)

    return versioned((*look.versions, _minute(query.end)), build)


def _minute(end_ms: int | None) -> int:
    """Return what changes when a slot of any interval ends: then there may be one more to miss."""
    now_ms = clock().now_ms()
    return min(now_ms, end_ms or now_ms) // MINUTE_MS
