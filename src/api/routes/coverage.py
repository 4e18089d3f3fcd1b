"""What is held of each series, and how much of what is wanted that is."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Any

from pydantic import Field

from src.api.asking import settings_now
from src.api.context import clock, warehouse
from src.api.known import check_exchange
from src.api.problems import invalid, not_found
from src.api.routing import Routes
from src.api.schemas import OfExchange, Out, SymbolName, TimeMs, parameter
from src.domain import DAY_MS, Interval, Window, format_utc
from src.services.coverage import SeriesCoverage, read_coverage
from src.services.coverage_days import DayCell, list_days

routes = Routes("coverage", "What is held, and what is missing.")

_MOST_WINDOWS = 1_000
_MOST_DAYS = 3_660


class CoverageQuery(OfExchange):
    symbol: list[SymbolName] = parameter([], about="Only these; may be given several times.")
    interval: Interval | None = parameter(None, about="Only of this interval.")
    windows: bool = parameter(
        False, about=f"Whether the windows are listed, up to {_MOST_WINDOWS:,} of a kind and series."
    )
    days_from: TimeMs | None = parameter(
        None, about=f"Each UTC day from then on, {_MOST_DAYS:,} at most, with how much of it is held."
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
    lag: int = Field(description="How many of the missing are no gap: live fetching brings them.")


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
    lag_candles: int = Field(description="How many of the missing are no gap: live fetching brings them.")
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
        found = read_coverage(
            connection, now_ms, query.symbol, query.interval, settings_now(connection).keep_days
        )
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
    if (count := -(-end_ms // DAY_MS) - start_ms // DAY_MS) > _MOST_DAYS:
        raise invalid("days_from", f"that would be {count:,} days", f"{_MOST_DAYS:,} days at most")
    return start_ms, end_ms


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
        lag_candles=one.lag_candles,
        days=None if days is None else list(map(_day, list_days(one, *days))),
        **lists,
    )


def _window(window: Window) -> dict[str, int]:
    return {"start_ms": window.start_ms, "end_ms": window.end_ms}


@lru_cache(maxsize=20_000)
def _day(cell: DayCell) -> DayCellOut:
    # Most days of most series are alike: whole, or not wanted. A year of 300 series has 110,000.
    return DayCellOut(**cell._asdict())
