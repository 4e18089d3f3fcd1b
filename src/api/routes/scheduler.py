"""The scheduler: which jobs there are, when they run, how they went, and who leads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import Connection

from src.api.asking import AskedOut, is_led, settings_now
from src.api.context import clock, note, parts, requested_by, warehouse
from src.api.paging import Paged, make_cursor, read_cursor, split_page
from src.api.problems import invalid
from src.api.routes.runs import RunsOut
from src.api.routing import Routes
from src.api.run_schemas import RunOut, run_out, took_ms
from src.api.schemas import CodeName, In, Out, parameter
from src.domain import Lane
from src.errors import ConfigurationError
from src.jobs.asking import trigger_job
from src.jobs.holder import describe_holder
from src.jobs.job_registry import JobSpec, get_job
from src.jobs.leadership import TTL_MS
from src.jobs.schedules import Schedule, parse_schedule
from src.warehouse.jobs import JobRow, find_job, list_jobs, set_enabled, set_parameters, set_schedule
from src.warehouse.runs import RunFilter, RunRow, RunState, find_unfinished, list_runs

routes = Routes("scheduler", "What runs by itself, when, and who does it.")

_HISTORY, _NEXT_TIMES = 20, 5
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


@routes.get("/api/scheduler/jobs", responses={200: JobsOut})
def scheduler_jobs() -> JobsOut:
    """List the jobs: when they run, next and last, and how long they take."""
    now_ms = clock().now_ms()
    with warehouse().read() as connection:
        specs = _specs(connection)
        rows = {row.id: row for row in list_jobs(connection)}
        jobs = [
            _job(spec, rows.get(spec.id, JobRow(spec.id)), _history(connection, spec.id), now_ms)
            for spec in specs.values()
        ]
    return JobsOut(now_ms=now_ms, is_led=is_led(), jobs=jobs)


@routes.get("/api/scheduler/jobs/<id>", responses={200: JobOut})
def scheduler_job(path: OfJob) -> JobOut:
    """Return one job."""
    with warehouse().read() as connection:
        return _read(connection, path.id)


@routes.get("/api/scheduler/jobs/<id>/runs", responses={200: RunsOut})
def job_runs(path: OfJob, query: Paged) -> RunsOut:
    """List the runs of a job, the newest first."""
    before = read_cursor(query.cursor, int)
    with warehouse().read() as connection:
        get_job(_specs(connection), path.id)
        wanted = RunFilter(job_id=path.id, before_id=before[0] if before else None)
        rows = list_runs(connection, wanted, query.limit + 1)
    page, cursor = split_page(rows, query.limit, lambda row: make_cursor(row.id))
    return RunsOut(runs=list(map(run_out, page)), next_cursor=cursor)


class TriggerIn(In):
    """With what to run it."""

    parameters: dict[str, Any] = parameter({}, about="For this run alone, over those of the job.")


class TriggeredOut(AskedOut):
    is_new: bool = Field(description="Whether the run is new: one that is under way is not doubled.")


@routes.post("/api/scheduler/jobs/<id>/trigger", responses={202: TriggeredOut})
def trigger(path: OfJob, body: TriggerIn) -> tuple[TriggeredOut, int]:
    """Run a job now, apart from its schedule."""
    with warehouse().read() as connection:
        spec = get_job(_specs(connection), path.id)
        row = find_job(connection, spec.id) or JobRow(spec.id)
        under_way = find_unfinished(connection, spec.id)
    with _blaming("parameters"):
        parameters = spec.parameters_of(row, body.parameters)
    run_id = trigger_job(warehouse(), spec, requested_by(), parameters)
    note(f"triggered {spec.id}: run {run_id}")
    return TriggeredOut(job_id=run_id, is_led=is_led(), is_new=run_id != under_way), 202


@routes.post("/api/scheduler/jobs/<id>/enable", responses={200: JobOut})
def enable(path: OfJob) -> JobOut:
    """Let a job run by its schedule again."""
    return _set_enabled(path.id, enabled=True)


@routes.post("/api/scheduler/jobs/<id>/disable", responses={200: JobOut})
def disable(path: OfJob) -> JobOut:
    """Let a job's schedule rest; what runs now goes on."""
    return _set_enabled(path.id, enabled=False)


class ScheduleIn(In):
    """When a job shall run."""

    schedule: Annotated[str, Field(max_length=200)] | None = parameter(
        None,
        about="`every 10s`, or a cron line of five fields; null for the one it came with.",
        example="every 2h",
    )
    time_zone: str = parameter("UTC", about="Whose clocks a cron line goes by.", max_length=100)


@routes.post("/api/scheduler/jobs/<id>/schedule", responses={200: JobOut})
def schedule(path: OfJob, body: ScheduleIn) -> JobOut:
    """Change when a job runs; the process that leads follows within two seconds."""
    with warehouse().read() as connection:
        spec = get_job(_specs(connection), path.id)
    spec.check_unlocked()
    chosen = spec.default() if body.schedule is None else _parse(body.schedule, body.time_zone)
    stored = None if body.schedule is None else str(chosen)
    by = requested_by()
    warehouse().run(lambda connection: set_schedule(connection, spec.id, stored, chosen.time_zone, by))
    note(f"{spec.id} runs {chosen.in_words()}")
    return _read_job(spec.id)


class ParametersIn(In):
    """With what a job shall run."""

    parameters: dict[str, Any] | None = parameter(None, about="Null for those that it came with.")


@routes.post("/api/scheduler/jobs/<id>/parameters", responses={200: JobOut})
def parameters(path: OfJob, body: ParametersIn) -> JobOut:
    """Change with what a job runs."""
    with warehouse().read() as connection:
        spec = get_job(_specs(connection), path.id)
    with _blaming("parameters"):
        spec.parameters_of(JobRow(spec.id), body.parameters)
    by = requested_by()
    warehouse().run(lambda connection: set_parameters(connection, spec.id, body.parameters, by))
    note(f"{spec.id} runs with {body.parameters}")
    return _read_job(spec.id)


class PreviewQuery(In):
    schedule: str = parameter(about="A schedule to try.", example="0 3 * * sun", min_length=1, max_length=200)
    time_zone: str = parameter("UTC", about="Whose clocks a cron line goes by.", max_length=100)


class PreviewOut(Out):
    schedule: str
    time_zone: str
    in_words: str
    next_times_ms: list[int] = Field(description="The next five.")


@routes.get("/api/scheduler/preview", responses={200: PreviewOut})
def preview(query: PreviewQuery) -> PreviewOut:
    """Say when a job with such a schedule would run; 422 says what is accepted."""
    chosen = _parse(query.schedule, query.time_zone)
    return PreviewOut(
        schedule=str(chosen),
        time_zone=chosen.time_zone,
        in_words=chosen.in_words(),
        next_times_ms=chosen.next_times(_NEXT_TIMES, clock().now_ms()),
    )


class LeaderOut(Out):
    is_led: bool
    holder: str | None = Field(description="Which process leads, by host and number; null where none does.")
    since_ms: int | None = Field(description="By the database's clock, as the others.")
    heartbeat_ms: int | None = Field(description="When it said so last; it does every three seconds.")
    until_ms: int | None = Field(description="When another may lead if it says nothing more.")


@routes.get("/api/scheduler/leader", responses={200: LeaderOut})
def leader() -> LeaderOut:
    """Say which process leads: it executes what is asked for and what is scheduled."""
    lease = parts().leadership.find_leader()
    if lease is None:
        return LeaderOut(is_led=False, holder=None, since_ms=None, heartbeat_ms=None, until_ms=None)
    return LeaderOut(
        is_led=True,
        holder=describe_holder(lease.holder),
        since_ms=lease.acquired_at_ms,
        heartbeat_ms=lease.expires_at_ms - TTL_MS,
        until_ms=lease.expires_at_ms,
    )


def _specs(connection: Connection) -> dict[str, JobSpec]:
    """Return the jobs as the settings make them: what people have changed of those counts."""
    made = parts()
    made.live.settings = settings_now(connection)
    return made.jobs


def _parse(text: str, time_zone: str) -> Schedule:
    with _blaming("time_zone"):
        parse_schedule("every 1d", time_zone)
    with _blaming("schedule"):
        return parse_schedule(text, time_zone)


@contextmanager
def _blaming(field: str) -> Iterator[None]:
    """Tell which field of a request an error of configuration within is about."""
    try:
        yield
    except ConfigurationError as error:
        message, _, accepted = str(error).partition("; accepted: ")
        raise invalid(field, message, accepted or None) from None


def _set_enabled(job_id: str, *, enabled: bool) -> JobOut:
    with warehouse().read() as connection:
        spec = get_job(_specs(connection), job_id)
    by = requested_by()
    warehouse().run(lambda connection: set_enabled(connection, spec.id, enabled=enabled, by=by))
    note(f"{spec.id} {'enabled' if enabled else 'disabled'}")
    return _read_job(spec.id)


def _read_job(job_id: str) -> JobOut:
    with warehouse().read() as connection:
        return _read(connection, job_id)


def _read(connection: Connection, job_id: str) -> JobOut:
    spec = get_job(_specs(connection), job_id)
    row = find_job(connection, spec.id) or JobRow(spec.id)
    return _job(spec, row, _history(connection, spec.id), clock().now_ms())


def _history(connection: Connection, job_id: str) -> list[RunRow]:
    return list_runs(connection, RunFilter(job_id=job_id), _HISTORY)


def _holding(spec: JobSpec, row: JobRow) -> tuple[Schedule, str | None]:
    """Return the schedule that holds, and why the stored one does not."""
    try:
        return spec.schedule_of(row), None
    except ConfigurationError as error:
        return spec.default(), f"the default holds: {error}"


def _job(spec: JobSpec, row: JobRow, history: list[RunRow], now_ms: int) -> JobOut:
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
        next_times_ms=holds.next_times(_NEXT_TIMES, now_ms) if row.enabled else [],
        updated_ms=row.updated_ms,
        updated_by=row.updated_by,
        last_run=run_out(history[0]) if history else None,
        under_way=next((run.id for run in history if not run.state.is_end), None),
        durations_ms=durations,
        usual_ms=round(median(durations)) if durations else None,
    )
