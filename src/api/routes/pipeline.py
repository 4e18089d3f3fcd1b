"""How data flows: from the exchange into the lake and the warehouse."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import Field

from src.api.context import clock, warehouse
from src.api.known import check_exchange, check_symbols
from src.api.paging import Page, Paged, make_cursor, read_cursor, split_page
from src.api.routing import Routes
from src.api.schemas import OfExchange, Out, SymbolName, parameter
from src.domain import DataType, Interval, Lane, format_utc
from src.lake.store import Bucket
from src.services.pipeline import read_overview
from src.warehouse.catalog import ObjectState
from src.warehouse.ingestion import LogFilter, SetAside, list_log, list_set_aside
from src.warehouse.objects import ObjectRow
from src.warehouse.runs import get_run

routes = Routes("pipeline", "How data flows.")


class FlowOut(Out):
    objects: int
    size_bytes: int
    candles: int
    loaded: int = Field(description="How many of the objects are in the warehouse.")


class WaitingOut(Out):
    lane: Lane
    objects: int
    oldest_captured_ms: int


class BudgetOut(Out):
    exchange: str
    egress: str = Field(description="The address that calls leave from.")
    used_weight: int = Field(description="Of the exchange's last minute in which it was called.")
    weight_limit: int | None
    blocked_until_ms: int | None


class FreshnessOut(Out):
    fresh: int
    aging: int
    stale: int


class PipelineOut(Out):
    now_ms: int
    now: str
    last_hour: FlowOut = Field(description="What was captured in the last hour.")
    waiting: list[WaitingOut] = Field(description="What has landed and is not loaded, by lane.")
    candles_fetched: int = Field(
        description="Ever by live fetching, those fetched again included; "
        "history and repairs are not counted."
    )
    candles_held: int
    quarantined_objects: int
    quarantined_rows: int
    series: int = Field(description="How many are tracked.")
    freshness: FreshnessOut = Field(description="How many of them are fresh, aging, stale.")
    worst_lag_ms: int | None = Field(description="How far the last candle of the latest series lies behind.")
    leader: str | None = Field(description="Which process does the work; null where none does.")
    leads_since_ms: int | None
    budgets: list[BudgetOut]


@routes.get("/api/pipeline/status", responses={200: PipelineOut})
def pipeline_status() -> PipelineOut:
    """Return what comes in, what waits, what is held and how late it is."""
    now_ms = clock().now_ms()
    told: dict[str, Any] = asdict(read_overview(warehouse(), clock()))
    totals: dict[str, Any] = told.pop("totals")
    return PipelineOut(
        now_ms=now_ms,
        now=format_utc(now_ms),
        last_hour=told.pop("flow"),
        candles_fetched=totals.pop("fetched"),
        candles_held=totals.pop("held"),
        **totals,
        **told,
    )


class LogQuery(Paged, OfExchange):
    symbol: SymbolName | None = parameter(None, about="Only of this symbol.")
    data_type: DataType | None = parameter(None, about="Only klines, or depth.")
    lane: Lane | None = parameter(None, about="Only of this lane.")
    state: ObjectState | None = parameter(None, about="Only those that have come so far.")
    run_id: int | None = parameter(None, about="Only what this run fetched.", ge=1, le=2**63 - 1)


class ObjectOut(Out):
    """One object of the lake: an answer of the exchange."""

    id: int
    key: str
    bucket: Bucket
    symbol: str
    data_type: DataType
    interval: Interval | None = Field(description="Null for depth.")
    lane: Lane
    state: ObjectState
    captured_ms: int
    landed_ms: int
    loaded_ms: int | None
    first_open_ms: int | None
    last_open_ms: int | None
    candles: int | None = Field(description="Closed ones in it; null for depth, or where nobody counted.")
    size_bytes: int
    run_id: int | None = Field(description="The run that fetched it; null for a cycle's.")
    error: str | None


class LogOut(Page):
    objects: list[ObjectOut]


@routes.get("/api/ingestion/logs", responses={200: LogOut})
def ingestion_logs(query: LogQuery) -> LogOut:
    """List the answers that came in, the newest first, and how far each has come."""
    check_symbols([query.symbol] if query.symbol else [], query.exchange)
    before = read_cursor(query.cursor, int)
    wanted = LogFilter(
        query.exchange,
        query.symbol,
        query.data_type,
        query.lane,
        query.state,
        query.run_id,
        before[0] if before else None,
    )
    with warehouse().read() as connection:
        rows = list_log(connection, wanted, query.limit + 1)
        # Runs are tidied away before the objects that they fetched.
        if query.run_id and not rows:
            get_run(connection, query.run_id)
    page, cursor = split_page(rows, query.limit, lambda row: make_cursor(row.id))
    return LogOut(objects=list(map(object_out, page)), next_cursor=cursor)


def object_out(row: ObjectRow) -> ObjectOut:
    values: dict[str, Any] = {name: getattr(row, name) for name in _SAME}
    return ObjectOut(**values, captured_ms=row.captured_at_ms, candles=row.record_count)


_SAME = tuple(name for name in ObjectOut.model_fields if name not in {"captured_ms", "candles"})


class SetAsideQuery(Paged, OfExchange):
    pass


class BadRowOut(Out):
    index: int = Field(description="Its place in the answer, counted from 0.")
    reason: str
    raw: str = Field(description="The row as it was sent.")


class SetAsideOut(Out):
    object: ObjectOut
    row_count: int = Field(description="How many of its rows were set aside; 0 where it was as a whole.")
    rows: list[BadRowOut] = Field(description="The first 20 of them.")


class QuarantineOut(Page):
    entries: list[SetAsideOut]


@routes.get("/api/quarantine", responses={200: QuarantineOut})
def quarantine(query: SetAsideQuery) -> QuarantineOut:
    """List what could not be loaded and why: whole objects, and single rows of others."""
    check_exchange(query.exchange)
    before = read_cursor(query.cursor, int)
    with warehouse().read() as connection:
        found = list_set_aside(connection, query.exchange, before[0] if before else None, query.limit + 1)
    page, cursor = split_page(found, query.limit, lambda one: make_cursor(one.source.id))
    return QuarantineOut(entries=list(map(_set_aside, page)), next_cursor=cursor)


def _set_aside(one: SetAside) -> SetAsideOut:
    rows = [BadRowOut(**asdict(row)) for row in one.rows]
    return SetAsideOut(object=object_out(one.source), row_count=one.count, rows=rows)
