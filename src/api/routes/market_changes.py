"""Changes of the simulator's market, where that stands in for the exchange: holes, amendments and so on."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from src.api.context import note
from src.api.problems import Problem, invalid
from src.api.routes.exchanges import AddedOut, RemovedOut
from src.api.routing import Routes
from src.api.schemas import In, OfId, Out, parameter, parse_time
from src.api.simulator import ask_simulator

routes = Routes("simulator's market", "Changes of the simulated market: the same for whoever asks it.")


class ChangeKind(StrEnum):
    """What changes, as the simulator's own description names it."""

    HOLE = "hole"
    ZERO_TRADES = "zero_trades"
    AMENDED = "amended"
    LISTING = "listing"
    DELISTING = "delisting"


class ChangeOut(Out):
    """A change; times are those of the exchange's clock."""

    id: int
    kind: ChangeKind
    symbol: str | None = Field(description="Null for all of them.")
    at_ms: int = Field(description="When it was made.")
    from_ms: int
    until_ms: int | None = Field(description="Null where it knows no end.")
    restored_ms: int | None = Field(description="When the candles of a hole are there after all.")
    cut: float | None = Field(description="Seconds that the last candle before a hole lasted.")


class ChangesOut(Out):
    is_changeable: bool = Field(description="Whether the exchange is the simulator with a computed market.")
    changes: list[ChangeOut]


@routes.get("/api/simulator/market", responses={200: ChangesOut})
def market_changes() -> ChangesOut:
    """List the changes of the simulator's market; none where the exchange is a real one."""
    try:
        status, told = ask_simulator("GET", "market")
    except Problem:
        return ChangesOut(is_changeable=False, changes=[])
    if status != 200:  # a tape is served untouched
        return ChangesOut(is_changeable=False, changes=[])
    return ChangesOut(is_changeable=True, changes=[_out(one) for one in told])


_SPEC = "KIND[:key=value,...] like hole:symbol=BTCUSDT,minutes=10; docs/simulator.md lists the kinds"


class ChangeIn(In):
    """A change to make."""

    spec: str = parameter(
        about=f"What to change: {_SPEC}.",
        example="hole:minutes=3",
        min_length=1,
        max_length=500,
    )


@routes.post("/api/simulator/market", responses={201: AddedOut})
def change_market(body: ChangeIn) -> tuple[AddedOut, int]:
    """Change the simulator's market; 409 where the exchange is a real one."""
    status, told = ask_simulator("POST", "market", {"spec": body.spec})
    if status == 400:
        raise invalid("spec", str(told.get("error")), _SPEC)
    note(f"market change {body.spec}")
    return AddedOut(id=told["id"]), 201


@routes.delete("/api/simulator/market/<id>", responses={200: RemovedOut})
def take_change_back(path: OfId) -> RemovedOut:
    """Take a change of the market back, as if it had never been."""
    return RemovedOut(**ask_simulator("DELETE", f"market/{path.id}")[1])


def _out(told: dict[str, Any]) -> ChangeOut:
    return ChangeOut(
        id=told["id"],
        kind=told["kind"],
        symbol=told["symbol"],
        at_ms=parse_time(told["at"]),
        from_ms=parse_time(told["from"]),
        until_ms=_find_time(told, "until"),
        restored_ms=_find_time(told, "restored"),
        cut=told.get("cut"),
    )


def _find_time(told: dict[str, Any], name: str) -> int | None:
    return parse_time(told[name]) if name in told else None
