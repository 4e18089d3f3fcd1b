"""Results of verification: whether a day of a series could be made again, when that was last tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import Connection, select

from src.warehouse import dialects
from src.warehouse.ledger_tables import verify_results

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
    return [
        VerifyResult(
            row.series_id,
            row.date,
            VerifyState(row.state),
            row.candles,
            row.digest,
            row.detail,
            row.verified_at,
        )
        for row in connection.execute(query)
    ]
