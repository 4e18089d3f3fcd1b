"""Commands that do a part of the pipeline once: cycle, extract, transform. Each is a run like any other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from src.commands.common import json_option, ready_app, requested_by, show_result, warehouse_app
from src.errors import CandlehouseError

if TYPE_CHECKING:
    from src.warehouse.runs import RunRow
    from src.wiring import App


@click.command()
@json_option
def cycle(as_json: bool) -> None:
    """Extract and load once, until every tracked series is caught up.

    \b
    Example: ./candlehouse cycle
    """
    run = perform(ready_app(), "cycle", {"until_caught_up": True})
    extracted, transformed = run.result["extracted"], run.result["transformed"]
    loaded = transformed["loaded"]
    show_result(
        run.result,
        as_json,
        lambda: (
            f"fetched {extracted['candles']} candles and {extracted['snapshots']} snapshots, "
            f"loaded {loaded['objects']} objects: {loaded['inserted']} candles new, "
            f"{loaded['replaced']} replaced, {loaded['unchanged']} unchanged, {loaded['bad_rows']} rows set "
            f"aside; {run.result['objects_waiting']} objects wait to be loaded"
        ),
    )
    _exit_for(extracted["failures"], transformed["quarantined"])


@click.command()
@json_option
def extract(as_json: bool) -> None:
    """Fetch into the lake only, until every tracked series is caught up.

    \b
    Example: ./candlehouse extract
    """
    report = perform(ready_app(), "extract").result
    show_result(
        report,
        as_json,
        lambda: f"fetched {report['candles']} candles and {report['snapshots']} snapshots",
    )
    _exit_for(report["failures"], [])


@click.command()
@click.option("--retry-quarantined", is_flag=True, help="Try what was set aside once more.")
@json_option
def transform(retry_quarantined: bool, as_json: bool) -> None:
    """Load what waits in the lake into the warehouse; calls no exchange.

    \b
    Example: ./candlehouse transform --retry-quarantined
    """
    report = perform(warehouse_app(), "transform", {"retry_quarantined": retry_quarantined}).result
    loaded = report["loaded"]
    show_result(
        report,
        as_json,
        lambda: (
            f"loaded {loaded['objects']} objects: {loaded['inserted']} candles new, "
            f"{loaded['replaced']} replaced, {loaded['levels']} order-book levels, "
            f"{loaded['bad_rows']} rows set aside"
        ),
    )
    _exit_for({}, report["quarantined"])


def perform(
    parts: App,
    kind: str,
    parameters: Mapping[str, Any] | None = None,
    on_look: Callable[[RunRow], None] = lambda _: None,
) -> RunRow:
    """Do a run of *kind* here, or wait for the process that leads to do it; return it ended.

    *on_look* is shown the run again and again meanwhile. CandlehouseError when it failed or was stopped.
    """
    from src.jobs.doing import do_run
    from src.warehouse.runs import RunState

    def told(run_id: int) -> None:
        click.echo(f"handed to the process that leads: run {run_id} (its settings count)", err=True)

    run = do_run(parts, parts.new_run(kind, requested_by(), parameters or {}), told, on_look)
    if run.state in {RunState.CANCELLED, RunState.QUEUED, RunState.RUNNING}:
        raise CandlehouseError(_stopped_text(run))
    if run.result is None:
        what = run.error["what"] if run.error else f"run {run.id} was {run.state}"
        raise CandlehouseError(what)
    return run


def _stopped_text(run: RunRow) -> str:
    """Say how far a run came that was stopped before its end."""
    steps = [name for name, state in run.steps.items() if state == "done"]
    done = f"; done: {', '.join(steps)}" if steps else ""
    at = f" at {run.done:,} of {run.total:,} {run.unit}" if run.total else ""
    step = "".join(f" of {name}" for name, state in run.steps.items() if state == "running")
    ends = "cancelled" if run.state.is_end else f"{run.state}, and was asked to end"
    return (
        f"run {run.id} is {ends}{at}{step if at else ''}{done}. What is done stays done: the same "
        "command does the rest"
    )


def _exit_for(failures: Mapping[str, str], quarantined: list[str]) -> None:
    for task, error in sorted(failures.items()):
        click.echo(f"failed: {task}: {error}", err=True)
    for key in quarantined:
        click.echo(f"quarantined: {key} (lake_objects.error says why)", err=True)
    if failures or quarantined:
        sys.exit(1)
