"""Rows of jobs: what people changed of a job that code registers, and when it runs next.

A job without a row, and whatever is NULL in one, is as the code has it. Each change counts up the row's
version, by which the leader sees it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from src.warehouse import dialects
from src.warehouse.columns import utc_now
from src.warehouse.run_tables import jobs


@dataclass(frozen=True, slots=True)
class JobRow:
    """What is stored of one job; times in UTC ms, None where the code's own holds."""

    id: str
    schedule: str | None = None
    time_zone: str = "UTC"
    enabled: bool = True
    parameters: dict[str, Any] | None = None
    version: int = 0
    next_run_ms: int | None = None
    updated_ms: int | None = None
    updated_by: str | None = None


def ensure_jobs(connection: Connection, ids: Iterable[str]) -> None:
    """Add rows for the jobs that have none; those that exist stay as they are."""
    rows = [{"id": job_id} for job_id in sorted(ids)]
    if rows:
        connection.execute(dialects.insert_if_absent(jobs, connection, rows))


def list_jobs(connection: Connection) -> list[JobRow]:
    """List the rows by id."""
    return [_from_row(row) for row in connection.execute(select(jobs).order_by(jobs.c.id))]


def find_job(connection: Connection, job_id: str) -> JobRow | None:
    found = connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
    return None if found is None else _from_row(found)


def versions(connection: Connection) -> dict[str, int]:
    """Return each row's version: what changed since the last look is read, the rest is not."""
    return {row.id: row.version for row in connection.execute(select(jobs.c.id, jobs.c.version))}


def set_schedule(connection: Connection, job_id: str, text: str | None, time_zone: str, by: str) -> None:
    """Change when a job runs; None brings the code's own schedule back."""
    _change(connection, job_id, by, schedule=text, time_zone=time_zone, next_run_at=None)


def set_enabled(connection: Connection, job_id: str, *, enabled: bool, by: str) -> None:
    """Let a job's schedule hold, or rest."""
    _change(connection, job_id, by, enabled=enabled, next_run_at=None)


def set_parameters(
    connection: Connection, job_id: str, parameters: Mapping[str, Any] | None, by: str
) -> None:
    """Change with what a job runs; None brings the code's own parameters back."""
    _change(connection, job_id, by, parameters=None if parameters is None else json.dumps(dict(parameters)))


def set_next_run(connection: Connection, times: Mapping[str, int | None]) -> None:
    """Tell when jobs run next, UTC ms, None for never: news and no change, so versions stay."""
    rows = [{"b_id": job_id, "b_next": time} for job_id, time in sorted(times.items())]
    if rows:
        update = jobs.update().where(jobs.c.id == bindparam("b_id"))
        connection.execute(update.values(next_run_at=bindparam("b_next")), rows)


def _change(connection: Connection, job_id: str, by: str, **values: Any) -> None:
    ensure_jobs(connection, [job_id])
    versioned = {"version": jobs.c.version + 1, "updated_at": utc_now(), "updated_by": by}
    connection.execute(jobs.update().where(jobs.c.id == job_id).values(**values, **versioned))


def _from_row(row: Row[Any]) -> JobRow:
    return JobRow(
        id=row.id,
        schedule=row.schedule,
        time_zone=row.time_zone,
        enabled=bool(row.enabled),
        parameters=None if row.parameters is None else json.loads(row.parameters),
        version=row.version,
        next_run_ms=row.next_run_at,
        updated_ms=row.updated_at,
        updated_by=row.updated_by,
    )
