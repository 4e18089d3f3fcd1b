"""Packing: the objects of a closed day of a series become one compressed archive object.

Put the pack, read it back and compare each member, note it in the catalog in one transaction, delete the
originals. A crash before the note leaves a pack that the next run finds and takes, one after it leaves
originals that ``Leftovers`` removes. A gap's evidence stays a file: it may outlive its day.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import structlog
from sqlalchemy import Connection

from src.domain import Window
from src.errors import CandlehouseError, NotFound, ObjectExists
from src.lake.packs import build_pack, digest_of, in_portions, open_pack, pack_key
from src.lake.store import Bucket, ObjectStore
from src.maintenance.ageing_report import Problem, Progress, ShouldStop, StepReport, never, tell_nobody
from src.warehouse.catalog import ObjectState
from src.warehouse.engine import Warehouse
from src.warehouse.lake_ageing import (
    ARCHIVE,
    RAW,
    AgedObject,
    Amount,
    Group,
    date_of,
    iterate_days,
    list_evidence,
    list_group,
    sum_groups,
)
from src.warehouse.packs import NewPack, record_pack, record_packed

log = structlog.get_logger()

# As much of plain objects at most, so that reading one member of a pack stays cheap.
_PACK_BYTES = 32_000_000


class Packer:
    """Packs what has more than *most_files* objects a day and kind; 0 packs nothing."""

    def __init__(self, lake: ObjectStore, warehouse: Warehouse, most_files: int, readers: int) -> None:
        self._lake = lake
        self._warehouse = warehouse
        self._most_files = most_files
        self._readers = readers

    def plan(self, before_ms: int, archive_from_ms: int) -> dict[tuple[str, Group], Amount]:
        """Return what would be packed, by day and kind."""
        return {
            (date_of(day), group): amount
            for day in self._days(before_ms, archive_from_ms)
            for group, amount in self._large(day).items()
        }

    def pack(
        self,
        before_ms: int,
        archive_from_ms: int = 0,
        progress: Progress = tell_nobody,
        should_stop: ShouldStop = never,
    ) -> StepReport:
        """Pack what was captured before *before_ms*.

        All days are looked at that have objects in the raw bucket; in the archive bucket, where the days of
        years may lie, those since *archive_from_ms*.
        """
        report = StepReport()
        for day in self._days(before_ms, archive_from_ms):
            for group in self._large(day):
                for portion in self._portions(day, group):
                    if should_stop():
                        report.is_stopped = True
                        return report
                    progress(f"{date_of(day)} {group}", self._pack(day, group, portion, report))
        return report

    def _days(self, before_ms: int, archive_from_ms: int) -> list[Window]:
        if not self._most_files:
            return []
        with self._warehouse.read() as connection:
            raw = list(iterate_days(connection, RAW, Window(0, before_ms)))
            since_ms = min(archive_from_ms, before_ms)
            return sorted({*raw, *iterate_days(connection, ARCHIVE, Window(since_ms, before_ms))})

    def _large(self, day: Window) -> dict[Group, Amount]:
        with self._warehouse.read() as connection:
            groups = sum_groups(connection, [RAW, ARCHIVE], day, files_only=True)
        return {group: amount for group, amount in groups.items() if amount.objects > self._most_files}

    def _portions(self, day: Window, group: Group) -> list[list[AgedObject]]:
        with self._warehouse.read() as connection:
            objects = list_group(connection, [RAW, ARCHIVE], day, group)
            evidence = list_evidence(connection)
        files = [
            one
            for one in sorted(objects, key=lambda one: one.key)
            if one.pack_id is None and one.state is ObjectState.LOADED and one.key not in evidence
        ]
        return [files[part] for part in in_portions([one.size_bytes for one in files], _PACK_BYTES)]

    def _pack(self, day: Window, group: Group, some: Sequence[AgedObject], report: StepReport) -> int:
        contents = self._read(some, report)
        packed = [one for one in some if one.key in contents]
        if not packed:
            return 0
        digest = digest_of(one.sha256 for one in packed)
        key = pack_key(group.exchange, group.symbol, group.type, group.interval, date_of(day), digest)
        content = self._put(key, contents)
        new = NewPack(
            key=key,
            group=group,
            date=date.fromisoformat(date_of(day)),
            objects=len(packed),
            size_bytes=len(content),
            raw_bytes=sum(one.size_bytes for one in packed),
            sha256=hashlib.sha256(content).hexdigest(),
        )
        self._warehouse.run(lambda connection: _record(connection, new, packed))
        for bucket in Bucket:
            self._lake.delete_many(bucket, [one.key for one in packed if one.bucket == bucket.value])
        report.objects += len(packed)
        report.packs += 1
        report.size_bytes += new.raw_bytes
        report.freed_bytes += new.raw_bytes - new.size_bytes
        return len(packed)

    def _read(self, some: Sequence[AgedObject], report: StepReport) -> dict[str, bytes]:
        """Return the content of those that are what was landed."""
        with ThreadPoolExecutor(self._readers, thread_name_prefix="lake-read") as readers:
            contents = list(readers.map(self._find, some))
        good: dict[str, bytes] = {}
        for one, content in zip(some, contents, strict=True):
            if content is not None and hashlib.sha256(content).hexdigest() == one.sha256:
                good[one.key] = content
            else:
                report.problems.append(Problem(one.key, "it is not in the lake, or not what was landed"))
        return good

    def _find(self, one: AgedObject) -> bytes | None:
        try:
            return self._lake.get(Bucket(one.bucket), one.key)
        except NotFound:
            return None

    def _put(self, key: str, contents: dict[str, bytes]) -> bytes:
        """Put the pack and return it as it lies in the lake, opened and compared."""
        try:
            self._lake.put_new(Bucket.ARCHIVE, key, build_pack(contents))
        except ObjectExists:
            # An earlier run came this far. A pack without a row may go when it is damaged.
            if not _is_same(self._lake.get(Bucket.ARCHIVE, key), contents):
                self._lake.delete(Bucket.ARCHIVE, key)
                self._lake.put_new(Bucket.ARCHIVE, key, build_pack(contents))
        stored = self._lake.get(Bucket.ARCHIVE, key)
        if not _is_same(stored, contents):
            raise CandlehouseError(
                f"the pack {key} does not come back as it was written: nothing was deleted for it; check the "
                "lake's disk or server"
            )
        return stored


def _is_same(pack: bytes, contents: dict[str, bytes]) -> bool:
    try:
        return open_pack(pack) == contents
    except ValueError:
        return False


def _record(connection: Connection, new: NewPack, packed: Sequence[AgedObject]) -> None:
    pack_id = record_pack(connection, new)
    if record_packed(connection, pack_id, [one.id for one in packed]) != len(packed):
        raise CandlehouseError(
            f"objects of {new.group} of {new.date} changed while they were packed: nothing was deleted, and "
            "the next run packs them"
        )
