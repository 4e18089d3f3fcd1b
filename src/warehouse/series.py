"""The series: which are tracked, and what each holds.

A row of ``series`` is also the lock under which its facts and rollups change: two transactions that load
two halves of one hour would otherwise both compute half a rollup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Row, and_, case, literal, select, tuple_

from src.domain import Interval, SeriesKey
from src.warehouse import dialects
from src.warehouse.ledger_tables import coverage_ranges
from src.warehouse.tables import series


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """What is known of one series; times in UTC ms, None while it holds nothing or nothing is wanted.

    *keep_days* says how long its candles under an hour stay: None as the settings say, 0 for ever.
    """

    id: int
    key: SeriesKey
    tracked: bool
    record_count: int
    first_open_ms: int | None
    last_open_ms: int | None
    load_version: int
    wanted_from_ms: int | None = None
    keep_days: int | None = None
    tier: str = "TIER4"


def ensure_series(connection: Connection, keys: Iterable[SeriesKey], *, tracked: bool) -> None:
    """Add rows for the series that have none; those that exist stay as they are."""
    rows = [{**_identity(key), "tracked": tracked} for key in sorted(keys)]
    if rows:
        connection.execute(dialects.insert_if_absent(series, connection, rows))


def set_tracked(connection: Connection, keys: Iterable[SeriesKey], *, tracked: bool) -> None:
    """Start or stop tracking; data and watermark stay, so that starting again goes on from there."""
    keys = list(keys)
    ensure_series(connection, keys, tracked=tracked)
    connection.execute(series.update().where(_is_one_of(keys)).values(tracked=tracked))


def list_series(
    connection: Connection, *, tracked_only: bool = True, where: ColumnElement[bool] | None = None
) -> list[SeriesRow]:
    """List the series by exchange, symbol and interval; *where* narrows it."""
    query = select(series).order_by(series.c.exchange, series.c.symbol, series.c.interval_code)
    if tracked_only:
        query = query.where(series.c.tracked)
    if where is not None:
        query = query.where(where)
    return [_from_row(row) for row in connection.execute(query)]


def lock_series(connection: Connection, keys: Iterable[SeriesKey]) -> dict[SeriesKey, SeriesRow]:
    """Lock the rows of these series until the transaction ends, always in the order of their ids."""
    query = select(series).where(_is_one_of(list(keys))).order_by(series.c.id).with_for_update()
    # Else the server would scan so small a table, and wait for every series that others have locked.
    query = query.with_hint(series, "FORCE INDEX (uq_series)", "mysql")
    return {row.key: row for row in map(_from_row, connection.execute(query))}


def record_load(connection: Connection, row: SeriesRow, inserted: int, first_ms: int, last_ms: int) -> None:
    """Note what a load added; its caller holds the series' lock."""
    firsts = [first_ms] if row.first_open_ms is None else [first_ms, row.first_open_ms]
    lasts = [last_ms] if row.last_open_ms is None else [last_ms, row.last_open_ms]
    connection.execute(
        series.update()
        .where(series.c.id == row.id)
        .values(
            record_count=series.c.record_count + inserted,
            first_open_time=min(firsts),
            last_open_time=max(lasts),
            load_version=series.c.load_version + 1,
        )
    )


def note_change(connection: Connection, row: SeriesRow) -> None:
    """Note that what is told of the series has changed, though not its candles; its caller holds the lock."""
    changed = series.update().where(series.c.id == row.id)
    connection.execute(changed.values(load_version=series.c.load_version + 1))


def correct_count(connection: Connection, row: SeriesRow, record_count: int) -> None:
    """Set how many candles are held where it is not that; its caller holds the series' lock."""
    is_wrong = and_(series.c.id == row.id, series.c.record_count != record_count)
    values = {"record_count": record_count, "load_version": series.c.load_version + 1}
    connection.execute(series.update().where(is_wrong).values(values))


def record_ageing(
    connection: Connection, row: SeriesRow, fewer: int, first_ms: int | None, last_ms: int | None
) -> None:
    """Note that candles aged out, and from where to where it holds any; its caller holds the lock."""
    connection.execute(
        series.update()
        .where(series.c.id == row.id)
        .values(
            record_count=series.c.record_count - fewer,
            first_open_time=first_ms,
            last_open_time=last_ms,
            load_version=series.c.load_version + 1,
        )
    )


def list_uncounted(connection: Connection) -> list[SeriesRow]:
    """List the series that hold candles of which the ledger of coverage knows nothing."""
    covered = select(coverage_ranges.c.series_id).where(coverage_ranges.c.series_id == series.c.id)
    query = select(series).where(series.c.record_count > 0, ~covered.exists()).order_by(series.c.id)
    return [_from_row(row) for row in connection.execute(query)]


def want_from(connection: Connection, key: SeriesKey, start_ms: int) -> None:
    """Set where the wanted history begins, unless it is set already."""
    unset = series.c.wanted_from.is_(None)
    connection.execute(series.update().where(_is_one_of([key]), unset).values(wanted_from=start_ms))


def set_tier(connection: Connection, keys: Iterable[SeriesKey], tier: str) -> int:
    """Give these series a tier (see ``src.freshness``); return how many there are."""
    return connection.execute(series.update().where(_is_one_of(list(keys))).values(tier=tier)).rowcount


def set_keep_days(connection: Connection, keys: Iterable[SeriesKey], days: int | None) -> int:
    """Let these series' candles under an hour stay so long, None as the settings say; return how many."""
    changed = series.update().where(_is_one_of(list(keys)))
    return connection.execute(changed.values(keep_days=days)).rowcount


def want_history(connection: Connection, key: SeriesKey, start_ms: int, keep_days: int | None) -> None:
    """Let the wanted history begin at *start_ms* or earlier, and stay for *keep_days*.

    0 is for ever, None as the settings say.
    """
    begun = series.c.wanted_from
    earlier = case((begun < start_ms, begun), else_=literal(start_ms, begun.type))
    ensure_series(connection, [key], tracked=False)
    changed = series.update().where(_is_one_of([key]))
    connection.execute(changed.values(wanted_from=earlier, keep_days=keep_days))


def _identity(key: SeriesKey) -> dict[str, str]:
    return {"exchange": key.exchange, "symbol": key.symbol, "interval_code": key.interval.value}


def _is_one_of(keys: Sequence[SeriesKey]) -> ColumnElement[bool]:
    columns = tuple_(series.c.exchange, series.c.symbol, series.c.interval_code)
    return columns.in_([(key.exchange, key.symbol, key.interval.value) for key in keys])


def _from_row(row: Row[tuple[object, ...]]) -> SeriesRow:
    return SeriesRow(
        id=row.id,
        key=SeriesKey(row.exchange, row.symbol, Interval(row.interval_code)),
        tracked=bool(row.tracked),
        record_count=row.record_count,
        first_open_ms=row.first_open_time,
        last_open_ms=row.last_open_time,
        load_version=row.load_version,
        wanted_from_ms=row.wanted_from,
        keep_days=row.keep_days,
        tier=row.tier,
    )
