"""The lake: where it is, and whether objects can be written, read and removed there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from src.clock import Clock
from src.errors import CandlehouseError, LakeUnavailable
from src.lake.store import Bucket, ObjectStore
from src.maintenance.doctor.findings import Finding, explain, ok, problem, warning
from src.maintenance.lake_home import check_newest, explain_other_kind
from src.warehouse.engine import Warehouse
from src.warehouse.health import is_begun
from src.warehouse.homes import LakeHome
from src.warehouse.tables import lake_objects

_UNREACHABLE = "mend that; candles are fetched once it is back, and depth waits in a spool meanwhile"
_REFUSED = "until then a start is refused; what runs by these settings reads and writes the wrong lake"
_CONTENT = b'{"written by": "./candlehouse doctor, and removed again"}'


def check_lake(
    open_lake: Callable[[], ObjectStore],
    home: LakeHome,
    warehouse: Warehouse | None,
    spool: Path,
    clock: Clock,
) -> Iterator[Finding]:
    """Look at the lake *home*; *warehouse* tells whether anything should be in it."""
    yield ok("place", home.place)
    yield from _check_spool(spool)
    if other := _find_other_kind(warehouse, home):
        yield problem("home", other, _REFUSED)
    try:
        lake = open_lake()
        missing = lake.missing_buckets()
    except CandlehouseError as error:
        yield problem("reachable", explain(error), _UNREACHABLE)
        return
    if missing:
        yield _judge_missing(missing, _was_used(warehouse))
        return
    yield ok("reachable", f"buckets {' and '.join(Bucket)} are there")
    if not other:
        yield from _check_newest(warehouse, lake, home)
    for bucket in Bucket:
        yield _probe(lake, bucket, clock)


def _was_used(warehouse: Warehouse | None) -> bool | None:
    """Tell whether anything was ever landed; None when the warehouse cannot say."""
    try:
        if warehouse is None or not is_begun(warehouse):
            return False
        with warehouse.read() as connection:
            return connection.execute(select(lake_objects.c.id).limit(1)).first() is not None
    except (CandlehouseError, SQLAlchemyError):
        return None


def _find_other_kind(warehouse: Warehouse | None, home: LakeHome) -> str:
    """Say that the catalog describes another lake; "" where it does not, or the warehouse cannot tell."""
    if warehouse is None or not _was_used(warehouse):
        return ""
    try:
        with warehouse.read() as connection:
            return explain_other_kind(connection, home)
    except (CandlehouseError, SQLAlchemyError):
        return ""


def _check_newest(warehouse: Warehouse | None, lake: ObjectStore, home: LakeHome) -> Iterator[Finding]:
    if warehouse is None or not _was_used(warehouse):
        return
    try:
        check_newest(warehouse, lake, home)
    except LakeUnavailable as error:
        yield problem("home", explain(error), _REFUSED)
    except (CandlehouseError, SQLAlchemyError):
        return  # the warehouse's own checks tell


def _judge_missing(missing: list[Bucket], was_used: bool | None) -> Finding:
    found = f"not there: {', '.join(missing)}"
    if was_used is False:
        return ok("buckets", f"{found}; nothing has been collected yet", "./candlehouse up makes them")
    if was_used is None:
        advice = "mend the warehouse first; if nothing was ever collected, ./candlehouse up makes them"
        return warning("buckets", found, advice)
    advice = (
        "the warehouse knows objects that lay there: check that the disk is mounted and the settings of the "
        "lake; a start would make them anew, empty"
    )
    return problem("buckets", found, advice)


def _probe(lake: ObjectStore, bucket: Bucket, clock: Clock) -> Finding:
    # No folder in the key, so that none is left behind; and no key of ours, so that nobody adopts it.
    key = f"doctor-{uuid4().hex}.json"
    started_ms = clock.steady_ms()
    try:
        lake.put_new(bucket, key, _CONTENT)
        try:
            content = lake.get(bucket, key)
        finally:
            lake.delete(bucket, key)
    except CandlehouseError as error:
        return problem(f"{bucket} writable", explain(error), "until then nothing can be collected")
    took_ms = clock.steady_ms() - started_ms
    if content != _CONTENT:
        advice = "check that disk or server: what it gives back is not what it was given"
        return problem(f"{bucket} writable", f"{key} came back changed", advice)
    found = f"an object was written, read and removed in {took_ms} ms"
    return ok(f"{bucket} writable", found, took_ms=took_ms)


def _check_spool(spool: Path) -> Iterator[Finding]:
    waiting = sum(1 for _ in spool.glob("raw/*/*.json"))
    if waiting:
        advice = "the daemon (./candlehouse up) moves them as soon as the lake is back"
        found = f"{waiting:,} snapshots wait in {spool} for the lake"
        yield warning("spool", found, advice, snapshots=waiting)
