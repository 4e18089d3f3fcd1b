"""How everything is doing, with what to do: for people, and for programs that watch."""

from __future__ import annotations

import threading
from dataclasses import asdict

from flask import g
from pydantic import Field

from src.api.access import changes_nothing
from src.api.context import clock, parts, warehouse
from src.api.preparation import answers_anyway
from src.api.routing import Routes
from src.api.schemas import Out
from src.maintenance.doctor.checkup import is_healthy
from src.maintenance.doctor.findings import Number, Verdict
from src.services.health import Status, read_health
from src.wiring import lake_home

routes = Routes("system health", "How everything is doing, and what to do.")

# It closes what it opened when it is done, for all who ask.
_one_doctor = threading.Lock()


class ComponentOut(Out):
    name: str
    status: Status
    found: str
    advice: str = Field(description="What to do; empty where all is well.")
    numbers: dict[str, Number | list[int] | dict[str, Number]]


class HealthOut(Out):
    status: Status = Field(description="That of the component that is off the worst.")
    checked_ms: int
    components: list[ComponentOut]


@routes.get("/api/health", responses={200: HealthOut})
@answers_anyway
def health() -> HealthOut:
    """Look at stores, scheduler, exchange, series, runs and disks, and say what to do.

    It answers within seconds while the warehouse is away or hangs, too, and says so.
    """
    return _read()


@routes.get("/api/data-ingestion/health", responses={200: HealthOut})
@answers_anyway
def ingestion_health() -> HealthOut:
    """Return the same as `/api/health`."""
    return _read()


class DoctorFindingOut(Out):
    area: str
    check: str
    verdict: Verdict
    found: str
    advice: str = Field(description="What to do; empty where all is well.")
    numbers: dict[str, Number]


class DoctorOut(Out):
    healthy: bool = Field(description="Whether nothing is wrong; warnings are no illness.")
    findings: list[DoctorFindingOut]


@routes.post("/api/doctor", responses={200: DoctorOut})
@changes_nothing
def doctor() -> DoctorOut:
    """Examine stores, exchange, clock, disk and data thoroughly; takes up to twelve seconds.

    It writes probes that it takes away again, and asks the exchange for the time.
    """
    with _one_doctor:
        report = parts().doctor.examine()
    findings = [
        DoctorFindingOut(area=area, **{**asdict(one), "numbers": dict(one.numbers)})
        for area, found in report.items()
        for one in found
    ]
    return DoctorOut(healthy=is_healthy(report), findings=findings)


def _read() -> HealthOut:
    if g.get("is_unknown"):
        return _away(clock().now_ms())
    pool, home = warehouse().pool_numbers(), lake_home(parts().settings)
    found = read_health(parts().glance, pool, lambda: parts().lake, home, clock())
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


def _away(now_ms: int) -> HealthOut:
    """Say no more than that the warehouse is away: who asks can only be found out there."""
    found, advice = "it cannot be reached", "./candlehouse doctor on its machine says why"
    component = ComponentOut(name="warehouse", status=Status.DOWN, found=found, advice=advice, numbers={})
    return HealthOut(status=Status.DOWN, checked_ms=now_ms, components=[component])
