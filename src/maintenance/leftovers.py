"""Files of the lake whose catalog row says that the object lies elsewhere, or nowhere any more.

A crash between two steps of archiving, packing or cleaning up leaves them. One is removed once the object was
read where the catalog says, or when the catalog says that it is deleted; never while it may be the only one.
"""

from __future__ import annotations

import hashlib
from enum import Enum, auto
from itertools import islice

import structlog

from src.errors import NotFound
from src.lake.reading import ObjectReader
from src.lake.store import Bucket, ObjectStore
from src.warehouse.catalog import ObjectState
from src.warehouse.engine import Warehouse
from src.warehouse.objects import ObjectRow, list_by_keys

log = structlog.get_logger()

_KEYS_A_QUERY = 500


class Found(Enum):
    """What a file turned out to be; *unfinished*: a copy that archiving will still need."""

    UNKNOWN = auto()
    IN_PLACE = auto()
    UNFINISHED = auto()
    LEFT_OVER = auto()


class Leftovers:
    """Looks at files that are not where the catalog says."""

    def __init__(self, lake: ObjectStore, warehouse: Warehouse) -> None:
        self._lake = lake
        self._warehouse = warehouse
        self._reader = ObjectReader(lake)

    def sweep(self, bucket: Bucket, prefix: str, before: str | None = None) -> list[str]:
        """Remove those under *prefix*, up to the first key that is not before *before*; return their keys."""
        removed: list[str] = []
        stats = self._lake.list_keys(bucket, prefix)
        while keys := [stat.key for stat in islice(stats, _KEYS_A_QUERY)]:
            old = [key for key in keys if before is None or key < before]
            with self._warehouse.read() as connection:
                rows = list_by_keys(connection, old)
            gone = [row.key for row in rows if self._judge(bucket, row) is Found.LEFT_OVER]
            self._lake.delete_many(bucket, gone)
            removed += gone
            if len(old) < len(keys):
                break
        if removed:
            log.info("removed what a crash had left", bucket=bucket.value, objects=len(removed))
        return removed

    def settle(self, bucket: Bucket, key: str) -> Found:
        """Say what a file is, and remove it where it is left over."""
        with self._warehouse.read() as connection:
            rows = list_by_keys(connection, [key])
        if not rows:
            return Found.UNKNOWN
        found = self._judge(bucket, rows[0])
        if found is Found.LEFT_OVER:
            self._lake.delete_many(bucket, [key])
        return found

    def _judge(self, bucket: Bucket, row: ObjectRow) -> Found:
        if row.state is ObjectState.DELETED:
            return Found.LEFT_OVER
        if row.pack is None and row.bucket == bucket.value:
            return Found.IN_PLACE
        # What archiving has copied and not yet noted down it will look for: only what has gone further is
        # safe.
        if row.pack is None and bucket is Bucket.ARCHIVE:
            return Found.UNFINISHED
        return Found.LEFT_OVER if self._is_safe(row) else Found.UNFINISHED

    def _is_safe(self, row: ObjectRow) -> bool:
        try:
            content = self._reader.read(row.bucket, row.key, row.pack)
        except (NotFound, ValueError):
            return False
        return hashlib.sha256(content).hexdigest() == row.sha256
