"""The commands ``jobs``: what runs by itself, when, and with what. A daemon that runs follows at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from src.commands.common import app, fail, json_option, requested_by, show_result, warehouse_app
from src.commands.run_asking import tell_if_nobody_leads
from src.errors import ConfigurationError

if TYPE_CHECKING:
    from src.commands.job_views import JobView
    from src.jobs.job_registry import JobSpec
    from src.warehouse.jobs import JobRow
    from src.wiring import App

_NEXT_TIMES, _HISTORY = 5, 10


@click.group()
def jobs() -> None:
    """When which work runs by itself.

    \b
    Example: ./candlehouse jobs schedule cycle "every 10s"
    """


@jobs.command("list")
@json_option
def jobs_list(as_json: bool) -> None:
    """List the jobs: when they run, next and last.

    \b
    Example: ./candlehouse jobs list
    """
    from src.commands.job_views import job_json, jobs_table
    from src.terminal import to_text

    parts = warehouse_app()
    views, now_ms = [_read(parts, spec, 1) for spec in _specs(parts).values()], parts.clock.now_ms()
    show_result([job_json(view) for view in views], as_json, lambda: to_text(jobs_table(views, now_ms)))
    tell_if_nobody_leads(parts)


@jobs.command("show")
@click.argument("job_id", metavar="JOB")
@json_option
def jobs_show(job_id: str, as_json: bool) -> None:
    """Show a job: its next times, its parameters and its last runs.

    \b
    Example: ./candlehouse jobs show reconcile_lake
    """
    from src.commands.job_views import details_json, details_view
    from src.terminal import to_text

    parts = warehouse_app()
    view, now_ms = _read(parts, _spec(parts, job_id), _HISTORY), parts.clock.now_ms()
    times = view.schedule.next_times(_NEXT_TIMES, now_ms) if view.row.enabled else []
    show_result(details_json(view, times), as_json, lambda: to_text(details_view(view, times, now_ms)))


@jobs.command("enable")
@click.argument("job_id", metavar="JOB")
@json_option
def jobs_enable(job_id: str, as_json: bool) -> None:
    """Let a job run by its schedule again.

    \b
    Example: ./candlehouse jobs enable reconcile_lake
    """
    _set_enabled(job_id, True, as_json)


@jobs.command("disable")
@click.argument("job_id", metavar="JOB")
@json_option
def jobs_disable(job_id: str, as_json: bool) -> None:
    """Let a job's schedule rest; what runs now goes on.

    \b
    Example: ./candlehouse jobs disable reconcile_lake
    """
    _set_enabled(job_id, False, as_json)


@jobs.command("schedule")
@click.argument("job_id", metavar="JOB")
@click.argument("text", metavar="[SCHEDULE]", required=False)
@click.option("--time-zone", help="Whose clocks a cron line goes by, like Europe/Berlin. Default: UTC.")
@click.option("--default", "is_default", is_flag=True, help="Go back to the schedule that the job came with.")
@click.option("--dry-run", is_flag=True, help="Only say when it would run.")
@json_option
def jobs_schedule(
    job_id: str, text: str | None, time_zone: str | None, is_default: bool, dry_run: bool, as_json: bool
) -> None:
    """Change when a job runs: every so often, or by a cron line of five fields.

    \b
    Example: ./candlehouse jobs schedule reconcile_lake "0 2 * * sun" --time-zone Europe/Berlin
    """
    from src.commands.job_views import time_text
    from src.jobs.schedules import parse_schedule
    from src.warehouse.jobs import set_schedule

    if (text is None) != is_default or (is_default and time_zone):
        raise click.UsageError('give either a schedule, like "every 10s", or --default')
    parts = warehouse_app()
    spec = _spec(parts, job_id)
    spec.check_unlocked()
    schedule = spec.default() if text is None else parse_schedule(text, time_zone or "UTC")
    if time_zone and schedule.time_zone != time_zone:
        raise click.UsageError("--time-zone is for cron lines: intervals go by the exchange's clock")
    stored = None if is_default else str(schedule)
    if not dry_run:
        by = requested_by()
        parts.warehouse.run(lambda c: set_schedule(c, spec.id, stored, schedule.time_zone, by))
    times = schedule.next_times(_NEXT_TIMES, parts.clock.now_ms())
    told = {"id": spec.id, "schedule": str(schedule), "time_zone": schedule.time_zone, "dry_run": dry_run}
    verb = "would run" if dry_run else "runs"
    lines = [f"{spec.id} {verb} {schedule.in_words()}, next (UTC):", *map(time_text, times)]
    show_result({**told, "next_times_ms": times}, as_json, lambda: "\n  ".join(lines))


@jobs.command("parameters")
@click.argument("job_id", metavar="JOB")
@click.argument("text", metavar="[JSON]", required=False)
@click.option("--default", "is_default", is_flag=True, help="Go back to those that the job came with.")
@json_option
def jobs_parameters(job_id: str, text: str | None, is_default: bool, as_json: bool) -> None:
    """Change with what a job runs.

    \b
    Example: ./candlehouse jobs parameters reconcile_lake '{"checksums": true}'
    """
    from src.warehouse.jobs import JobRow, set_parameters

    if (text is None) != is_default:
        raise click.UsageError("give either parameters as JSON, or --default")
    parts = warehouse_app()
    spec = _spec(parts, job_id)
    given = None if text is None else _parse_parameters(text)
    whole = spec.parameters_of(JobRow(spec.id), given)
    by = requested_by()
    parts.warehouse.run(lambda c: set_parameters(c, spec.id, given, by))
    told = {"id": spec.id, "parameters": whole}
    show_result(told, as_json, lambda: f"{spec.id} runs with {json.dumps(whole)}")


@jobs.command("trigger")
@click.argument("job_id", metavar="JOB")
@click.option("--parameters", "text", metavar="JSON", help="For this run alone, over those of the job.")
@json_option
def jobs_trigger(job_id: str, text: str | None, as_json: bool) -> None:
    """Run a job now, apart from its schedule; one that is under way is not doubled.

    \b
    Example: ./candlehouse jobs trigger reconcile_lake --parameters '{"checksums": true}'
    """
    from src.jobs.asking import trigger_job
    from src.warehouse.runs import find_unfinished

    parts = warehouse_app()
    spec = _spec(parts, job_id)
    parameters = spec.parameters_of(_row(parts, spec), _parse_parameters(text or "{}"))
    with parts.warehouse.read() as connection:
        under_way = find_unfinished(connection, spec.id)
    run_id = trigger_job(parts.warehouse, spec, requested_by(), parameters)
    state = "is under way already" if run_id == under_way else "is queued"
    told = {"id": spec.id, "run_id": run_id, "is_new": run_id != under_way}
    show_result(
        told, as_json, lambda: f"{spec.id}: run {run_id} {state}; see ./candlehouse runs follow {run_id}"
    )
    tell_if_nobody_leads(parts)


@jobs.command("leader")
@json_option
def jobs_leader(as_json: bool) -> None:
    """Say which process executes the work; exit status 1 when none does. A health check, too.

    \b
    Example: ./candlehouse jobs leader
    """
    from src.commands.follow_views import NOBODY
    from src.domain import format_utc
    from src.jobs.holder import describe_holder
    from src.warehouse.schema import check_schema

    parts = app()
    check_schema(parts.warehouse)
    lease = parts.leadership.find_leader()
    if lease is None:
        fail(NOBODY, 1)
    name = describe_holder(lease.holder)
    told = {"leader": name, "since_ms": lease.acquired_at_ms, "until_ms": lease.expires_at_ms}
    show_result(told, as_json, lambda: f"{name} leads since {format_utc(lease.acquired_at_ms)}")


def _set_enabled(job_id: str, enabled: bool, as_json: bool) -> None:
    from src.warehouse.jobs import set_enabled

    parts = warehouse_app()
    spec, by = _spec(parts, job_id), requested_by()
    parts.warehouse.run(lambda c: set_enabled(c, spec.id, enabled=enabled, by=by))
    told = "is enabled" if enabled else f"is disabled; ./candlehouse jobs trigger {spec.id} still runs it"
    show_result({"id": spec.id, "enabled": enabled}, as_json, lambda: f"{spec.id} {told}")


def _specs(parts: App) -> dict[str, JobSpec]:
    """Return the jobs as the settings make them, what is stored of those included."""
    from src.warehouse.app_settings import read_settings

    with parts.warehouse.read() as connection:
        parts.live.take(read_settings(connection))
    return parts.jobs


def _spec(parts: App, job_id: str) -> JobSpec:
    from src.jobs.job_registry import get_job

    return get_job(_specs(parts), job_id)


def _row(parts: App, spec: JobSpec) -> JobRow:
    from src.warehouse.jobs import JobRow, find_job

    with parts.warehouse.read() as connection:
        return find_job(connection, spec.id) or JobRow(spec.id)


def _read(parts: App, spec: JobSpec, history: int) -> JobView:
    from src.commands.job_views import JobView
    from src.warehouse.runs import RunFilter, list_runs

    row = _row(parts, spec)
    with parts.warehouse.read() as connection:
        return JobView(spec, row, list_runs(connection, RunFilter(job_id=spec.id), history))


def _parse_parameters(text: str) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"parameters {text!r} are no JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise ConfigurationError(f'parameters {text!r}: accepted: an object like {{"name": true}}')
    return parsed
