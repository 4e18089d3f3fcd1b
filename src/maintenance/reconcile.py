"""Reconcile: lake against catalog, both read once in the order of their keys, in little memory.

Objects without a row are adopted. Rows without an object, and objects that are not what their row says, are
reported: what is lost or was changed by hand, no program can mend.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from src.domain import DAY_MS, MINUTE_MS
from src.errors import NotFound
from src.lake.store import Bucket, ObjectStat, ObjectStore
from src.maintenance.adopting import adopt
from src.stopping import current_stop
from src.warehouse.catalog import CatalogRow, iterate_bucket
from src.warehouse.engine import Warehouse

# Younger objects are left alone: an extractor may be between object and row this very moment, or somebody in
# the middle of copying a file.
_SETTLED_MS = 15 * MINUTE_MS
# A file from so far ahead has its time from a clock that is wrong, and would else be young for ever.
_AHEAD_MS = DAY_MS


@dataclass(slots=True)
class ReconcileReport:
    """What was found and done, as keys. *ignored* are files whose names mean nothing to us.

    *young* are those without a row that a later look will adopt.
    """

    objects: int = 0
    adopted: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    young: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether every row has its object, unchanged."""
        return not self.missing and not self.changed


class Reconciler:
    """Compares both buckets with the catalog."""

    def __init__(self, lake: ObjectStore, warehouse: Warehouse) -> None:
        self._lake = lake
        self._warehouse = warehouse

    def run(self, now_ms: int, *, checksums: bool = False) -> ReconcileReport:
        """Look at what is older than a quarter of an hour; with *checksums*, read every object."""
        report, stop = ReconcileReport(), current_stop()
        for bucket in Bucket:
            for stat, row in self._pairs(bucket):
                if stop and stop.is_set():
                    raise stop.error("reconciling")
                self._judge(bucket, stat, row, report, now_ms - _SETTLED_MS, checksums)
        return report

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
            if row.captured_at_ms <= settled_ms and not self._exists(bucket, row.key):
                report.missing.append(row.key)
        elif stat is not None and row is None:
            if _is_young(stat, settled_ms):
                report.young.append(stat.key)
            else:
                is_adopted = adopt(self._lake, self._warehouse, bucket, stat.key)
                (report.adopted if is_adopted else report.ignored).append(stat.key)
        elif stat is not None and row is not None and self._is_changed(bucket, stat, row, checksums):
            report.changed.append(row.key)

    def _exists(self, bucket: Bucket, key: str) -> bool:
        """Look again: the object may have landed after its part of the bucket was listed."""
        try:
            self._lake.stat(bucket, key)
        except NotFound:
            return False
        return True

    def _is_changed(self, bucket: Bucket, stat: ObjectStat, row: CatalogRow, checksums: bool) -> bool:
        if stat.size_bytes != row.size_bytes:
            return True
        return checksums and hashlib.sha256(self._lake.get(bucket, row.key)).hexdigest() != row.sha256

    def _pairs(self, bucket: Bucket) -> Iterator[tuple[ObjectStat | None, CatalogRow | None]]:
        """Merge listing and catalog, both ascending by key."""
        listed = iter(self._lake.list_keys(bucket))
        known = iter(iterate_bucket(self._warehouse, bucket.value))
        stat, row = next(listed, None), next(known, None)
        while stat or row:
            if row is None or (stat is not None and stat.key < row.key):
                yield stat, None
                stat = next(listed, None)
            elif stat is None or row.key < stat.key:
                yield None, row
                row = next(known, None)
            else:
                yield stat, row
                stat, row = next(listed, None), next(known, None)


def _is_young(stat: ObjectStat, settled_ms: int) -> bool:
    is_just_written = settled_ms < stat.modified_ms < settled_ms + _SETTLED_MS + _AHEAD_MS
    return is_just_written or _timestamp_ms(stat.key) > settled_ms


def _timestamp_ms(key: str) -> int:
    """Return the key's timestamp, 0 where it has none: whatever that is, it is not being written by us."""
    _, _, last = key.removesuffix(".json").rpartition("_")
    return int(last) if last.isdecimal() and last.isascii() else 0
