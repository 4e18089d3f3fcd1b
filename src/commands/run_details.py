"""One run with all that is known of it, for people and for programs; times are told in UTC."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from src.commands.fill_views import fill_text
from src.commands.run_views import (
    children_table,
    counted,
    is_moving,
    left_text,
    rate_text,
    run_json,
    share_text,
    state_text,
    table_of,
    time_text,
    what_text,
    window_text,
)
from src.domain import utc_from_ms
from src.jobs.holder import describe_holder
from src.jobs.job_registry import FILL_GAPS
from src.terminal import duration_text
from src.warehouse.run_progress import Event
from src.warehouse.run_states import PERMANENT
from src.warehouse.runs import RunRow, RunState

_MISSING_SHOWN = 5


@dataclass(frozen=True, slots=True)
class RunDetails:
    """All that is known of a run; *children* are those of a batch."""

    run: RunRow
    children: Sequence[RunRow]
    events: Sequence[Event]


def run_view(details: RunDetails, now_ms: int, *, traceback: bool = False) -> RenderableType:
    """Draw all that is known of a run."""
    run = details.run
    parts: list[RenderableType] = [
        Text.assemble((f"run {run.id}", "bold"), f"  {what_text(run)}  ", state_text(run)),
        _fields_table(run, now_ms),
    ]
    if run.error:
        parts += [Text(), error_view(run)]
    if details.children:
        parts += [Text(), children_table(details.children)]
    if run.missing:
        parts += [Text(), _missing_view(run)]
    if details.events:
        parts += [Text(), _events_table(details.events)]
    if traceback and run.traceback:
        parts += [Text(), Text(run.traceback.rstrip(), style="dim")]
    elif run.traceback:
        parts += [Text(), Text(f"./candlehouse runs show {run.id} --traceback shows where it failed", "dim")]
    return Group(*parts)


def _fields_table(run: RunRow, now_ms: int) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in (*_work_fields(run), *_story_fields(run, now_ms)):
        if value:
            table.add_row(name, Text(value))
    return table


def _work_fields(run: RunRow) -> list[tuple[str, str]]:
    total = "" if run.total is None else f" of {run.total:,}"
    share = run.share_received
    received = "" if share is None else f" ({100 * share:.2f} % of the {run.expected:,} expected)"
    chunks = "" if run.batches_total is None else f"{run.batches_done} of {run.batches_total}"
    is_running, moves = run.state is RunState.RUNNING, is_moving(run)
    at_ms = run.current_open_ms
    at = f"{run.current_series} {utc_from_ms(at_ms):%Y-%m-%d %H:%M}" if at_ms else run.current_series or ""
    is_fill = run.kind == FILL_GAPS
    bound = "; max_gaps bounds asking, not reloading" if is_fill and "max_gaps" in run.parameters else ""
    between = ", with those held between gaps" if is_fill else ""
    return [
        ("window (UTC)", window_text(run.window.start_ms, run.window.end_ms) if run.window else ""),
        ("parameters", json.dumps(run.parameters) + bound if run.parameters and not run.is_batch else ""),
        ("done", f"{share_text(run)}, {run.done:,}{total} {run.unit}" if run.total or run.done else ""),
        ("fetched", f"{run.fetched:,}{received}{between}" if run.expected or run.fetched else ""),
        ("loaded", f"{run.loaded:,}" if run.expected or run.loaded else ""),
        ("chunks", chunks),
        ("rate", rate_text(run) if moves else ""),
        ("time left", left_text(run) if moves else ""),
        ("at", at if is_running else ""),
        ("waiting for", run.waiting_for or ""),
        ("steps", ", ".join(f"{name} {state}" for name, state in run.steps.items())),
        ("came of it", fill_text(run.result) if is_fill and run.result else ""),
        ("result", "" if run.result is None else json.dumps(run.result)),
    ]


def _story_fields(run: RunRow, now_ms: int) -> list[tuple[str, str]]:
    fruitless = f", {run.fruitless} of {run.attempt_limit} without progress" if run.fruitless > 1 else ""
    end_ms = run.finished_ms or now_ms
    took = f" ({duration_text(end_ms - run.started_ms)})" if run.started_ms else ""
    return [
        ("asked by", f"{run.requested_by}, {run.origin}, lane {run.lane}"),
        ("job", run.job_id or ""),
        ("batch", str(run.parent_id or "")),
        ("attempt", f"{run.attempt}{fruitless}" if run.attempt else ""),
        ("time limit", duration_text(run.time_limit_s * 1000) if run.time_limit_s else ""),
        ("asked at (UTC)", time_text(run.created_ms)),
        ("started", time_text(run.started_ms) if run.started_ms else ""),
        ("ended", f"{time_text(run.finished_ms)}{took}" if run.finished_ms else ""),
        ("worker", describe_holder(run.worker) if run.worker else ""),
        ("last sign of life", time_text(run.heartbeat_ms) if run.state is RunState.RUNNING else ""),
    ]


def error_view(run: RunRow) -> Text:
    """Say what failed, for which series and window, and what to do."""
    error = run.error or {}
    text = Text(str(error.get("what", "")), style="red")
    window = error.get("window")
    for name, value in (("series", error.get("series")), ("window", window and " – ".join(window))):
        if value:
            text.append(f"\n{name} ", style="dim").append(str(value), style="default")
    if error.get("todo"):
        text.append(f"\n→ {error['todo']}", style="cyan")
    if run.state is RunState.FAILED and run.error_kind != PERMANENT:
        force = " --force" if run.fruitless >= run.attempt_limit else ""
        text.append(f"\n→ ./candlehouse runs retry {run.id}{force}", style="cyan")
    return text


def _missing_view(run: RunRow) -> Text:
    text = Text(f"the exchange has nothing for {counted(len(run.missing), 'window')} (UTC)", style="yellow")
    for start_ms, end_ms in run.missing[:_MISSING_SHOWN]:
        text.append(f"\n  {window_text(start_ms, end_ms)}", style="default")
    more = len(run.missing) - _MISSING_SHOWN
    return text.append(f"\n  and {more:,} more: --json lists them", style="dim") if more > 0 else text


def _events_table(events: Sequence[Event]) -> Table:
    table = table_of("time (UTC)", "event")
    table.columns[0].style = "dim"
    table.add_column("", overflow="fold")
    for event in events:
        kind = event.kind.replace("_", " ")
        table.add_row(time_text(event.at_ms), Text(kind), Text(event.message))
    return table


def details_json(details: RunDetails) -> dict[str, Any]:
    """Return all that is known of a run for programs."""
    events = [{"at_ms": one.at_ms, "kind": one.kind, "message": one.message} for one in details.events]
    return {
        **run_json(details.run),
        "children": [run_json(child) for child in details.children],
        "events": events,
    }
