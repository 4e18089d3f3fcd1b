"""Gaps: which candles are missing, why, and what is done about it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from src.api.asking import AskedOut, asked, settings_now
from src.api.context import clock, note, parts, requested_by, warehouse
from src.api.known import check_exchange, check_kept, check_symbols
from src.api.paging import Page, Paged, make_cursor, read_cursor, split_page
from src.api.problems import invalid, not_found
from src.api.routing import Routes
from src.api.schemas import (
    ExchangeName,
    In,
    NamedSymbols,
    OfExchange,
    OfSymbol,
    Out,
    SymbolName,
    TimeMs,
    check_window,
    named_symbols,
    parameter,
)
from src.domain import DAY_MS, Interval, SeriesKey
from src.jobs.filling import ask_fill
from src.maintenance.evidence import EvidenceCheck
from src.maintenance.gaps import detect_gaps
from src.maintenance.outages import read_outages
from src.warehouse.gaps import OPEN_STATES, GapFilter, GapReason, GapRow, GapState, list_gaps
from src.warehouse.series import list_series
from src.warehouse.tables import series as series_table

routes = Routes("gaps", "Which candles are missing, why, and what is done about it.")

_MOST = 5_000
_MOST_NAMED = 20


class GapsQuery(Paged, OfExchange):
    symbol: list[SymbolName] = parameter([], about="Only these; may be given several times.")
    interval: list[Interval] = parameter([], about="Only of these intervals; may be given several times.")
    state: list[GapState] = parameter([], about="Only in these states; all but filled where none is named.")
    recent_days_only: int | None = parameter(
        None, about="Only gaps that end within so many days.", ge=1, le=36_500
    )
    start: TimeMs | None = parameter(None, about="Only gaps that end after then.")
    end: TimeMs | None = parameter(None, about="Only gaps that start before then.")


class EvidenceOut(Out):
    """An answer of the exchange that had no candle there."""

    key: str = Field(description="The object that holds it.")
    start_ms: int
    end_ms: int
    asked_ms: int


class GapOut(Out):
    id: int
    exchange: str
    symbol: str
    interval: Interval
    start_ms: int
    end_ms: int
    missing: int = Field(description="How many candles.")
    state: GapState
    reason: GapReason
    reason_in_words: str
    hint: str | None = Field(description="More about it, for people.")
    beyond_reach: int = Field(description="How many of them the exchange's API does not give any more.")
    file_hint: str | None = Field(description="Where a file that would fill it can be had.")
    detected_ms: int
    attempted_ms: int | None = Field(description="When it was asked for last.")
    attempts: int
    ask_again_ms: int | None = Field(description="When asking is worth while again; null for at once.")
    filled_ms: int | None
    run_id: int | None = Field(description="The run that asked last.")
    error: str | None
    evidence: list[EvidenceOut] = Field(description="The answers that prove it empty.")


class GapsOut(Page):
    gaps: list[GapOut]


@routes.get("/api/data-ingestion/gaps", responses={200: GapsOut})
def gaps(query: GapsQuery) -> GapsOut:
    """List gaps, those that end last first."""
    check_symbols(query.symbol, query.exchange)
    with warehouse().read() as connection:
        rows = list_series(connection, tracked_only=False, where=series_table.c.exchange == query.exchange)
    wanted = [
        row.id
        for row in rows
        if (not query.symbol or row.key.symbol in query.symbol)
        and (not query.interval or row.key.interval in query.interval)
    ]
    return _page({row.id: row.key for row in rows}, wanted, query)


class OfSeries(OfSymbol):
    interval: Interval = parameter(about="The series' interval.", example="1m")


class SeriesGapsQuery(Paged):
    exchange: ExchangeName = parameter("binance", about="The exchange.")
    state: list[GapState] = parameter([], about="Only in these states; all but filled where none is named.")
    recent_days_only: int | None = parameter(
        None, about="Only gaps that end within so many days.", ge=1, le=36_500
    )
    start: TimeMs | None = parameter(None, about="Only gaps that end after then.")
    end: TimeMs | None = parameter(None, about="Only gaps that start before then.")


@routes.get("/api/data-ingestion/gaps/<symbol>/<interval>", responses={200: GapsOut})
def gaps_of_series(path: OfSeries, query: SeriesGapsQuery) -> GapsOut:
    """List the gaps of one series, those that end last first."""
    check_exchange(query.exchange)
    key = SeriesKey(query.exchange, path.symbol, path.interval)
    with warehouse().read() as connection:
        found = [row for row in list_series(connection, tracked_only=False) if row.key == key]
    if not found:
        raise not_found(f"nothing is kept of {key}; /api/symbols tells of what is")
    return _page({row.id: row.key for row in found}, [found[0].id], query)


def _page(keys: dict[int, SeriesKey], wanted: list[int], query: GapsQuery | SeriesGapsQuery) -> GapsOut:
    check_window(query.start, query.end)
    if not wanted:  # none named would mean all
        return GapsOut(gaps=[], next_cursor=None)
    before = read_cursor(query.cursor, int, int)
    chosen = GapFilter(
        series_ids=wanted,
        states=query.state or OPEN_STATES,
        ends_after_ms=_ends_after_ms(query),
        starts_before_ms=query.end,
        before=(before[0], before[1]) if before else None,
    )
    with warehouse().read() as connection:
        rows = list_gaps(connection, chosen, query.limit + 1)
    page, cursor = split_page(rows, query.limit, lambda row: make_cursor(row.window.end_ms, row.id))
    return GapsOut(gaps=[_out(keys[row.series_id], row) for row in page], next_cursor=cursor)


def _ends_after_ms(query: GapsQuery | SeriesGapsQuery) -> int | None:
    """Return the later of what *recent_days_only* and *start* ask for."""
    days = query.recent_days_only
    bounds = [None if days is None else clock().now_ms() - days * DAY_MS, query.start]
    return max((bound for bound in bounds if bound is not None), default=None)


_SAME = (
    "id",
    "missing",
    "state",
    "reason",
    "hint",
    "beyond_reach",
    "detected_ms",
    "attempted_ms",
    "attempts",
    "ask_again_ms",
    "filled_ms",
    "run_id",
    "error",
)


def _out(key: SeriesKey, row: GapRow) -> GapOut:
    return GapOut(
        **{name: getattr(row, name) for name in _SAME},
        exchange=key.exchange,
        symbol=key.symbol,
        interval=key.interval,
        start_ms=row.window.start_ms,
        end_ms=row.window.end_ms,
        reason_in_words=row.reason.in_words,
        file_hint=row.filling_file,
        evidence=[
            EvidenceOut(
                key=one.key, start_ms=one.window.start_ms, end_ms=one.window.end_ms, asked_ms=one.asked_ms
            )
            for one in row.evidence
        ],
    )


class FillIn(In):
    """Which gaps: those that are named, or those of symbols, intervals and days."""

    ids: list[int] = parameter([], about="Gaps by number: they are asked for at once.", max_length=_MOST)
    symbols: NamedSymbols = named_symbols("Only of these symbols", "of all")
    intervals: list[Interval] = parameter([], about="Only of these intervals; of all where none is named.")
    lookback_days: int | None = parameter(None, about="Only of the last days.", ge=1, le=36_500)
    max_gaps: int = parameter(2_000, about="The newest ones, so many at most.", ge=1, le=_MOST)


@routes.post("/api/data-ingestion/gaps/fill", responses={202: AskedOut})
def fill_gaps(body: FillIn) -> tuple[AskedOut, int]:
    """Ask for what is missing, the newest first.

    What the lake has is loaded again; the exchange is asked for the rest. Two answers without a candle, an
    hour apart, close a gap as empty at the exchange.
    """
    if body.ids and (body.symbols or body.intervals or body.lookback_days):
        raise invalid("ids", "go with neither symbols, intervals nor lookback_days", "one of both")
    if any(not 0 < one < 2**63 for one in body.ids):
        raise invalid("ids", "some cannot be numbers of gaps", "numbers of gaps")
    check_kept(body.symbols, {"intervals": body.intervals})
    _check_gaps(body.ids)
    wanted: dict[str, Any] = body.model_dump(mode="json")
    return asked(ask_fill(warehouse(), wanted, requested_by()), "fill gaps"), 202


def _check_gaps(ids: list[int]) -> None:
    """Refuse gaps that are not there, before a run is queued that would find nothing to do."""
    if not ids:
        return
    with warehouse().read() as connection:
        unknown = set(ids) - {row.id for row in list_gaps(connection, GapFilter(ids=ids))}
    if unknown:
        named = ", ".join(map(str, sorted(unknown)[:_MOST_NAMED]))
        more = f" and {len(unknown) - _MOST_NAMED} others" if len(unknown) > _MOST_NAMED else ""
        raise not_found(f"there is no gap {named}{more}; /api/data-ingestion/gaps lists them")


class CheckIn(In):
    """Which series to look at."""

    exchange: ExchangeName = parameter("binance", about="The exchange.")
    symbols: NamedSymbols = named_symbols("Tracked symbols")


class CheckedOut(Out):
    series: int = Field(description="How many were looked at.")
    detected: int = Field(description="How many gaps are new.")
    filled: int
    reopened: int
    open: int = Field(description="How many gaps are open now.")
    missing: int = Field(description="How many candles they lack.")
    lag_candles: int = Field(description="What is missing at the ends of series, and is no gap.")


@routes.post("/api/data-ingestion/gaps/check", responses={200: CheckedOut})
def check_gaps(body: CheckIn) -> CheckedOut:
    """Look for gaps now; the exchange is not asked."""
    made = parts()
    with warehouse().read() as connection:
        tracked = [row.key for row in list_series(connection) if row.key.exchange == body.exchange]
        keep_days = settings_now(connection).keep_days
    if unknown := set(body.symbols) - {key.symbol for key in tracked}:
        raise invalid("symbols", f"not tracked: {', '.join(sorted(unknown))}", "tracked symbols")
    chosen = [key for key in tracked if key.symbol in body.symbols] if body.symbols else None
    outages, now_ms = read_outages(made.settings.data_dir / "outages.yaml"), clock().now_ms()
    EvidenceCheck(made.lake, made.warehouse).look()
    found = warehouse().run(
        lambda connection: detect_gaps(connection, now_ms, chosen, outages=outages, keep_days=keep_days)
    )
    note(f"looked for gaps: {found.detected} new")
    names = ("detected", "filled", "reopened", "open", "missing", "lag_candles")
    return CheckedOut(series=found.looked_at, **{name: getattr(found, name) for name in names})
