"""Moves a lake from one store into another: copies what is not there, reads all of it back, then switches.

Each object is read from the source, compared with the catalog's checksum, created in the target and read back
from there; only equal SHA-256s count. Whoever is cut off goes on behind the last batch that was verified. The
source is deleted at the very end, if at all, and of it only what the target was seen to have.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby, islice

from src.errors import ObjectExists
from src.lake.packs import is_pack
from src.lake.store import Bucket, ObjectStore
from src.maintenance.adopting import adopt
from src.maintenance.lake_pairs import Pair, is_of_lake, is_passed, list_objects, pair_up
from src.warehouse.catalog import list_known
from src.warehouse.engine import Warehouse
from src.warehouse.homes import LakeHome, LakeMove, find_move, list_checksums, save_home, save_move

_BATCH = 256
_TOLD = 100


@dataclass(slots=True)
class MoveReport:
    """What a move did. *passed* were verified by an earlier one that was cut off.

    *others* lie in the target and not in the source.

    *left* name files that no object is called like, a hundred at most: they stay in the source.

    *problems* name each object that is not equal in both lakes, a hundred at most; nothing is switched then.
    """

    objects: int = 0
    size_bytes: int = 0
    copied: int = 0
    verified: int = 0
    passed: int = 0
    others: int = 0
    adopted: int = 0
    deleted: int = 0
    left_count: int = 0
    left: list[str] = field(default_factory=list)
    problem_count: int = 0
    problems: list[str] = field(default_factory=list)
    is_switched: bool = False

    def leave(self, key: str) -> None:
        self.left_count += 1
        if len(self.left) < _TOLD:
            self.left.append(key)

    def note(self, problem: str) -> None:
        self.problem_count += 1
        if len(self.problems) < _TOLD:
            self.problems.append(problem)


# Hears of the phase, how many objects are done, and of how many.
OnProgress = Callable[[str, int, int], None]


class LakeMover:
    """Moves *source* into *target*, whose home is *home*; the catalog is that of *warehouse*."""

    def __init__(
        self,
        source: ObjectStore,
        target: ObjectStore,
        home: LakeHome,
        warehouse: Warehouse,
        on_progress: OnProgress,
        *,
        workers: int = 8,
    ) -> None:
        self._source = source
        self._target = target
        self._home = home
        self._warehouse = warehouse
        self._on_progress = on_progress
        self._workers = workers
        self.report = MoveReport()

    def run(self, *, delete_source: bool = False) -> MoveReport:
        """Move; with *delete_source* everything is verified in this very run, whatever came before."""
        self._target.ensure_buckets()
        missing = self._source.missing_buckets()
        buckets = [bucket for bucket in Bucket if bucket not in missing]
        self._count(buckets)
        done = None if delete_source else self._find_move()
        with ThreadPoolExecutor(self._workers, "move") as pool:
            for bucket in buckets:
                self._move_bucket(pool, bucket, done)
            if self.report.problem_count:
                return self.report
            self._adopt_all(pool, buckets)
        self._warehouse.run(lambda connection: save_home(connection, self._home))
        self.report.is_switched = True
        if delete_source:
            for bucket in buckets:
                self._delete(bucket)
        return self.report

    def _count(self, buckets: list[Bucket]) -> None:
        for bucket in buckets:
            for stat in self._source.list_keys(bucket):
                if not is_of_lake(stat.key):
                    self.report.leave(f"{bucket.value}/{stat.key}")
                    continue
                self.report.objects += 1
                self.report.size_bytes += stat.size_bytes

    def _find_move(self) -> LakeMove | None:
        with self._warehouse.read() as connection:
            return find_move(connection, self._home.place)

    def _move_bucket(self, pool: Executor, bucket: Bucket, done: LakeMove | None) -> None:
        pairs = pair_up(self._source, self._target, bucket, self._note_others)
        while batch := list(islice(pairs, _BATCH)):
            due = [pair for pair in batch if not is_passed(bucket, pair, done)]
            self.report.passed += len(batch) - len(due)
            self._move_batch(pool, bucket, due)
            if due and not self.report.problem_count:
                move = LakeMove(self._home.place, bucket.value, batch[-1][0].key)
                self._warehouse.run(partial(save_move, move=move))
            self._tell("moving", self.report.passed + self.report.verified + self.report.problem_count)

    def _move_batch(self, pool: Executor, bucket: Bucket, pairs: list[Pair]) -> None:
        with self._warehouse.read() as connection:
            known = list_checksums(connection, [stat.key for stat, _ in pairs])

        def move(pair: Pair) -> tuple[bool, str | None]:
            return self._move_one(bucket, pair[0].key, pair[1] is not None, known.get(pair[0].key))

        for is_copied, problem in pool.map(move, pairs):
            self.report.copied += is_copied
            self.report.verified += problem is None
            if problem is not None:
                self.report.note(problem)

    def _move_one(
        self, bucket: Bucket, key: str, is_there: bool, landed: str | None
    ) -> tuple[bool, str | None]:
        """Return whether it was copied, and what is wrong with it."""
        content = self._source.get(bucket, key)
        sha256 = hashlib.sha256(content).hexdigest()
        if landed is not None and sha256 != landed:
            return False, f"damaged: {key} in the source is not what was landed: restore it from a backup"
        if not is_there:
            try:
                self._target.put_new(bucket, key, content)
            except ObjectExists:
                is_there = True  # an earlier upload whose answer was lost
        found = hashlib.sha256(self._target.get(bucket, key)).hexdigest()
        if found != sha256:
            return (
                not is_there,
                f"differs: {key} in {self._home.place} is another object: look which is right",
            )
        return not is_there, None

    def _adopt_all(self, pool: Executor, buckets: list[Bucket]) -> None:
        """Give rows to objects that have none: files of a pipeline before us, or of a crash."""
        seen = 0
        for bucket in buckets:
            keys = (stat.key for stat in list_objects(self._source, bucket))
            while batch := list(islice(keys, _BATCH)):
                with self._warehouse.read() as connection:
                    known = list_known(connection, batch)
                unknown = [key for key in batch if key not in known and not is_pack(key)]
                self.report.adopted += sum(pool.map(partial(self._adopt, bucket), unknown))
                seen += len(batch)
                self._tell("cataloguing", seen)

    def _adopt(self, bucket: Bucket, key: str) -> bool:
        return adopt(self._target, self._warehouse, bucket, key)

    def _delete(self, bucket: Bucket) -> None:
        """Delete what the target has; a file that came meanwhile is left alone."""
        pairs = (
            stat.key
            for stat, there in pair_up(self._source, self._target, bucket)
            if there is not None and there.size_bytes == stat.size_bytes
        )
        for folder, keys in groupby(pairs, key=lambda key: key.rpartition("/")[0]):
            while batch := list(islice(keys, _BATCH)):
                self._source.delete_many(bucket, batch)
                self.report.deleted += len(batch)
                self._tell("deleting", self.report.deleted)
            if folder:
                self._source.tidy(bucket, folder)

    def _note_others(self, count: int) -> None:
        self.report.others += count

    def _tell(self, phase: str, done: int) -> None:
        self._on_progress(phase, done, self.report.objects)
