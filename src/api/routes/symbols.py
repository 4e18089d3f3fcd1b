"""Which symbols there are: those that the exchange has, and what is kept of them."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from src.api.context import warehouse
from src.api.known import check_exchange
from src.api.paging import Page, Paged, make_cursor, read_cursor, split_page
from src.api.routing import Routes
from src.api.schemas import OfExchange, Out, parameter
from src.domain import Interval
from src.freshness import Tier
from src.services.symbols import Symbol, list_symbols
from src.warehouse.series import SeriesRow

routes = Routes("symbols", "Symbols and the series kept of them.")


class SymbolsQuery(Paged, OfExchange):
    all: bool = parameter(False, about="Whether symbols are listed that are not tracked, too.")


class SeriesOut(Out):
    interval: Interval
    tracked: bool
    tier: Tier
    candles: int = Field(description="How many are held.")
    first_open_ms: int | None
    last_open_ms: int | None
    wanted_from_ms: int | None = Field(description="Since when candles are wanted.")
    keep_days: int | None = Field(description="Null as the settings say, 0 for ever.")


class SymbolOut(Out):
    exchange: str
    symbol: str
    status: str | None = Field(description="The exchange's word, like TRADING; null if it was never asked.")
    base_asset: str | None
    quote_asset: str | None
    tick_size: Decimal | None = Field(description="The step of prices.")
    step_size: Decimal | None = Field(description="The step of quantities.")
    listed_ms: int | None = Field(description="Since when there are candles, as far as known.")
    delisted_ms: int | None
    last_price: Decimal | None = Field(description="That of the forming candle.")
    priced_ms: int | None = Field(description="When it was that, by the exchange's clock.")
    tracked: bool
    series: list[SeriesOut]


class SymbolsOut(Page):
    symbols: list[SymbolOut]


@routes.get("/api/symbols", responses={200: SymbolsOut})
def symbols(query: SymbolsQuery) -> SymbolsOut:
    """List the symbols that are tracked, or all that the exchange has, by name."""
    check_exchange(query.exchange)
    after = read_cursor(query.cursor, str) or ("",)
    with warehouse().read() as connection:
        rows = list_symbols(
            connection, query.exchange, tracked_only=not query.all, after=after[0], limit=query.limit + 1
        )
    page, next_cursor = split_page(rows, query.limit, lambda row: make_cursor(row.name))
    return SymbolsOut(symbols=[_out(query.exchange, row) for row in page], next_cursor=next_cursor)


def _out(exchange: str, row: Symbol) -> SymbolOut:
    return SymbolOut(
        exchange=exchange,
        symbol=row.name,
        status=row.status,
        base_asset=row.base_asset,
        quote_asset=row.quote_asset,
        tick_size=row.tick_size,
        step_size=row.step_size,
        listed_ms=row.listed_ms,
        delisted_ms=row.delisted_ms,
        last_price=row.last_price,
        priced_ms=row.priced_ms,
        tracked=any(one.tracked for one in row.series),
        series=[_series(one) for one in row.series],
    )


def _series(row: SeriesRow) -> SeriesOut:
    return SeriesOut(
        interval=row.key.interval,
        tracked=row.tracked,
        tier=Tier(row.tier),
        candles=row.record_count,
        first_open_ms=row.first_open_ms,
        last_open_ms=row.last_open_ms,
        wanted_from_ms=row.wanted_from_ms,
        keep_days=row.keep_days,
    )
