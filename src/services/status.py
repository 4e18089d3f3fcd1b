"""How the pipeline is doing, from small tables alone: nothing here scans facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, and_, func, select

from src.domain import Interval, SeriesKey
from src.freshness import Freshness, Tier, judge_freshness, lateness_ms
from src.warehouse.engine import Warehouse
from src.warehouse.symbols import TRADING
from src.warehouse.tables import (
    exchange_budget,
    fact_klines,
    fact_klines_coarse,
    lake_objects,
    latest,
    series,
    symbols,
)


@dataclass(frozen=True, slots=True)
class SeriesStatus:
    """One tracked series; *last_price* is the forming candle's close, None before the first cycle.

    *status* is the exchange's word on the symbol when it was last asked, None where it never was.
    """

    key: SeriesKey
    candles: int
    last_open_ms: int | None
    last_price: Decimal | None
    seen_at_ms: int | None
    status: str | None = None
    tier: Tier = Tier.TIER4

    @property
    def is_halted(self) -> bool:
        """Whether the symbol does not trade, so that nothing is to come."""
        return self.status not in {None, TRADING}

    def freshness(self, exchange_now_ms: int) -> Freshness | None:
        """Judge by its tier how late the next candle is; None while nothing is held or to come."""
        if self.last_open_ms is None or self.is_halted:
            return None
        return judge_freshness(lateness_ms(self.key.interval, self.last_open_ms, exchange_now_ms), self.tier)

    def lag_ms(self, exchange_now_ms: int) -> int | None:
        """Return how far the end of the last held candle lies behind; None while nothing is held."""
        if self.last_open_ms is None:
            return None
        return exchange_now_ms - self.key.interval.next(self.last_open_ms)


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """A snapshot of everything; objects by state, weight of the exchange's present minute."""

    series: list[SeriesStatus]
    objects: dict[str, int]
    used_weight: int
    weight_limit: int | None
    blocked_until_ms: int | None


def read_status(warehouse: Warehouse) -> PipelineStatus:
    """Read the status of what is tracked."""
    with warehouse.read() as connection:
        return PipelineStatus(read_series(connection), _count_objects(connection), *_find_budget(connection))


def read_series(connection: Connection) -> list[SeriesStatus]:
    """Read the status of each tracked series."""
    same = and_(
        latest.c.exchange == series.c.exchange,
        latest.c.symbol == series.c.symbol,
        latest.c.interval_code == series.c.interval_code,
    )
    named = and_(symbols.c.exchange == series.c.exchange, symbols.c.symbol == series.c.symbol)
    query = (
        select(series, latest.c.close_price, latest.c.exchange_time, symbols.c.status)
        .select_from(series.outerjoin(latest, same).outerjoin(symbols, named))
        .where(series.c.tracked)
        .order_by(series.c.exchange, series.c.symbol, series.c.interval_code)
    )
    return [
        SeriesStatus(
            SeriesKey(row.exchange, row.symbol, Interval(row.interval_code)),
            row.record_count,
            row.last_open_time,
            row.close_price,
            row.exchange_time,
            row.status,
            Tier(row.tier),
        )
        for row in connection.execute(query)
    ]


def _count_objects(connection: Connection) -> dict[str, int]:
    query = select(lake_objects.c.state, func.count().label("objects")).group_by(lake_objects.c.state)
    return {row.state: row.objects for row in connection.execute(query)}


def _find_budget(connection: Connection) -> tuple[int, int | None, int | None]:
    columns = exchange_budget.c
    row = connection.execute(select(columns.used_weight, columns.weight_limit, columns.blocked_until)).first()
    return (0, None, None) if row is None else (row.used_weight, row.weight_limit, row.blocked_until)


def read_recent_closes(
    warehouse: Warehouse, keys: Sequence[SeriesKey], count: int
) -> dict[SeriesKey, list[Decimal]]:
    """Return the closes of each series' last *count* candles, oldest first."""
    with warehouse.read() as connection:
        return {key: _closes(connection, key, count) for key in keys}


def _closes(connection: Connection, key: SeriesKey, count: int) -> list[Decimal]:
    facts = fact_klines_coarse if key.interval.is_coarse else fact_klines
    of_series = and_(
        facts.c.exchange == key.exchange,
        facts.c.symbol == key.symbol,
        facts.c.interval_code == key.interval.value,
    )
    newest = select(facts.c.close_price).where(of_series).order_by(facts.c.open_time.desc()).limit(count)
    return list(connection.scalars(newest))[::-1]
