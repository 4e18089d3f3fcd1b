"""Refuses a lake that is not the one the catalog describes, before anything is written into it."""

from __future__ import annotations

from sqlalchemy import Connection

from src.errors import ConfigurationError, LakeUnavailable, NotFound
from src.lake.store import Bucket, ObjectStore
from src.warehouse.engine import Warehouse
from src.warehouse.homes import FOLDER, LakeHome, find_home, has_objects, list_newest_loaded, save_home

_LOOKED_FOR = 20


def settle_home(warehouse: Warehouse, lake: ObjectStore, home: LakeHome) -> None:
    """Note where the lake is; ConfigurationError or LakeUnavailable where it is another one."""
    known = _find_home_of_kind(warehouse, home)
    check_newest(warehouse, lake, home)
    if known != home:
        warehouse.run(lambda connection: save_home(connection, home), guarded=False)


def check_home(warehouse: Warehouse, lake: ObjectStore, home: LakeHome) -> None:
    """Raise as ``settle_home`` does, but where the lake of old has lost its objects, and note nothing."""
    known = _find_home_of_kind(warehouse, home)
    if known is not None and known != home:
        check_newest(warehouse, lake, home)


def _find_home_of_kind(warehouse: Warehouse, home: LakeHome) -> LakeHome | None:
    with warehouse.read() as connection:
        known, other = find_home(connection), explain_other_kind(connection, home)
    if other:
        raise ConfigurationError(other)
    return known


def explain_other_kind(connection: Connection, home: LakeHome) -> str:
    """Say what to do where the catalog describes a folder and *home* is S3, or the other way; else ""."""
    known = find_home(connection)
    if known is None or known.kind == home.kind or not has_objects(connection):
        return ""
    return _explain_kind(known)


def check_newest(warehouse: Warehouse, lake: ObjectStore, home: LakeHome) -> None:
    """Raise LakeUnavailable where none of the newest objects of the catalog is in the lake.

    In a lake that the catalog has not described so far all of them must be: it may be an older copy.
    """
    with warehouse.read() as connection:
        known, newest = find_home(connection), list_newest_loaded(connection, _LOOKED_FOR)
    missing = [key for bucket, key in newest if not _has(lake, bucket, key)]
    is_new = known is not None and known != home
    if not missing or (len(missing) < len(newest) and not is_new):
        return
    some = "none" if len(missing) == len(newest) else f"not all ({len(newest) - len(missing)})"
    raise LakeUnavailable(
        f"the lake is {home.place}, but {some} of the {len(newest)} newest objects of the catalog is there "
        f"(missing: {missing[0]}): {_explain_absence(known, home)}"
    )


def _explain_absence(known: LakeHome | None, home: LakeHome) -> str:
    if known is None or known == home:
        return (
            "check that its disk is mounted, and the settings of the lake. If they are lost for good, "
            "./candlehouse reconcile notes that, and the next start goes on without"
        )
    return (
        f"the catalog describes the lake in {known.place}. Check the settings of the lake, or move them "
        "here; docs/operations.md says what to do if they are lost for good"
    )


def _explain_kind(known: LakeHome) -> str:
    if known.kind == FOLDER:
        return (
            f"MINIO_ENDPOINT is set, but the catalog describes the lake in {known.place}: "
            "python migrate_to_minio.py moves it (and goes on with a move that was cut off); until then take "
            "MINIO_ENDPOINT out of the environment and .env"
        )
    return (
        f"MINIO_ENDPOINT is not set, but the lake was moved to {known.place}: set MINIO_ENDPOINT and its "
        "keys; python migrate_to_minio.py --back moves it into a folder again"
    )


def _has(lake: ObjectStore, bucket: str, key: str) -> bool:
    # Archiving may have been cut off between the two buckets.
    first = Bucket(bucket)
    for place in (first, *(other for other in Bucket if other is not first)):
        try:
            lake.stat(place, key)
            return True
        except NotFound:
            continue
    return False
