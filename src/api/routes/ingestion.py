"""Fetching data on purpose: planning and starting a backfill, refreshing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import ConfigDict, Field

from src.api.access import changes_nothing
from src.api.asking import AskedOut, asked, is_led
from src.api.context import clock, note, requested_by, warehouse
from src.api.history import check_exist, choose_series, choose_window, list_tracked, make_plan
from src.api.problems import conflict, invalid
from src.api.routing import Routes
from src.api.schemas import ExchangeName, In, NamedSymbols, Out, TimeMs, named_symbols, parameter
from src.domain import DAY_MS, HOUR_MS, Interval, Lane, Window
from src.extract.chunks import expected_candles
from src.jobs.asking import ask_fetch, ask_windows
from src.jobs.backfilling import BackfillPlan, SeriesPlan, ask_backfill
from src.warehouse.series import SeriesRow

routes = Routes("data ingestion", "Fetching data on purpose.")

# More than that at once is more likely a slip, of a century or of 1s for 1m, than meant.
_MOST_CANDLES = 20_000_000

_PLAN: dict[str, Any] = {
    "symbols": ["BTCUSDT"],
    "intervals": ["1m"],
    "start": "2026-01-01",
    "end": "2026-01-08",
}


class HistoryIn(In):
    """Which history: each symbol at each interval."""

    model_config = ConfigDict(json_schema_extra={"example": _PLAN})

    exchange: ExchangeName = parameter("binance", about="The exchange.")
    symbols: NamedSymbols = named_symbols("Symbols, one at least")
    intervals: list[Interval] = parameter([Interval.M1], about="Intervals.", min_length=1)
    start: TimeMs = parameter(about="From then on.", example="2026-01-01")
    end: TimeMs | None = parameter(None, about="Until before then; now, where it is left out.")
    again: bool = parameter(
        False, about="Whether the exchange is asked for what it did not have before, too."
    )


class StartIn(HistoryIn):
    """Which history to fetch, and for how long to keep it."""

    keep_days: int | None = parameter(
        0,
        about="For how many days candles under an hour stay: 0 is for ever, null as the settings say.",
        ge=0,
        le=36_500,
    )
    replace: bool = parameter(
        False,
        about="Whether what is held is fetched, too, and replaced; what is wanted and kept stays as it is.",
    )
    yes: bool = parameter(False, about=f"Whether more than {_MOST_CANDLES:,} candles are meant.")


class SeriesPlanOut(Out):
    """What a backfill does for one series; what is held or under way is not fetched again."""

    symbol: str
    interval: Interval
    start_ms: int | None = Field(description="Null where nothing of it can be had.")
    end_ms: int | None
    windows: int = Field(description="Into how many pieces that falls.")
    candles: int = Field(description="How many are to be fetched.")
    requests: int
    held: int
    empty: int = Field(description="How many the exchange does not have, by its own answers.")
    under_way: int
    kept_days: int | None = Field(description="For how long it is kept so far: null as the settings say.")


class PlanOut(Out):
    total_combinations: int = Field(description="How many series.")
    candles: int
    requests: int
    weight: int = Field(description="What the requests weigh, in the exchange's own unit.")
    weight_a_minute: int = Field(description="What history may use of it in a minute at the least.")
    size_bytes: int = Field(description="About what it takes in the lake.")
    duration_ms: int = Field(description="How long it takes at the least, by the exchange's limit alone.")
    expected_ms: int | None = Field(
        description="About how long it takes at the pace of earlier backfills here; null before the first."
    )
    series: list[SeriesPlanOut]


class StartedOut(AskedOut):
    total_combinations: int = Field(description="How many series.")
    plan: PlanOut | None = Field(
        description="What is fetched; null where all of the window is, with `replace`."
    )


@routes.post("/api/data-ingestion/plan", responses={200: PlanOut})
@changes_nothing
def plan_history(body: HistoryIn) -> PlanOut:
    """Say what fetching history would take; nothing is fetched.

    The exchange may be asked since when a symbol trades.
    """
    series = choose_series(body.exchange, body.symbols, body.intervals)
    return plan_out(make_plan(series, choose_window(body.start, body.end), again=body.again))


@routes.post("/api/data-ingestion/start", responses={202: StartedOut})
def start_history(body: StartIn) -> tuple[StartedOut, int]:
    """Fetch what is missing of a window, a run for each piece; the batch of them is `job_id`.

    What the series hold from then on is wanted and kept. `job_id` is null where nothing is missing.
    """
    series = choose_series(body.exchange, body.symbols, body.intervals)
    window = choose_window(body.start, body.end)
    if body.replace:
        check_exist(series)
        _check_amount(sum(expected_candles(key.interval, window) for key in series), yes=body.yes)
        run_id = ask_fetch(warehouse(), series, window, requested_by())
        return _started(run_id, len(series), None), 202
    plan = make_plan(series, window, again=body.again)
    _check_amount(plan.candles, yes=body.yes)
    batch = ask_backfill(warehouse(), plan, body.keep_days, requested_by())
    return _started(batch, len(series), plan), 202


def _check_amount(candles: int, *, yes: bool) -> None:
    if candles > _MOST_CANDLES and not yes:
        raise invalid("yes", f"that would be {candles:,} candles", f"true, or {_MOST_CANDLES:,} at most")


def _started(run_id: int | None, count: int, plan: BackfillPlan | None) -> StartedOut:
    note(f"fetch of {count} series: run {run_id}")
    told = plan_out(plan) if plan else None
    return StartedOut(job_id=run_id, is_led=is_led(), total_combinations=count, plan=told)


def plan_out(plan: BackfillPlan) -> PlanOut:
    told = asdict(plan)
    told.pop("series")
    return PlanOut(
        total_combinations=len(plan.series), **told, series=[_series_plan(one) for one in plan.series]
    )


def _series_plan(one: SeriesPlan) -> SeriesPlanOut:
    same = ("candles", "requests", "held", "empty", "under_way", "kept_days")
    return SeriesPlanOut(
        symbol=one.key.symbol,
        interval=one.key.interval,
        start_ms=one.window.start_ms if one.window else None,
        end_ms=one.window.end_ms if one.window else None,
        windows=len(one.windows),
        **{name: getattr(one, name) for name in same},
    )


class RefreshIn(In):
    """Which series to bring up to date."""

    exchange: ExchangeName = parameter("binance", about="The exchange.")
    symbols: NamedSymbols = named_symbols("Tracked symbols")
    intervals: list[Interval] = parameter([], about="Only these; all tracked ones where none is named.")
    hours: int = parameter(
        1,
        about="How far back what is held is asked for again, and taken in where it was amended.",
        ge=0,
        le=744,
    )


class RefreshOut(AskedOut):
    series: int = Field(description="How many are asked for.")


@routes.post("/api/data-ingestion/refresh", responses={202: RefreshOut})
def refresh_series(body: RefreshIn) -> tuple[RefreshOut, int]:
    """Fetch what has closed of one, several or all tracked symbols since the last candle, right now."""
    rows = [
        row for row in list_tracked(body.exchange) if not body.intervals or row.key.interval in body.intervals
    ]
    if missing := set(body.symbols) - {row.key.symbol for row in rows}:
        raise invalid("symbols", f"not tracked: {', '.join(sorted(missing))}", "tracked symbols")
    chosen = [row for row in rows if not body.symbols or row.key.symbol in body.symbols]
    windows = [(row.key, _since_last(row, body.hours)) for row in chosen]
    due = [(key, window) for key, window in windows if window.end_ms > window.start_ms]
    if not chosen:
        raise conflict("no series is tracked")
    run_id = ask_windows(warehouse(), due, requested_by(), lane=Lane.REPAIR) if due else None
    told = asked(run_id, f"refresh of {len(due)} series")
    return RefreshOut(**told.model_dump(), series=len(due)), 202


def _since_last(row: SeriesRow, hours: int) -> Window:
    """Return from the last held candle, or a day ago, up to the present slot."""
    interval, now_ms = row.key.interval, clock().now_ms()
    start_ms = now_ms - DAY_MS if row.last_open_ms is None else interval.next(row.last_open_ms)
    start_ms, end_ms = interval.floor(min(start_ms, now_ms - hours * HOUR_MS)), interval.floor(now_ms)
    return Window(min(start_ms, end_ms), end_ms)
