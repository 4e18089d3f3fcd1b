"""Which series a look for gaps is worth while: one statement leaves out those that lack nothing."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, literal, or_, select

from src.domain import Interval
from src.warehouse.gaps import GapState
from src.warehouse.ledger_tables import coverage_ranges, gaps
from src.warehouse.series import SeriesRow, list_series
from src.warehouse.tables import series
from src.warehouse.types import UtcMs


def count_tracked(connection: Connection) -> int:
    """Count the series that are tracked."""
    return connection.execute(select(func.count()).where(series.c.tracked)).scalar_one()


def list_unsettled(connection: Connection, end_of: Callable[[Interval], int]) -> list[SeriesRow]:
    """List the tracked series with an open gap, or without a range from *wanted from* to *end_of* (UTC ms).

    What is wanted may reach less far; so some are listed that lack nothing.
    """
    ends = case(
        *((series.c.interval_code == one.value, literal(end_of(one), UtcMs())) for one in Interval),
        else_=None,
    )
    ranges = coverage_ranges.c
    is_whole = exists().where(
        ranges.series_id == series.c.id, ranges.start_time <= series.c.wanted_from, ranges.end_time >= ends
    )
    has_gap = exists().where(gaps.c.series_id == series.c.id, gaps.c.state != GapState.FILLED.value)
    is_wanted: ColumnElement[bool] = series.c.wanted_from.is_not(None)
    return list_series(connection, where=or_(has_gap, and_(is_wanted, ~is_whole)))
