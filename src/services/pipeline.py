"""The pipeline at a glance: what comes in, what waits, what is held, how late it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from src.clock import Clock
from src.domain import HOUR_MS
from src.freshness import Freshness
from src.services.status import SeriesStatus, read_series
from src.warehouse.engine import Warehouse
from src.warehouse.ingestion import Flow, Totals, Waiting, list_waiting_lanes, read_flow, read_totals
from src.warehouse.leases import find_lease
from src.warehouse.overview import BudgetUse, list_budgets

_LEADER = "leader"


@dataclass(frozen=True, slots=True)
class PipelineOverview:
    """*flow* is of the last hour; *freshness* counts tracked series, those that hold nothing left out.

    *worst_lag_ms* is how far the last candle lies behind of the series that is furthest behind.
    """

    flow: Flow
    waiting: list[Waiting]
    totals: Totals
    series: int
    freshness: dict[Freshness, int]
    worst_lag_ms: int | None
    leader: str | None
    leads_since_ms: int | None
    budgets: list[BudgetUse]


def read_overview(warehouse: Warehouse, clock: Clock) -> PipelineOverview:
    """Read it all in one transaction, from small tables and indexes."""
    now_ms = clock.now_ms()
    with warehouse.read() as connection:
        rows = read_series(connection)
        lease = find_lease(connection, _LEADER)
        leads = lease is not None and not lease.is_expired
        return PipelineOverview(
            flow=read_flow(connection, now_ms - HOUR_MS),
            waiting=list_waiting_lanes(connection),
            totals=read_totals(connection),
            series=len(rows),
            freshness=_count_freshness(rows, now_ms),
            worst_lag_ms=max(_lags(rows, now_ms), default=None),
            leader=lease.holder if lease and leads else None,
            leads_since_ms=lease.acquired_at_ms if lease and leads else None,
            budgets=list_budgets(connection),
        )


def _count_freshness(rows: Sequence[SeriesStatus], now_ms: int) -> dict[Freshness, int]:
    counted = Counter(filter(None, (row.freshness(now_ms) for row in rows)))
    return {each: counted[each] for each in Freshness}


def _lags(rows: Sequence[SeriesStatus], now_ms: int) -> list[int]:
    lags = (row.lag_ms(now_ms) for row in rows if not row.is_halted)
    return [lag for lag in lags if lag is not None]
