"""Which slots of a series are neither held nor accounted for: what stands between a bucket and its seal.

Accounted for is what was never wanted, what an exchange does not have (a gap that is closed), and what was
held and has aged out.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from src.domain import Window
from src.warehouse.aged import aged_windows
from src.warehouse.gaps import CLOSED_STATES
from src.warehouse.ledger_tables import gaps
from src.warehouse.series import SeriesRow
from src.warehouse.slots import Held
from src.warehouse.symbols import Lifetime
from src.warehouse.wanted import never_wanted
from src.window_sets import merge, subtract


def find_unaccounted(
    connection: Connection, row: SeriesRow, life: Lifetime, window: Window, held: Sequence[Held]
) -> list[Window]:
    """Return the slots of *window*, which is made of whole ones, that nothing tells about.

    *held* is what the facts have of it.
    """
    known = [each.window for each in held]
    known += never_wanted(row, life.listed_ms, life.delisted_ms)
    known += aged_windows(connection, row, window)
    known += list_closed(connection, row, window)
    return subtract([window], merge(known))


def list_closed(connection: Connection, row: SeriesRow, window: Window) -> list[Window]:
    """Return the closed gaps that touch *window*, oldest first."""
    c = gaps.c
    query = select(c.start_time, c.end_time).where(
        c.series_id == row.id,
        c.start_time < window.end_ms,
        c.end_time > window.start_ms,
        c.state.in_([state.value for state in CLOSED_STATES]),
    )
    return [Window(*found) for found in connection.execute(query.order_by(c.start_time))]
