"""Which windows runs have taken on that have not ended, so that no other work asks for the same."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection, select

from src.domain import Interval, SeriesKey, Window
from src.warehouse.run_tables import runs
from src.warehouse.runs import RunState


def list_open_windows(connection: Connection, kind: str) -> dict[SeriesKey, list[Window]]:
    """List the windows of queued, running and paused runs of *kind* by their series."""
    c = runs.c
    open_states = [state.value for state in RunState if not state.is_end]
    query = select(c.exchange, c.symbol, c.interval_code, c.window_start, c.window_end).where(
        c.state.in_(open_states), c.kind == kind, c.window_start.is_not(None)
    )
    found: defaultdict[SeriesKey, list[Window]] = defaultdict(list)
    for exchange, symbol, interval, start_ms, end_ms in connection.execute(query):
        found[SeriesKey(exchange, symbol, Interval(interval))].append(Window(start_ms, end_ms))
    return found
