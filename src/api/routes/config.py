"""What is tracked and how, and the settings that may change while Candlehouse runs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection

from src.api.asking import asking_exchange
from src.api.context import note, parts, requested_by, warehouse
from src.api.exchange_symbols import list_exchange_symbols
from src.api.known import check_exchange
from src.api.problems import FieldError, invalid, invalid_fields, not_found
from src.api.routing import Routes
from src.api.schemas import ExchangeName, In, OfExchange, OfSymbol, Out, SymbolName, parameter
from src.domain import Interval
from src.errors import ConfigurationError
from src.freshness import Tier
from src.jobs.sending import find_unusable
from src.mutable_settings import MUTABLE, Source, check_unlocked, check_value, list_states
from src.warehouse.app_settings import read_settings, reset_setting, set_setting
from src.warehouse.series import SeriesRow, list_series, set_keep_days, set_tier
from src.warehouse.tables import series as series_table

routes = Routes("config", "What is tracked and how, and the settings.")

_MOST_SYMBOLS = 500
_LONGEST = 4_000


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
        example=["DOGEUSDT"],
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


class SettingOut(Out):
    name: str
    value: str | None = Field(description="`(set)` for a secret.")
    source: Source = Field(description="Who says so: default, app_settings (changed here), environment.")
    locked_by: str | None = Field(description="The variable that sets it: it cannot be changed here.")
    accepted: str
    problem: str | None = Field(description="What is wrong with what is stored, which is ignored then.")


class SettingsOut(Out):
    settings: list[SettingOut]


class SettingsIn(In):
    """Settings to change."""

    values: dict[str, Annotated[str, Field(max_length=_LONGEST)] | None] = parameter(
        about="Text by name; null takes a change back.",
        example={"depth_levels": "50"},
        min_length=1,
        max_length=100,
    )


@routes.get("/api/config/settings", responses={200: SettingsOut})
def list_settings() -> SettingsOut:
    """List the settings that may change while Candlehouse runs: where they come from, what is accepted."""
    return _settings()


def _settings() -> SettingsOut:
    with warehouse().read() as connection:
        states = list_states(parts().settings, read_settings(connection))
    names = SettingOut.model_fields
    return SettingsOut(
        settings=[SettingOut(**{name: getattr(one, name) for name in names}) for one in states]
    )


@routes.put("/api/config/settings", responses={200: SettingsOut})
def change_settings(body: SettingsIn) -> SettingsOut:
    """Change settings, all or none of them; a running scheduler follows within two seconds."""
    texts = _check(body.values)
    if unusable := find_unusable(texts.get("notify_urls") or "") if "notify_urls" in texts else []:
        raise invalid(
            "notify_urls", f"Apprise does not understand {', '.join(unusable)}", "addresses of Apprise"
        )
    by = requested_by()
    warehouse().run(lambda connection: _store(connection, texts, by))
    note(f"changed {', '.join(sorted(texts))}")
    return _settings()


def _check(values: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the values as they are to be stored; 422 names all that are not accepted."""
    texts: dict[str, str | None] = {}
    errors: list[FieldError] = []
    for name, text in values.items():
        try:
            check_unlocked(parts().settings, name)
            texts[name] = None if text is None else check_value(name, text)
        except ConfigurationError as error:
            errors.append(_setting_error(name, str(error)))
    if errors:
        raise invalid_fields(errors)
    return texts


def _setting_error(name: str, text: str) -> FieldError:
    """Take the error about a setting apart: ``name=value: accepted: what``, or why it cannot be changed."""
    value, found, accepted = text.partition(": accepted: ")
    if found:
        message = f"{value.removeprefix(f'{name}=')} is not accepted"
        return FieldError(field=name, message=message, accepted=accepted)
    known = None if name in MUTABLE else ", ".join(MUTABLE)
    return FieldError(field=name, message=text.removeprefix(f"{name} "), accepted=known)


def _store(connection: Connection, texts: dict[str, str | None], by: str) -> None:
    for name, text in sorted(texts.items()):
        if text is None:
            reset_setting(connection, name)
        else:
            set_setting(connection, name, text, by)
