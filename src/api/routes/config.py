"""What is tracked and how, and what the exchange has to be tracked."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from src.api.asking import asking_exchange
from src.api.context import note, parts, warehouse
from src.api.exchange_symbols import list_exchange_symbols
from src.api.known import check_exchange
from src.api.problems import not_found
from src.api.routing import Routes
from src.api.schemas import ExchangeName, In, OfExchange, OfSymbol, Out, SymbolName, parameter
from src.domain import Interval
from src.freshness import Tier
from src.warehouse.series import SeriesRow, list_series, set_keep_days, set_tier
from src.warehouse.tables import series as series_table

routes = Routes("config", "What is tracked and how.")

_MOST_SYMBOLS = 500


class SeriesConfigOut(Out):
    symbol: str
    interval: Interval
    tracked: bool
    tier: Tier
    keep_days: int | None = Field(description="Null as the settings say, 0 for ever.")
    wanted_from_ms: int | None
    candles: int


class ConfigSymbolsOut(Out):
    exchange: str
    series: list[SeriesConfigOut]


class ConfigQuery(OfExchange):
    all: bool = parameter(False, about="Whether series are listed that are not tracked any more, too.")


@routes.get("/api/config/symbols", responses={200: ConfigSymbolsOut})
def config_symbols(query: ConfigQuery) -> ConfigSymbolsOut:
    """List the series that are tracked, with tier and how long they are kept."""
    check_exchange(query.exchange)
    return _list(query.exchange, tracked_only=not query.all)


class TrackIn(In):
    """What to track."""

    symbols: list[SymbolName] = parameter(
        about="Symbols as the exchange spells them.",
        example=["SOLUSDT"],
        min_length=1,
        max_length=_MOST_SYMBOLS,
    )
    intervals: list[Interval] = parameter([], about="Intervals; those of the settings where none is named.")


@routes.post("/api/config/symbols", responses={200: ConfigSymbolsOut})
def track_symbols(body: TrackIn) -> ConfigSymbolsOut:
    """Track symbols, after the exchange has said that they exist.

    One that was tracked before goes on from where it stopped.
    """
    intervals = body.intervals or list(parts().settings.intervals)
    with asking_exchange():
        parts().prompt_tracking.add(list(dict.fromkeys(body.symbols)), list(dict.fromkeys(intervals)))
    note(f"tracks {', '.join(body.symbols)}")
    return _list(parts().exchange.name, tracked_only=True)


@routes.delete("/api/config/symbols/<symbol>", responses={200: ConfigSymbolsOut})
def untrack_symbol(path: OfSymbol, query: OfExchange) -> ConfigSymbolsOut:
    """Stop tracking a symbol; everything collected stays."""
    if query.exchange != parts().exchange.name or not parts().prompt_tracking.remove([path.symbol]):
        raise not_found(f"{path.symbol} is not tracked")
    note(f"tracks {path.symbol} no longer")
    return _list(query.exchange, tracked_only=True)


class SeriesIn(In):
    """What to change of a symbol's series; what is left out stays."""

    exchange: ExchangeName = parameter("binance", about="The exchange.")
    interval: Interval | None = parameter(None, about="Only this interval; all of the symbol without.")
    tier: Tier | None = parameter(
        None, about="How much it matters: TIER1 is stale after 3 hours, TIER4 after 24.", example="TIER2"
    )
    keep_days: int | None = parameter(
        None,
        about="How long candles under an hour stay, 0 for ever; null as the settings say.",
        ge=0,
        le=36_500,
    )


@routes.patch("/api/config/symbols/<symbol>", responses={200: ConfigSymbolsOut})
def change_series(path: OfSymbol, body: SeriesIn) -> ConfigSymbolsOut:
    """Change tier, and for how many days a symbol's candles under an hour stay."""
    with warehouse().read() as connection:
        known = [row.key for row in list_series(connection, tracked_only=False)]
    keys = [
        key
        for key in known
        if (key.exchange, key.symbol) == (body.exchange, path.symbol)
        and body.interval in {None, key.interval}
    ]
    if not keys:
        raise not_found(f"nothing is kept of {path.symbol}; /api/symbols tells of what is")
    given = body.model_fields_set
    if "tier" in given and body.tier is not None:
        tier = body.tier.value
        warehouse().run(lambda connection: set_tier(connection, keys, tier))
    if "keep_days" in given:
        warehouse().run(lambda connection: set_keep_days(connection, keys, body.keep_days))
    changed = [name for name in ("tier", "keep_days") if name in given]
    note(f"{path.symbol}: {', '.join(f'{name} {getattr(body, name)}' for name in changed)}")
    return _list(body.exchange, tracked_only=False)


def _list(exchange: str, *, tracked_only: bool) -> ConfigSymbolsOut:
    with warehouse().read() as connection:
        rows = list_series(connection, tracked_only=tracked_only, where=series_table.c.exchange == exchange)
    return ConfigSymbolsOut(exchange=exchange, series=list(map(_series, rows)))


def _series(row: SeriesRow) -> SeriesConfigOut:
    return SeriesConfigOut(
        symbol=row.key.symbol,
        interval=row.key.interval,
        tracked=row.tracked,
        tier=Tier(row.tier),
        keep_days=row.keep_days,
        wanted_from_ms=row.wanted_from_ms,
        candles=row.record_count,
    )


class SearchQuery(In):
    search: Annotated[str, Field(max_length=32)] = parameter("", about="Part of the name, or an asset.")
    trading: bool = parameter(True, about="Whether only symbols are listed that trade.")
    limit: int = parameter(50, about="How many at most.", ge=1, le=5_000)


class ExchangeSymbolOut(Out):
    symbol: str
    status: str = Field(description="The exchange's word, like TRADING.")
    base_asset: str
    quote_asset: str
    tick_size: Decimal | None
    step_size: Decimal | None
    tracked: bool


class ExchangeSymbolsOut(Out):
    exchange: str
    is_complete: bool = Field(
        description="False while the exchange cannot be asked: then those are listed that are known already."
    )
    found: int = Field(description="How many there are, of which `limit` are listed.")
    symbols: list[ExchangeSymbolOut]


@routes.get("/api/config/exchange-symbols", responses={200: ExchangeSymbolsOut})
def exchange_symbols(query: SearchQuery) -> ExchangeSymbolsOut:
    """Search all symbols that the exchange has; it is asked at most once an hour."""
    told, wanted = list_exchange_symbols(), query.search.upper()
    rows = [
        row for row in told.symbols if wanted in row.symbol or wanted in (row.base_asset, row.quote_asset)
    ]
    rows = [row for row in rows if row.status == "TRADING" or not query.trading]
    # Whatever begins with it first: BTC means BTCUSDT rather than WBTCBTC.
    rows.sort(key=lambda row: (not row.symbol.startswith(wanted), row.symbol))
    name = parts().exchange.name
    with warehouse().read() as connection:
        tracked = {row.key.symbol for row in list_series(connection) if row.key.exchange == name}
    same = ("symbol", "status", "base_asset", "quote_asset", "tick_size", "step_size")
    return ExchangeSymbolsOut(
        exchange=name,
        is_complete=told.is_complete,
        found=len(rows),
        symbols=[
            ExchangeSymbolOut(**{one: getattr(row, one) for one in same}, tracked=row.symbol in tracked)
            for row in rows[: query.limit]
        ],
    )
