"""Reconcile: lake against catalog, both read once in the order of their keys, in little memory.

Objects without a row are adopted. Rows without an object, and objects that are not what their row says, are
reported: what is lost or was changed by hand, no program can mend. Rows whose object is gone are marked, so
that nothing is believed for its sake.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from src.domain import DAY_MS, MINUTE_MS
from src.errors import NotFound
from src.lake.opening import may_be_object
from src.lake.packs import PREFIX, is_pack
from src.lake.store import Bucket, ObjectStat, ObjectStore
from src.maintenance.adopting import adopt
from src.maintenance.leftovers import Found, Leftovers
from src.maintenance.pack_adopting import adopt_pack
from src.maintenance.pairs import pair_up
from src.stopping import current_stop
from src.warehouse.catalog import CatalogRow, ObjectState, iterate_bucket
from src.warehouse.engine import Warehouse
from src.warehouse.evidence import mark_lost
from src.warehouse.homes import has_objects
from src.warehouse.objects import find_object
from src.warehouse.packs import PackRow, find_pack, iterate_packs, list_members

log = structlog.get_logger()

T = TypeVar("T")

# Younger objects are left alone: an extractor may be between object and row this very moment, or somebody in
# the middle of copying a file.
_SETTLED_MS = 15 * MINUTE_MS
# A file from so far ahead has its time from a clock that is wrong, and would else be young for ever.
_AHEAD_MS = DAY_MS


@dataclass(slots=True)
class ReconcileReport:
    """What was found and done, as keys. *ignored* are files whose names mean nothing to us.

    *young* are those without a row that a later look will adopt. *leftovers* were removed: a crash had left
    them where an object is no more. Of a pack that is gone all its objects are *missing*.
    """

    objects: int = 0
    adopted: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    young: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether every row has its object, unchanged."""
        return not self.missing and not self.changed


class Reconciler:
    """Compares both buckets with the catalog."""

    def __init__(self, lake: ObjectStore, warehouse: Warehouse) -> None:
        self._lake = lake
        self._warehouse = warehouse
        self._leftovers = Leftovers(lake, warehouse)

    def run(self, now_ms: int, *, checksums: bool = False) -> ReconcileReport:
        """Look at what is older than a quarter of an hour; with *checksums*, read every object."""
        self._make_buckets_of_new_lake()
        report, settled_ms = ReconcileReport(), now_ms - _SETTLED_MS
        for bucket in Bucket:
            files = (stat for stat in self._lake.list_keys(bucket) if not is_pack(stat.key))
            for stat, row in _stoppable(pair_up(files, iterate_bucket(self._warehouse, bucket.value))):
                self._judge(bucket, stat, row, report, settled_ms, checksums)
        packs = self._lake.list_keys(Bucket.ARCHIVE, PREFIX)
        for stat, pack in _stoppable(pair_up(packs, iterate_packs(self._warehouse))):
            self._judge_pack(stat, pack, report, settled_ms, checksums)
        self._warehouse.run(lambda connection: mark_lost(connection, report.missing))
        if report.adopted:
            log.info("objects adopted", objects=len(report.adopted))
        return report

    def _make_buckets_of_new_lake(self) -> None:
        """Make what is not there yet of a lake that no row knows; of any other its disk may be unmounted."""
        if self._lake.missing_buckets():
            with self._warehouse.read() as connection:
                is_used = has_objects(connection)
            if not is_used:
                self._lake.ensure_buckets()

    def _judge(
        self,
        bucket: Bucket,
        stat: ObjectStat | None,
        row: CatalogRow | None,
        report: ReconcileReport,
        settled_ms: int,
        checksums: bool,
    ) -> None:
        report.objects += stat is not None
        if stat is None and row is not None:
            # However young: an object is written before its row, so it is not on its way.
            if not self._exists(bucket, row):
                report.missing.append(row.key)
        elif stat is not None and row is None:
            self._judge_uncatalogued(bucket, stat, report, settled_ms)
        elif stat is not None and row is not None and self._is_changed(bucket, stat, row, checksums):
            report.changed.append(row.key)

    def _judge_uncatalogued(
        self, bucket: Bucket, stat: ObjectStat, report: ReconcileReport, settled_ms: int
    ) -> None:
        if may_be_object(stat.key) and _is_young(stat, settled_ms):
            report.young.append(stat.key)
            return
        found = self._leftovers.settle(bucket, stat.key)
        if found is Found.LEFT_OVER:
            report.leftovers.append(stat.key)
        elif found is Found.UNKNOWN:
            is_adopted = adopt(self._lake, self._warehouse, bucket, stat.key)
            (report.adopted if is_adopted else report.ignored).append(stat.key)

    def _judge_pack(
        self,
        stat: ObjectStat | None,
        row: PackRow | None,
        report: ReconcileReport,
        settled_ms: int,
        checksums: bool,
    ) -> None:
        report.objects += stat is not None
        if stat is None and row is not None:
            report.missing += self._list_lost_with(row)
        elif stat is not None and row is None:
            self._judge_unknown_pack(stat, report, settled_ms)
        elif stat is not None and row is not None and self._is_changed(Bucket.ARCHIVE, stat, row, checksums):
            report.changed.append(row.key)

    def _judge_unknown_pack(self, stat: ObjectStat, report: ReconcileReport, settled_ms: int) -> None:
        if stat.modified_ms > settled_ms:
            report.young.append(stat.key)
            return
        with self._warehouse.read() as connection:
            is_going = find_pack(connection, stat.key) is not None
        if not is_going:
            is_adopted = adopt_pack(self._lake, self._warehouse, stat.key)
            (report.adopted if is_adopted else report.ignored).append(stat.key)

    def _list_lost_with(self, row: PackRow) -> list[str]:
        """Return the objects that are lost with a pack, after another look at it."""
        with self._warehouse.read() as connection:
            now = find_pack(connection, row.key)
            members = [] if now is None or now.deleted_ms else list_members(connection, row)
        try:
            self._lake.stat(Bucket.ARCHIVE, row.key)
        except NotFound:
            return [member.object_key for member in members]
        return []

    def _exists(self, bucket: Bucket, row: CatalogRow) -> bool:
        """Look again: it may have landed, or been moved, after its part of the bucket was listed."""
        try:
            self._lake.stat(bucket, row.key)
        except NotFound:
            with self._warehouse.read() as connection:
                now = find_object(connection, row.id)
            if now is None or now.state is ObjectState.DELETED:
                return True
            return (now.bucket, now.pack) != (bucket.value, None)
        return True

    def _is_changed(
        self, bucket: Bucket, stat: ObjectStat, row: CatalogRow | PackRow, checksums: bool
    ) -> bool:
        if stat.size_bytes != row.size_bytes:
            return True
        return checksums and hashlib.sha256(self._lake.get(bucket, row.key)).hexdigest() != row.sha256


def _stoppable(items: Iterable[T]) -> Iterator[T]:
    """Yield the items until somebody asks this thread to stop."""
    stop = current_stop()
    for item in items:
        if stop and stop.is_set():
            raise stop.error("reconciling")
        yield item


def _is_young(stat: ObjectStat, settled_ms: int) -> bool:
    is_just_written = settled_ms < stat.modified_ms < settled_ms + _SETTLED_MS + _AHEAD_MS
    return is_just_written or _timestamp_ms(stat.key) > settled_ms


def _timestamp_ms(key: str) -> int:
    """Return the key's timestamp, 0 where it has none: whatever that is, it is not being written by us."""
    _, _, last = key.removesuffix(".json").rpartition("_")
    return int(last) if last.isdecimal() and last.isascii() else 0
