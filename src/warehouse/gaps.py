"""The gaps as rows: what is wanted and not held, what was done about it, and what proves it empty.

Rows of one series never overlap, those that were filled included: a gap that is filled in part is split.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, or_, select

from src.domain import Interval, Window
from src.errors import NotFound
from src.warehouse import dialects
from src.warehouse.in_parts import in_parts
from src.warehouse.leases import take_turn
from src.warehouse.ledger_tables import gaps
from src.warehouse.run_tables import runs
from src.warehouse.runs import RunState
from src.warehouse.tables import series


class GapState(StrEnum):
    """Where a gap stands. Those but filled are open: the warehouse lacks the candles."""

    DETECTED = "detected"
    FILLING = "filling"
    FILLED = "filled"
    EMPTY_AT_EXCHANGE = "empty_at_exchange"
    UNFILLABLE = "unfillable"
    FAILED = "failed"


OPEN_STATES = tuple(state for state in GapState if state is not GapState.FILLED)
# Nothing comes to fill them, as far as anybody knows: their slots are accounted for.
CLOSED_STATES = (GapState.EMPTY_AT_EXCHANGE, GapState.UNFILLABLE)
# What a run may take up: an empty one is asked for again now and then, since exchanges restore data.
FILLABLE_STATES = (GapState.DETECTED, GapState.FAILED, GapState.EMPTY_AT_EXCHANGE)


class GapReason(StrEnum):
    """Why the candles are missing, as far as that is known.

    *facts_lost*: they were held once, and the object that they came from is still there.
    """

    NOT_FETCHED = "not_fetched"
    OUTAGE = "outage"
    BEYOND_REACH = "beyond_reach"
    QUARANTINED = "quarantined"
    OBJECT_LOST = "object_lost"
    FACTS_LOST = "facts_lost"
    NOTHING_THERE = "nothing_there"

    @property
    def in_words(self) -> str:
        """Return it for people."""
        return _IN_WORDS[self]


_IN_WORDS = {
    GapReason.NOT_FETCHED: "not fetched yet",
    GapReason.OUTAGE: "known outage",
    GapReason.BEYOND_REACH: "beyond the API's reach",
    GapReason.QUARANTINED: "a row was quarantined",
    GapReason.OBJECT_LOST: "its object is lost",
    GapReason.FACTS_LOST: "its facts were lost",
    GapReason.NOTHING_THERE: "nothing there",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """An answer that had no candle in *window*: the object that holds it, and when it was asked for."""

    key: str
    window: Window
    asked_ms: int


@dataclass(frozen=True, slots=True)
class GapRow:
    """One gap; times in UTC ms, *id* 0 while it has no row. *beyond_reach* and *missing* are candles.

    *ask_again_ms* is when asking is worth while again, None for at once. *run_id* is the run that asked last.
    """

    id: int
    series_id: int
    window: Window
    missing: int
    state: GapState = GapState.DETECTED
    reason: GapReason = GapReason.NOT_FETCHED
    beyond_reach: int = 0
    file_hint: str | None = None
    hint: str | None = None
    detected_ms: int = 0
    attempted_ms: int | None = None
    filled_ms: int | None = None
    ask_again_ms: int | None = None
    attempts: int = 0
    run_id: int | None = None
    error: str | None = None
    evidence: tuple[Evidence, ...] = ()

    @property
    def filling_file(self) -> str | None:
        """The file that would fill it; None where nothing is to be filled any more."""
        settled = (GapState.FILLED, GapState.EMPTY_AT_EXCHANGE)
        return None if self.state in settled else self.file_hint


@dataclass(frozen=True, slots=True)
class GapFilter:
    """Which gaps to list; what is empty or None leaves a question open.

    *before* is end and id of the last gap of the page before. Gaps that end after *ends_after_ms* and start
    before *starts_before_ms* lie within a window at least in part.
    """

    series_ids: Sequence[int] = ()
    symbols: Sequence[str] = ()
    intervals: Sequence[Interval] = ()
    states: Sequence[GapState] = ()
    ids: Sequence[int] = ()
    ends_after_ms: int | None = None
    starts_before_ms: int | None = None
    before: tuple[int, int] | None = None


@dataclass(slots=True)
class GapWrites:
    """What is to be written: rows to change by their ids, rows to add, and rows that are gaps no more."""

    changed: list[GapRow] = field(default_factory=list)
    added: list[GapRow] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)


def list_gaps(connection: Connection, wanted: GapFilter, limit: int | None = None) -> list[GapRow]:
    """List gaps, the newest first."""
    query = select(gaps).where(*_conditions(wanted)).order_by(gaps.c.end_time.desc(), gaps.c.id.desc())
    return [_from_row(row) for row in connection.execute(query.limit(limit))]


def get_gap(connection: Connection, gap_id: int) -> GapRow:
    """Return a gap; NotFound when there is none of that id."""
    found = connection.execute(select(gaps).where(gaps.c.id == gap_id)).one_or_none()
    if found is None:
        raise NotFound(f"there is no gap {gap_id}", "./candlehouse gaps list shows which there are")
    return _from_row(found)


def list_open(connection: Connection, series_ids: Sequence[int] | None = None) -> dict[int, list[GapRow]]:
    """Return the open gaps by series, of all series where none is named, each list in order of time."""
    return _by_series(connection, OPEN_STATES, series_ids)


def count_open(connection: Connection) -> dict[GapState, tuple[int, int]]:
    """Count open gaps, and the candles that they lack, by state."""
    query = select(gaps.c.state, func.count(), func.sum(gaps.c.missing))
    query = query.where(gaps.c.state.in_([state.value for state in OPEN_STATES])).group_by(gaps.c.state)
    return {
        GapState(state): (count, int(missing or 0)) for state, count, missing in connection.execute(query)
    }


def list_filled(connection: Connection, series_ids: Sequence[int]) -> dict[int, list[GapRow]]:
    """Return what was a gap once and is held, by series."""
    return _by_series(connection, (GapState.FILLED,), series_ids)


def take_gaps_turn(connection: Connection) -> None:
    """Have nobody else change gaps until this transaction ends: whoever judges them writes whole rows."""
    take_turn(connection, "gaps")


def write_gaps(connection: Connection, writes: GapWrites) -> None:
    """Write them all; a row that somebody else has added meanwhile stays as it is."""
    for ids in in_parts(writes.dropped):
        connection.execute(gaps.delete().where(gaps.c.id.in_(ids)))
    if writes.changed:
        statement = gaps.update().where(gaps.c.id == bindparam("row_id"))
        connection.execute(statement, [{"row_id": row.id, **_values(row)} for row in writes.changed])
    if writes.added:
        # One row's statement for all: SQLAlchemy takes longer to build one of many rows than the database.
        blank = {name: bindparam(f"new_{name}", type_=gaps.c[name].type) for name in _values(writes.added[0])}
        values = [{f"new_{name}": value for name, value in _values(row).items()} for row in writes.added]
        connection.execute(dialects.insert_if_absent(gaps, connection, blank), values)


def claim_gaps(connection: Connection, gap_ids: Sequence[int], run_id: int, now_ms: int) -> set[int]:
    """Take gaps for this run; return the ids of those that were free."""
    take_gaps_turn(connection)
    states = [state.value for state in FILLABLE_STATES]
    for ids in in_parts(gap_ids):
        connection.execute(
            gaps.update()
            .where(gaps.c.id.in_(ids), gaps.c.state.in_(states))
            .values(
                state=GapState.FILLING.value,
                run_id=run_id,
                attempted_at=now_ms,
                attempts=gaps.c.attempts + 1,
                error=None,
            )
        )
    is_ours = (gaps.c.state == GapState.FILLING.value) & (gaps.c.run_id == run_id)
    found: set[int] = set()
    for ids in in_parts(gap_ids):
        found.update(connection.scalars(select(gaps.c.id).where(gaps.c.id.in_(ids), is_ours)))
    return found


def fail_gap(connection: Connection, gap_id: int, error: str, ask_again_ms: int) -> None:
    """Note why a gap that a run had taken could not be asked for."""
    take_gaps_turn(connection)
    connection.execute(
        gaps.update()
        .where(gaps.c.id == gap_id, gaps.c.state == GapState.FILLING.value)
        .values(state=GapState.FAILED.value, error=error[:4000], ask_again_at=ask_again_ms)
    )


def tell_gaps(connection: Connection, gap_ids: Sequence[int], hint: str) -> None:
    """Note what became of gaps, for people; it stays with what is found to be filled."""
    take_gaps_turn(connection)
    for ids in in_parts(gap_ids):
        connection.execute(gaps.update().where(gaps.c.id.in_(ids)).values(hint=hint))


def release_gaps(connection: Connection, own_run_id: int | None = None) -> int:
    """Give back what no running run is filling, and what *own_run_id* had taken; return how many."""
    running = select(runs.c.id).where(runs.c.state == RunState.RUNNING.value)
    is_left = or_(gaps.c.run_id.is_(None), gaps.c.run_id.not_in(running), gaps.c.run_id == own_run_id)
    changed = connection.execute(
        gaps.update()
        .where(gaps.c.state == GapState.FILLING.value, is_left)
        .values(state=GapState.DETECTED.value)
    )
    return changed.rowcount


def _by_series(
    connection: Connection, states: Sequence[GapState], series_ids: Sequence[int] | None
) -> dict[int, list[GapRow]]:
    query = select(gaps).where(gaps.c.state.in_([state.value for state in states]))
    query = query.order_by(gaps.c.series_id, gaps.c.start_time)
    chosen = [None] if series_ids is None else in_parts(series_ids)
    found: dict[int, list[GapRow]] = {}
    for ids in chosen:
        narrowed = query if ids is None else query.where(gaps.c.series_id.in_(ids))
        for row in map(_from_row, connection.execute(narrowed)):
            found.setdefault(row.series_id, []).append(row)
    return found


def _conditions(wanted: GapFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.series_ids:
        conditions.append(gaps.c.series_id.in_(wanted.series_ids))
    if wanted.symbols:
        of_symbols = select(series.c.id).where(series.c.symbol.in_(wanted.symbols))
        conditions.append(gaps.c.series_id.in_(of_symbols))
    if wanted.intervals:
        codes = [interval.value for interval in wanted.intervals]
        of_intervals = select(series.c.id).where(series.c.interval_code.in_(codes))
        conditions.append(gaps.c.series_id.in_(of_intervals))
    if wanted.states:
        conditions.append(gaps.c.state.in_([state.value for state in wanted.states]))
    if wanted.ids:
        conditions.append(gaps.c.id.in_(wanted.ids))
    if wanted.ends_after_ms is not None:
        conditions.append(gaps.c.end_time > wanted.ends_after_ms)
    if wanted.starts_before_ms is not None:
        conditions.append(gaps.c.start_time < wanted.starts_before_ms)
    if wanted.before is not None:
        end_ms, gap_id = wanted.before
        is_level = (gaps.c.end_time == end_ms) & (gaps.c.id < gap_id)
        conditions.append((gaps.c.end_time < end_ms) | is_level)
    return conditions


def _values(row: GapRow) -> dict[str, Any]:
    told = [
        {
            "key": one.key,
            "start_ms": one.window.start_ms,
            "end_ms": one.window.end_ms,
            "asked_ms": one.asked_ms,
        }
        for one in row.evidence
    ]
    return {
        "series_id": row.series_id,
        "start_time": row.window.start_ms,
        "end_time": row.window.end_ms,
        "missing": row.missing,
        "state": row.state.value,
        "reason": row.reason.value,
        "beyond_reach": row.beyond_reach,
        "file_hint": row.file_hint,
        "hint": row.hint,
        "detected_at": row.detected_ms,
        "attempted_at": row.attempted_ms,
        "filled_at": row.filled_ms,
        "ask_again_at": row.ask_again_ms,
        "attempts": row.attempts,
        "run_id": row.run_id,
        "error": row.error,
        "evidence": json.dumps(told) if told else None,
    }


def _from_row(row: Row[tuple[object, ...]]) -> GapRow:
    return GapRow(
        id=row.id,
        series_id=row.series_id,
        window=Window(row.start_time, row.end_time),
        missing=row.missing,
        state=GapState(row.state),
        reason=GapReason(row.reason),
        beyond_reach=row.beyond_reach,
        file_hint=row.file_hint,
        hint=row.hint,
        detected_ms=row.detected_at,
        attempted_ms=row.attempted_at,
        filled_ms=row.filled_at,
        ask_again_ms=row.ask_again_at,
        attempts=row.attempts,
        run_id=row.run_id,
        error=row.error,
        evidence=_evidence(row.evidence),
    )


def _evidence(text: str | None) -> tuple[Evidence, ...]:
    told = json.loads(text) if text else []
    return tuple(
        Evidence(one["key"], Window(one["start_ms"], one["end_ms"]), one["asked_ms"]) for one in told
    )
