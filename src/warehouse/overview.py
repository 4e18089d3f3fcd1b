"""The last day of many symbols at once: a few statements whose cost does not grow with history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, select

from src.domain import HOUR_MS, MINUTE_MS, Interval
from src.freshness import Tier
from src.warehouse import dialects
from src.warehouse.tables import exchange_budget, fact_klines, hourly_klines, latest, series, symbols

_HOURS_BEFORE = 6


@dataclass(frozen=True, slots=True)
class Card:
    """One series as a dashboard shows it; the prices are of the forming candle, None before the first cycle.

    *status* is the exchange's word on the symbol, None where it was never asked.
    """

    id: int
    exchange: str
    symbol: str
    interval: Interval
    tier: Tier
    status: str | None
    candles: int
    last_open_ms: int | None
    forming_open_ms: int | None
    forming: Amounts | None
    last_price: Decimal | None
    seen_ms: int | None


@dataclass(frozen=True, slots=True)
class Amounts:
    """What candles come to together; None stands for none of them."""

    high: Decimal
    low: Decimal
    volume: Decimal
    quote_volume: Decimal
    trade_count: int


@dataclass(frozen=True, slots=True)
class Hours:
    """Hourly rollups of a symbol: what those that begin within a day come to, None where none does.

    *closes* are theirs and those of six hours before, each with the hour's start in UTC ms, oldest first; as
    the database spells them, since most are only passed on.
    """

    amounts: Amounts | None
    candle_count: int
    closes: list[tuple[int, str]]


NO_HOURS = Hours(None, 0, [])


@dataclass(frozen=True, slots=True)
class Edge:
    """The hour that a window begins in: the last close that was known by then, and what is within."""

    close_before: Decimal | None
    amounts: Amounts | None
    candle_count: int


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """What weight an exchange's present minute has used from one address; times in UTC ms."""

    exchange: str
    egress: str
    used_weight: int
    weight_limit: int | None
    blocked_until_ms: int | None


def list_budgets(connection: Connection) -> list[BudgetUse]:
    """List what each exchange and address has used."""
    c = exchange_budget.c
    query = select(c.exchange, c.egress, c.used_weight, c.weight_limit, c.blocked_until)
    return [BudgetUse(*row) for row in connection.execute(query.order_by(c.exchange, c.egress))]


def list_cards(connection: Connection, exchange: str) -> list[Card]:
    """List the tracked series of *exchange*, by symbol, the shortest intervals as they are spelled."""
    same = and_(*[latest.c[name] == series.c[name] for name in ("exchange", "symbol", "interval_code")])
    named = and_(symbols.c.exchange == series.c.exchange, symbols.c.symbol == series.c.symbol)
    shown = ("open_time", "close_price", "high_price", "low_price", "volume", "quote_volume", "trade_count")
    own = ("id", "exchange", "symbol", "interval_code", "tier", "record_count", "last_open_time")
    columns: list[ColumnElement[Any]] = [
        *(series.c[name] for name in own),
        symbols.c.status,
        latest.c.exchange_time,
        *(latest.c[n].label(f"latest_{n}") for n in shown),
    ]
    query = (
        select(*columns)
        .select_from(series.outerjoin(latest, same).outerjoin(symbols, named))
        .where(series.c.tracked, series.c.exchange == exchange)
        .order_by(series.c.symbol, series.c.interval_code)
    )
    return [_card(row) for row in connection.execute(query)]


def read_hours(
    connection: Connection, exchange: str, names: Sequence[str], cutoff_ms: int
) -> dict[str, Hours]:
    """Return the hourly rollups of these symbols; the day's begin after the hour of *cutoff_ms*."""
    c, hour_ms = hourly_klines.c, cutoff_ms - cutoff_ms % HOUR_MS
    is_within = c.hour_start >= hour_ms + HOUR_MS
    closes = dialects.as_pairs(dialects.epoch_ms(c.hour_start, connection), c.close_price, connection)
    shown: list[ColumnElement[Any]] = [
        c.symbol,
        *_sums(c, is_within, connection),
        func.sum(case((is_within, c.candle_count), else_=0)).label("candles"),
        closes.label("closes"),
    ]
    query = (
        select(*shown)
        .where(
            c.exchange == exchange,
            c.symbol.in_(names),
            c.hour_start >= hour_ms - _HOURS_BEFORE * HOUR_MS,
        )
        .group_by(c.symbol)
    )
    return {row.symbol: _hours(row) for row in connection.execute(query)}


def _sums(c: Any, is_within: ColumnElement[bool], connection: Connection) -> list[ColumnElement[Any]]:
    """Return what rows come to for which *is_within* holds, in the order of Amounts; null for none."""
    high, low = (
        dialects.exact(case((is_within, c[name])), connection) for name in ("high_price", "low_price")
    )
    sums = [
        dialects.decimal_sum(case((is_within, c[name])), connection).label(name)
        for name in ("volume", "quote_volume")
    ]
    trades = func.sum(case((is_within, c.trade_count))).label("trades")
    return [func.max(high).label("high"), func.min(low).label("low"), *sums, trades]


def _amounts(row: Row[Any]) -> Amounts | None:
    if row.trades is None:
        return None
    return Amounts(Decimal(row.high), Decimal(row.low), row.volume, row.quote_volume, int(row.trades))


def _hours(row: Row[Any]) -> Hours:
    # Pairs as `dialects.as_pairs` writes them; a loop over each would be half of what a dashboard costs.
    flat = row.closes.replace(",", " ").split(" ")
    closes = sorted(zip(map(int, flat[::2]), flat[1::2], strict=True))
    return Hours(_amounts(row), int(row.candles), closes)


def read_edges(
    connection: Connection, exchange: str, names: Sequence[str], cutoff_ms: int
) -> dict[str, Edge]:
    """Return what the minutes of the hour of *cutoff_ms* come to, from that moment on."""
    c, hour_ms = fact_klines.c, cutoff_ms - cutoff_ms % HOUR_MS
    is_before, is_within = c.open_time <= cutoff_ms - MINUTE_MS, c.open_time >= cutoff_ms
    minutes = (
        select(
            c.symbol,
            func.max(case((is_before, c.open_time))).label("last_before"),
            *_sums(c, is_within, connection),
            func.sum(case((is_within, 1), else_=0)).label("candles"),
        )
        .where(
            c.exchange == exchange,
            c.symbol.in_(names),
            c.interval_code == Interval.M1.value,
            c.open_time >= hour_ms,
            c.open_time < hour_ms + HOUR_MS,
        )
        .group_by(c.symbol)
        .subquery("minutes")
    )
    last = fact_klines.alias("last_before")
    is_last = and_(
        last.c.exchange == exchange,
        last.c.symbol == minutes.c.symbol,
        last.c.interval_code == Interval.M1.value,
        last.c.open_time == minutes.c.last_before,
    )
    query = select(minutes, last.c.close_price).select_from(minutes.outerjoin(last, is_last))
    return {row.symbol: _edge(row) for row in connection.execute(query)}


def _edge(row: Row[Any]) -> Edge:
    return Edge(row.close_price, _amounts(row), int(row.candles))


def _card(row: Row[Any]) -> Card:
    forming = None
    if row.latest_open_time is not None:
        forming = Amounts(
            row.latest_high_price,
            row.latest_low_price,
            row.latest_volume,
            row.latest_quote_volume,
            row.latest_trade_count,
        )
    return Card(
        id=row.id,
        exchange=row.exchange,
        symbol=row.symbol,
        interval=Interval(row.interval_code),
        tier=Tier(row.tier),
        status=row.status,
        candles=row.record_count,
        last_open_ms=row.last_open_time,
        forming_open_ms=row.latest_open_time,
        forming=forming,
        last_price=row.latest_close_price,
        seen_ms=row.exchange_time,
    )
