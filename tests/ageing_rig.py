"""A lake and a warehouse to let age: objects of some days, a clock that is set, a store that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from src.clock import ManualClock
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS
from src.errors import LakeUnavailable
from src.lake.local_store import LocalStore
from src.lake.minio_store import MinioStore
from src.lake.reading import ObjectReader
from src.lake.store import Bucket, ObjectStat, ObjectStore
from src.maintenance.data_lake import DataLakeManager
from src.maintenance.reconcile import Reconciler, ReconcileReport
from src.warehouse.packs import iterate_packs
from src.warehouse.tables import lake_objects
from tests.builders import DAY_START_MS, LakeObject, Pipeline, make_depth, make_kline, make_object, read_table
from tests.servers import s3_server


class Crash(LakeUnavailable):
    """The store failed because a test wanted it to."""


@dataclass
class FailingStore:
    """A store that fails at the call of that number among those that change something, before or after it."""

    store: ObjectStore
    fails_at: int = 0
    is_after: bool = False
    calls: list[str] = field(default_factory=list)

    def _change(self, name: str, *arguments: Any) -> None:
        self.calls.append(name)
        is_it = len(self.calls) == self.fails_at
        if is_it and not self.is_after:
            raise Crash(f"before call {self.fails_at}: {name}")
        getattr(self.store, name)(*arguments)
        if is_it:
            raise Crash(f"after call {self.fails_at}: {name}")

    def ensure_buckets(self) -> None:
        self.store.ensure_buckets()

    def missing_buckets(self) -> list[Bucket]:
        return self.store.missing_buckets()

    def put_new(self, bucket: Bucket, key: str, content: bytes) -> None:
        self._change("put_new", bucket, key, content)

    def get(self, bucket: Bucket, key: str) -> bytes:
        return self.store.get(bucket, key)

    def stat(self, bucket: Bucket, key: str) -> ObjectStat:
        return self.store.stat(bucket, key)

    def delete(self, bucket: Bucket, key: str) -> None:
        self._change("delete", bucket, key)

    def delete_many(self, bucket: Bucket, keys: Sequence[str]) -> None:
        """Fail between two of them, too: *is_after* is after the first."""
        self.calls.append("delete_many")
        if len(self.calls) == self.fails_at:
            self.store.delete_many(bucket, list(keys)[: int(self.is_after)])
            raise Crash(f"in call {self.fails_at}: delete_many")
        self.store.delete_many(bucket, keys)

    def copy(self, source: Bucket, key: str, target: Bucket) -> None:
        self._change("copy", source, key, target)

    def tidy(self, bucket: Bucket, prefix: str) -> None:
        self.store.tidy(bucket, prefix)

    def list_keys(self, bucket: Bucket, prefix: str = "") -> Iterator[ObjectStat]:
        return self.store.list_keys(bucket, prefix)


def make_day(symbol: str, day: int, hours: int = 4, *, depth: int = 0) -> list[LakeObject]:
    """Return so many objects of an hour's minutes, and snapshots, captured days after DAY_START_MS."""
    midnight_ms = DAY_START_MS + day * DAY_MS
    objects = []
    for hour in range(hours):
        start_ms = midnight_ms + hour * HOUR_MS
        minutes = [make_kline(start_ms + minute * MINUTE_MS) for minute in range(60)]
        objects.append(make_object(symbol, minutes, start_ms + HOUR_MS + 5_000 + day))
    for number in range(depth):
        at_ms = midnight_ms + number * MINUTE_MS
        objects.append(make_depth(symbol, [("100.1", f"{number + 1}")], [("100.2", "1")], at_ms))
    return objects


def open_lake(place: str) -> ObjectStore:
    """Return the lake in a folder, or in the buckets ``s3:NAME`` of the server for tests."""
    if not place.startswith("s3:"):
        return LocalStore(Path(place))
    server = s3_server()
    names = [f"{place.removeprefix('s3:')}-{bucket}" for bucket in Bucket]
    return MinioStore(server.endpoint, server.access_key, server.secret_key, *names)


def clear_lake(lake: ObjectStore) -> None:
    """Delete all objects."""
    for bucket in Bucket:
        lake.delete_many(bucket, [stat.key for stat in lake.list_keys(bucket)])


@contextmanager
def s3_lake() -> Iterator[ObjectStore]:
    """Give a lake on a real S3 server, in buckets of its own."""
    lake = open_lake(f"s3:test-{uuid4().hex[:12]}")
    lake.ensure_buckets()
    yield lake
    clear_lake(lake)


@dataclass
class AgeingRig:
    """What is aged. The clock starts at midnight of day 40 after DAY_START_MS."""

    pipeline: Pipeline
    clock: ManualClock = field(default_factory=lambda: ManualClock(DAY_START_MS + 40 * DAY_MS))

    def manager(self, lake: ObjectStore | None = None, pack_objects: int = 0) -> DataLakeManager:
        store = lake or self.pipeline.lake
        return DataLakeManager(store, self.pipeline.warehouse, self.clock, pack_objects=pack_objects)

    def load(self, *objects: LakeObject) -> None:
        self.pipeline.land(*objects)
        self.pipeline.load()

    def keys(self, bucket: Bucket) -> list[str]:
        return [stat.key for stat in self.pipeline.lake.list_keys(bucket)]

    def damage(self, bucket: Bucket, key: str, content: bytes | None = None) -> None:
        """Let an object hold something else, by default itself with one bit changed."""
        if content is None:
            damaged = bytearray(self.pipeline.lake.get(bucket, key))
            damaged[-40] ^= 1
            content = bytes(damaged)
        self.pipeline.lake.delete(bucket, key)
        self.pipeline.lake.put_new(bucket, key, content)

    def rows(self) -> dict[str, Any]:
        """Return the catalog by key."""
        return {row["object_key"]: row for row in read_table(self.pipeline.warehouse, lake_objects)}

    def reconcile(self, *, checksums: bool = True) -> ReconcileReport:
        """Compare lake and catalog as of a day when no file is young."""
        later_ms = 4_000_000_000_000
        return Reconciler(self.pipeline.lake, self.pipeline.warehouse).run(later_ms, checksums=checksums)

    def check_agreement(self) -> None:
        """Assert that lake and catalog say the same, and that reconciling has nothing to do."""
        found = self.reconcile()
        assert found == ReconcileReport(objects=found.objects), found
        at_home = {row["object_key"] for row in self.rows().values() if row["pack_id"] is None}
        files = self.keys(Bucket.RAW) + self.keys(Bucket.ARCHIVE)
        assert sorted(key for key in files if not key.startswith("packs/")) == sorted(at_home)

    def check_contents(self, objects: Iterable[LakeObject]) -> None:
        """Assert that each object is read byte for byte, wherever the catalog says that it lies."""
        reader, rows = ObjectReader(self.pipeline.lake), self.rows()
        keys = {row.id: row.key for row in iterate_packs(self.pipeline.warehouse)}
        for one in objects:
            row = rows[one.key.text]
            assert reader.read(row["bucket"], one.key.text, keys.get(row["pack_id"])) == one.content

    @contextmanager
    def crashing(self, fails_at: int, *, is_after: bool) -> Iterator[FailingStore]:
        """Yield a store that fails at that call; the failure is swallowed."""
        store = FailingStore(self.pipeline.lake, fails_at, is_after)
        with suppress(Crash):
            yield store

    def crash_everywhere(
        self,
        prepare: Callable[[int], None],
        step: Callable[[DataLakeManager], object],
        pack_objects: int = 0,
    ) -> int:
        """Run a step with a failure before and after each of its calls, after *prepare*, and then again.

        Lake and catalog must agree after each. Returns how many crashes there were.
        """
        for number in count():
            fails_at, is_after = 1 + number // 2, bool(number % 2)
            prepare(number)
            with self.crashing(fails_at, is_after=is_after) as store:
                step(self.manager(store, pack_objects))
            step(self.manager(pack_objects=pack_objects))
            self.check_agreement()
            if len(store.calls) < fails_at:
                return number
        raise AssertionError
