"""The dashboard: a card for each tracked symbol."""

from __future__ import annotations

from decimal import Decimal

from flask import Response
from pydantic import Field

from src.api.answers import versioned
from src.api.context import clock, warehouse
from src.api.known import check_exchange
from src.api.routes.market import DayOut, day_out
from src.api.routing import Routes
from src.api.schemas import OfExchange, Out
from src.api.services import dashboards
from src.domain import Interval, format_utc
from src.freshness import Freshness, Tier
from src.services.visualize import SymbolCard, VisualizeService

routes = Routes("dashboard", "What the dashboard shows.")


class CardOut(Out):
    symbol: str
    interval: Interval = Field(description="The shortest one that is tracked, which the numbers are of.")
    tier: Tier
    status: str | None = Field(description="The exchange's word, like TRADING; null if it was never asked.")
    freshness: Freshness | None = Field(description="Null while nothing is held or the symbol is halted.")
    last_open_ms: int | None
    candles: int = Field(description="How many are held.")
    day: DayOut
    closes: list[Decimal] = Field(description="The last hourly closes, up to 24, oldest first.")


class DashboardOut(Out):
    exchange: str
    now_ms: int
    now: str
    rising: int = Field(description="How many symbols cost more than 24 hours ago.")
    falling: int
    symbols: list[CardOut]


@routes.get("/api/dashboard/metrics", responses={200: DashboardOut})
def dashboard(query: OfExchange) -> Response:
    """Return a card for each tracked symbol: price, last day, hourly closes, freshness."""
    check_exchange(query.exchange)
    kept = dashboards().get(query.exchange, lambda now_ms: _dashboard(query.exchange, now_ms))
    return versioned([kept.made_ms], lambda: kept.body)


def _dashboard(exchange: str, now_ms: int) -> bytes:
    cards = VisualizeService(warehouse(), clock()).cards(exchange)
    changes = [card.day.change for card in cards if card.day.change is not None]
    out = DashboardOut(
        exchange=exchange,
        now_ms=now_ms,
        now=format_utc(now_ms),
        rising=sum(change > 0 for change in changes),
        falling=sum(change < 0 for change in changes),
        symbols=list(map(_card, cards)),
    )
    return out.model_dump_json().encode()


def _card(card: SymbolCard) -> CardOut:
    same = ("symbol", "interval", "tier", "status", "freshness", "last_open_ms", "candles", "closes")
    return CardOut(**{name: getattr(card, name) for name in same}, day=day_out(card.day))
