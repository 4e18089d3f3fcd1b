"""``python migrate_to_minio.py``: moves the lake of a folder into MinIO or any S3, or back."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from src.commands.common import Command, json_option, read_settings
from src.commands.leading import leading
from src.commands.progress_bar import progress_bar
from src.errors import ConfigurationError

if TYPE_CHECKING:
    from src.lake.store import ObjectStore
    from src.maintenance.moving_lake import MoveReport
    from src.settings import Settings
    from src.warehouse.homes import LakeHome
    from src.wiring import App

_SHOWN = 20


@click.command(cls=Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--source",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Another folder with raw/ and archive/ in it, of an earlier pipeline say; it needs no catalog.",
)
@click.option("--delete-source", is_flag=True, help="Delete what was moved, once all of it is verified.")
@click.option("--back", is_flag=True, help="From MinIO back into the folder.")
@click.option("--workers", type=click.IntRange(1, 64), default=8, show_default=True, help="Copied at a time.")
@json_option
def migrate_lake(source: Path | None, delete_source: bool, back: bool, workers: int, as_json: bool) -> None:
    """Move the lake from its folder into MinIO, or any S3, as MINIO_ENDPOINT and its keys say.

    Copies what is not there yet, reads every object back and compares its SHA-256, and only then lets the
    catalog describe the new place. It can be stopped at any time: run it again and it goes on. Nothing else
    may be running.

    \b
    Example: MINIO_ENDPOINT=localhost:9000 MINIO_ACCESS_KEY=me MINIO_SECRET_KEY_FILE=key \\
             python migrate_to_minio.py
    """
    from src.logs import configure_logging
    from src.wiring import build

    if back and source:
        raise ConfigurationError("--back moves into this installation's own folder: leave --source out")
    settings = read_settings()
    if settings.log_level == "info":
        configure_logging("warning")  # the bar and the report say it
    if settings.minio_endpoint is None:
        raise ConfigurationError(
            "MINIO_ENDPOINT is not set: it says where to, with MINIO_ACCESS_KEY and MINIO_SECRET_KEY"
        )
    app = build(settings)
    app.starter.prepare_warehouse()
    with leading(app.leadership):
        report = _move(app, source, workers, delete_source=delete_source, back=back)
    _tell(settings, report, as_json, back=back)


def _move(app: App, source: Path | None, workers: int, *, delete_source: bool, back: bool) -> MoveReport:
    from src.lake.local_store import LocalStore
    from src.lake.store import Bucket
    from src.maintenance.moving_lake import LakeMover
    from src.wiring import lake_folder, lake_home

    folder = source or lake_folder(app.settings)
    local, remote = LocalStore(folder), app.lake
    home = lake_home(app.settings.model_copy(update={"minio_endpoint": None} if back else {}))
    origin: ObjectStore = remote if back else local
    if len(origin.missing_buckets()) == len(Bucket):
        raise ConfigurationError(f"there is no lake to move: {_origin(app.settings, folder, back)}")
    _check_home(app, home, is_foreign=source is not None)
    _check_whole(app, local, remote, folder)
    with progress_bar("objects") as tell:
        mover = LakeMover(origin, local if back else remote, home, app.warehouse, tell, workers=workers)
        report = mover.run(delete_source=delete_source)
    if not back:
        _name_strangers(folder)
    return report


def _origin(settings: Settings, folder: Path, back: bool) -> str:
    if back:
        return f"{settings.minio_endpoint} has none of its buckets"
    return f"{folder} has no raw/ or archive/"


def _check_home(app: App, home: LakeHome, *, is_foreign: bool) -> None:
    """Refuse to leave the lake of this installation behind."""
    from src.warehouse.homes import find_home, has_objects
    from src.wiring import lake_folder

    with app.warehouse.read() as connection:
        known, is_used = find_home(connection), has_objects(connection)
    is_moved = known is not None and known.kind == home.kind
    if is_foreign and is_used and not is_moved:
        place = known.place if known else f"the folder {lake_folder(app.settings)}"
        raise ConfigurationError(
            f"the catalog describes the lake in {place}: move that first, without --source"
        )


def _check_whole(app: App, local: ObjectStore, remote: ObjectStore, folder: Path) -> None:
    """Refuse to switch to a lake that would lack objects of the catalog: where it is, both are known then."""
    from src.maintenance.lake_absent import list_absent
    from src.warehouse.homes import find_home
    from src.wiring import lake_place

    absent = list_absent(app.warehouse, local, remote)
    first = next(absent, None)
    if first is None:
        return
    count = 1 + sum(1 for _ in absent)
    with app.warehouse.read() as connection:
        known = find_home(connection)
    places = f"the folder {folder}", lake_place(app.settings)
    raise ConfigurationError(
        f"nothing was moved: {count:,} objects of the catalog are neither in {places[0]} nor in {places[1]} "
        f"(the first: {first}). {_explain_absent(known, places)}"
    )


def _explain_absent(known: LakeHome | None, places: tuple[str, str]) -> str:
    from src.warehouse.homes import S3

    described = f"The catalog describes the lake in {known.place}: " if known else ""
    if known and known.kind == S3 and known.place not in places:
        return (
            f"{described}let MINIO_ENDPOINT and the buckets name that one again. From one S3 into another "
            "the way is through the folder: --back with the old settings, then without it with the new ones"
        )
    return (
        f"{described}check that its disk is mounted and the settings that name it, and restore what is gone "
        "from a backup. If that is lost for good, ./candlehouse reconcile by the settings of that lake notes "
        "it, and this goes on then"
    )


def _name_strangers(folder: Path) -> None:
    """Name files that no store would take, by their names: they stay where they are."""
    from src.lake.store import Bucket, is_storable

    strangers = []
    for bucket in Bucket:
        root = folder / bucket
        for place, folders, files in os.walk(root):
            folders[:] = [name for name in folders if Path(place, name) != root / ".tmp"]
            names = (Path(place, name) for name in files)
            strangers += [path for path in names if not is_storable(path.relative_to(root).as_posix())]
    for path in strangers[:_SHOWN]:
        click.echo(f"left where it is: {path}: no object has such a name", err=True)
    if len(strangers) > _SHOWN:
        click.echo(f"left where they are: {len(strangers) - _SHOWN:,} more", err=True)


def _tell(settings: Settings, report: MoveReport, as_json: bool, *, back: bool) -> None:
    from dataclasses import asdict

    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        click.echo("\n".join(_lines(settings, report, back)))
    for key in report.left[:_SHOWN]:
        click.echo(f"left where it is: {key}: no object has such a name", err=True)
    if report.left_count > _SHOWN:
        click.echo(f"left where they are: {report.left_count - _SHOWN:,} more", err=True)
    for problem in report.problems[:_SHOWN]:
        click.echo(problem, err=True)
    if report.problem_count:
        click.echo(
            f"{report.problem_count:,} objects are not equal in both places: nothing was switched or "
            "deleted; mend them and run this again",
            err=True,
        )
        sys.exit(1)


def _lines(settings: Settings, report: MoveReport, back: bool) -> Iterator[str]:
    from src.maintenance.doctor.findings import size_text
    from src.wiring import lake_place

    passed = f", {report.passed:,} verified by an earlier run" if report.passed else ""
    yield (
        f"{report.objects:,} objects, {size_text(report.size_bytes)}: {report.copied:,} copied, "
        f"{report.verified:,} read back and equal{passed}"
    )
    if report.others:
        yield (
            f"{report.others:,} objects lie there that are not in the source: landed since it was moved, or "
            "left by an earlier try; ./candlehouse reconcile looks at them"
        )
    if report.adopted:
        yield f"{report.adopted:,} were not in the catalog and are now; the next start loads them"
    if report.deleted:
        yield f"{report.deleted:,} deleted from the source"
    if report.is_switched and back:
        yield "the lake is the folder now: take MINIO_ENDPOINT out of the environment and .env"
    elif report.is_switched:
        yield f"the lake is {lake_place(settings)} now: keep MINIO_ENDPOINT and its keys set"
