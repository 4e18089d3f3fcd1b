"""The last day of many symbols at once: a few statements whose cost does not grow with history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, select

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
class Hour:
    """One hourly rollup."""

    start_ms: int
    close: Decimal
    candle_count: int
    amounts: Amounts


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
    query = (
        select(
            series,
            symbols.c.status,
            latest.c.exchange_time,
            *(latest.c[n].label(f"latest_{n}") for n in shown),
        )
        .select_from(series.outerjoin(latest, same).outerjoin(symbols, named))
        .where(series.c.tracked, series.c.exchange == exchange)
        .order_by(series.c.symbol, series.c.interval_code)
    )
    return [_card(row) for row in connection.execute(query)]


def read_hours(
    connection: Connection, exchange: str, names: Sequence[str], cutoff_ms: int
) -> dict[str, list[Hour]]:
    """Return the hourly rollups of these symbols since six hours before the hour of *cutoff_ms*."""
    c = hourly_klines.c
    query = (
        select(
            c.symbol,
            c.hour_start,
            c.close_price,
            c.candle_count,
            c.high_price,
            c.low_price,
            c.volume,
            c.quote_volume,
            c.trade_count,
        )
        .where(
            c.exchange == exchange,
            c.symbol.in_(names),
            c.hour_start >= cutoff_ms - cutoff_ms % HOUR_MS - _HOURS_BEFORE * HOUR_MS,
        )
        .order_by(c.symbol, c.hour_start)
    )
    found: dict[str, list[Hour]] = {}
    for symbol, start_ms, close, count, *amounts in connection.execute(query):
        found.setdefault(symbol, []).append(Hour(start_ms, close, count, Amounts(*amounts)))
    return found


def read_edges(
    connection: Connection, exchange: str, names: Sequence[str], cutoff_ms: int
) -> dict[str, Edge]:
    """Return what the minutes of the hour of *cutoff_ms* come to, from that moment on."""
    c, hour_ms = fact_klines.c, cutoff_ms - cutoff_ms % HOUR_MS
    is_before, is_within = c.open_time <= cutoff_ms - MINUTE_MS, c.open_time >= cutoff_ms
    sums = [
        dialects.decimal_sum(case((is_within, c[name])), connection).label(name)
        for name in ("volume", "quote_volume")
    ]
    minutes = (
        select(
            c.symbol,
            func.max(case((is_before, c.open_time))).label("last_before"),
            func.max(case((is_within, c.high_price))).label("high"),
            func.min(case((is_within, c.low_price))).label("low"),
            *sums,
            func.sum(case((is_within, c.trade_count))).label("trades"),
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
    if not row.candles:
        return Edge(row.close_price, None, 0)
    high, low = Decimal(row.high), Decimal(row.low)
    amounts = Amounts(high, low, row.volume, row.quote_volume, int(row.trades))
    return Edge(row.close_price, amounts, int(row.candles))


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
