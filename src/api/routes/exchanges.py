"""The exchange: what we may ask of it, and the fault dial of the simulator where that stands in for it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from src.api.asking import settings_now
from src.api.context import clock, note, warehouse
from src.api.problems import invalid
from src.api.routing import Routes
from src.api.schemas import In, OfId, Out, parameter
from src.api.simulator import ask_simulator, find_faults
from src.domain import MINUTE_MS
from src.warehouse.budgets import BudgetRow, list_budget_rows

routes = Routes("exchange", "What we may ask of the exchange.")


class LanesOut(Out):
    """What each lane has used in the minute, in the exchange's own unit."""

    live: int = Field(description="Live fetching, and other programs on the address.")
    repair: int
    history: int


class BreakerState(StrEnum):
    """Closed: all may call; open: nobody; half-open: one tries."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class RateLimitOut(Out):
    exchange: str
    egress: str = Field(description="The address that calls leave from.")
    minute_start_ms: int | None = Field(description="The minute that is counted, by the exchange's clock.")
    is_current: bool = Field(description="Whether that minute is not over; else nothing is used now.")
    used_weight: int
    weight_limit: int | None = Field(description="The exchange's; null until it has said so.")
    allowed_weight: int | None = Field(description="Our share of it.")
    used_pct: float | None = Field(description="Of our share, 0 to 100, in the present minute.")
    lanes: LanesOut
    is_blocked: bool
    blocked_until_ms: int | None = Field(description="Nobody on this address calls before then.")
    block_reason: str | None
    breaker_state: BreakerState
    breaker_failures: int = Field(description="Those in a row.")
    breaker_opened_ms: int | None


class RateLimitsOut(Out):
    now_ms: int
    budget_share: float
    exchanges: list[RateLimitOut] = Field(description="Empty until one was called.")


@routes.get("/api/rate-limit", responses={200: RateLimitsOut})
def rate_limit() -> RateLimitsOut:
    """Return what weight is used of what is allowed, and for which lanes, and any ban or open breaker."""
    now_ms = clock().now_ms()
    with warehouse().read() as connection:
        share = settings_now(connection).budget_share
        rows = list_budget_rows(connection)
    return RateLimitsOut(
        now_ms=now_ms, budget_share=share, exchanges=[_limit(*row, share, now_ms) for row in rows]
    )


def _limit(exchange: str, egress: str, row: BudgetRow, share: float, now_ms: int) -> RateLimitOut:
    is_current = row.minute_start_ms is not None and now_ms - row.minute_start_ms < MINUTE_MS
    used = row.used_weight if is_current else 0
    allowed = None if row.weight_limit is None else int(row.weight_limit * share)
    return RateLimitOut(
        exchange=exchange,
        egress=egress,
        minute_start_ms=row.minute_start_ms,
        is_current=is_current,
        used_weight=row.used_weight,
        weight_limit=row.weight_limit,
        allowed_weight=allowed,
        used_pct=round(100 * used / allowed, 1) if allowed else None,
        lanes=LanesOut(
            live=max(0, row.used_weight - row.repair_weight - row.history_weight),
            repair=row.repair_weight,
            history=row.history_weight,
        ),
        is_blocked=(row.blocked_until_ms or 0) > now_ms,
        blocked_until_ms=row.blocked_until_ms,
        block_reason=row.block_reason,
        breaker_state=BreakerState(row.breaker_state),
        breaker_failures=row.breaker_failures,
        breaker_opened_ms=row.breaker_opened_at_ms,
    )


class FaultOut(Out):
    """A fault on the dial; `./candlehouse simulator --help` explains kinds and settings."""

    id: int
    kind: str
    path: str | None = Field(description="Only calls of this endpoint; null for all that the kind concerns.")
    symbol: str | None
    client: str | None
    count: int | None = Field(description="How often it happens; null for ever.")
    after: int = Field(description="How many calls it lets pass first.")
    seconds: float | None = Field(description="For how long it lasts; null for ever.")
    probability: float
    at_ms: int = Field(description="When it was put on the dial, by the simulator's clock.")
    happened: int
    spent: bool = Field(description="Whether it happens no more.")
    retry_after: int | None = Field(
        None, description="This and what follows: null where the kind has no such setting."
    )
    status: int | None = None
    code: int | None = None
    delay: float | None = None
    share: float | None = None
    rows: int | None = None


class FaultsOut(Out):
    is_simulator: bool = Field(description="Whether the exchange is the simulator.")
    faults: list[FaultOut] = Field(description="What is on the dial, with how often each happened.")


@routes.get("/api/simulator/faults", responses={200: FaultsOut})
def simulator_faults() -> FaultsOut:
    """List the faults of the simulator, where that stands in for the exchange."""
    faults = find_faults()
    return FaultsOut(is_simulator=faults is not None, faults=[FaultOut(**one) for one in faults or []])


_FAULT = "KIND[:key=value,...] like 429:count=3; docs/simulator.md lists the kinds"


class FaultIn(In):
    """A fault to put on the dial."""

    spec: str = parameter(
        about=f"What to break: {_FAULT}.",
        example="429:count=3",
        min_length=1,
        max_length=500,
    )


class AddedOut(Out):
    id: int


class RemovedOut(Out):
    removed: int


@routes.post("/api/simulator/faults", responses={201: AddedOut})
def add_fault(body: FaultIn) -> tuple[AddedOut, int]:
    """Put a fault on the simulator's dial; 409 where the exchange is a real one."""
    status, told = ask_simulator("POST", "faults", {"spec": body.spec})
    if status == 400:
        raise invalid("spec", str(told.get("error")), _FAULT)
    note(f"fault {body.spec}")
    return AddedOut(id=told["id"]), 201


@routes.delete("/api/simulator/faults", responses={200: RemovedOut})
def remove_faults() -> RemovedOut:
    """Take all faults off the simulator's dial."""
    return RemovedOut(**ask_simulator("DELETE", "faults")[1])


@routes.delete("/api/simulator/faults/<id>", responses={200: RemovedOut})
def remove_fault(path: OfId) -> RemovedOut:
    """Take one fault off the simulator's dial."""
    return RemovedOut(**ask_simulator("DELETE", f"faults/{path.id}")[1])
