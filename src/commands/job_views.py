"""How jobs and their runs are shown, to people and to programs; times in UTC."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from src.domain import utc_from_ms
from src.errors import ConfigurationError
from src.jobs.job_registry import JobSpec
from src.jobs.schedules import Schedule
from src.terminal import duration_text
from src.warehouse.jobs import JobRow
from src.warehouse.runs import RunRow, RunState

# A daemon tells the next time within some seconds; one that long ago tells that there is no daemon.
_OVERDUE_MS = 15_000
_STYLES = {
    RunState.RUNNING: "cyan",
    RunState.SUCCEEDED: "green",
    RunState.PARTLY_FAILED: "yellow",
    RunState.FAILED: "bold red",
}


@dataclass(frozen=True)
class JobView:
    """A job with what is stored of it and its last runs, newest first."""

    spec: JobSpec
    row: JobRow
    runs: list[RunRow]

    @cached_property
    def problem(self) -> str | None:
        """Say why the stored schedule does not hold, None when it does."""
        try:
            self.spec.schedule_of(self.row)
        except ConfigurationError as error:
            return f"the default holds: {error}"
        return None

    @property
    def schedule(self) -> Schedule:
        return self.spec.default() if self.problem else self.spec.schedule_of(self.row)


def jobs_table(views: Sequence[JobView], now_ms: int) -> Table:
    """Draw all jobs, a line each."""
    table = _table("job", "schedule", "enabled", "next run (UTC)", "last run (UTC)", "state", "took")
    for view in views:
        enabled = Text("yes", style="green") if view.row.enabled else Text("no", style="yellow")
        last = _run_cells(view.runs[0], now_ms) if view.runs else [Text("never", style="dim"), Text(), Text()]
        words = Text(view.schedule.in_words())
        table.add_row(Text(view.spec.id, style="bold"), words, enabled, _next_run(view, now_ms), *last)
    return table


def details_view(view: JobView, times: Sequence[int], now_ms: int) -> RenderableType:
    """Draw one job with its next *times* and its history."""
    fields = _table("", "", show_header=False)
    for name, value in _fields(view, times):
        fields.add_row(Text(name, style="dim"), Text(value))
    history = _table("run", "began (UTC)", "state", "took", "origin", "asked by", "error")
    for run in view.runs:
        error = Text((run.error or {}).get("what", ""))
        history.add_row(str(run.id), *_run_cells(run, now_ms), run.origin, Text(run.requested_by), error)
    title = Text.assemble((view.spec.id, "bold"), f": {view.spec.description}")
    return Group(title, fields, Text(), history if view.runs else Text("it never ran", style="dim"))


def _fields(view: JobView, times: Sequence[int]) -> list[tuple[str, str]]:
    spec, row = view.spec, view.row
    changed = f"{time_text(row.updated_ms)} by {row.updated_by}" if row.updated_ms else "never"
    fields = [
        ("schedule", f"{view.schedule.in_words()} ({_origin(view)})"),
        ("enabled", "yes" if row.enabled else "no"),
        ("next times (UTC)", "\n".join(map(time_text, times)) or "-"),
        ("parameters", json.dumps({**spec.parameters().model_dump(mode="json"), **(row.parameters or {})})),
        ("time limit", duration_text(spec.time_limit_s * 1000)),
        ("changed", changed),
    ]
    return [*fields, *([("problem", view.problem)] if view.problem else [])]


def _origin(view: JobView) -> str:
    if view.spec.locked:
        return f"set by {view.spec.locked}"
    is_default = view.row.schedule is None or view.problem
    return "the default" if is_default else f"{view.row.schedule}; default: {view.spec.default().in_words()}"


def job_json(view: JobView) -> dict[str, Any]:
    """Return a job for programs; times in UTC ms."""
    spec, row, schedule = view.spec, view.row, view.schedule
    return {
        "id": spec.id,
        "title": spec.title,
        "description": spec.description,
        "schedule": str(schedule),
        "time_zone": schedule.time_zone,
        "in_words": schedule.in_words(),
        "default_schedule": str(spec.default()),
        "locked_by": spec.locked,
        "problem": view.problem,
        "enabled": row.enabled,
        "parameters": {**spec.parameters().model_dump(mode="json"), **(row.parameters or {})},
        "next_run_ms": row.next_run_ms,
        "updated_ms": row.updated_ms,
        "updated_by": row.updated_by,
        "last_run": _run_json(view.runs[0]) if view.runs else None,
    }


def details_json(view: JobView, times: Sequence[int]) -> dict[str, Any]:
    """Return a job for programs with its next times and its history."""
    return {**job_json(view), "next_times_ms": list(times), "runs": [_run_json(run) for run in view.runs]}


def time_text(time_ms: int) -> str:
    """Return a time to the second, in UTC."""
    return f"{utc_from_ms(time_ms):%Y-%m-%d %H:%M:%S}"


def took_text(took_ms: int | None) -> str:
    """Return how long something took; what was short, to a tenth of a second."""
    if took_ms is None:
        return "-"
    return f"{took_ms / 1000:.1f} s" if took_ms < 10_000 else duration_text(took_ms)


def _next_run(view: JobView, now_ms: int) -> Text:
    next_ms = view.row.next_run_ms
    if next_ms is None:
        return Text("-", style="dim")
    if next_ms < now_ms - _OVERDUE_MS:
        return Text(f"overdue since {time_text(next_ms)}", style="yellow")
    return Text(time_text(next_ms))


def _run_cells(run: RunRow, now_ms: int) -> list[Text]:
    state = Text(run.state.value, style=_STYLES.get(run.state, ""))
    took = took_text(_took_ms(run, now_ms))
    return [Text(time_text(run.started_ms or run.created_ms)), state, Text(took, justify="right")]


def _took_ms(run: RunRow, now_ms: int | None = None) -> int | None:
    """Return how long a run took, or takes until *now_ms*; None while it has not begun."""
    end_ms = run.finished_ms or now_ms
    return None if run.started_ms is None or end_ms is None else max(0, end_ms - run.started_ms)


def _run_json(run: RunRow) -> dict[str, Any]:
    return {
        "id": run.id,
        "state": run.state.value,
        "origin": run.origin,
        "requested_by": run.requested_by,
        "created_ms": run.created_ms,
        "started_ms": run.started_ms,
        "finished_ms": run.finished_ms,
        "took_ms": _took_ms(run),
        "error": run.error,
    }


def _table(*columns: str, show_header: bool = True) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0), show_header=show_header)
    for name in columns:
        table.add_column(name)
    return table
