"""Results of verification: whether a day of a series could be made again, when that was last tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from src.domain import Interval, SeriesKey
from src.warehouse import dialects
from src.warehouse.ledger_tables import verify_results
from src.warehouse.tables import series

# What a TEXT column takes, in the longest letters that there are.
_LONGEST_DETAIL = 16_000


class VerifyState(StrEnum):
    """How a day compared; of several, the one that stands first here is told.

    *deleted*: objects went by their age, so nothing can be said, which is no fault.
    """

    MISSING = "object_missing"
    CHANGED = "object_changed"
    DIFFERS = "differs"
    DELETED = "deleted"
    SAME = "same"

    @property
    def is_fault(self) -> bool:
        return self not in (VerifyState.SAME, VerifyState.DELETED)

    @property
    def is_of_objects(self) -> bool:
        """Whether its findings are objects, one each."""
        return self in (VerifyState.MISSING, VerifyState.CHANGED, VerifyState.DELETED)


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """One day of a series; *digest* is of what the warehouse held, *detail* for a person to read."""

    series_id: int
    day: date
    state: VerifyState
    candles: int
    digest: str | None
    detail: str
    verified_ms: int


@dataclass(frozen=True, slots=True)
class ResultFilter:
    """Which results to list; what is empty or None leaves a question open.

    *before* is time, series and day of the last one of the page before.
    """

    symbols: Sequence[str] = ()
    states: Sequence[VerifyState] = ()
    before: tuple[int, int, date] | None = None


def save_result(connection: Connection, result: VerifyResult) -> None:
    """Keep a day's result in place of its last one."""
    values = {
        "series_id": result.series_id,
        "date": result.day,
        "state": result.state.value,
        "candles": result.candles,
        "digest": result.digest,
        "detail": result.detail[:_LONGEST_DETAIL],
        "verified_at": result.verified_ms,
    }
    connection.execute(dialects.upsert(verify_results, connection, values, list(values)))


def list_results(connection: Connection, series_ids: Sequence[int] | None = None) -> list[VerifyResult]:
    """List the last result of each day that was ever looked at, by series and day."""
    query = select(verify_results).order_by(verify_results.c.series_id, verify_results.c.date)
    if series_ids is not None:
        query = query.where(verify_results.c.series_id.in_(series_ids))
    return [_from_row(row) for row in connection.execute(query)]


def list_newest(
    connection: Connection, exchange: str, wanted: ResultFilter, limit: int
) -> list[tuple[SeriesKey, VerifyResult]]:
    """List the last result of each day, what was compared last first."""
    c = verify_results.c
    query = select(verify_results, series.c.symbol, series.c.interval_code)
    query = query.join_from(verify_results, series, series.c.id == c.series_id)
    query = query.where(series.c.exchange == exchange)
    if wanted.symbols:
        query = query.where(series.c.symbol.in_(wanted.symbols))
    if wanted.states:
        query = query.where(c.state.in_([state.value for state in wanted.states]))
    if wanted.before:
        at_ms, series_id, day = wanted.before
        later = or_(c.series_id > series_id, and_(c.series_id == series_id, c.date < day))
        query = query.where(or_(c.verified_at < at_ms, and_(c.verified_at == at_ms, later)))
    newest = query.order_by(c.verified_at.desc(), c.series_id, c.date.desc()).limit(limit)
    return [
        (SeriesKey(exchange, row.symbol, Interval(row.interval_code)), _from_row(row))
        for row in connection.execute(newest)
    ]


def count_results(connection: Connection, exchange: str) -> dict[VerifyState, tuple[int, int]]:
    """Count the days by how they compared last, each with when one of them was compared last."""
    c = verify_results.c
    query = select(c.state, func.count(), func.max(c.verified_at))
    query = query.join_from(verify_results, series, series.c.id == c.series_id)
    found = connection.execute(query.where(series.c.exchange == exchange).group_by(c.state))
    return {VerifyState(state): (count, last_ms) for state, count, last_ms in found}


def _from_row(row: Row[Any]) -> VerifyResult:
    return VerifyResult(
        row.series_id,
        row.date,
        VerifyState(row.state),
        row.candles,
        row.digest,
        row.detail,
        row.verified_at,
    )
