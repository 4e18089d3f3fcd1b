"""What proof has found: days that were compared with the lake, candles that the exchange amended."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from src.api.context import warehouse
from src.api.known import check_symbols
from src.api.paging import Page, Paged, make_cursor, read_cursor, split_page
from src.api.problems import invalid
from src.api.routing import Routes
from src.api.schemas import OfExchange, Out, SymbolName, parameter
from src.domain import Interval, SeriesKey
from src.warehouse import restatements
from src.warehouse.restatements import Version
from src.warehouse.series import SeriesRow
from src.warehouse.verification import ResultFilter, VerifyResult, VerifyState, count_results, list_newest

routes = Routes("proven", "What proof has found: compared days, amended candles.")


class VerifiedQuery(Paged, OfExchange):
    symbol: list[SymbolName] = parameter([], about="Only these; may be given several times.")
    state: list[VerifyState] = parameter([], about="Only days that compared so; all where none is named.")


class VerifiedDayOut(Out):
    """One day of a series, as it compared when that was last tried."""

    symbol: str
    interval: Interval
    day: date
    state: VerifyState
    is_fault: bool = Field(description="Whether it tells that something is wrong.")
    candles: int
    detail: str
    verified_ms: int


class VerifiedCountOut(Out):
    state: VerifyState
    days: int
    last_ms: int = Field(description="When a day that is so was compared last.")


class VerifiedOut(Page):
    counts: list[VerifiedCountOut] = Field(description="Of all series, whatever the page is narrowed to.")
    results: list[VerifiedDayOut]


@routes.get("/api/verify/results", responses={200: VerifiedOut})
def verify_results(query: VerifiedQuery) -> VerifiedOut:
    """List how each day compared with the lake when that was last tried, the last first."""
    check_symbols(query.symbol, query.exchange)
    wanted = ResultFilter(query.symbol, query.state, _read_place(query.cursor))
    with warehouse().read() as connection:
        rows = list_newest(connection, query.exchange, wanted, query.limit + 1)
        counts = count_results(connection, query.exchange)
    page, cursor = split_page(rows, query.limit, lambda row: _place(row[1]))
    return VerifiedOut(
        counts=[
            VerifiedCountOut(state=state, days=days, last_ms=last_ms)
            for state, (days, last_ms) in sorted(counts.items())
        ],
        results=[_verified(*row) for row in page],
        next_cursor=cursor,
    )


def _place(one: VerifyResult) -> str:
    return make_cursor(one.verified_ms, one.series_id, one.day.isoformat())


def _read_place(cursor: str | None) -> tuple[int, int, date] | None:
    values = read_cursor(cursor, int, int, str)
    if values is None:
        return None
    try:
        return values[0], values[1], date.fromisoformat(values[2])
    except ValueError:
        raise invalid(
            "cursor", "is none of this route", "next_cursor of the page before, unchanged"
        ) from None


def _verified(key: SeriesKey, one: VerifyResult) -> VerifiedDayOut:
    return VerifiedDayOut(
        symbol=key.symbol,
        interval=key.interval,
        day=one.day,
        state=one.state,
        is_fault=one.state.is_fault,
        candles=one.candles,
        detail=one.detail,
        verified_ms=one.verified_ms,
    )


class RestatedQuery(Paged, OfExchange):
    symbol: list[SymbolName] = parameter([], about="Only these; may be given several times.")


class RestatedOut(Out):
    """A candle as it was before the exchange amended it; /api/lineage/{symbol} tells all its versions."""

    symbol: str
    interval: Interval
    open_time_ms: int
    close_price: str
    volume: str
    known_from_ms: int
    replaced_ms: int
    object_id: int
    replaced_by: int = Field(description="The object with the newer version.")


class RestatementsOut(Page):
    restatements: list[RestatedOut]


@routes.get("/api/restatements", responses={200: RestatementsOut})
def restated(query: RestatedQuery) -> RestatementsOut:
    """List the versions of candles that were replaced by others, the last first."""
    check_symbols(query.symbol, query.exchange)
    place = read_cursor(query.cursor, int, int, int, int, int)
    before = (place[0], place[1], place[2], place[3], place[4]) if place else None
    with warehouse().read() as connection:
        rows = restatements.list_newest(connection, query.exchange, query.symbol, before, query.limit + 1)
    page, cursor = split_page(rows, query.limit, _place_of_version)
    return RestatementsOut(restatements=[_restated(*row) for row in page], next_cursor=cursor)


def _place_of_version(row: tuple[SeriesRow, Version]) -> str:
    series, one = row
    replaced_ms = one.known_until_ms or 0
    return make_cursor(replaced_ms, series.id, one.candle.open_time_ms, one.known_from_ms, one.object_id)


def _restated(series: SeriesRow, one: Version) -> RestatedOut:
    return RestatedOut(
        symbol=series.key.symbol,
        interval=series.key.interval,
        open_time_ms=one.candle.open_time_ms,
        close_price=f"{one.candle.close_price:f}",
        volume=f"{one.candle.volume:f}",
        known_from_ms=one.known_from_ms,
        replaced_ms=one.known_until_ms or 0,
        object_id=one.object_id,
        replaced_by=one.replaced_by or 0,
    )
