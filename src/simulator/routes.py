"""What each path of ``/api/v3`` weighs and answers, by Binance's documentation of its spot REST interface.

Not served: the interval ``1s`` (the simulator's smallest candle is a minute; it is answered -1120) and
klines' ``timeZone``. -1127 (lookup interval too big) belongs to other endpoints: klines of any width are
answered, cut at the limit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from src.simulator.book import build_book
from src.simulator.config import DELISTED, SymbolSpec
from src.simulator.parameters import (
    NUMBER,
    Refusal,
    check_names,
    find_number,
    get_mandatory,
    list_wanted_symbols,
    parse_interval,
    parse_limit,
)
from src.simulator.slots import KlinesQuery
from src.simulator.wire import HTML_TYPE, Answer, Request, Row, error_answer, json_answer

_MOST_KLINES = 1_000
_MOST_LEVELS = 5_000
_FIRST_TIME_COLUMN, _SECOND_TIME_COLUMN = 0, 6


class Source(Protocol):
    """Where candles come from: the computed market, or a tape."""

    def list_symbols(self, now_ms: int) -> list[SymbolSpec]: ...

    def find_symbol(self, symbol: str, now_ms: int) -> SymbolSpec | None: ...

    def klines(self, symbol: str, query: KlinesQuery, now_ms: int) -> list[Row]: ...

    def klines_json(self, symbol: str, query: KlinesQuery, now_ms: int) -> bytes: ...

    def mid_ticks(self, symbol: str, now_ms: int) -> int | None:
        """Return the price of now in ticks, or None when nothing has been traded yet."""
        ...


@dataclass(frozen=True, slots=True)
class Routes:
    """The answers of the exchange; *now_ms* is its clock at arrival."""

    source: Source
    seed: int
    weight_limit: int

    def weigh(self, request: Request) -> int:
        """Return the weight of a request, whether or not it will succeed."""
        if request.path == "/api/v3/depth":
            return _depth_weight(request.query.get("limit", ""))
        return _WEIGHTS.get(request.path, 1)

    def answer(self, request: Request, now_ms: int) -> Answer:
        route = _ROUTES.get(request.path) if request.method == "GET" else None
        if route is None:
            return Answer(404, b"<html><body><h1>404 Not Found</h1></body></html>\n", HTML_TYPE)
        accepted, build = route
        try:
            check_names(request, accepted)
            return build(self, request, now_ms)
        except Refusal as refusal:
            return error_answer(400, refusal.code, refusal.message)

    def ping(self, _request: Request, _now_ms: int) -> Answer:
        return json_answer({})

    def time(self, request: Request, now_ms: int) -> Answer:
        return json_answer({"serverTime": now_ms * 1000 if request.microseconds else now_ms})

    def exchange_info(self, request: Request, now_ms: int) -> Answer:
        wanted = list_wanted_symbols(request.query)
        if wanted:
            specs = [self._get_spec(name, now_ms) for name in wanted]
        else:
            specs = self.source.list_symbols(now_ms)
        return json_answer(
            {
                "timezone": "UTC",
                "serverTime": now_ms,
                "rateLimits": _rate_limits(self.weight_limit),
                "exchangeFilters": [],
                "symbols": [_describe_symbol(spec) for spec in specs],
            }
        )

    def klines(self, request: Request, now_ms: int) -> Answer:
        symbol = get_mandatory(request.query, "symbol")
        interval = parse_interval(get_mandatory(request.query, "interval"))
        query = KlinesQuery(
            interval,
            find_number(request.query, "startTime"),
            find_number(request.query, "endTime"),
            parse_limit(request.query, 500, _MOST_KLINES),
        )
        self._get_spec(symbol, now_ms)
        if request.microseconds:
            rows = self.source.klines(symbol, query, now_ms)
            return json_answer([_in_microseconds(row) for row in rows])
        return Answer(200, self.source.klines_json(symbol, query, now_ms))

    def depth(self, request: Request, now_ms: int) -> Answer:
        symbol = get_mandatory(request.query, "symbol")
        limit = parse_limit(request.query, 100, _MOST_LEVELS)
        spec = self._get_spec(symbol, now_ms)
        second = now_ms // 1000
        mid_ticks = self.source.mid_ticks(spec.symbol, second * 1000)
        if mid_ticks is None or spec.status == DELISTED:
            return json_answer({"lastUpdateId": second * 100, "bids": [], "asks": []})
        return json_answer(build_book(self.seed, spec, mid_ticks, second, limit))

    def _get_spec(self, symbol: str, now_ms: int) -> SymbolSpec:
        spec = self.source.find_symbol(symbol, now_ms)
        if spec is None:
            raise Refusal(-1121, "Invalid symbol.")
        return spec


_Build = Callable[[Routes, Request, int], Answer]

_ROUTES: dict[str, tuple[tuple[str, ...], _Build]] = {
    "/api/v3/ping": ((), Routes.ping),
    "/api/v3/time": ((), Routes.time),
    "/api/v3/exchangeInfo": (("symbol", "symbols"), Routes.exchange_info),
    "/api/v3/klines": (("symbol", "interval", "startTime", "endTime", "limit"), Routes.klines),
    "/api/v3/depth": (("symbol", "limit"), Routes.depth),
}
_WEIGHTS = {"/api/v3/exchangeInfo": 20, "/api/v3/klines": 2}


def _depth_weight(limit_text: str) -> int:
    limit = int(limit_text) if NUMBER.fullmatch(limit_text) else 100
    return next((weight for levels, weight in ((100, 5), (500, 25), (1_000, 50)) if limit <= levels), 250)


def _in_microseconds(row: Row) -> Row:
    """Return the row as the header X-MBX-TIME-UNIT: MICROSECOND has it: the close is …999999."""
    changed = list(row)
    changed[_FIRST_TIME_COLUMN] = int(row[_FIRST_TIME_COLUMN]) * 1000
    changed[_SECOND_TIME_COLUMN] = int(row[_SECOND_TIME_COLUMN]) * 1000 + 999
    return changed


def _rate_limits(weight_limit: int) -> list[dict[str, str | int]]:
    limits = (
        ("REQUEST_WEIGHT", "MINUTE", 1, weight_limit),
        ("ORDERS", "SECOND", 10, 100),
        ("ORDERS", "DAY", 1, 200_000),
        ("RAW_REQUESTS", "MINUTE", 5, 61_000),
    )
    names = ("rateLimitType", "interval", "intervalNum", "limit")
    return [dict(zip(names, values, strict=True)) for values in limits]


def _describe_symbol(spec: SymbolSpec) -> dict[str, object]:
    tick, step = f"{spec.tick_size:.8f}", f"{spec.step_size:.8f}"
    return {
        "symbol": spec.symbol,
        "status": spec.status,
        "baseAsset": spec.base_asset,
        "baseAssetPrecision": 8,
        "quoteAsset": spec.quote_asset,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": tick,
                "maxPrice": "1000000.00000000",
                "tickSize": tick,
            },
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "9000000.00000000", "stepSize": step},
        ],
        "permissions": ["SPOT"],
    }
