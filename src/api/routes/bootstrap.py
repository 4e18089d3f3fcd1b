"""The first step of a new installation: choose symbols and how much history, and it is fetched."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from src.api.asking import AskedOut, asking_exchange, is_led
from src.api.context import clock, note, parts, requested_by, warehouse
from src.api.history import choose_series, make_plan
from src.api.routing import Routes
from src.api.schemas import In, SymbolName, parameter
from src.domain import DAY_MS, Interval, Window
from src.jobs.backfilling import ask_backfill

routes = Routes("bootstrap", "Beginning with data.")


class History(StrEnum):
    """How far back."""

    DAYS_30 = "30d"
    DAYS_60 = "60d"
    DAYS_90 = "90d"
    YEAR = "1y"
    ALL = "all"


_DAYS = {History.DAYS_30: 30, History.DAYS_60: 60, History.DAYS_90: 90, History.YEAR: 365}


class BootstrapIn(In):
    """What to begin with."""

    symbols: list[SymbolName] = parameter(
        about="Symbols as the exchange spells them.", example=["BTCUSDT"], min_length=1, max_length=100
    )
    intervals: list[Interval] = parameter([Interval.M1], about="Intervals.", min_length=1)
    history: History = parameter(History.DAYS_30, about="How far back: 30d, 60d, 90d, 1y or all there is.")
    keep_days: int | None = parameter(
        0,
        about="For how many days candles under an hour stay: 0 is for ever, null as the settings say.",
        ge=0,
        le=36_500,
    )


class BootstrapOut(AskedOut):
    total_combinations: int = Field(description="How many series are tracked by this.")
    candles: int = Field(description="How many are to be fetched.")
    duration_ms: int = Field(description="How long that takes at the least, by the exchange's limit alone.")


@routes.post("/api/admin/bootstrap", responses={202: BootstrapOut})
def bootstrap(body: BootstrapIn) -> tuple[BootstrapOut, int]:
    """Track symbols and fetch their history; the batch that does it is `job_id`.

    What is tracked or held already is left as it is, so that it can be asked for again.
    """
    made, now_ms = parts(), clock().now_ms()
    with asking_exchange():
        made.prompt_tracking.add(list(dict.fromkeys(body.symbols)), list(dict.fromkeys(body.intervals)))
    series = choose_series(made.exchange.name, body.symbols, body.intervals)
    days = _DAYS.get(body.history)
    window = Window(0 if days is None else now_ms - days * DAY_MS, now_ms)
    plan = make_plan(series, window, again=False)
    run_id = ask_backfill(warehouse(), plan, body.keep_days, requested_by())
    note(f"bootstrap of {len(series)} series, {body.history}: run {run_id}")
    return BootstrapOut(
        job_id=run_id,
        is_led=is_led(),
        total_combinations=len(series),
        candles=plan.candles,
        duration_ms=plan.duration_ms,
    ), 202
