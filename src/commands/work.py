"""Commands that do a part of the pipeline once: cycle, extract, transform."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from src.commands.common import json_option, ready_app, show_result, warehouse_app


@click.command()
@json_option
def cycle(as_json: bool) -> None:
    """Extract and load once, until every tracked series is caught up.

    \b
    Example: ./candlehouse cycle
    """
    from src.jobs.cycle import run_cycle

    parts = ready_app()
    try:
        report = run_cycle(parts.extraction, parts.transform, parts.clock, wait_s=None)
    finally:
        parts.extraction.close()
    loaded = report.transformed.loaded
    show_result(
        asdict(report),
        as_json,
        lambda: (
            f"fetched {report.extracted.candles} candles and {report.extracted.snapshots} snapshots, "
            f"loaded {loaded.objects} objects: {loaded.inserted} candles new, {loaded.replaced} replaced"
        ),
    )
    _exit_for(report.extracted.failures, report.transformed.quarantined)


@click.command()
@json_option
def extract(as_json: bool) -> None:
    """Fetch into the lake only, until every tracked series is caught up.

    \b
    Example: ./candlehouse extract
    """
    parts = ready_app()
    try:
        report = parts.extraction.run_once()
    finally:
        parts.extraction.close()
    show_result(
        asdict(report),
        as_json,
        lambda: f"fetched {report.candles} candles and {report.snapshots} snapshots",
    )
    _exit_for(report.failures, [])


@click.command()
@click.option("--retry-quarantined", is_flag=True, help="Try what was set aside once more.")
@json_option
def transform(retry_quarantined: bool, as_json: bool) -> None:
    """Load what waits in the lake into the warehouse; calls no exchange.

    \b
    Example: ./candlehouse transform --retry-quarantined
    """
    from src.warehouse.quarantine import release_all

    parts = warehouse_app()
    if retry_quarantined:
        parts.warehouse.run(release_all)
    report = parts.transform.load_waiting()
    loaded = report.loaded
    show_result(
        asdict(report),
        as_json,
        lambda: (
            f"loaded {loaded.objects} objects: {loaded.inserted} candles new, {loaded.replaced} replaced, "
            f"{loaded.levels} order-book levels, {loaded.bad_rows} rows set aside"
        ),
    )
    _exit_for({}, report.quarantined)


def _exit_for(failures: dict[str, str], quarantined: list[str]) -> None:
    for task, error in sorted(failures.items()):
        click.echo(f"failed: {task}: {error}", err=True)
    for key in quarantined:
        click.echo(f"quarantined: {key} (lake_objects.error says why)", err=True)
    if failures or quarantined:
        sys.exit(1)
