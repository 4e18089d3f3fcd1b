"""Takes candles out of the facts that are older than they are kept, once nothing is lost by that.

Minutes go with their whole day, once it and its hours are sealed; of other intervals, what is held goes
where nothing next to it is missing without a reason. Facts and both ledgers, of what is held and of what has
aged out, change in one transaction under the series' lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from src.domain import DAY_MS, MINUTE_MS, Interval, SeriesKey, Window
from src.warehouse.accounting import find_unaccounted
from src.warehouse.aged import extend_aged
from src.warehouse.candles import fact_table, is_in
from src.warehouse.counting import count_held
from src.warehouse.coverage import rewrite_coverage, shrink_coverage
from src.warehouse.sealing import list_sealed_days
from src.warehouse.series import SeriesRow, lock_series, record_ageing
from src.warehouse.slots import Held
from src.warehouse.symbols import Lifetime
from src.window_sets import intersect, merge, subtract

# What one transaction deletes: some hundredths of a second's work, for which a load of the series waits.
ROWS_A_TRANSACTION = 4000


# Tells before when (UTC ms) a series' candles are to age out, as its row is now.
Before = Callable[[SeriesRow], int]


def windows_to_delete(interval: Interval, held: Sequence[Held]) -> Iterator[Window]:
    """Yield what one transaction each is to delete of *held*: whole days, but of seconds less."""
    assert interval.fixed_ms is not None
    span_ms = ROWS_A_TRANSACTION * interval.fixed_ms
    if interval.fixed_ms >= MINUTE_MS:
        span_ms -= span_ms % DAY_MS
    for window in merge(whole_days(each.window) for each in held):
        for start_ms in range(window.start_ms, window.end_ms, span_ms):
            yield Window(start_ms, min(start_ms + span_ms, window.end_ms))


def age_out(connection: Connection, key: SeriesKey, life: Lifetime, window: Window, before: Before) -> int:
    """Delete what may go of *window*; return how many candles went."""
    row = lock_series(connection, [key])[key]
    window = Window(window.start_ms, max(window.start_ms, min(window.end_ms, before(row))))
    days = whole_days(window)
    held = count_held(connection, row.key, days)
    ripe = intersect(list_ripe(connection, row, life, days, held), [window])
    windows = intersect(merge(each.window for each in held), ripe)
    gone = [Held(part, _delete(connection, row.key, part)) for part in windows]
    _write_off(connection, row, gone)
    return sum(each.candles for each in gone)


def write_off(
    connection: Connection, key: SeriesKey, life: Lifetime, window: Window, before: Before
) -> list[Held] | None:
    """Note that all that is held of *window* ages out, for facts that go with their whole partition.

    Return what that is; None, and nothing is noted, where some of it has to stay.
    """
    row = lock_series(connection, [key])[key]
    held = count_held(connection, row.key, window)
    if held and before(row) < window.end_ms:
        return None
    if subtract(merge(each.window for each in held), list_ripe(connection, row, life, window, held)):
        return None
    _write_off(connection, row, held)
    return held


def take_back(connection: Connection, key: SeriesKey, window: Window) -> None:
    """Make the ledger tell of *window* again, whose facts were written off and are there yet."""
    row = lock_series(connection, [key])[key]
    rewrite_coverage(connection, row, window)
    c = fact_table(key).c
    ends = connection.execute(
        select(func.min(c.open_time), func.max(c.open_time)).where(_is_of(c, key))
    ).one()
    record_ageing(connection, row, 0, *ends)


def list_ripe(
    connection: Connection, row: SeriesRow, life: Lifetime, window: Window, held: Sequence[Held]
) -> list[Window]:
    """Return the parts of *window* that may go; *held* is what the facts have of it."""
    if row.key.interval is Interval.M1:
        return list_sealed_days(connection, row.key, window, held)
    missing = find_unaccounted(connection, row, life, window, held)
    days = [whole_days(each) for each in missing]
    return subtract([window], merge(days))


def whole_days(window: Window) -> Window:
    """Return the UTC days that a window touches."""
    return Window(window.start_ms - window.start_ms % DAY_MS, -(-window.end_ms // DAY_MS) * DAY_MS)


def _delete(connection: Connection, key: SeriesKey, part: Window) -> int:
    table = fact_table(key)
    return connection.execute(table.delete().where(is_in(table, key, part))).rowcount


def _write_off(connection: Connection, row: SeriesRow, gone: Sequence[Held]) -> None:
    if not gone:
        return
    fewer = shrink_coverage(connection, row, gone)
    extend_aged(connection, row, gone)
    windows = [each.window for each in gone]
    ends = (_first_outside(connection, row, windows), _last_outside(connection, row, windows))
    record_ageing(connection, row, fewer, *ends)


def _first_outside(connection: Connection, row: SeriesRow, gone: Sequence[Window]) -> int | None:
    """Return the first open_time that is left; facts of *gone* may still be there."""
    table, at = fact_table(row.key), row.first_open_ms
    for window in gone:
        if at is not None and window.start_ms <= at < window.end_ms:
            query = select(func.min(table.c.open_time)).where(table.c.open_time >= window.end_ms)
            at = connection.execute(query.where(_is_of(table.c, row.key))).scalar()
    return at


def _last_outside(connection: Connection, row: SeriesRow, gone: Sequence[Window]) -> int | None:
    table, at = fact_table(row.key), row.last_open_ms
    for window in reversed(gone):
        if at is not None and window.start_ms <= at < window.end_ms:
            query = select(func.max(table.c.open_time)).where(table.c.open_time < window.start_ms)
            at = connection.execute(query.where(_is_of(table.c, row.key))).scalar()
    return at


def _is_of(columns: Any, key: SeriesKey) -> ColumnElement[bool]:
    is_symbol = and_(columns.exchange == key.exchange, columns.symbol == key.symbol)
    return and_(is_symbol, columns.interval_code == key.interval.value)
