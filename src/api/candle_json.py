"""Candles as JSON, put together from the bytes that the database sent: exact, and several times faster."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import orjson

from src.services.analytics import Chart, Hole
from src.warehouse.bars import Bar, JsonBars

_CANDLE = (
    b'{"open_time_ms":%d,"open":"%b","high":"%b","low":"%b","close":"%b","volume":"%b","quote_volume":"%b",'
    b'"taker_buy_volume":"%b","taker_buy_quote_volume":"%b","trade_count":%b,"complete":%b}'
)
_BOOLEANS = (b"false", b"true")


def candles_json(bars: Sequence[Bar]) -> bytes:
    """Return an array of candles."""
    if isinstance(bars, JsonBars):
        return bars.json
    return b"[" + b",".join([_CANDLE % (*bar[:10], _BOOLEANS[bar.is_complete]) for bar in bars]) + b"]"


def chart_json(exchange: str, symbol: str, chart: Chart, **more: Any) -> bytes:
    """Return a chart as the routes document it; *more* are further fields."""
    head = {"exchange": exchange, "symbol": symbol, "interval": chart.interval.value}
    tail = {
        "gaps": list(map(hole_json, chart.holes)),
        "restated_ms": chart.restated_ms,
        "has_more": chart.has_more,
        **more,
    }
    forming = candles_json([chart.forming])[1:-1] if chart.forming else b"null"
    parts = (orjson.dumps(head)[:-1], b',"candles":', candles_json(chart.bars), b',"forming":', forming, b",")
    return b"".join((*parts, orjson.dumps(tail)[1:]))


def hole_json(hole: Hole) -> dict[str, Any]:
    """Return a window without candles."""
    gap = hole.gap
    return {
        "start_ms": hole.window.start_ms,
        "end_ms": hole.window.end_ms,
        "interval": hole.interval.value,
        "gap_id": gap.id if gap else None,
        "missing": gap.missing if gap else None,
        "state": gap.state.value if gap else None,
        "reason": gap.reason.value if gap else None,
        "why": hole.why,
    }


def amount(value: Decimal | None) -> str | None:
    """Return an amount as exact text, never in exponents."""
    return None if value is None else f"{value:f}"
