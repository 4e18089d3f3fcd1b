"""Decides what ages out of the facts, and how: with its whole partition, bit by bit, or not yet.

Nothing is written here; ``retention`` carries it out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, select

from src.domain import DAY_MS, SeriesKey, Window, format_utc
from src.warehouse.ageing import whole_days
from src.warehouse.candles import is_in
from src.warehouse.counting import count_held
from src.warehouse.dropping import Partition
from src.warehouse.sealing import OpenDay, list_open_days, list_sealed_days
from src.warehouse.series import SeriesRow, list_series
from src.warehouse.slots import Held, count_slots
from src.warehouse.symbols import Lifetime, list_lifetimes
from src.warehouse.tables import fact_klines
from src.warehouse.wanted import ages_before
from src.window_sets import merge, subtract

# Rows whose whole partition will be old enough within so long wait for that: to drop it costs nothing.
PATIENCE_MS = 31 * DAY_MS
_WEEK_MS = 7 * DAY_MS
_TOLD = 100


class Way(StrEnum):
    """How facts go."""

    DROP = "with their partition"
    DELETE = "deleted"
    WAIT = "wait for their partition"


@dataclass(frozen=True, slots=True)
class Ageing:
    """A series of an interval under an hour, and before when (UTC ms) it ages out; 0 is never."""

    row: SeriesRow
    life: Lifetime
    before_ms: int


@dataclass(frozen=True, slots=True)
class Portion:
    """A window of the facts, and how the series in it that age go; *partition* is None on SQLite."""

    window: Window
    partition: Partition | None
    way: Way
    series: Sequence[Ageing]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is older than it is kept and stays, and why."""

    series: SeriesKey
    window: Window
    why: str


@dataclass(frozen=True, slots=True)
class Going:
    """What goes of one series: *rows* candles, all of them in *window*."""

    series: SeriesKey
    window: Window
    rows: int


@dataclass(slots=True)
class RetentionPlan:
    """What would go: candles, levels of depth, whole partitions, and about how many bytes that is.

    *waiting* are partitions of which some is old enough: they go as a whole once all is. *work* are the rows
    that a run counts: each when it is sealed, and when it is deleted without its partition.
    """

    rows: int = 0
    work: int = 0
    depth_rows: int = 0
    bytes: int = 0
    partitions: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    series: list[Going] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "depth_rows": self.depth_rows,
            "bytes": self.bytes,
            "partitions": self.partitions,
            "waiting": self.waiting,
            "series": [{**_told(one.series, one.window), "rows": one.rows} for one in self.series[:_TOLD]],
            "series_in_all": len(self.series),
            "kept": kept_json(self.kept),
        }


@dataclass(slots=True)
class RetentionReport:
    """What went, what was sealed before, and what had to stay; *is_stopped* when it ended before its end.

    *depth_rows* are about right where whole partitions went: the server only estimates them, as it does the
    *freed_bytes*, which are those of partitions alone.
    """

    rows: int = 0
    depth_rows: int = 0
    freed_bytes: int = 0
    sealed_hours: int = 0
    sealed_days: int = 0
    partitions: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    is_stopped: bool = False

    def note_dropped(self, partitions: Sequence[Partition], table: Table) -> str:
        """Note that these went; return their names."""
        names = [full_name(one, table) for one in partitions]
        self.partitions += names
        self.freed_bytes += sum(one.size_bytes for one in partitions)
        return ", ".join(names)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "kept": kept_json(self.kept), "kept_in_all": len(self.kept)}


def list_ageing(connection: Connection, now_ms: int, keep_days: int) -> list[Ageing]:
    """List the series of intervals under an hour."""
    lives, unknown = list_lifetimes(connection), Lifetime()
    return [
        Ageing(
            row, lives.get((row.key.exchange, row.key.symbol), unknown), ages_before(row, now_ms, keep_days)
        )
        for row in list_series(connection, tracked_only=False)
        if not row.key.interval.is_coarse
    ]


def divide(
    connection: Connection, partitions: Sequence[Partition], series: Sequence[Ageing]
) -> Iterator[Portion]:
    """Yield the portions of the facts in which something is old enough, oldest first."""
    newest_ms = max((one.before_ms for one in series), default=0)
    if not partitions and newest_ms:
        ageing = [one for one in series if one.before_ms]
        yield Portion(Window(0, newest_ms), None, Way.DELETE, ageing)
    for partition in partitions:
        if partition.window.start_ms < newest_ms:
            yield _choose(connection, partition, series, newest_ms)


def _choose(
    connection: Connection, partition: Partition, series: Sequence[Ageing], newest_ms: int
) -> Portion:
    window = partition.window
    inside = [one for one in series if _holds_any(connection, one.row.key, window)]
    ages = [one.before_ms for one in inside] or [newest_ms]
    ageing = [one for one in inside if one.before_ms > window.start_ms]
    if partition.is_last or min(ages) < window.end_ms - PATIENCE_MS:
        return Portion(window, partition, Way.DELETE, ageing)
    return Portion(window, partition, Way.DROP if min(ages) >= window.end_ms else Way.WAIT, ageing)


def list_held(connection: Connection, one: Ageing, portion: Portion) -> list[Held]:
    """Return what a series holds of a portion and is old enough."""
    end_ms = max(portion.window.start_ms, min(portion.window.end_ms, one.before_ms))
    return count_held(connection, one.row.key, Window(portion.window.start_ms, end_ms))


def list_open(connection: Connection, one: Ageing, held: Sequence[Held]) -> list[OpenDay]:
    """Return the days of what is held that have to stay, since something in them is not accounted for."""
    if not held:
        return []
    span = whole_days(Window(held[0].window.start_ms, held[-1].window.end_ms))
    return list_open_days(connection, one.row, one.life, span, held)


def list_unsealed_weeks(connection: Connection, one: Ageing, held: Sequence[Held]) -> list[Window]:
    """Return the days of what is held that are not sealed with all their hours, seven at a time at most."""
    days = merge(whole_days(each.window) for each in held)
    if not days:
        return []
    span = Window(days[0].start_ms, days[-1].end_ms)
    unsealed = subtract(days, list_sealed_days(connection, one.row.key, span, held))
    return [
        Window(start_ms, min(start_ms + _WEEK_MS, window.end_ms))
        for window in unsealed
        for start_ms in range(window.start_ms, window.end_ms, _WEEK_MS)
    ]


def full_name(partition: Partition, table: Table) -> str:
    """Return a partition's name with that of its table."""
    return f"{table.name}.{partition.name}"


def _holds_any(connection: Connection, key: SeriesKey, window: Window) -> bool:
    query = select(fact_klines.c.open_time).where(is_in(fact_klines, key, window)).limit(1)
    return connection.execute(query).first() is not None


class DepthSplit(NamedTuple):
    """What becomes of depth: partitions that go as a whole, those that wait, windows to delete from."""

    dropped: list[Partition]
    waiting: list[Partition]
    deleted: list[Window]


def split_depth(partitions: Sequence[Partition], before_ms: int) -> DepthSplit:
    """Decide about all depth captured before then; without partitions all of it is deleted."""
    split = DepthSplit([], [], [])
    if not partitions and before_ms:
        split.deleted.append(Window(0, before_ms))
    for one in partitions:
        if one.window.start_ms >= before_ms:
            break
        if not one.is_last and one.window.end_ms <= before_ms:
            split.dropped.append(one)
        elif not one.is_last and one.window.end_ms - PATIENCE_MS <= before_ms:
            split.waiting.append(one)
        else:
            split.deleted.append(Window(one.window.start_ms, before_ms))
    return split


def why_open(key: SeriesKey, days: Sequence[OpenDay]) -> list[Kept]:
    """Say of days that cannot be sealed what they lack, days in a row together."""
    found = []
    numbered = [(day.day.start_ms // DAY_MS - number, day) for number, day in enumerate(days)]
    for _, group in groupby(numbered, key=lambda pair: pair[0]):
        together = [day for _, day in group]
        missing = [window for one in together for window in one.missing]
        candles = sum(count_slots(key.interval, window) for window in missing)
        window = Window(together[0].day.start_ms, together[-1].day.end_ms)
        why = (
            f"{candles:,} candles are missing, nobody knows why, from {format_utc(missing[0].start_ms)} on: "
            "./candlehouse backfill fetches them, ./candlehouse gaps list tells what was tried"
        )
        found.append(Kept(key, window, why))
    return found


def kept_json(kept: Sequence[Kept]) -> list[dict[str, Any]]:
    """Return what stays for a program to read: the first hundred, each with its reason."""
    return [{**_told(one.series, one.window), "why": one.why} for one in kept[:_TOLD]]


def _told(series: SeriesKey, window: Window) -> dict[str, Any]:
    return {"series": str(series), "start": format_utc(window.start_ms), "end": format_utc(window.end_ms)}
