"""The jobs there are, each with its stable id, and what holds for one after what people stored about it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from src.domain import Interval, Lane
from src.errors import ConfigurationError, NotFound
from src.jobs.schedules import Schedule, parse_schedule
from src.warehouse.jobs import JobRow

CYCLE, RECONCILE_LAKE, REFRESH_SYMBOLS = "cycle", "reconcile_lake", "refresh_symbols"
RECOUNT_COVERAGE = "recount_coverage"
CHECK_QUALITY = "check_quality"
VERIFY_SAMPLE = "verify_sample"
REFETCH_RECENT, REFETCH_DAYS = "refetch_recent", "refetch_days"
WATCH_DISK = "watch_disk"
DAILY_AGEING, WEEKLY_MAINTENANCE = "daily_ageing", "weekly_maintenance"
REPAIR_GAPS, BACKFILL_GAPS, FILL_GAPS = "repair_gaps", "backfill_gaps", "fill_gaps"


class Parameters(BaseModel):
    """With what a job runs; names that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CycleParameters(Parameters):
    """*until_caught_up*: go on until all is fetched and loaded, however long that takes."""

    until_caught_up: bool = False


class ReconcileParameters(Parameters):
    """*checksums*: read every object and compare its SHA-256, too."""

    checksums: bool = False


class RecountParameters(Parameters):
    """*symbols* and *interval*: all where none are named; *fix*: make the ledger say what the facts hold."""

    symbols: tuple[str, ...] = ()
    interval: Interval | None = None
    fix: bool = True


class SampleParameters(Parameters):
    """*sample*: so many days of series, chosen by chance."""

    sample: int = Field(20, ge=1)


class FillParameters(Parameters):
    """*ids* are asked for whatever else is said; *lookback_days* None is all that is wanted.

    At most *max_gaps* are asked for, newest first, of all symbols and intervals where none are named.
    """

    symbols: tuple[str, ...] = ()
    intervals: tuple[Interval, ...] = ()
    ids: tuple[int, ...] = ()
    lookback_days: int | None = Field(None, ge=1)
    max_gaps: int = Field(2000, ge=1)


class RepairParameters(FillParameters):
    """The last days alone, so that the newest gaps are healed within the hour."""

    lookback_days: int | None = Field(3, ge=1)
    max_gaps: int = Field(200, ge=1)


class RefetchParameters(Parameters):
    """The last *hours* of every tracked series."""

    hours: int = Field(3, ge=1, le=31 * 24)


class RefetchDaysParameters(RefetchParameters):
    """The last days: what is amended later than within some hours."""

    hours: int = Field(48, ge=1, le=31 * 24)


class QualityParameters(Parameters):
    """The last *days*, today included, of *symbols*; of all that are tracked where none are named."""

    days: int = Field(2, ge=1, le=3660)
    symbols: tuple[str, ...] = ()


class AgeingParameters(Parameters):
    """*steps*: these alone, all of the job where none are named; *dry_run*: only say what would happen."""

    steps: tuple[Literal["pack", "archive", "cleanup", "retention"], ...] = ()
    dry_run: bool = False


class MaintenanceParameters(Parameters):
    """As ``AgeingParameters``, with the steps that once a week is enough for."""

    steps: tuple[
        Literal["pack", "archive", "cleanup", "retention", "housekeeping", "optimise", "recount"], ...
    ] = ()
    dry_run: bool = False


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
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {_say(e)}" for e in error.errors())
            raise ConfigurationError(f"parameters of {self.id}: {wrong}; accepted: {names}") from error


def _say(error: ErrorDetails) -> str:
    """Return what is wrong with a parameter; of one that is misspelt, not that it is extra."""
    return "not known" if error["type"] == "extra_forbidden" else error["msg"]


# The cycle apart, whose schedule is a setting.
_OTHERS = (
    JobSpec(
        id=RECONCILE_LAKE,
        kind=RECONCILE_LAKE,
        lane=Lane.REPAIR,
        title="Reconcile the lake",
        description="compare the lake with its catalog, and adopt what has no row",
        default_schedule="30 4 * * *",
        time_limit_s=6 * 3600,
        parameters=ReconcileParameters,
    ),
    JobSpec(
        id=REFRESH_SYMBOLS,
        kind=REFRESH_SYMBOLS,
        lane=Lane.REPAIR,
        title="Refresh symbols",
        description="ask the exchange what is new about the symbols: status, price and quantity steps",
        default_schedule="10 0 * * *",
        time_limit_s=900,
    ),
    JobSpec(
        id=CHECK_QUALITY,
        kind=CHECK_QUALITY,
        lane=Lane.REPAIR,
        title="Check quality",
        description="look for what is odd in the candles of yesterday and today",
        default_schedule="0 4 * * *",
        time_limit_s=3600,
        parameters=QualityParameters,
    ),
    JobSpec(
        id=WATCH_DISK,
        kind=WATCH_DISK,
        # The other lanes may be full of runs that wait for room.
        lane=Lane.LIVE,
        title="Watch the disk",
        description="see how full the disks are and how long they last, and tell people in time",
        default_schedule="every 10m",
        time_limit_s=600,
    ),
    JobSpec(
        id=REPAIR_GAPS,
        kind=FILL_GAPS,
        lane=Lane.REPAIR,
        title="Repair gaps",
        description="find what is missing of the last days, and ask for it",
        default_schedule="every 1h",
        time_limit_s=3600,
        parameters=RepairParameters,
    ),
    JobSpec(
        id=BACKFILL_GAPS,
        kind=FILL_GAPS,
        lane=Lane.REPAIR,
        title="Backfill gaps",
        description="find what is missing of all that is wanted, and ask for it",
        default_schedule="0 3 * * *",
        time_limit_s=12 * 3600,
        parameters=FillParameters,
    ),
    JobSpec(
        id=REFETCH_RECENT,
        kind=REFETCH_RECENT,
        lane=Lane.REPAIR,
        title="Refetch recent candles",
        description="ask again for the candles of the last hours, and take in those that were amended",
        default_schedule="every 1h",
        time_limit_s=3600,
        parameters=RefetchParameters,
    ),
    JobSpec(
        id=REFETCH_DAYS,
        kind=REFETCH_RECENT,
        lane=Lane.REPAIR,
        title="Refetch the last days",
        description="ask again for the candles of the last two days, and take in those that were amended",
        default_schedule="30 2 * * *",
        time_limit_s=6 * 3600,
        parameters=RefetchDaysParameters,
    ),
    JobSpec(
        id=VERIFY_SAMPLE,
        kind=VERIFY_SAMPLE,
        lane=Lane.REPAIR,
        title="Verify a sample",
        description="make some days of series again from the lake, and compare them with the warehouse",
        default_schedule="15 5 * * *",
        time_limit_s=6 * 3600,
        parameters=SampleParameters,
    ),
    JobSpec(
        id=RECOUNT_COVERAGE,
        kind=RECOUNT_COVERAGE,
        lane=Lane.REPAIR,
        title="Recount coverage",
        description="count what the facts hold, compare it with the ledger of coverage, and correct that",
        # Maintenance does it on Sundays.
        default_schedule="30 3 * * wed",
        time_limit_s=12 * 3600,
        parameters=RecountParameters,
    ),
    # The next two are live, since the other lanes may be full of runs that wait for the room which they make.
    JobSpec(
        id=DAILY_AGEING,
        kind=DAILY_AGEING,
        lane=Lane.LIVE,
        title="Daily ageing",
        description="archive and pack objects of the lake, delete old ones, age out facts",
        default_schedule="0 1 * * *",
        time_limit_s=12 * 3600,
        parameters=AgeingParameters,
    ),
    JobSpec(
        id=WEEKLY_MAINTENANCE,
        kind=WEEKLY_MAINTENANCE,
        lane=Lane.LIVE,
        title="Weekly maintenance",
        description="do what is left of ageing, clear old runs and notes, optimise, recount coverage",
        default_schedule="0 2 * * sun",
        time_limit_s=24 * 3600,
        parameters=MaintenanceParameters,
    ),
)


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
    return {spec.id: spec for spec in (cycle, *_OTHERS)}


def get_job(specs: Mapping[str, JobSpec], job_id: str) -> JobSpec:
    """Return a job; NotFound names the nearest and all there are."""
    if job_id in specs:
        return specs[job_id]
    near = difflib.get_close_matches(job_id.lower(), specs, n=1)
    guess = f" Did you mean {near[0]}?" if near else ""
    raise NotFound(f"there is no job {job_id!r}.{guess} Known are {', '.join(specs)}")
