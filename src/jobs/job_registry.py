"""The jobs there are, each with its stable id, and what holds for one after what people stored about it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from src.domain import Lane
from src.errors import ConfigurationError, NotFound
from src.jobs.schedules import Schedule, parse_schedule
from src.warehouse.jobs import JobRow

CYCLE, RECONCILE_LAKE, REFRESH_SYMBOLS = "cycle", "reconcile_lake", "refresh_symbols"


class Parameters(BaseModel):
    """With what a job runs; names that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CycleParameters(Parameters):
    """*until_caught_up*: go on until all is fetched and loaded, however long that takes."""

    until_caught_up: bool = False


class ReconcileParameters(Parameters):
    """*checksums*: read every object and compare its SHA-256, too."""

    checksums: bool = False


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A job as the code has it; *locked* names the variable by which the environment sets its schedule."""

    id: str
    kind: str
    lane: Lane
    title: str
    description: str
    default_schedule: str | Callable[[], str]
    time_limit_s: int
    parameters: type[Parameters] = Parameters
    locked: str | None = None
    runs_at_start: bool = False

    @property
    def default_text(self) -> str:
        """Return the code's own schedule as it is now."""
        return self.default_schedule if isinstance(self.default_schedule, str) else self.default_schedule()

    def default(self) -> Schedule:
        return parse_schedule(self.default_text)

    def schedule_of(self, row: JobRow) -> Schedule:
        """Return the schedule that holds; ConfigurationError when the stored one is not valid (any more)."""
        if self.locked or row.schedule is None:
            return self.default()
        return parse_schedule(row.schedule, row.time_zone)

    def check_unlocked(self) -> None:
        """Raise ConfigurationError when the environment has set the schedule."""
        if self.locked:
            raise ConfigurationError(
                f"the schedule of {self.id} is locked by {self.locked}: change it there, or take it out of "
                "the environment and .env and restart the daemon"
            )

    def parameters_of(self, row: JobRow, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return all parameters: those *given*, else those stored, else the code's own.

        Raises ConfigurationError that says what is accepted.
        """
        chosen = {**(row.parameters or {}), **(given or {})}
        try:
            return self.parameters(**chosen).model_dump(mode="json")
        except ValidationError as error:
            names = ", ".join(self.parameters.model_fields) or "none"
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise ConfigurationError(f"parameters of {self.id}: {wrong}; accepted: {names}") from error


def build_jobs(cycle_seconds: Callable[[], int], locked: str | None = None) -> dict[str, JobSpec]:
    """Return all jobs by id; *cycle_seconds* is asked anew each time, *locked* is as in ``JobSpec``."""
    cycle = JobSpec(
        id=CYCLE,
        kind=CYCLE,
        lane=Lane.LIVE,
        title="Cycle",
        description="fetch what has closed of every tracked series, and load it",
        default_schedule=lambda: f"every {cycle_seconds()}s",
        # It ends by itself after about its interval; one that hangs must not keep the next off for long.
        time_limit_s=max(900, 3 * cycle_seconds()),
        parameters=CycleParameters,
        locked=locked,
        runs_at_start=True,
    )
    reconcile = JobSpec(
        id=RECONCILE_LAKE,
        kind=RECONCILE_LAKE,
        lane=Lane.REPAIR,
        title="Reconcile the lake",
        description="compare the lake with its catalog, and adopt what has no row",
        default_schedule="30 4 * * *",
        time_limit_s=6 * 3600,
        parameters=ReconcileParameters,
    )
    refresh = JobSpec(
        id=REFRESH_SYMBOLS,
        kind=REFRESH_SYMBOLS,
        lane=Lane.REPAIR,
        title="Refresh symbols",
        description="ask the exchange what is new about the symbols: status, price and quantity steps",
        default_schedule="10 0 * * *",
        time_limit_s=900,
    )
    return {spec.id: spec for spec in (cycle, reconcile, refresh)}


def get_job(specs: Mapping[str, JobSpec], job_id: str) -> JobSpec:
    """Return a job; NotFound names the nearest and all there are."""
    if job_id in specs:
        return specs[job_id]
    near = difflib.get_close_matches(job_id.lower(), specs, n=1)
    guess = f" Did you mean {near[0]}?" if near else ""
    raise NotFound(f"there is no job {job_id!r}.{guess} Known are {', '.join(specs)}")
