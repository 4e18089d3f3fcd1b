"""Archiving: loaded objects of closed days move from the raw to the archive bucket.

Copy, read back, note it in the catalog, delete the original; a crash between any two leaves an object in both
buckets, and the next run goes on there. Reading back costs one read an object: a copy that nobody has read
proves nothing, and the original goes for its sake.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from src.domain import Window
from src.errors import NotFound, ObjectExists
from src.lake.store import Bucket, ObjectStore
from src.maintenance.ageing_report import Problem, Progress, ShouldStop, StepReport, never, tell_nobody
from src.warehouse.engine import Warehouse
from src.warehouse.lake_ageing import (
    RAW,
    AgedObject,
    date_of,
    iterate_days,
    list_to_archive,
    record_archived,
)

_OBJECTS_A_STEP = 500


class Archiver:
    """Moves objects; *copiers* of them at a time."""

    def __init__(self, lake: ObjectStore, warehouse: Warehouse, copiers: int) -> None:
        self._lake = lake
        self._warehouse = warehouse
        self._copiers = copiers

    def archive(
        self, before_ms: int, progress: Progress = tell_nobody, should_stop: ShouldStop = never
    ) -> StepReport:
        """Move what was captured before *before_ms* and is loaded, a day after the other."""
        report = StepReport()
        with ThreadPoolExecutor(self._copiers, thread_name_prefix="lake-copy") as copiers:
            for day, some in self._portions(before_ms):
                if should_stop():
                    report.is_stopped = True
                    break
                moved = self._move(some, copiers, report)
                progress(date_of(day), moved)
        return report

    def _portions(self, before_ms: int) -> Iterator[tuple[Window, list[AgedObject]]]:
        with self._warehouse.read() as connection:
            days = list(iterate_days(connection, RAW, Window(0, before_ms)))
        for day in days:
            after: AgedObject | None = None
            while True:
                with self._warehouse.read() as connection:
                    some = list_to_archive(connection, day, after, _OBJECTS_A_STEP)
                if not some:
                    break
                yield day, some
                after = some[-1]

    def _move(self, some: Sequence[AgedObject], copiers: ThreadPoolExecutor, report: StepReport) -> int:
        problems = list(copiers.map(self._copy, some))
        copied = [one for one, problem in zip(some, problems, strict=True) if problem is None]
        report.problems += filter(None, problems)
        recorded = self._warehouse.run(lambda c: record_archived(c, [one.id for one in copied]))
        moved = [one for one in copied if one.id in recorded]
        self._lake.delete_many(Bucket.RAW, [one.key for one in moved])
        report.objects += len(moved)
        report.size_bytes += sum(one.size_bytes for one in moved)
        return len(moved)

    def _copy(self, one: AgedObject) -> Problem | None:
        """Let the object lie in the archive bucket, too, and read it there; return what is wrong with it."""
        self._put(one)
        if (found := self._look(Bucket.ARCHIVE, one)) is None:
            return None
        if self._look(Bucket.RAW, one) is not None:
            return Problem(one.key, found)
        # The copy is damaged and the original is not: no row speaks of the copy yet, so it may go.
        self._lake.delete(Bucket.ARCHIVE, one.key)
        self._put(one)
        found = self._look(Bucket.ARCHIVE, one)
        return None if found is None else Problem(one.key, found)

    def _put(self, one: AgedObject) -> None:
        # An earlier run may have come this far; what is there is looked at in any case.
        with suppress(ObjectExists, NotFound):
            self._lake.copy(Bucket.RAW, one.key, Bucket.ARCHIVE)

    def _look(self, bucket: Bucket, one: AgedObject) -> str | None:
        """Return what is wrong with the object as it lies in *bucket*, None when it is what was landed."""
        try:
            content = self._lake.get(bucket, one.key)
        except NotFound:
            return "it is not in the lake: restore it from a backup"
        if len(content) != one.size_bytes or hashlib.sha256(content).hexdigest() != one.sha256:
            return "it is not what was landed, its sha256 differs: restore it from a backup"
        return None
