"""What the exchange lacked when runs fetched windows: their rows say so when they have ended."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import Connection, select

from src.domain import HOUR_MS, Interval, SeriesKey, Window
from src.warehouse.in_parts import in_parts
from src.warehouse.run_tables import runs

# What closed later than so long before the answer may only have been late.
_SETTLED_MS = HOUR_MS


def list_lacked(connection: Connection, symbols: Collection[str]) -> dict[SeriesKey, list[Window]]:
    """Return the windows that ended runs asked for and got nothing in, of all series of these symbols."""
    found: dict[SeriesKey, list[Window]] = defaultdict(list)
    columns = runs.c
    query = select(
        columns.exchange, columns.symbol, columns.interval_code, columns.missing, columns.finished_at
    ).where(columns.missing.is_not(None), columns.missing != "[]", columns.finished_at.is_not(None))
    for some in in_parts(sorted(symbols)):
        for row in connection.execute(query.where(columns.symbol.in_(some))):
            key = SeriesKey(row.exchange, row.symbol, Interval(row.interval_code))
            windows = (Window(start_ms, end_ms) for start_ms, end_ms in json.loads(row.missing))
            found[key] += [one for one in windows if one.end_ms + _SETTLED_MS <= row.finished_at]
    return found
