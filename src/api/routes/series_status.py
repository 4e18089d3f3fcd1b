"""How each series is doing: how much is held, how fresh, how complete."""

from __future__ import annotations

from pydantic import Field

from src.api.asking import settings_now
from src.api.context import clock, warehouse
from src.api.known import check_symbols
from src.api.routing import Routes
from src.api.schemas import OfExchange, Out, SymbolName, parameter
from src.domain import Interval, SeriesKey
from src.freshness import Freshness, Tier, judge_freshness, lateness_ms
from src.services.coverage import SeriesCoverage, read_coverage
from src.warehouse.runs import RunRow, RunState
from src.warehouse.series import SeriesRow
from src.warehouse.series_runs import list_last_of_series
from src.warehouse.symbols import TRADING, list_statuses

routes = Routes("series status", "How each series is doing.")


class LastRunOut(Out):
    id: int
    kind: str
    state: RunState
    created_ms: int
    finished_ms: int | None


class SeriesStatusOut(Out):
    symbol: str
    interval: Interval
    tracked: bool
    tier: Tier
    status: str | None = Field(description="The exchange's word, like TRADING; null if it was never asked.")
    record_count: int
    oldest_ms: int | None = Field(description="Start of the first candle that is held.")
    newest_ms: int | None = Field(description="Start of the last one.")
    freshness: Freshness | None = Field(description="Null while nothing is held or the symbol is halted.")
    share: float | None = Field(description="How much of what is wanted is held, 0 to 1.")
    wanted_from_ms: int | None
    keep_days: int | None = Field(description="Null as the settings say, 0 for ever.")
    gaps: int = Field(description="How many are open.")
    missing_candles: int = Field(
        description="What is wanted and not held, the end that is still to come included."
    )
    lag_candles: int = Field(description="How many of those are at the end, and no gap.")
    last_run: LastRunOut | None = Field(description="The newest run about this series alone.")


class SymbolsStatusOut(Out):
    exchange: str
    now_ms: int
    series: list[SeriesStatusOut]


class StatusQuery(OfExchange):
    symbol: list[SymbolName] = parameter([], about="Only these; may be given several times.")
    interval: Interval | None = parameter(None, about="Only of this interval.")


@routes.get("/api/data-ingestion/symbols-status", responses={200: SymbolsStatusOut})
def symbols_status(query: StatusQuery) -> SymbolsStatusOut:
    """Return how each series is doing: how much is held, how fresh, how complete, and its last run."""
    check_symbols(query.symbol, query.exchange)
    now_ms = clock().now_ms()
    with warehouse().read() as connection:
        keep_days = settings_now(connection).keep_days
        found = read_coverage(connection, now_ms, query.symbol, query.interval, keep_days)
        last, statuses = list_last_of_series(connection), list_statuses(connection, query.exchange)
    rows = [
        _status(one, statuses.get(one.row.key.symbol), last.get(one.row.key), now_ms)
        for one in found
        if one.row.key.exchange == query.exchange
    ]
    return SymbolsStatusOut(exchange=query.exchange, now_ms=now_ms, series=rows)


def _status(one: SeriesCoverage, status: str | None, run: RunRow | None, now_ms: int) -> SeriesStatusOut:
    row = one.row
    return SeriesStatusOut(
        symbol=row.key.symbol,
        interval=row.key.interval,
        tracked=row.tracked,
        tier=Tier(row.tier),
        status=status,
        record_count=row.record_count,
        oldest_ms=row.first_open_ms,
        newest_ms=row.last_open_ms,
        freshness=_freshness(row.key, row, status, now_ms),
        share=one.share,
        wanted_from_ms=row.wanted_from_ms,
        keep_days=row.keep_days,
        gaps=len(one.gaps),
        missing_candles=one.missing_candles,
        lag_candles=one.lag_candles,
        last_run=_last_run(run) if run else None,
    )


def _freshness(key: SeriesKey, row: SeriesRow, status: str | None, now_ms: int) -> Freshness | None:
    if row.last_open_ms is None or status not in {None, TRADING}:
        return None
    return judge_freshness(lateness_ms(key.interval, row.last_open_ms, now_ms), Tier(row.tier))


def _last_run(run: RunRow) -> LastRunOut:
    names = LastRunOut.model_fields
    return LastRunOut(**{name: getattr(run, name) for name in names})
