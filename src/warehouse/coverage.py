"""The ledger of what is held: for each series the windows whose every slot holds a candle.

Loads extend it in their own transaction, under the series' lock; ``recount`` compares it with the facts.
Ranges of a series never touch: where two would, they are one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, bindparam, select, tuple_
from sqlalchemy.sql.dml import Insert

from src.domain import SeriesKey, Window
from src.warehouse import dialects
from src.warehouse.columns import utc_now
from src.warehouse.counting import ALL_TIME, count_held
from src.warehouse.in_parts import in_parts
from src.warehouse.ledger_tables import coverage_ranges
from src.warehouse.series import SeriesRow, correct_count, lock_series
from src.warehouse.slots import Held, held_windows
from src.window_sets import intersect, merge, subtract

API, MIXED = "api", "mixed"
_COLUMNS = ("series_id", "start_time", "end_time", "source", "record_count", "verified_at")
# So many keys may one statement name.
_KEYS = 500
_upserts: dict[str, Insert] = {}


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """A window of one series without a missing candle.

    *verified_ms* is when the oldest part of it was last compared with the facts, None where it never was.
    """

    series_id: int
    window: Window
    source: str
    record_count: int
    verified_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Addition:
    """Candles that are new in one series' facts, none of them there before, in any order."""

    row: SeriesRow
    open_times_ms: NDArray[np.int64]
    source: str = API


class DifferenceKind(StrEnum):
    """How ledger and facts differ over a window."""

    NOT_IN_LEDGER = "held but not in the ledger"
    NOT_HELD = "in the ledger but not held"
    MISCOUNTED = "held, but not as many candles"


@dataclass(frozen=True, slots=True)
class CoverageDifference:
    """A window over which ledger and facts of a series differ."""

    series: SeriesKey
    kind: DifferenceKind
    window: Window

    def __str__(self) -> str:
        return f"{self.series} {self.window}: {self.kind}"


def extend_coverage(connection: Connection, additions: Sequence[Addition]) -> None:
    """Note what a load added; its caller holds the locks of the series, each of which occurs once."""
    new = [row for addition in additions for row in _new_ranges(addition)]
    if not new:
        return
    found = _list_near(connection, new)
    _replace(connection, found, join_ranges([*found, *new]))


def shrink_coverage(connection: Connection, row: SeriesRow, gone: Sequence[Held]) -> int:
    """Take out what ages out; return how many candles fewer the ledger tells of.

    Its caller holds the lock of the series. *gone* are the candles of whole windows, oldest first.
    """
    if not gone:
        return 0
    span = Window(gone[0].window.start_ms, gone[-1].window.end_ms)
    before = list_coverage(connection, [row.id], span).get(row.id, [])
    after = [piece for each in before for piece in _without(connection, row, each, gone)]
    _replace(connection, before, after)
    return sum(each.record_count for each in before) - sum(each.record_count for each in after)


def join_ranges(ranges: Iterable[CoverageRow]) -> list[CoverageRow]:
    """Make one of those of a series that touch or overlap; no candle may be counted in two."""
    joined: list[CoverageRow] = []
    for one in sorted(ranges, key=lambda each: (each.series_id, each.window)):
        last = joined[-1] if joined else None
        if last and last.series_id == one.series_id and one.window.start_ms <= last.window.end_ms:
            joined[-1] = _joined(last, one)
        else:
            joined.append(one)
    return joined


def list_coverage(
    connection: Connection, series_ids: Sequence[int] | None = None, window: Window | None = None
) -> dict[int, list[CoverageRow]]:
    """Return the ranges by series id, oldest first; all series where none are named.

    With *window* only the ranges that lie in it, or reach into it.
    """
    query = select(coverage_ranges).order_by(coverage_ranges.c.series_id, coverage_ranges.c.start_time)
    if series_ids is not None:
        query = query.where(coverage_ranges.c.series_id.in_(series_ids))
    if window is not None:
        query = query.where(
            coverage_ranges.c.start_time < window.end_ms, coverage_ranges.c.end_time > window.start_ms
        )
    found: dict[int, list[CoverageRow]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.series_id].append(_from_row(row))
    return dict(found)


def list_held(connection: Connection, series_ids: Sequence[int]) -> dict[int, list[Window]]:
    """Return the windows that are held, by series id, oldest first."""
    c = coverage_ranges.c
    query = select(c.series_id, c.start_time, c.end_time).order_by(c.series_id, c.start_time)
    found: dict[int, list[Window]] = defaultdict(list)
    for ids in in_parts(series_ids):
        for series_id, start_ms, end_ms in connection.execute(query.where(c.series_id.in_(ids))):
            found[series_id].append(Window(start_ms, end_ms))
    return dict(found)


def recount(connection: Connection, row: SeriesRow, window: Window = ALL_TIME) -> list[CoverageDifference]:
    """Compare the ledger with the facts: *window*, and the ranges that touch it.

    What it finds without the series' lock may be a load half seen, and is to be looked at again with it.
    """
    ledger, span = _in_reach(connection, row, window)
    return _compare(row.key, ledger, count_held(connection, row.key, span))


def note_verified(connection: Connection, row: SeriesRow) -> None:
    """Note that a recount has just found all ranges of a series to be right."""
    of_series = coverage_ranges.c.series_id == row.id
    connection.execute(coverage_ranges.update().where(of_series).values(verified_at=utc_now()))


def rewrite_coverage(
    connection: Connection, row: SeriesRow, window: Window = ALL_TIME
) -> list[CoverageDifference]:
    """Make the ledger say what the facts hold, under the series' lock; return what it had wrong.

    Only *window* and the ranges that touch it are counted again.
    """
    lock_series(connection, [row.key])
    ledger, span = _in_reach(connection, row, window)
    held = count_held(connection, row.key, span)
    now_ms = connection.execute(select(utc_now())).scalar_one()
    counted = [CoverageRow(row.id, h.window, _source(ledger, h.window), h.candles, now_ms) for h in held]
    _replace(connection, ledger, counted)
    ranges = list_coverage(connection, [row.id]).get(row.id, [])
    correct_count(connection, row, sum(each.record_count for each in ranges))
    return _compare(row.key, ledger, held)


def _without(
    connection: Connection, row: SeriesRow, each: CoverageRow, gone: Sequence[Held]
) -> list[CoverageRow]:
    """Return what is left of a range: pieces but the last are counted, since they are small or none."""
    pieces = subtract([each.window], merge(held.window for held in gone))
    inside = [held for held in gone if intersect([held.window], [each.window])]
    left = each.record_count - sum(held.candles for held in inside)
    found = []
    for piece in pieces[:-1]:
        candles = sum(held.candles for held in count_held(connection, row.key, piece))
        found.append(replace(each, window=piece, record_count=candles))
        left -= candles
    return [*found, *[replace(each, window=piece, record_count=max(0, left)) for piece in pieces[-1:]]]


def _new_ranges(addition: Addition) -> list[CoverageRow]:
    held = held_windows(addition.row.key.interval, addition.open_times_ms)
    return [CoverageRow(addition.row.id, each.window, addition.source, each.candles) for each in held]


def _joined(one: CoverageRow, other: CoverageRow) -> CoverageRow:
    known = [each.verified_ms for each in (one, other) if each.verified_ms is not None]
    return CoverageRow(
        one.series_id,
        Window(one.window.start_ms, max(one.window.end_ms, other.window.end_ms)),
        one.source if one.source == other.source else MIXED,
        one.record_count + other.record_count,
        min(known, default=None),
    )


def _list_near(connection: Connection, new: Sequence[CoverageRow]) -> list[CoverageRow]:
    """List the ranges of these series that might touch what is new: one statement for all of them."""
    columns = coverage_ranges.c
    query = select(coverage_ranges).where(
        columns.series_id.in_({each.series_id for each in new}),
        columns.start_time <= max(each.window.end_ms for each in new),
        columns.end_time >= min(each.window.start_ms for each in new),
    )
    return [_from_row(row) for row in connection.execute(query)]


def _replace(connection: Connection, before: Sequence[CoverageRow], after: Sequence[CoverageRow]) -> None:
    """Write what differs; the usual load only makes a range longer, which is one statement."""
    kept = {(each.series_id, each.window.start_ms) for each in after}
    gone = [key for each in before if (key := (each.series_id, each.window.start_ms)) not in kept]
    identity = tuple_(coverage_ranges.c.series_id, coverage_ranges.c.start_time)
    for start in range(0, len(gone), _KEYS):
        connection.execute(coverage_ranges.delete().where(identity.in_(gone[start : start + _KEYS])))
    written = set(after) - set(before)
    if written:
        connection.execute(_upsert(connection), [_values(each) for each in written])


def _upsert(connection: Connection) -> Insert:
    """Return the INSERT of one range that overwrites; built once for each kind of database."""
    dialect = connection.dialect.name
    if dialect not in _upserts:
        values = {name: bindparam(f"new_{name}", type_=coverage_ranges.c[name].type) for name in _COLUMNS}
        _upserts[dialect] = dialects.upsert(coverage_ranges, connection, values, _COLUMNS)
    return _upserts[dialect]


def _values(each: CoverageRow) -> dict[str, object]:
    window = (each.window.start_ms, each.window.end_ms)
    values = (each.series_id, *window, each.source, each.record_count, each.verified_ms)
    return {f"new_{name}": value for name, value in zip(_COLUMNS, values, strict=True)}


def _in_reach(connection: Connection, row: SeriesRow, window: Window) -> tuple[list[CoverageRow], Window]:
    """Return the ranges that touch *window*, and what they and it reach over together."""
    interval = row.key.interval
    start_ms, end_ms = interval.floor(window.start_ms), interval.next(interval.floor(window.end_ms - 1))
    near = [
        each
        for each in list_coverage(connection, [row.id]).get(row.id, [])
        if each.window.start_ms <= end_ms and each.window.end_ms >= start_ms
    ]
    starts = [each.window.start_ms for each in near]
    ends = [each.window.end_ms for each in near]
    return near, Window(min([start_ms, *starts]), max([end_ms, *ends]))


def _compare(
    series: SeriesKey, ledger: Sequence[CoverageRow], held: Sequence[Held]
) -> list[CoverageDifference]:
    recorded, counted = [each.window for each in ledger], [each.window for each in held]
    candles = {each.window: each.candles for each in held}
    found = {
        DifferenceKind.NOT_IN_LEDGER: subtract(counted, recorded),
        DifferenceKind.NOT_HELD: subtract(recorded, counted),
        DifferenceKind.MISCOUNTED: [
            each.window for each in ledger if each.record_count != candles.get(each.window, each.record_count)
        ],
    }
    return [CoverageDifference(series, kind, window) for kind in found for window in found[kind]]


def _source(ledger: Sequence[CoverageRow], window: Window) -> str:
    """Return where the ledger says that a window's candles came from."""
    sources = {
        each.source
        for each in ledger
        if each.window.start_ms < window.end_ms and each.window.end_ms > window.start_ms
    }
    return sources.pop() if len(sources) == 1 else MIXED if sources else API


def _from_row(row: Row[tuple[object, ...]]) -> CoverageRow:
    return CoverageRow(
        series_id=row.series_id,
        window=Window(row.start_time, row.end_time),
        source=row.source,
        record_count=row.record_count,
        verified_ms=row.verified_at,
    )
