"""What is held and whether it is right: coverage, lineage, quality."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Any

from pydantic import Field
from sqlalchemy import Connection

from src.api.context import clock, parts, warehouse
from src.api.known import check_exchange, check_symbols
from src.api.paging import Page, Paged, make_cursor, read_cursor, split_page
from src.api.problems import invalid, not_found
from src.api.routing import Routes
from src.api.schemas import ExchangeName, In, OfExchange, OfSymbol, Out, SymbolName, TimeMs, parameter
from src.domain import Interval, Window, format_utc
from src.lake.store import Bucket
from src.maintenance.lineage import explain_absence, open_source
from src.mutable_settings import effective
from src.services.coverage import SeriesCoverage, read_coverage
from src.services.coverage_days import DayCell, list_days
from src.warehouse.app_settings import read_settings
from src.warehouse.catalog import ObjectState
from src.warehouse.facts import CANDLE_COLUMNS
from src.warehouse.lineage import Lineage, find_lineage, get_series
from src.warehouse.objects import ObjectRow
from src.warehouse.quality import FindingFilter, FindingKind, FindingRow, Severity, list_findings
from src.warehouse.symbols import Lifetime, list_lifetimes

routes = Routes("proof", "What is held, where it came from, and whether it is right.")

_MOST_WINDOWS = 1_000


class CoverageQuery(OfExchange):
    symbol: list[SymbolName] = parameter([], about="Only these; may be given several times.")
    interval: Interval | None = parameter(None, about="Only of this interval.")
    windows: bool = parameter(
        False, about=f"Whether the windows are listed, up to {_MOST_WINDOWS:,} of a kind and series."
    )
    days_from: TimeMs | None = parameter(
        None, about="Each UTC day from then on, with how much of it is held."
    )
    days_until: TimeMs | None = parameter(None, about="With days_from: until then; else until now.")


class WindowOut(Out):
    start_ms: int
    end_ms: int


class HeldSource(StrEnum):
    API = "api"
    FILE = "file"
    MIXED = "mixed"


class HeldOut(WindowOut):
    candles: int
    source: HeldSource = Field(description="How they came.")
    verified_ms: int | None = Field(description="When they were last counted.")


class UnwantedOut(WindowOut):
    reason: str


class DayCellOut(Out):
    """One UTC day of the heatmap."""

    day: date
    wanted: int = Field(description="How many candles are wanted; 0 where none are.")
    held: int = Field(description="How many are held, wanted or not.")
    missing: int = Field(description="How many of those that are wanted are not held.")


class SeriesCoverageOut(Out):
    symbol: str
    interval: Interval
    tracked: bool
    wanted: WindowOut | None = Field(description="Null where nothing is.")
    held_from_ms: int | None
    held_to_ms: int | None
    ranges: int = Field(description="How many windows are held; one, where nothing is missing between.")
    candles: int
    share: float | None = Field(description="How much of what is wanted is held, 0 to 1.")
    missing_candles: int
    held: list[HeldOut] | None = Field(description="Null unless asked for.")
    missing: list[WindowOut] | None
    not_wanted: list[UnwantedOut] | None = Field(description="Null unless windows or days are asked for.")
    days: list[DayCellOut] | None


class CoverageOut(Out):
    exchange: str
    series: list[SeriesCoverageOut]


@routes.get("/api/coverage", responses={200: CoverageOut})
def coverage(query: CoverageQuery) -> CoverageOut:
    """Return what is held of each series, and how much of what is wanted that is.

    With `days_from` each day, for a heatmap.
    """
    check_exchange(query.exchange)
    now_ms = clock().now_ms()
    days = None if query.days_from is None else _days(query.days_from, query.days_until, now_ms)
    with warehouse().read() as connection:
        found = read_coverage(connection, now_ms, query.symbol, query.interval, _keep_days(connection))
    rows = [one for one in found if one.row.key.exchange == query.exchange]
    if missing := set(query.symbol) - {one.row.key.symbol for one in rows}:
        raise not_found(f"nothing is kept of {', '.join(sorted(missing))}; /api/symbols tells of what is")
    return CoverageOut(
        exchange=query.exchange, series=[_coverage(one, windows=query.windows, days=days) for one in rows]
    )


def _days(start_ms: int, end_ms: int | None, now_ms: int) -> tuple[int, int]:
    end_ms = now_ms if end_ms is None else end_ms
    if end_ms < start_ms:
        raise invalid("days_from", "comes after the end of the days", f"a time before {format_utc(end_ms)}")
    return start_ms, end_ms


def _keep_days(connection: Connection) -> int:
    """Return how long candles under an hour stay, by the settings as they are stored."""
    return effective(parts().settings, read_settings(connection)).keep_days


def _coverage(one: SeriesCoverage, *, windows: bool, days: tuple[int, int] | None) -> SeriesCoverageOut:
    key, first, last = one.row.key, one.ranges[:1], one.ranges[-1:]
    lists: dict[str, Any] = dict.fromkeys(("held", "missing", "not_wanted"))
    if windows or days:
        lists["not_wanted"] = [
            UnwantedOut(**_window(each.window), reason=each.reason) for each in one.unwanted
        ]
    if windows:
        lists |= {
            "held": [
                HeldOut(
                    **_window(each.window),
                    candles=each.record_count,
                    source=HeldSource(each.source),
                    verified_ms=each.verified_ms,
                )
                for each in one.ranges[-_MOST_WINDOWS:]
            ],
            "missing": [WindowOut(**_window(window)) for window in one.missing[-_MOST_WINDOWS:]],
        }
    return SeriesCoverageOut(
        symbol=key.symbol,
        interval=key.interval,
        tracked=one.row.tracked,
        wanted=WindowOut(**_window(one.wanted)) if one.wanted else None,
        held_from_ms=first[0].window.start_ms if first else None,
        held_to_ms=last[0].window.end_ms if last else None,
        ranges=len(one.ranges),
        candles=sum(each.record_count for each in one.ranges),
        share=one.share,
        missing_candles=one.missing_candles,
        days=None if days is None else list(map(_day, list_days(one, *days))),
        **lists,
    )


def _window(window: Window) -> dict[str, int]:
    return {"start_ms": window.start_ms, "end_ms": window.end_ms}


def _day(cell: DayCell) -> DayCellOut:
    return DayCellOut(**cell._asdict())


class LineageQuery(In):
    exchange: ExchangeName = parameter("binance", about="The exchange.")
    interval: Interval = parameter(Interval.M1, about="The candle's interval.")
    time: TimeMs = parameter(about="Any moment of the candle.", example="2026-01-09T14:30Z")


class RequestOut(Out):
    url: str
    params: dict[str, Any]
    weight: int


class SourceOut(Out):
    """The object that a candle came from; only its id where the catalog has it no more."""

    id: int
    key: str | None
    bucket: Bucket | None
    state: ObjectState | None
    sha256: str | None
    size_bytes: int | None
    captured_ms: int | None
    captured: str | None
    exchange_time_ms: int | None = Field(description="When it was asked for, by the exchange's clock.")
    loaded_ms: int | None
    run_id: int | None = Field(description="The run that fetched it; null for a cycle's.")
    request: RequestOut | None
    row: int | None = Field(description="The candle's place in the answer, counted from 0.")
    problem: str | None = Field(description="Why the object cannot be opened.")


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
    with warehouse().read() as connection:
        series = get_series(connection, query.exchange, path.symbol, query.interval)
        found = find_lineage(connection, series, query.time)
        lifetime = list_lifetimes(connection).get((query.exchange, path.symbol), Lifetime())
        keep_days = _keep_days(connection)
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


_UNKNOWN = dict.fromkeys(name for name in SourceOut.model_fields if name not in {"id", "problem"})


def _source(found: Lineage) -> SourceOut | None:
    if found.candle is None:
        return None
    row = found.source
    if row is None:
        problem = "the catalog has it no more"
        return SourceOut(id=found.candle.object_id, problem=problem, **_UNKNOWN)
    opened = open_source(parts().lake, row, found.candle.open_time_ms)
    request = opened.request
    return SourceOut(
        **_catalogued(row),
        request=RequestOut(url=request.url, params=dict(request.params), weight=request.weight)
        if request
        else None,
        row=opened.place,
        problem=opened.problem,
    )


def _catalogued(row: ObjectRow) -> dict[str, Any]:
    same = ("id", "key", "bucket", "sha256", "size_bytes", "exchange_time_ms", "loaded_ms", "run_id")
    return {
        **{name: getattr(row, name) for name in same},
        "state": row.state,
        "captured_ms": row.captured_at_ms,
        "captured": format_utc(row.captured_at_ms),
    }


class QualityQuery(Paged):
    symbol: list[SymbolName] = parameter([], about="Only of these; may be given several times.")
    kind: list[FindingKind] = parameter([], about="Only these kinds.")
    severity: list[Severity] = parameter([], about="Only these severities.")
    since: date | None = parameter(None, about="From that UTC day on.")
    acknowledged: bool = parameter(False, about="Whether those are listed that somebody has acknowledged.")


class FindingOut(Out):
    id: int
    exchange: str
    symbol: str
    interval: Interval
    day: date
    kind: FindingKind
    severity: Severity
    count: int
    detail: str
    found_ms: int
    acknowledged_ms: int | None
    acknowledged_by: str | None


class QualityOut(Page):
    findings: list[FindingOut]


@routes.get("/api/quality", responses={200: QualityOut})
def quality(query: QualityQuery) -> QualityOut:
    """List what is odd about the data, the newest day first."""
    check_symbols(query.symbol)
    start = (read_cursor(query.cursor, int) or (0,))[0]
    wanted = FindingFilter(query.symbol, query.kind, query.severity, query.since, not query.acknowledged)
    with warehouse().read() as connection:
        found = list_findings(connection, wanted, start + query.limit + 1)[start:]
    page, cursor = split_page(found, query.limit, lambda _: make_cursor(start + query.limit))
    return QualityOut(findings=list(map(_finding, page)), next_cursor=cursor)


def _finding(row: FindingRow) -> FindingOut:
    key, finding = row.series, row.finding
    return FindingOut(
        id=row.id,
        exchange=key.exchange,
        symbol=key.symbol,
        interval=key.interval,
        day=finding.date,
        kind=finding.kind,
        severity=finding.severity,
        count=finding.count,
        detail=finding.detail,
        found_ms=row.found_ms,
        acknowledged_ms=row.acknowledged_ms,
        acknowledged_by=row.acknowledged_by,
    )
