"""DataLakeManager: the lake as it ages. Objects are packed, archived and in the end deleted.

Each step works through the days of capture, oldest first, and goes on where it stopped when it is run again.
Only whole days age: an object goes at the earliest when it is as old as is asked for.
"""

from __future__ import annotations

from collections.abc import Collection

from src.clock import Clock
from src.domain import DAY_MS, Window
from src.lake.keys import date_prefix
from src.lake.packs import PREFIX
from src.lake.store import Bucket, ObjectStore
from src.maintenance.ageing_report import (
    Progress,
    ShouldStop,
    StepPlan,
    StepReport,
    never,
    tell_nobody,
)
from src.maintenance.archiving import Archiver
from src.maintenance.cleaning import Cleaner, before
from src.maintenance.leftovers import Leftovers
from src.maintenance.packing import Packer
from src.warehouse.engine import Warehouse
from src.warehouse.lake_ageing import RAW, Amount, list_exchanges, sum_files
from src.warehouse.packs import list_newest_days

# Steps that run each day look back so far; without a limit they see every day that was ever kept.
LOOK_BACK_DAYS = 14
_WORKERS = 8
_PACKS_LOOKED_AT = 100


class DataLakeManager:
    """Ages the lake. *pack_objects*: a day of a series with more objects becomes a pack; 0 for never.

    With *look_back_days* None all days are looked at that lie in the archive, years of them perhaps.
    """

    def __init__(
        self, lake: ObjectStore, warehouse: Warehouse, clock: Clock, *, pack_objects: int = 200
    ) -> None:
        self._lake = lake
        self._warehouse = warehouse
        self._clock = clock
        self._leftovers = Leftovers(lake, warehouse)
        self._archiver = Archiver(lake, warehouse, _WORKERS)
        self._packer = Packer(lake, warehouse, pack_objects, _WORKERS)
        self._cleaner = Cleaner(lake, warehouse, clock)

    def archive_old_files(
        self, days: int = 7, progress: Progress = tell_nobody, should_stop: ShouldStop = never
    ) -> StepReport:
        """Move objects captured more than *days* ago from the raw to the archive bucket."""
        before_ms = self._before(days)
        report = self._archiver.archive(before_ms, progress, should_stop)
        if not report.is_stopped:
            report.leftovers += self._sweep_raw(before_ms)
            self._tidy(Bucket.RAW, before_ms, [""])
        return report

    def pack_old_files(
        self,
        days: int = 7,
        look_back_days: int | None = LOOK_BACK_DAYS,
        progress: Progress = tell_nobody,
        should_stop: ShouldStop = never,
    ) -> StepReport:
        """Put the objects of large days captured more than *days* ago together, each day of a series."""
        before_ms = self._before(days)
        report = self._packer.pack(before_ms, _since(before_ms, look_back_days), progress, should_stop)
        if not report.is_stopped:
            report.leftovers += self._sweep_raw(before_ms) + self._sweep_packed()
        return report

    def cleanup_old_archives(
        self,
        days: int = 30,
        look_back_days: int | None = LOOK_BACK_DAYS,
        progress: Progress = tell_nobody,
        should_stop: ShouldStop = never,
    ) -> StepReport:
        """Delete objects captured more than *days* ago from the archive bucket; 0 keeps all."""
        report = self._cleaner.clean(days, look_back_days, progress, should_stop)
        if days and not report.is_stopped:
            self._tidy(Bucket.ARCHIVE, self._before(days), ["", PREFIX])
        return report

    def plan_archiving(self, days: int = 7) -> StepPlan:
        """Say what would move now; what would be packed before is among it."""
        with self._warehouse.read() as connection:
            return StepPlan(*sum_files(connection, RAW, Window(0, self._before(days))))

    def plan_packing(self, days: int = 7, look_back_days: int | None = LOOK_BACK_DAYS) -> StepPlan:
        """Say what would be packed now."""
        before_ms = self._before(days)
        return _sum(self._packer.plan(before_ms, _since(before_ms, look_back_days)).values())

    def plan_cleanup(self, days: int = 30, look_back_days: int | None = LOOK_BACK_DAYS) -> StepPlan:
        """Say what would be deleted now."""
        return _sum(self._cleaner.plan(days, look_back_days).values())

    def _before(self, days: int) -> int:
        return before(self._clock.now_ms(), days)

    def _sweep_raw(self, before_ms: int) -> int:
        """Remove what archiving and packing had left in the raw bucket, where few old objects lie."""
        with self._warehouse.read() as connection:
            exchanges = list_exchanges(connection)
        removed = 0
        for exchange in exchanges:
            end = date_prefix(exchange, before_ms)
            removed += len(self._leftovers.sweep(Bucket.RAW, _folder_of(end), end))
        return removed

    def _sweep_packed(self) -> int:
        """Remove what packing had left of its last days in the archive bucket."""
        with self._warehouse.read() as connection:
            days = list_newest_days(connection, _PACKS_LOOKED_AT)
        return sum(
            len(self._leftovers.sweep(Bucket.ARCHIVE, f"{_folder_of(date_prefix(exchange, 0))}{day}/"))
            for exchange, day in days
        )

    def _tidy(self, bucket: Bucket, before_ms: int, folders: list[str]) -> None:
        """Remove the empty folders of the last days that came of age."""
        with self._warehouse.read() as connection:
            exchanges = list_exchanges(connection)
        for day_ms in range(max(0, before_ms - LOOK_BACK_DAYS * DAY_MS), before_ms, DAY_MS):
            for exchange in exchanges:
                for folder in folders:
                    self._lake.tidy(bucket, folder + date_prefix(exchange, day_ms))


def _since(before_ms: int, look_back_days: int | None) -> int:
    return 0 if look_back_days is None else max(0, before_ms - look_back_days * DAY_MS)


def _folder_of(prefix: str) -> str:
    """Return what comes before the date in a prefix of keys."""
    return prefix[: -len("2026-01-09/")]


def _sum(found: Collection[Amount]) -> StepPlan:
    objects, size_bytes = (sum(one[place] for one in found) for place in (0, 1))
    return StepPlan(objects, size_bytes, len(found))
