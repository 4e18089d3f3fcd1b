"""What every object store of the lake promises, whatever it is built on.

Objects are immutable: a store can create, read, list and delete them, never change one. What the
objects mean is none of its business; the catalog, not a listing, says what is to be loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

_MAX_KEY_LENGTH = 1024  # S3's limit
# Plain names only: nothing hidden, nothing that climbs out of a folder or needs escaping in a URL.
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,199})*")


class Bucket(StrEnum):
    """The two places an object can lie in; the S3 buckets behind them have names of their own."""

    RAW = "raw"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """An object seen from outside; *modified_ms* is when the store got it, by the store's own clock."""

    key: str
    size_bytes: int
    modified_ms: int


class ObjectStore(Protocol):
    """The lake as its users see it. Safe to use from several threads and processes at once.

    Each method raises LakeUnavailable when the store cannot be reached or written, its message saying
    what to check, and ValueError for a key that ``check_key`` refuses.
    """

    def ensure_buckets(self) -> None:
        """Make both buckets where they are missing; call it once before anything else."""
        ...

    def missing_buckets(self) -> list[Bucket]:
        """Name the buckets that are not there; makes nothing."""
        ...

    def put_new(self, bucket: Bucket, key: str, content: bytes) -> None:
        """Create an object that survives a power failure from when this returns, or raise ObjectExists."""
        ...

    def get(self, bucket: Bucket, key: str) -> bytes:
        """Return the content, or raise NotFound."""
        ...

    def stat(self, bucket: Bucket, key: str) -> ObjectStat:
        """Return what is known without reading it, or raise NotFound."""
        ...

    def delete(self, bucket: Bucket, key: str) -> None:
        """Remove an object; one that is not there is fine."""
        ...

    def delete_many(self, bucket: Bucket, keys: Sequence[str]) -> None:
        """Remove objects for good, not even a power failure brings them back; those not there are fine."""
        ...

    def copy(self, source: Bucket, key: str, target: Bucket) -> None:
        """Let an object lie in another bucket as well, under its key and as durable as ``put_new`` makes it.

        The bytes do not pass through this process where the store can do without. Raises NotFound, and
        ObjectExists where the key is taken in *target*, whatever lies there.
        """
        ...

    def tidy(self, bucket: Bucket, prefix: str) -> None:
        """Give back what the folder *prefix*, in which nobody writes any more, takes when it is empty."""
        ...

    def list_keys(self, bucket: Bucket, prefix: str = "") -> Iterator[ObjectStat]:
        """List finished objects whose key starts with *prefix*, in the order of their keys as text."""
        ...


def is_storable(key: str) -> bool:
    """Tell whether *key* is one that a store takes; files of others in its folder may not be."""
    return len(key) <= _MAX_KEY_LENGTH and _KEY.fullmatch(key) is not None


def check_key(key: str) -> None:
    """Raise ValueError unless every store can hold *key*."""
    if not is_storable(key):
        raise ValueError(
            f"object key {key[:80]!r}: plain names of letters, digits, dots, dashes and underscores are "
            f"accepted, joined by slashes, {_MAX_KEY_LENGTH} characters at most"
        )
