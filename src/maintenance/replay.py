"""Replay: makes facts and rollups of a window again from the lake, in place, after a parser was mended.

A day of a series at a time, in one transaction under the series' lock. What the lake gives otherwise is
replaced. What it gives no more is deleted only where every object of that day is there: nothing that is true
becomes a remnant, and a day whose objects are gone stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from src.clock import Clock
from src.domain import HOUR_MS, Interval, SeriesKey, Window
from src.errors import CandlehouseError
from src.lake.store import ObjectStore
from src.maintenance.comparing import is_unproven
from src.maintenance.rebuilding import Loss, Part, Rebuilder
from src.maintenance.series_days import SeriesDay
from src.warehouse.candles import RollupKey
from src.warehouse.coverage import rewrite_coverage
from src.warehouse.engine import Warehouse
from src.warehouse.facts import KlineBatch
from src.warehouse.partitions import Partitions
from src.warehouse.quarantine import replace_rows
from src.warehouse.replaying import replace_candles, roll_up_again
from src.warehouse.series import lock_series, note_change
from src.warehouse.tables import fact_klines

_TOLD = 200
# As in rebuilding: a series does not change between reading and locking so often in a row.
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What replaying a part changes: open times, UTC ms.

    *kept* are held without the lake giving them, which may be due to the objects that are lost.
    """

    inserted: list[int]
    replaced: list[int]
    deleted: list[int]
    kept: int
    is_refused: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """A part that could not be replayed as a whole, since objects of it are lost."""

    series: SeriesKey
    window: Window
    is_refused: bool
    reasons: list[str]


@dataclass(slots=True)
class ReplayReport:
    """What was changed, or would be: candles, days on which any was, and parts that are not whole.

    *faulty_merges* are days merged into of which objects are lost that were not deleted by their age.
    """

    days: int = 0
    changed_days: int = 0
    inserted: int = 0
    replaced: int = 0
    deleted: int = 0
    kept: int = 0
    refused_days: int = 0
    merged_days: int = 0
    faulty_merges: int = 0
    troubles: list[Trouble] = field(default_factory=list)

    def add(self, part: Part, plan: Plan) -> None:
        """Count a part."""
        self.days += 1
        self.changed_days += bool(plan.inserted or plan.replaced or plan.deleted)
        self.inserted += len(plan.inserted)
        self.replaced += len(plan.replaced)
        self.deleted += len(plan.deleted)
        self.kept += plan.kept
        if lost := part.rebuilt.lost.values():
            self.refused_days += plan.is_refused
            self.merged_days += not plan.is_refused
            reasons = sorted(one.reason for one in lost)
            is_fault = any(one.loss is not Loss.DELETED for one in lost)
            self.faulty_merges += is_fault and not plan.is_refused
            trouble = Trouble(part.series.key, part.window, plan.is_refused, reasons)
            self.troubles += [trouble] * (len(self.troubles) < _TOLD)


class Replayer:
    """Replays days of series, one after the other."""

    def __init__(self, lake: ObjectStore, warehouse: Warehouse, clock: Clock) -> None:
        self._rebuilder = Rebuilder(lake, warehouse)
        self._warehouse = warehouse
        self._partitions = Partitions(warehouse)
        self._clock = clock

    def replay(self, days: Iterable[SeriesDay], *, dry_run: bool = False) -> ReplayReport:
        """Replay these days; *days* may raise to end it between two."""
        report = ReplayReport()
        for one in days:
            part, plan = self._replay(one, dry_run=dry_run)
            if part.held.candles or part.held.objects:
                report.add(part, plan)
        return report

    def _replay(self, day: SeriesDay, *, dry_run: bool) -> tuple[Part, Plan]:
        """Replay a day, again from its start when it was loaded meanwhile."""
        for _ in range(_ATTEMPTS):
            part = self._rebuilder.read(day.series, day.window)
            plan = plan_replay(part)
            if dry_run or plan.is_refused:
                return part, plan
            self._ensure_partition(part, plan)
            if self._warehouse.run(partial(_apply, part=part, plan=plan)):
                return part, plan
        raise CandlehouseError(
            f"{day.series.key} was loaded {_ATTEMPTS} times in a row while {day.window} was replayed: days "
            "before are done; run the replay again when less is being loaded"
        )

    def _ensure_partition(self, part: Part, plan: Plan) -> None:
        if plan.inserted and not part.series.key.interval.is_coarse:
            window = Window(min(plan.inserted), max(plan.inserted) + 1)
            self._partitions.ensure(fact_klines, window, self._clock.now_ms())


def plan_replay(part: Part) -> Plan:
    """Decide what to change, without doing it."""
    held, rebuilt = part.held.candles, part.rebuilt.candles
    is_refused = bool(part.rebuilt.lost) and not rebuilt
    plan = Plan([], [], [], len(held.keys() - rebuilt.keys()) if part.rebuilt.lost else 0, is_refused)
    if is_refused:
        return plan
    too_few = _remnants(part)
    for at in sorted(held.keys() | rebuilt.keys()):
        if at not in held:
            plan.inserted.extend([at] * (at - at % HOUR_MS not in too_few and not _stays_away(part, at)))
        elif at not in rebuilt:
            plan.deleted.extend([at] * (not part.rebuilt.lost))
        elif held[at] != rebuilt[at] and not is_unproven(part, at):
            plan.replaced.append(at)
    return plan


def _stays_away(part: Part, at: int) -> bool:
    """Whether a candle has aged out and no rollup gains by it: minutes come back, to mend their hours."""
    is_aged = any(one.start_ms <= at < one.end_ms for one in part.held.aged)
    return is_aged and part.series.key.interval is not Interval.M1


def _remnants(part: Part) -> set[int]:
    """Return the sealed hours of which the lake gives less than was there: none of that is taken back in."""
    found: dict[int, int] = {}
    for at in part.rebuilt.candles:
        found[at - at % HOUR_MS] = found.get(at - at % HOUR_MS, 0) + 1
    return {
        hour
        for hour, count in found.items()
        if (rollup := part.held.rollups.get(RollupKey("1h", hour)))
        and rollup.sealed_at_ms is not None
        and count < rollup.candle_count
    }


def _apply(connection: Connection, part: Part, plan: Plan) -> bool:
    """Carry out *plan* unless the series was loaded since it was made; return whether that was done."""
    row = lock_series(connection, [part.series.key])[part.series.key]
    if row.load_version != part.held.load_version:
        return False
    gone = np.array(plan.deleted, dtype=np.int64)
    put = _only(part.rebuilt.batches, plan.inserted + plan.replaced)
    if put or len(gone):
        replace_candles(connection, row, put, gone, len(plan.inserted))
    else:  # rollups may change all the same, and charts are kept by this version
        note_change(connection, row)
    held = np.array(sorted({*part.held.candles, *plan.inserted} - {*plan.deleted}), dtype=np.int64)
    roll_up_again(connection, row.key, held, gone)
    replace_rows(connection, part.rebuilt.whole)
    if plan.inserted or plan.deleted:
        rewrite_coverage(connection, row, part.window)
    return True


def _only(batches: Iterable[KlineBatch], times_ms: list[int]) -> list[KlineBatch]:
    wanted: NDArray[np.int64] = np.array(times_ms, dtype=np.int64)
    chosen = (batch.only(np.isin(batch.open_times_ms, wanted)) for batch in batches)
    return [batch for batch in chosen if len(batch.rows)]
