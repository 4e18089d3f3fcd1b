"""A small folder of this machine for what cannot wait while the lake is away: order-book snapshots.

It holds objects under the keys they will have in the lake, and only so many bytes: an outage that lasts must
not fill the disk. What lies here survives a crash, and is moved into the lake when that is back.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from src.errors import LakeUnavailable, ObjectExists
from src.lake.local_store import LocalStore
from src.lake.store import Bucket, ObjectStore

_LIMIT_BYTES = 256_000_000


class Spool:
    """Keeps objects aside for a lake; safe to use from several threads."""

    def __init__(self, folder: Path, limit_bytes: int = _LIMIT_BYTES) -> None:
        self._folder = folder
        self._store = LocalStore(folder)
        self._limit_bytes = limit_bytes
        self._used_bytes: int | None = None
        self._counting = threading.Lock()

    def put_new(self, key: str, content: bytes) -> None:
        """Keep an object, or raise LakeUnavailable when the spool is full, ObjectExists for a taken key."""
        with self._counting:
            if self._used_bytes is None:
                self._store.ensure_buckets()
                self._used_bytes = sum(stat.size_bytes for stat in self._store.list_keys(Bucket.RAW))
            if self._used_bytes + len(content) > self._limit_bytes:
                raise LakeUnavailable(
                    f"the lake is away and its spool {self._folder} is full ({self._limit_bytes:,} bytes): "
                    "snapshots are lost until the lake is back"
                )
            self._store.put_new(Bucket.RAW, key, content)
            self._used_bytes += len(content)

    def move_into(self, lake: ObjectStore) -> Iterator[tuple[str, bytes]]:
        """Move the objects into *lake*, oldest key first; yield each once it is safe there."""
        if not self._folder.exists():
            return
        for stat in list(self._store.list_keys(Bucket.RAW)):
            content = self._store.get(Bucket.RAW, stat.key)
            if not _is_in(lake, stat.key, content):
                continue
            yield stat.key, content
            self._store.delete(Bucket.RAW, stat.key)
            with self._counting:
                self._used_bytes = None


def _is_in(lake: ObjectStore, key: str, content: bytes) -> bool:
    """Put the object there; where the key is taken, only an equal object (a crash after the put) is fine."""
    try:
        lake.put_new(Bucket.RAW, key, content)
    except ObjectExists:
        return lake.get(Bucket.RAW, key) == content
    return True
