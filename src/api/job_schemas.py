"""How jobs are told: when they run, how they went, with what."""

from __future__ import annotations

from statistics import median
from typing import Annotated, Any

from pydantic import Field

from src.api.asking import AskedOut
from src.api.run_schemas import RunOut, run_out, took_ms
from src.api.schemas import CodeName, In, Out, parameter
from src.domain import Lane
from src.errors import ConfigurationError
from src.jobs.job_registry import JobSpec
from src.jobs.schedules import Schedule
from src.warehouse.jobs import JobRow
from src.warehouse.runs import RunRow, RunState

HISTORY, NEXT_TIMES = 20, 5

_ENDED = (RunState.SUCCEEDED, RunState.PARTLY_FAILED, RunState.FAILED)


class OfJob(In):
    """Path of a route about one job."""

    id: CodeName = parameter(about="The job.", example="cycle")


class JobOut(Out):
    id: str
    title: str
    description: str
    lane: Lane
    schedule: str = Field(description="As `schedule` takes it: `every 10s`, or a cron line.")
    time_zone: str
    in_words: str
    default_schedule: str
    is_default: bool = Field(description="Whether nobody has changed the schedule.")
    locked_by: str | None = Field(description="The variable of the environment that sets the schedule.")
    problem: str | None = Field(description="Why the stored schedule does not hold.")
    enabled: bool
    parameters: dict[str, Any]
    time_limit_s: int
    next_run_ms: int | None = Field(description="As the process that leads has told it; null while disabled.")
    next_times_ms: list[int] = Field(description="The next five by the schedule; empty while disabled.")
    updated_ms: int | None
    updated_by: str | None
    last_run: RunOut | None
    under_way: int | None = Field(description="The run of it that has not ended.")
    durations_ms: list[int] = Field(
        description="How long the last runs that ended took, up to 20, oldest first."
    )
    usual_ms: int | None = Field(description="Their median.")


class JobsOut(Out):
    now_ms: int
    is_led: bool = Field(description="Whether a process leads at the moment; else nothing runs by itself.")
    jobs: list[JobOut]


class TriggerIn(In):
    """With what to run it."""

    parameters: dict[str, Any] = parameter({}, about="For this run alone, over those of the job.")


class TriggeredOut(AskedOut):
    is_new: bool = Field(description="Whether the run is new: one that is under way is not doubled.")


class ScheduleIn(In):
    """When a job shall run."""

    schedule: Annotated[str, Field(max_length=200)] | None = parameter(
        None,
        about="`every 10s`, or a cron line of five fields; null for the one it came with.",
        example="every 2h",
    )
    time_zone: str = parameter("UTC", about="Whose clocks a cron line goes by.", max_length=100)


class ParametersIn(In):
    """With what a job shall run."""

    parameters: dict[str, Any] | None = parameter(None, about="Null for those that it came with.")


class PreviewQuery(In):
    schedule: str = parameter(about="A schedule to try.", example="0 3 * * sun", min_length=1, max_length=200)
    time_zone: str = parameter("UTC", about="Whose clocks a cron line goes by.", max_length=100)


class PreviewOut(Out):
    schedule: str
    time_zone: str
    in_words: str
    next_times_ms: list[int] = Field(description="The next five.")


class LeaderOut(Out):
    is_led: bool
    holder: str | None = Field(description="Which process leads, by host and number; null where none does.")
    since_ms: int | None = Field(description="By the database's clock, as the others.")
    heartbeat_ms: int | None = Field(description="When it said so last; it does every three seconds.")
    until_ms: int | None = Field(description="When another may lead if it says nothing more.")


def _holding(spec: JobSpec, row: JobRow) -> tuple[Schedule, str | None]:
    """Return the schedule that holds, and why the stored one does not."""
    try:
        return spec.schedule_of(row), None
    except ConfigurationError as error:
        return spec.default(), f"the default holds: {error}"


def job_out(spec: JobSpec, row: JobRow, history: list[RunRow], now_ms: int) -> JobOut:
    holds, problem = _holding(spec, row)
    ended = [run for run in reversed(history) if run.state in _ENDED]
    durations = [took for took in map(took_ms, ended) if took is not None]
    return JobOut(
        id=spec.id,
        title=spec.title,
        description=spec.description,
        lane=spec.lane,
        schedule=str(holds),
        time_zone=holds.time_zone,
        in_words=holds.in_words(),
        default_schedule=str(spec.default()),
        is_default=row.schedule is None or problem is not None or spec.locked is not None,
        locked_by=spec.locked,
        problem=problem,
        enabled=row.enabled,
        parameters={**spec.parameters().model_dump(mode="json"), **(row.parameters or {})},
        time_limit_s=spec.time_limit_s,
        next_run_ms=row.next_run_ms if row.enabled else None,
        next_times_ms=holds.next_times(NEXT_TIMES, now_ms) if row.enabled else [],
        updated_ms=row.updated_ms,
        updated_by=row.updated_by,
        last_run=run_out(history[0]) if history else None,
        under_way=next((run.id for run in history if not run.state.is_end), None),
        durations_ms=durations,
        usual_ms=round(median(durations)) if durations else None,
    )
