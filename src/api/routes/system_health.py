"""How everything is doing, with what to do: for people, and for programs that watch."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from src.api.context import clock, parts, warehouse
from src.api.routing import Routes
from src.api.schemas import Out
from src.services.health import Status, read_health

routes = Routes("system health", "How everything is doing, and what to do.")


class ComponentOut(Out):
    name: str
    status: Status
    found: str
    advice: str = Field(description="What to do; empty where all is well.")
    numbers: dict[str, Any]


class HealthOut(Out):
    status: Status = Field(description="That of the component that is off the worst.")
    checked_ms: int
    components: list[ComponentOut]


@routes.get("/api/health", responses={200: HealthOut})
def health() -> HealthOut:
    """Look at stores, scheduler, exchange, series, runs and disks, and say what to do."""
    return _read()


@routes.get("/api/data-ingestion/health", responses={200: HealthOut})
def ingestion_health() -> HealthOut:
    """Return the same as `/api/health`."""
    return _read()


def _read() -> HealthOut:
    found = read_health(warehouse(), lambda: parts().lake, clock())
    return HealthOut(
        status=found.status,
        checked_ms=found.checked_ms,
        components=[
            ComponentOut(
                name=one.name,
                status=one.status,
                found=one.found,
                advice=one.advice,
                numbers=dict(one.numbers),
            )
            for one in found.components
        ],
    )
