"""Commands about the stores: doctor, reconcile, migrate."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click

from src.commands.common import app, json_option, show_result, warehouse_app
from src.commands.work import perform

_NAMED = 20
_WHY = {
    "adopted": "",
    "ignored": " means nothing here, by its name or what it holds: docs/dropped-in-files.md has what does",
    "young": " is adopted when it is a quarter of an hour old",
    "leftovers": " was removed: a crash had left it, the object lies elsewhere or is deleted",
}


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check stores, exchange, clock, disk and data, and say what to do; changes nothing.

    Exit status 0 when nothing is wrong, warnings included; 1 when something is.

    \b
    Example: ./candlehouse doctor
    """
    from src.maintenance.doctor.checkup import is_healthy
    from src.terminal import doctor_json, doctor_view, show

    report = app().doctor.examine()
    if as_json:
        click.echo(json.dumps(doctor_json(report)))
    else:
        show(doctor_view(report))
    sys.exit(0 if is_healthy(report) else 1)


@click.command()
@click.option("--checksums", is_flag=True, help="Read every object and compare its SHA-256, too.")
@json_option
def reconcile(checksums: bool, as_json: bool) -> None:
    """Compare the lake with its catalog and adopt what has no row, once it is a quarter of an hour old.

    \b
    Example: ./candlehouse reconcile --checksums
    """
    run = perform(warehouse_app(), "reconcile_lake", {"checksums": checksums})
    report, counts = run.result, run.result["counts"]
    show_result(report, as_json, lambda: "\n".join(_reconciled_lines(report, counts, checksums)))
    for key in report["missing"]:
        click.echo(f"missing: {key} is in the catalog, not in the lake: restore it from a backup", err=True)
    for key in report["changed"]:
        click.echo(f"changed: {key} is not what was landed: restore it from a backup", err=True)
    if counts["missing"] or counts["changed"]:
        sys.exit(1)


def _reconciled_lines(report: Mapping[str, Any], counts: Mapping[str, int], checksums: bool) -> Iterator[str]:
    looked = "changed" if checksums else "of another size (--checksums reads them all)"
    yield (
        f"{report['objects']:,} objects: {counts['adopted']:,} adopted, {counts['ignored']:,} ignored, "
        f"{counts['young']:,} too young yet, {counts['missing']:,} missing, {counts['changed']:,} {looked}"
    )
    for what, why in _WHY.items():
        keys = report[what][:_NAMED]
        yield from (f"{what}: {key}{why}" for key in keys)
        if more := counts[what] - len(keys):
            yield f"{what}: {more:,} more"


@click.command()
def migrate() -> None:
    """Create the warehouse's schema, or bring an older one up to date.

    \b
    Example: ./candlehouse migrate
    """
    done = app().starter.prepare_warehouse()
    click.echo("\n".join(done) or "the schema is up to date")
