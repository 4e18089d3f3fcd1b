"""Housekeeping: rows about the work, not the data, go once nobody needs them any more.

What proves something stays: gaps that are empty at the exchange, findings nobody has seen, tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, func, or_, select, tuple_

from src.clock import Clock
from src.domain import DAY_MS, HOUR_MS
from src.maintenance.ageing_report import Progress, ShouldStop, never, tell_nobody
from src.warehouse.access_tables import audit_log, tokens
from src.warehouse.ageing_tables import disk_samples
from src.warehouse.engine import Warehouse
from src.warehouse.gaps import GapState
from src.warehouse.in_parts import in_parts
from src.warehouse.ledger_tables import gaps, quality_findings
from src.warehouse.run_tables import notifications
from src.warehouse.runs import count_prunable, prune_runs
from src.warehouse.tables import quarantined_rows

_READ_NEWS_DAYS = 30
_HISTORY_DAYS = 365
_SESSION_DAYS = 7
_DENSE_SAMPLES_DAYS = 30
_ROWS_A_TRANSACTION = 1000

Work = Callable[[Connection], int]


@dataclass(frozen=True, slots=True)
class _Chore:
    """One table: *delete* takes some rows and says how many; at 0 nothing is left."""

    table: str
    count: Work
    delete: Work


@dataclass(slots=True)
class HousekeepingReport:
    """How many rows went by table; *is_stopped* when it ended before its end."""

    rows: dict[str, int] = field(default_factory=dict)
    is_stopped: bool = False

    def as_json(self) -> dict[str, Any]:
        return {"rows": self.rows, "is_stopped": self.is_stopped}


class Housekeeping:
    """Deletes old rows, a thousand a transaction; *days* is for runs, news and rows set aside."""

    def __init__(self, warehouse: Warehouse, clock: Clock, *, days: int) -> None:
        self._warehouse = warehouse
        self._clock = clock
        self._days = days

    def plan(self) -> dict[str, int]:
        """Return how many rows would go by table; nothing is written."""
        with self._warehouse.read() as connection:
            return {chore.table: chore.count(connection) for chore in self._list_chores()}

    def run(self, progress: Progress = tell_nobody, should_stop: ShouldStop = never) -> HousekeepingReport:
        """Delete; *should_stop* is asked between two transactions."""
        report = HousekeepingReport()
        for chore in self._list_chores():
            report.rows[chore.table] = 0
            while rows := 0 if should_stop() else self._warehouse.run(chore.delete):
                report.rows[chore.table] += rows
                progress(chore.table, rows)
        report.is_stopped = should_stop()
        return report

    def _list_chores(self) -> list[_Chore]:
        now_ms = self._clock.now_ms()
        before_ms = now_ms - self._days * DAY_MS
        chores = [_chore(table, is_old) for table, is_old in _list_old(now_ms, before_ms)]
        runs_before, runs_count = partial(prune_runs, before_ms=before_ms), partial(_count_runs, before_ms)
        samples = partial(_list_dense, now_ms - _DENSE_SAMPLES_DAYS * DAY_MS)
        chores.append(_Chore("runs", runs_count, runs_before))
        chores.append(_Chore("disk_samples", lambda c: len(samples(c)), partial(_thin, samples)))
        return chores


def _list_old(now_ms: int, before_ms: int) -> list[tuple[Table, ColumnElement[bool]]]:
    """Return the tables whose rows simply grow old, and which of these are."""
    read_ms, history_ms = now_ms - _READ_NEWS_DAYS * DAY_MS, now_ms - _HISTORY_DAYS * DAY_MS
    session_ms = now_ms - _SESSION_DAYS * DAY_MS
    is_over = or_(tokens.c.expires_at < session_ms, tokens.c.revoked_at < session_ms)
    is_filled = gaps.c.state == GapState.FILLED.value
    return [
        (quarantined_rows, quarantined_rows.c.created_at < before_ms),
        (notifications, or_(notifications.c.last_at < before_ms, notifications.c.read_at < read_ms)),
        (gaps, is_filled & (gaps.c.filled_at < history_ms)),
        (quality_findings, quality_findings.c.acknowledged_at < history_ms),
        (audit_log, audit_log.c.at < history_ms),
        (tokens, (tokens.c.kind == "session") & is_over),
    ]


def _chore(table: Table, is_old: ColumnElement[bool]) -> _Chore:
    count = select(func.count()).select_from(table).where(is_old)
    some = select(table.c.id).where(is_old).order_by(table.c.id).limit(_ROWS_A_TRANSACTION)

    def delete(connection: Connection) -> int:
        ids = list(connection.scalars(some))
        return connection.execute(table.delete().where(table.c.id.in_(ids))).rowcount if ids else 0

    return _Chore(table.name, lambda connection: connection.execute(count).scalar_one(), delete)


def _count_runs(before_ms: int, connection: Connection) -> int:
    return count_prunable(connection, before_ms)


def _list_dense(before_ms: int, connection: Connection) -> list[tuple[str, int]]:
    """List the samples before then but the first of each hour and place."""
    c = disk_samples.c
    query = select(c.place, c.at).where(c.at < before_ms).order_by(c.place, c.at)
    rows = connection.execute(query).all()
    hours = groupby(rows, key=lambda row: (row.place, row.at // HOUR_MS))
    return [(row.place, row.at) for _, of_hour in hours for row in list(of_hour)[1:]]


def _thin(list_dense: Callable[[Connection], list[tuple[str, int]]], connection: Connection) -> int:
    c, keys = disk_samples.c, list_dense(connection)[:_ROWS_A_TRANSACTION]
    for some in in_parts(keys):
        connection.execute(disk_samples.delete().where(tuple_(c.place, c.at).in_(some)))
    return len(keys)
