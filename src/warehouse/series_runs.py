"""Runs looked at by what they are about: the last one of each series, a batch's page by page."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from src.domain import SeriesKey
from src.warehouse.run_tables import runs
from src.warehouse.runs import RunRow, RunState, list_by_ids, list_run_rows

# Among so many of the newest the last of each series is looked for.
_NEWEST = 20_000


def list_last_of_series(connection: Connection) -> dict[SeriesKey, RunRow]:
    """Return the newest run about each series, of the last 20,000 runs."""
    c = runs.c
    newest = select(func.max(c.id) - _NEWEST).scalar_subquery()
    query = (
        select(func.max(c.id))
        .where(c.id > newest, c.symbol.is_not(None))
        .group_by(c.exchange, c.symbol, c.interval_code)
    )
    rows = list_by_ids(connection, list(connection.scalars(query)))
    return {row.series: row for row in rows if row.series is not None}


def list_children_after(
    connection: Connection, parent_id: int, after_id: int, limit: int, states: Sequence[RunState] = ()
) -> list[RunRow]:
    """List runs of a batch in the order in which they were asked for, from the one after *after_id* on."""
    query = select(runs).where(runs.c.parent_id == parent_id, runs.c.id > after_id)
    if states:
        query = query.where(runs.c.state.in_([state.value for state in states]))
    return list_run_rows(connection, query.order_by(runs.c.id).limit(limit))
