"""The scheduler: which jobs there are, when they run, how they went, and who leads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from src.api.asking import is_led, settings_now
from src.api.context import clock, note, parts, requested_by, warehouse
from src.api.job_schemas import (
    HISTORY,
    NEXT_TIMES,
    JobOut,
    JobsOut,
    LeaderOut,
    OfJob,
    ParametersIn,
    PreviewOut,
    PreviewQuery,
    ScheduleIn,
    TriggeredOut,
    TriggerIn,
    job_out,
)
from src.api.paging import Paged, make_cursor, read_cursor, split_page
from src.api.problems import invalid
from src.api.routes.runs import RunsOut
from src.api.routing import Routes
from src.api.run_schemas import run_out
from src.errors import ConfigurationError
from src.jobs.asking import trigger_job
from src.jobs.holder import describe_holder
from src.jobs.job_registry import JobSpec, get_job
from src.jobs.leadership import TTL_MS
from src.jobs.schedules import Schedule, parse_schedule
from src.warehouse.jobs import JobRow, find_job, list_jobs, set_enabled, set_parameters, set_schedule
from src.warehouse.runs import RunFilter, RunRow, find_unfinished, list_runs

routes = Routes("scheduler", "What runs by itself, when, and who does it.")


@routes.get("/api/scheduler/jobs", responses={200: JobsOut})
def scheduler_jobs() -> JobsOut:
    """List the jobs: when they run, next and last, and how long they take."""
    now_ms = clock().now_ms()
    with warehouse().read() as connection:
        specs = _specs(connection)
        rows = {row.id: row for row in list_jobs(connection)}
        jobs = [
            job_out(spec, rows.get(spec.id, JobRow(spec.id)), _history(connection, spec.id), now_ms)
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


@routes.get("/api/scheduler/preview", responses={200: PreviewOut})
def preview(query: PreviewQuery) -> PreviewOut:
    """Say when a job with such a schedule would run; 422 says what is accepted."""
    chosen = _parse(query.schedule, query.time_zone)
    return PreviewOut(
        schedule=str(chosen),
        time_zone=chosen.time_zone,
        in_words=chosen.in_words(),
        next_times_ms=chosen.next_times(NEXT_TIMES, clock().now_ms()),
    )


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
    return job_out(spec, row, _history(connection, spec.id), clock().now_ms())


def _history(connection: Connection, job_id: str) -> list[RunRow]:
    return list_runs(connection, RunFilter(job_id=job_id), HISTORY)
