"""Commands about the stores: doctor, reconcile, migrate."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from src.commands.common import app, json_option, show_result, warehouse_app


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
    """Compare the lake with its catalog and adopt what has no row.

    \b
    Example: ./candlehouse reconcile --checksums
    """
    from src.maintenance.reconcile import Reconciler

    parts = warehouse_app()
    report = Reconciler(parts.lake, parts.warehouse).run(parts.clock.now_ms(), checksums=checksums)
    show_result(
        asdict(report),
        as_json,
        lambda: (
            f"{report.objects:,} objects: {len(report.adopted):,} adopted, {len(report.ignored):,} ignored, "
            f"{len(report.missing):,} missing, {len(report.changed):,} changed"
        ),
    )
    for key in report.missing:
        click.echo(f"missing: {key} is in the catalog, not in the lake: restore it from a backup", err=True)
    for key in report.changed:
        click.echo(f"changed: {key} is not what was landed: restore it from a backup", err=True)
    if not report.is_clean:
        sys.exit(1)


@click.command()
def migrate() -> None:
    """Create the warehouse's schema, or bring an older one up to date.

    \b
    Example: ./candlehouse migrate
    """
    done = app().starter.prepare_warehouse()
    click.echo("\n".join(done) or "the schema is up to date")
