"""The commands ``runs``: see all work that is done, was done and waits; start, stop and repeat it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from src.commands.common import ID, json_option, show_result, warehouse_app
from src.commands.run_asking import (
    exit_for,
    runs_cancel,
    runs_pause,
    runs_resume,
    runs_retry,
    start,
    tell_if_nobody_leads,
)
from src.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from src.warehouse.runs import RunFilter, RunRow
    from src.wiring import App

_PAGE = 200

C = TypeVar("C", bound=Callable[..., Any])


@click.group()
def runs() -> None:
    """See all work: what is done, what waits, what came of it; start, stop and repeat it.

    \b
    Example: ./candlehouse runs list
    """


def _filters(command: C) -> C:
    options = (
        click.option("--state", "states", multiple=True, help="Only those in this state; may be repeated."),
        click.option("--kind", help="Only those of this kind, like fetch_window, cycle or batch."),
        click.option("--job", help="Only those of this job."),
        click.option("--batch", type=ID, metavar="ID", help="Only the runs of this batch."),
        click.option("--all", "with_children", is_flag=True, help="With the runs of batches and all cycles."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@runs.command("list")
@_filters
@click.option("--limit", type=click.IntRange(1, 10_000), default=30, help="Default: the newest 30.")
@json_option
def runs_list(limit: int, as_json: bool, **filters: Any) -> None:
    """List runs, newest first; a batch stands for its runs, and cycles that went well are left out.

    \b
    Example: ./candlehouse runs list --state failed --state running --all
    """
    from src.commands.run_views import run_json, runs_table
    from src.warehouse.runs import list_runs

    parts = warehouse_app()
    wanted = replace(_wanted(parts, **filters), skip_routine=not any(filters.values()))
    with parts.warehouse.read() as connection:
        rows = list_runs(connection, wanted, limit)
    now_ms = parts.clock.now_ms()
    table = lambda width: runs_table(rows, now_ms, width) if rows else _why_none(parts, wanted)  # noqa: E731
    _show([run_json(row) for row in rows], as_json, table)
    _tell_if_stuck(parts, rows)


@runs.command("show")
@click.argument("run_id", type=ID, metavar="ID")
@click.option("--traceback", is_flag=True, help="Show where in the program it failed.")
@json_option
def runs_show(run_id: int, traceback: bool, as_json: bool) -> None:
    """Show all that is known of a run; of a batch all its runs.

    \b
    Example: ./candlehouse runs show 12
    """
    from src.commands.run_details import RunDetails, details_json, run_view
    from src.warehouse.run_progress import list_events
    from src.warehouse.runs import get_run, list_children

    parts = warehouse_app()
    with parts.warehouse.read() as connection:
        run = get_run(connection, run_id)
        children = list_children(connection, run_id) if run.is_batch else []
        details = RunDetails(run, children, list_events(connection, run_id))
    now_ms = parts.clock.now_ms()
    _show(details_json(details), as_json, lambda _: run_view(details, now_ms, traceback=traceback))
    _tell_if_stuck(parts, [run])


@runs.command("follow")
@click.argument("run_id", type=ID, metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each change and every 10 s.")
def runs_follow(run_id: int, as_json: bool) -> None:
    """Watch a run until it ends; Ctrl-C ends the watching alone. Exit status 0 if it succeeded.

    \b
    Example: ./candlehouse runs follow 12
    """
    from src.commands.following import follow

    exit_for(run_id, follow(warehouse_app(), run_id, as_json=as_json))


for asking in (start, runs_cancel, runs_pause, runs_resume, runs_retry):
    runs.add_command(asking)


@runs.command("export")
@_filters
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv", help="Default: csv.")
def runs_export(form: str, **filters: Any) -> None:
    """Write runs with all that is known of them to standard output, newest first.

    \b
    Example: ./candlehouse runs export --format csv --all > runs.csv
    """
    from src.commands.run_export import write_csv, write_json

    parts = warehouse_app()
    wanted = _wanted(parts, **filters)
    write = write_csv if form == "csv" else write_json
    write(_pages(parts, wanted), sys.stdout)


@runs.command("prune")
@click.option("--older-than", required=True, help="How long ago they must have ended, like 30d.")
@click.option("--dry-run", is_flag=True, help="Only say how many there are.")
@json_option
def runs_prune(older_than: str, dry_run: bool, as_json: bool) -> None:
    """Forget runs that ended long ago; the data that they fetched stay.

    \b
    Example: ./candlehouse runs prune --older-than 30d --dry-run
    """
    from src.commands.run_views import counted
    from src.commands.times import parse_duration_ms
    from src.warehouse.runs import count_prunable, prune_runs

    age_ms = parse_duration_ms(older_than, "--older-than")
    parts = warehouse_app()
    before_ms = parts.clock.now_ms() - age_ms
    if dry_run:
        with parts.warehouse.read() as connection:
            count = count_prunable(connection, before_ms)
    else:
        count = sum(iter(lambda: parts.warehouse.run(lambda c: prune_runs(c, before_ms)), 0))
    verb = "would be forgotten" if dry_run else "forgotten"
    told = {"runs": count, "dry_run": dry_run}
    show_result(told, as_json, lambda: f"{counted(count, 'run')} {verb}")


def _wanted(
    parts: App,
    states: tuple[str, ...],
    kind: str | None,
    job: str | None,
    batch: int | None,
    with_children: bool,
) -> RunFilter:
    from src.warehouse.runs import RunFilter, RunState

    if unknown := [name for name in states if name not in list(RunState)]:
        raise ConfigurationError(f"--state {', '.join(unknown)}: accepted are {', '.join(RunState)}")
    if kind is not None:
        _check_kind(parts, kind)
    top_only = not with_children and batch is None
    return RunFilter(job, kind, [RunState(name) for name in states], batch, top_only)


def _check_kind(parts: App, kind: str) -> None:
    """Refuse a kind that does not exist, unless there are runs of it from another version."""
    from src.jobs.ageing import MAINTENANCE
    from src.jobs.fetching import FETCH_WINDOW
    from src.jobs.kinds import EXTRACT, TRANSFORM
    from src.jobs.proving import REPLAY, VERIFY
    from src.warehouse.runs import BATCH, RunFilter, list_runs

    jobs = (spec.kind for spec in parts.jobs.values())
    known = dict.fromkeys((BATCH, FETCH_WINDOW, *jobs, EXTRACT, TRANSFORM, VERIFY, REPLAY, MAINTENANCE))
    if kind in known:
        return
    with parts.warehouse.read() as connection:
        if not list_runs(connection, RunFilter(kind=kind), 1):
            raise ConfigurationError(f"--kind {kind}: accepted are {', '.join(known)}")


def _why_none(parts: App, wanted: RunFilter) -> str:
    """Say what an empty list means."""
    from src.warehouse.runs import RunFilter, list_runs

    with parts.warehouse.read() as connection:
        if not list_runs(connection, RunFilter(), 1):
            return "no runs yet"
    return "none but cycles that went well: --all shows them" if wanted.skip_routine else "none of those"


def _tell_if_stuck(parts: App, rows: Sequence[RunRow]) -> None:
    if any(row.state in ("queued", "running") for row in rows):
        tell_if_nobody_leads(parts)


def _pages(parts: App, wanted: RunFilter) -> Iterator[Sequence[RunRow]]:
    """Yield all runs that are wanted, page by page, so that no number of them fills the memory."""
    from src.warehouse.runs import list_runs

    while True:
        with parts.warehouse.read() as connection:
            rows = list_runs(connection, wanted, _PAGE)
        if not rows:
            return
        yield rows
        wanted = replace(wanted, before_id=rows[-1].id)


def _show(value: Any, as_json: bool, view: Callable[[int], RenderableType]) -> None:
    """Print JSON for programs or, in colour and as wide as the terminal, what *view* makes of its width."""
    from src.terminal import output_width, show

    if as_json:
        click.echo(json.dumps(value, default=str))
    else:
        show(view(output_width()))
