"""Retention: what is older than it is kept leaves the facts, and its rollups stay.

Each transaction is short, leaves everything in order and may be the last: a second run goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy.exc import DBAPIError

from src.clock import Clock
from src.domain import DAY_MS, Interval, Window
from src.maintenance.ageing_report import Progress, ShouldStop, never, tell_nobody
from src.maintenance.dropping_facts import PartitionDrop
from src.maintenance.foretelling import foretell_depth, foretell_facts
from src.maintenance.retention_plan import (
    Ageing,
    Portion,
    RetentionPlan,
    RetentionReport,
    Way,
    divide,
    full_name,
    list_ageing,
    list_held,
    list_open,
    list_unsealed_weeks,
    split_depth,
    why_open,
)
from src.warehouse.ageing import age_out, windows_to_delete
from src.warehouse.database_errors import is_repeatable
from src.warehouse.depth_ageing import delete_depth, iterate_symbols
from src.warehouse.dropping import Partition, drop_partitions, list_partitions
from src.warehouse.engine import Warehouse
from src.warehouse.sealing import OpenDay, seal_days
from src.warehouse.series import SeriesRow
from src.warehouse.slots import Held, count_slots
from src.warehouse.tables import fact_klines, fact_orderbook
from src.warehouse.wanted import FOR_EVER, ages_before
from src.window_sets import intersect, merge

# One statement for several costs hardly more than for one; writers wait for all of it.
_MOST_AT_ONCE = 10


class Retention:
    """Ages out candles and depth; *keep_days* is for series that do not say, 0 is for ever."""

    def __init__(self, warehouse: Warehouse, clock: Clock, *, keep_days: int, keep_depth_days: int) -> None:
        self._warehouse = warehouse
        self._clock = clock
        self._keep_days = keep_days
        self._keep_depth_days = keep_depth_days

    def plan(self) -> RetentionPlan:
        """Say what a run would do now; nothing is written."""
        plan, now_ms = RetentionPlan(), self._clock.now_ms()
        foretell_facts(self._warehouse, plan, now_ms, self._keep_days)
        foretell_depth(self._warehouse, plan, self._depth_before_ms(now_ms))
        return plan

    def run(self, progress: Progress = tell_nobody, should_stop: ShouldStop = never) -> RetentionReport:
        """Age out candles, then depth; *should_stop* is asked between two transactions."""
        report = self.age_facts(progress, should_stop)
        return report if report.is_stopped else self.age_depth(progress, should_stop, report)

    def age_facts(self, progress: Progress = tell_nobody, should_stop: ShouldStop = never) -> RetentionReport:
        """Seal what is to lose its minutes, then let them go."""
        report, now_ms = RetentionReport(), self._clock.now_ms()
        ageing = _FactsAgeing(self._warehouse, now_ms, self._keep_days, report, progress, should_stop)
        report.is_stopped = not ageing.run()
        return report

    def age_depth(
        self,
        progress: Progress = tell_nobody,
        should_stop: ShouldStop = never,
        report: RetentionReport | None = None,
    ) -> RetentionReport:
        """Let depth go by its age alone; what went is added to *report*."""
        report = report or RetentionReport()
        before_ms = self._depth_before_ms(self._clock.now_ms())
        ageing = _DepthAgeing(self._warehouse, before_ms, report, progress, should_stop)
        report.is_stopped = not ageing.run()
        return report

    def _depth_before_ms(self, now_ms: int) -> int:
        if self._keep_depth_days == FOR_EVER:
            return 0
        return max(0, now_ms - now_ms % DAY_MS - self._keep_depth_days * DAY_MS)


class _FactsAgeing:
    """One pass over the facts, oldest portion first; its methods return False when it was asked to stop."""

    def __init__(
        self,
        warehouse: Warehouse,
        now_ms: int,
        keep_days: int,
        report: RetentionReport,
        progress: Progress,
        should_stop: ShouldStop,
    ) -> None:
        self._warehouse = warehouse
        self._now_ms = now_ms
        self._keep_days = keep_days
        self._report = report
        self._progress = progress
        self._should_stop = should_stop
        # What is sealed and goes with its partition, together with the next such.
        self._ripe: list[Portion] = []

    def run(self) -> bool:
        partitions = list_partitions(self._warehouse, fact_klines)
        with self._warehouse.read() as connection:
            series = list_ageing(connection, self._now_ms, self._keep_days)
            portions = list(divide(connection, partitions, series))
        return all(self._take(portion) for portion in portions) and self._drop_ripe()

    def _before(self, row: SeriesRow) -> int:
        return ages_before(row, self._now_ms, self._keep_days)

    def _take(self, portion: Portion) -> bool:
        if portion.way is Way.WAIT and portion.partition:
            self._report.waiting.append(full_name(portion.partition, fact_klines))
            return True
        open_before = len(self._report.kept)
        if not all(self._seal(one, portion) for one in portion.series) or self._should_stop():
            return False
        is_whole = len(self._report.kept) == open_before
        if portion.way is Way.DROP and is_whole:
            self._ripe.append(portion)
            return len(self._ripe) < _MOST_AT_ONCE or self._drop_ripe()
        return all(self._delete(one, portion) for one in portion.series)

    def _seal(self, one: Ageing, portion: Portion) -> bool:
        """Seal what of a series can be; what cannot is reported."""
        days: list[OpenDay] = []
        with self._warehouse.read() as connection:
            held = list_held(connection, one, portion)
            if one.row.key.interval is Interval.M1:
                weeks = list_unsealed_weeks(connection, one, held)
            else:
                weeks, days = [], list_open(connection, one, held)
        for week in weeks:
            if self._should_stop():
                return False
            done = self._warehouse.run(partial(seal_days, key=one.row.key, life=one.life, window=week))
            self._report.sealed_hours += done.hours
            self._report.sealed_days += done.days
            days += done.open
            self._progress(str(one.row.key), _count_minutes(held, week))
        self._report.kept += why_open(one.row.key, days)
        return True

    def _drop_ripe(self) -> bool:
        ripe, self._ripe = self._ripe, []
        return not ripe or self._drop(ripe)

    def _drop(self, portions: Sequence[Portion]) -> bool:
        """Drop partitions at once; where that cannot be, one by one, and what cannot go so row by row."""
        rows = PartitionDrop(self._warehouse, portions, self._before).run()
        if rows is None and len(portions) > 1:
            return all(self._drop([portion]) for portion in portions)
        if rows is None:
            return all(self._delete(one, portions[0]) for one in portions[0].series)
        self._report.rows += rows
        dropped = [one.partition for one in portions if one.partition]
        self._progress(self._report.note_dropped(dropped, fact_klines), 0)
        return True

    def _delete(self, one: Ageing, portion: Portion) -> bool:
        key, life = one.row.key, one.life
        with self._warehouse.read() as connection:
            held = list_held(connection, one, portion)
        for window in windows_to_delete(key.interval, held):
            if self._should_stop():
                return False
            rows = self._warehouse.run(
                partial(age_out, key=key, life=life, window=window, before=self._before)
            )
            self._report.rows += rows
            self._progress(str(key), rows)
        return True


def _count_minutes(held: Sequence[Held], window: Window) -> int:
    inside = intersect(merge(each.window for each in held), [window])
    return sum(count_slots(Interval.M1, one) for one in inside)


class _DepthAgeing:
    """One pass over the depth; what is older than *before_ms* goes, whoever's it is."""

    def __init__(
        self,
        warehouse: Warehouse,
        before_ms: int,
        report: RetentionReport,
        progress: Progress,
        should_stop: ShouldStop,
    ) -> None:
        self._warehouse = warehouse
        self._before_ms = before_ms
        self._report = report
        self._progress = progress
        self._should_stop = should_stop

    def run(self) -> bool:
        split = split_depth(list_partitions(self._warehouse, fact_orderbook), self._before_ms)
        for start in range(0, len(split.dropped), _MOST_AT_ONCE):
            if self._should_stop():
                return False
            self._drop(split.dropped[start : start + _MOST_AT_ONCE])
        self._report.waiting += [full_name(partition, fact_orderbook) for partition in split.waiting]
        return all(self._delete(window) for window in split.deleted)

    def _drop(self, partitions: Sequence[Partition]) -> None:
        try:
            drop_partitions(self._warehouse, fact_orderbook, [one.name for one in partitions], lambda _: True)
        except DBAPIError as error:
            if not is_repeatable(error):
                raise
            # Somebody reads without end: they go another day.
            self._report.waiting += [full_name(partition, fact_orderbook) for partition in partitions]
            return
        self._report.depth_rows += sum(one.rows for one in partitions)
        self._progress(self._report.note_dropped(partitions, fact_orderbook), 0)

    def _delete(self, window: Window) -> bool:
        with self._warehouse.read() as connection:
            symbols = list(iterate_symbols(connection))
        for exchange, symbol in symbols:
            rows = 1
            while rows:
                if self._should_stop():
                    return False
                rows = self._warehouse.run(
                    partial(delete_depth, exchange=exchange, symbol=symbol, window=window)
                )
                self._report.depth_rows += rows
                self._progress(f"{exchange}:{symbol} depth", rows)
        return True
