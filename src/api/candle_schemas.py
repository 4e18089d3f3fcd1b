"""What comes in and goes out of routes about candles."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from src.api.known import check_exchange
from src.api.schemas import OfExchange, Out, TimeMs, check_window, parameter
from src.domain import Interval
from src.services.analytics import BarQuery
from src.warehouse.gaps import GapReason, GapState

Amount = Annotated[str, StringConstraints(pattern=r"^-?[0-9]+\.[0-9]{8}$")]
MOST_CANDLES = 5_000


class CandlesQuery(OfExchange):
    """Which candles: with a start the oldest from there on, without one the newest."""

    interval: Interval = parameter(Interval.M1, about="Of the candles; 1m is a minute, 1M a month.")
    start: TimeMs | None = parameter(None, about="Only candles from then on; the oldest come first.")
    end: TimeMs | None = parameter(None, about="Only candles that open before.")

    def bars(self, symbol: str, limit: int) -> BarQuery:
        """Return what a service is asked for; 422 for an unknown exchange or a window that is reversed."""
        check_exchange(self.exchange)
        check_window(self.start, self.end)
        return BarQuery(self.exchange, symbol, self.interval, self.start, self.end, limit)


class KlinesQuery(CandlesQuery):
    limit: int = parameter(500, about="How many at most.", ge=1, le=MOST_CANDLES)


class CandlestickQuery(CandlesQuery):
    limit: int = parameter(200, about="How many at most.", ge=1, le=MOST_CANDLES)
    forming: bool = parameter(True, about="Whether the bar that has not closed yet is wanted.")


class CandleOut(Out):
    """A candle; amounts are decimal strings, exactly as they are kept."""

    open_time_ms: int
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    volume: Amount = Field(description="In the base asset.")
    quote_volume: Amount
    taker_buy_volume: Amount
    taker_buy_quote_volume: Amount
    trade_count: int
    complete: bool = Field(description="False where a candle within it is missing, or has not closed.")


class HoleOut(Out):
    """A window without candles, or with incomplete ones, and why."""

    start_ms: int
    end_ms: int
    interval: Interval = Field(description="Of the series that lacks them.")
    gap_id: int | None = Field(description="The gap; null where nobody has looked yet.")
    missing: int | None = Field(description="How many candles of that series.")
    state: GapState | None
    reason: GapReason | None
    why: str = Field(description="The reason, for people.")


class KlinesOut(Out):
    exchange: str
    symbol: str
    interval: Interval
    candles: list[CandleOut] = Field(description="Oldest first.")
    has_more: bool = Field(description="Whether the limit may have cut some off.")


class CandlestickOut(KlinesOut):
    forming: CandleOut | None = Field(description="The bar that has not closed: it changes until it has.")
    gaps: list[HoleOut] = Field(description="Oldest first; where the bars touch, nothing is missing.")
    restated_ms: list[int] = Field(description="Bars that hold a candle the exchange amended.")
