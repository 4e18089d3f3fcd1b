"""The ledger of what has aged out: for each series the windows whose facts went on purpose.

It grows in the transaction in which the facts go, and never shrinks: a minute that was here once must be
here again before its sealed hour may be computed anew. Ranges of a series never touch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, select

from src.domain import SeriesKey, Window
from src.warehouse.ageing_tables import aged_ranges
from src.warehouse.in_parts import in_parts
from src.warehouse.series import SeriesRow
from src.warehouse.slots import Held, count_slots
from src.warehouse.tables import series
from src.window_sets import merge, subtract


class AgedRange(NamedTuple):
    """A window whose facts have aged out, and how many candles that were."""

    window: Window
    candles: int


def list_aged(
    connection: Connection, series_ids: Sequence[int] | None = None, window: Window | None = None
) -> dict[int, list[AgedRange]]:
    """Return what aged out by series id, oldest first; of all series where none are named."""
    c = aged_ranges.c
    query = select(aged_ranges).order_by(c.series_id, c.start_time)
    if window is not None:
        query = query.where(c.start_time < window.end_ms, c.end_time > window.start_ms)
    found: dict[int, list[AgedRange]] = defaultdict(list)
    for ids in [None] if series_ids is None else in_parts(series_ids):
        chosen = query if ids is None else query.where(c.series_id.in_(ids))
        for row in connection.execute(chosen):
            found[row.series_id].append(AgedRange(Window(row.start_time, row.end_time), row.record_count))
    return dict(found)


def aged_windows(connection: Connection, row: SeriesRow, window: Window) -> list[Window]:
    """Return what of a series has aged out and touches *window*, whole ranges."""
    return [each.window for each in list_aged(connection, [row.id], window).get(row.id, ())]


def aged_windows_of(connection: Connection, key: SeriesKey, window: Window) -> list[Window]:
    """Return the same for who knows the series by its name alone."""
    c = aged_ranges.c
    is_it = and_(
        series.c.exchange == key.exchange,
        series.c.symbol == key.symbol,
        series.c.interval_code == key.interval.value,
        c.start_time < window.end_ms,
        c.end_time > window.start_ms,
    )
    query = select(c.start_time, c.end_time).join_from(series, aged_ranges, c.series_id == series.c.id)
    return [Window(*found) for found in connection.execute(query.where(is_it).order_by(c.start_time))]


def find_last_aged(connection: Connection) -> int | None:
    """Return the end (UTC ms) of the newest that aged out of any series, None while nothing did."""
    return connection.execute(select(func.max(aged_ranges.c.end_time))).scalar()


def extend_aged(connection: Connection, row: SeriesRow, gone: Sequence[Held]) -> None:
    """Note that these candles age out; its caller holds the series' lock.

    Candles that came back and go once more are not counted again.
    """
    if not gone:
        return
    c, windows = aged_ranges.c, merge(held.window for held in gone)
    near = _list_touching(connection, row, Window(windows[0].start_ms, windows[-1].end_ms))
    before = [each.window for each in near]
    new = [AgedRange(held.window, _count_new(row, held, before)) for held in gone]
    starts = [each.window.start_ms for each in near]
    connection.execute(aged_ranges.delete().where(c.series_id == row.id, c.start_time.in_(starts)))
    connection.execute(aged_ranges.insert(), [_values(row, each) for each in _joined([*near, *new])])


def _list_touching(connection: Connection, row: SeriesRow, window: Window) -> list[AgedRange]:
    wider = Window(window.start_ms - 1, window.end_ms + 1)
    return list_aged(connection, [row.id], wider).get(row.id, [])


def _count_new(row: SeriesRow, held: Held, before: Sequence[Window]) -> int:
    new = subtract([held.window], before)
    if new == [held.window]:
        return held.candles
    return sum(count_slots(row.key.interval, window) for window in new)


def _joined(ranges: Sequence[AgedRange]) -> list[AgedRange]:
    joined: list[AgedRange] = []
    for one in sorted(ranges):
        if joined and one.window.start_ms <= joined[-1].window.end_ms:
            last = joined.pop()
            end_ms = max(last.window.end_ms, one.window.end_ms)
            one = AgedRange(Window(last.window.start_ms, end_ms), last.candles + one.candles)  # noqa: PLW2901
        joined.append(one)
    return joined


def _values(row: SeriesRow, each: AgedRange) -> dict[str, int]:
    return {
        "series_id": row.id,
        "start_time": each.window.start_ms,
        "end_time": each.window.end_ms,
        "record_count": each.candles,
    }
