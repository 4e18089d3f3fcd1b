"""Where a candle came from: object, request, run."""

from __future__ import annotations

from pydantic import Field

from src.api.asking import settings_now
from src.api.context import clock, parts, warehouse
from src.api.known import check_exchange
from src.api.object_schemas import SourceOut, gone, source_fields
from src.api.routing import Routes
from src.api.schemas import ExchangeName, In, OfSymbol, Out, TimeMs, parameter
from src.domain import Interval, format_utc
from src.maintenance.lineage import explain_absence, open_source
from src.warehouse.facts import CANDLE_COLUMNS
from src.warehouse.lineage import Lineage, find_lineage, get_series
from src.warehouse.symbols import Lifetime, list_lifetimes

routes = Routes("lineage", "Where a candle came from.")


class LineageQuery(In):
    exchange: ExchangeName = parameter("binance", about="The exchange.")
    interval: Interval = parameter(Interval.M1, about="The candle's interval.")
    time: TimeMs = parameter(about="Any moment of the candle.", example="2026-01-09T14:30Z")


class RollupOut(Out):
    length: Interval = Field(description="1h or 1d.")
    start_ms: int
    candle_count: int
    sealed_at_ms: int | None


class VersionOut(Out):
    """The candle as it was before the exchange amended it."""

    known_from_ms: int
    known_until_ms: int | None
    close_price: str
    volume: str
    object_id: int
    replaced_by: int | None


class StoredCandleOut(Out):
    """The columns of a candle as they are stored; times without an offset are UTC."""

    open_time: str
    open_price: str
    high_price: str
    low_price: str
    close_price: str
    volume: str
    close_time: str
    quote_volume: str
    trade_count: str
    taker_buy_volume: str
    taker_buy_quote_volume: str


class LineageOut(Out):
    exchange: str
    symbol: str
    interval: Interval
    open_time_ms: int
    open_time: str
    candle: StoredCandleOut | None = Field(description="Null where there is none.")
    why_not: str | None = Field(description="Why there is no candle.")
    gap_id: int | None
    object: SourceOut | None
    rollups: list[RollupOut]
    earlier_versions: list[VersionOut]


@routes.get("/api/lineage/<symbol>", responses={200: LineageOut})
def lineage(path: OfSymbol, query: LineageQuery) -> LineageOut:
    """Return where a candle came from: object, request, run; or why there is none."""
    check_exchange(query.exchange)
    with warehouse().read() as connection:
        series = get_series(connection, query.exchange, path.symbol, query.interval)
        found = find_lineage(connection, series, query.time)
        lifetime = list_lifetimes(connection).get((query.exchange, path.symbol), Lifetime())
        keep_days = settings_now(connection).keep_days
    why_not = None if found.candle else explain_absence(found, lifetime, clock().now_ms(), keep_days)
    open_ms = found.candle.open_time_ms if found.candle else found.slot.start_ms
    return LineageOut(
        exchange=query.exchange,
        symbol=path.symbol,
        interval=query.interval,
        open_time_ms=open_ms,
        open_time=format_utc(open_ms),
        candle=_stored(found.candle.row) if found.candle else None,
        why_not=why_not,
        gap_id=found.gap.id if found.gap else None,
        object=_source(found),
        rollups=[
            RollupOut(
                length=Interval(key.length),
                start_ms=key.start_ms,
                candle_count=rollup.candle_count,
                sealed_at_ms=rollup.sealed_at_ms,
            )
            for key, rollup in sorted(found.rollups.items(), reverse=True)
        ],
        earlier_versions=_versions(found),
    )


def _stored(row: str) -> StoredCandleOut:
    return StoredCandleOut(**dict(zip(CANDLE_COLUMNS, row.split("\t"), strict=True)))


def _versions(found: Lineage) -> list[VersionOut]:
    return [
        VersionOut(
            known_from_ms=one.known_from_ms,
            known_until_ms=one.known_until_ms,
            close_price=f"{one.candle.close_price:f}",
            volume=f"{one.candle.volume:f}",
            object_id=one.object_id,
            replaced_by=one.replaced_by,
        )
        for one in found.versions
    ]


def _source(found: Lineage) -> SourceOut | None:
    if found.candle is None:
        return None
    row = found.source
    if row is None:
        return gone(found.candle.object_id, "the catalog has it no more")
    return SourceOut(**source_fields(row, open_source(parts().lake, row, found.candle.open_time_ms)))
