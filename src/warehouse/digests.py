"""Digests of what a warehouse holds, equal on every engine for equal rows: per series and day, or table.

A digest is the sum of its rows' hashes, so the order in which an engine gives them does not matter. Rows are
compared as what they mean: times in milliseconds, amounts as decimals, all columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Table, select

from src.domain import DAY_MS
from src.warehouse.homes import COPY_NOTE, OWN_NOTES
from src.warehouse.run_tables import app_settings
from src.warehouse.tables import fact_klines, fact_klines_coarse, fact_orderbook

_ROWS_A_FETCH = 5_000
_BITS = 128

# What a digest is of: the series and the day since 1970, or nothing for a whole table.
Group = tuple[Any, ...]


class Digest(NamedTuple):
    """How many rows, and the sum of their hashes."""

    rows: int
    total: int


_GROUPS: Mapping[str, tuple[str, ...]] = {
    fact_klines.name: ("exchange", "symbol", "interval_code", "open_time"),
    fact_klines_coarse.name: ("exchange", "symbol", "interval_code", "open_time"),
    fact_orderbook.name: ("exchange", "symbol", "captured_at"),
}


def digest_table(
    connection: Connection, table: Table, on_rows: Callable[[int], None] = lambda _: None
) -> dict[Group, Digest]:
    """Return the digests of all of *table*; *on_rows* hears how many rows were read since it last did."""
    result = connection.execute(select(table), execution_options={"yield_per": _ROWS_A_FETCH})
    group_of = _grouping(table)
    found: dict[Group, Digest] = {}
    for rows in result.partitions():
        for row in rows:
            if table is app_settings and is_own_note(row.name):
                continue
            group = group_of(row)
            count, total = found.get(group, (0, 0))
            found[group] = Digest(count + 1, (total + _hash(row)) % (1 << _BITS))
        on_rows(len(rows))
    return found


def is_own_note(name: str) -> bool:
    """Whether a row of ``app_settings`` is about a copy itself."""
    return name in OWN_NOTES or name.startswith(COPY_NOTE)


def _grouping(table: Table) -> Callable[[Row[Any]], Group]:
    names = _GROUPS.get(table.name)
    if names is None:
        return lambda _: ()
    places = [list(table.columns.keys()).index(name) for name in names]
    *series, time = places
    return lambda row: (*(row[place] for place in series), row[time] // DAY_MS)


def _hash(row: Row[Any]) -> int:
    return int.from_bytes(hashlib.blake2b(repr(tuple(row)).encode(), digest_size=_BITS // 8).digest())
