"""Cleaning up: objects whose time is over are deleted, and a tombstone a day and kind remains of their rows.

The catalog says *deleted* first, then the files go, then the rows are folded into the tombstone; a crash
between any two leaves rows that say deleted, with which the next run goes on. Never deleted: an object that
is not loaded, a gap's evidence, an object of a series that is kept, a pack of which anything must stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from src.clock import Clock
from src.domain import DAY_MS, Window
from src.lake.store import Bucket, ObjectStore
from src.maintenance.ageing_report import Progress, ShouldStop, StepReport, never, tell_nobody
from src.warehouse.catalog import ObjectState
from src.warehouse.engine import Warehouse
from src.warehouse.lake_ageing import (
    ARCHIVE,
    AgedObject,
    Amount,
    Group,
    date_of,
    drop_rows,
    iterate_days,
    list_evidence,
    list_group,
    list_keep_days,
    list_packs_in_use,
    mark_deleted,
    sum_groups,
)
from src.warehouse.packs import drop_packs, list_packs, mark_packs_deleted
from src.warehouse.tombstones import fold
from src.warehouse.wanted import FOR_EVER

_ROWS_A_STEP = 500


@dataclass(frozen=True, slots=True)
class Rules:
    """For how many days objects stay: *days*, and longer those of a series that is kept longer (0 for ever).

    *evidence* are the keys of objects that stay whatever their age.
    """

    days: int
    kept_days: dict[Group, int]
    evidence: set[str]

    def may_go(self, group: Group, day: Window, now_ms: int) -> bool:
        """Whether the objects of that kind and day are old enough."""
        kept = self.kept_days.get(group, self.days)
        return kept != FOR_EVER and day.end_ms <= before(now_ms, max(kept, self.days))

    def ages(self) -> set[int]:
        """Return all ages, in days, at which objects go."""
        return {max(days, self.days) for days in self.kept_days.values() if days != FOR_EVER} | {self.days}


def before(now_ms: int, days: int) -> int:
    """Return the last UTC midnight that is *days* ago or longer: whole days age."""
    aged_ms = now_ms - days * DAY_MS
    return aged_ms - aged_ms % DAY_MS


class Cleaner:
    """Deletes what is in the archive bucket and has had its time."""

    def __init__(self, lake: ObjectStore, warehouse: Warehouse, clock: Clock) -> None:
        self._lake = lake
        self._warehouse = warehouse
        self._clock = clock

    def plan(self, days: int, look_back_days: int | None) -> dict[tuple[str, Group], Amount]:
        """Return what would be deleted, by day and kind."""
        rules = self._read_rules(days)
        found = {}
        for day, group in self._aged(rules, look_back_days):
            going = self._choose(day, group, rules)
            if going:
                amount = Amount(len(going), sum(one.size_bytes for one in going))
                found[date_of(day), group] = amount
        return found

    def clean(
        self,
        days: int,
        look_back_days: int | None = None,
        progress: Progress = tell_nobody,
        should_stop: ShouldStop = never,
    ) -> StepReport:
        """Delete what was captured more than *days* ago; 0 deletes nothing.

        With *look_back_days* only days are looked at that came of age so recently, since the days of years
        that are kept lie in the archive, too.
        """
        report = StepReport()
        rules = self._read_rules(days)
        for day, group in self._aged(rules, look_back_days):
            if should_stop():
                report.is_stopped = True
                break
            progress(f"{date_of(day)} {group}", self._clean(day, group, rules, report))
        return report

    def _read_rules(self, days: int) -> Rules:
        with self._warehouse.read() as connection:
            return Rules(days, list_keep_days(connection), list_evidence(connection))

    def _aged(self, rules: Rules, look_back_days: int | None) -> Iterator[tuple[Window, Group]]:
        if rules.days == FOR_EVER:
            return
        now_ms = self._clock.now_ms()
        for day in self._days(rules, look_back_days, now_ms):
            with self._warehouse.read() as connection:
                groups = sum_groups(connection, [ARCHIVE], day)
            yield from ((day, group) for group in groups if rules.may_go(group, day, now_ms))

    def _days(self, rules: Rules, look_back_days: int | None, now_ms: int) -> list[Window]:
        found: set[Window] = set()
        with self._warehouse.read() as connection:
            for age in rules.ages():
                end_ms = before(now_ms, age)
                start_ms = 0 if look_back_days is None else max(0, end_ms - look_back_days * DAY_MS)
                found.update(iterate_days(connection, ARCHIVE, Window(start_ms, end_ms)))
        return sorted(found)

    def _choose(self, day: Window, group: Group, rules: Rules) -> list[AgedObject]:
        """Return what of that kind and day may go; what goes already is among them."""
        with self._warehouse.read() as connection:
            objects = list_group(connection, [ARCHIVE], day, group)
            staying = list_packs_in_use(connection, day, group)
        # A pack goes as a whole, or stays with all that is in it: it is never written anew.
        staying |= {one.pack_id for one in objects if one.pack_id and one.key in rules.evidence}
        return [
            one
            for one in objects
            if one.state is ObjectState.DELETED
            or (one.pack_id not in staying if one.pack_id else one.key not in rules.evidence)
        ]

    def _clean(self, day: Window, group: Group, rules: Rules, report: StepReport) -> int:
        going = self._choose(day, group, rules)
        for start in range(0, len(going), _ROWS_A_STEP):
            self._mark(going[start : start + _ROWS_A_STEP])
        with self._warehouse.read() as connection:
            found = list_group(connection, [ARCHIVE], day, group)
            gone = [one for one in found if one.state is ObjectState.DELETED]
            left = _pack_ids([one for one in found if one.state is not ObjectState.DELETED])
            in_use = left | list_packs_in_use(connection, day, group)
            packs = list_packs(connection, _pack_ids(gone) - in_use)
        pack_ids = [pack.id for pack in packs]
        self._warehouse.run(lambda c: mark_packs_deleted(c, pack_ids, self._clock.now_ms()))
        files = [one for one in gone if one.pack_id is None]
        self._lake.delete_many(Bucket.ARCHIVE, [one.key for one in files] + [pack.key for pack in packs])
        for start in range(0, len(gone), _ROWS_A_STEP):
            some, is_last = gone[start : start + _ROWS_A_STEP], start + _ROWS_A_STEP >= len(gone)
            self._fold(date_of(day), group, some, pack_ids if is_last else [])
        report.objects += len(gone)
        report.packs += len(packs)
        report.size_bytes += sum(one.size_bytes for one in gone)
        report.freed_bytes += sum(one.size_bytes for one in files) + sum(pack.size_bytes for pack in packs)
        return len(gone)

    def _mark(self, some: Sequence[AgedObject]) -> None:
        now_ms = self._clock.now_ms()
        self._warehouse.run(lambda connection: mark_deleted(connection, [one.id for one in some], now_ms))

    def _fold(self, day: str, group: Group, some: Sequence[AgedObject], pack_ids: Sequence[int]) -> None:
        now_ms = self._clock.now_ms()

        def work(connection: Connection) -> None:
            fold(connection, group, date.fromisoformat(day), some, now_ms)
            drop_rows(connection, [one.id for one in some])
            drop_packs(connection, pack_ids)

        self._warehouse.run(work)


def _pack_ids(objects: Sequence[AgedObject]) -> set[int]:
    return {one.pack_id for one in objects if one.pack_id is not None}
