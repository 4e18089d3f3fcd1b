"""The data: series that are far behind, depth that stopped, objects that wait or cannot be loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, func, inspect, select, true
from sqlalchemy.exc import SQLAlchemyError

from src.clock import Clock
from src.domain import HOUR_MS, MINUTE_MS
from src.errors import CandlehouseError
from src.freshness import lateness_ms
from src.maintenance.doctor.findings import Finding, ok, problem, warning
from src.maintenance.doctor.halted import judge_halted
from src.services.status import SeriesStatus, read_status
from src.warehouse.catalog import ObjectState
from src.warehouse.engine import Warehouse
from src.warehouse.health import is_begun
from src.warehouse.tables import lake_objects, quarantined_rows
from src.warehouse.watermarks import find_last_depth

_LATE_MS, _FAR_MS = 10 * MINUTE_MS, HOUR_MS
_CYCLES = 5
_NAMED = 5
_RETRY = "After a fix: ./candlehouse transform --retry-quarantined"


@dataclass(frozen=True, slots=True)
class Late:
    """Something due that has not come, and by how much it is overdue."""

    name: str
    late_ms: int


def check_series(
    warehouse: Warehouse | None, cycle_seconds: int, depth_seconds: int, clock: Clock
) -> Iterator[Finding]:
    """Look at what is tracked, and at the objects between lake and facts."""
    try:
        if warehouse is None or not is_begun(warehouse):
            yield ok("series", "nothing is tracked yet; the first start begins with CANDLEHOUSE_SYMBOLS")
        else:
            yield from _look_inside(warehouse, cycle_seconds, depth_seconds, clock.now_ms())
    except (CandlehouseError, SQLAlchemyError):
        yield warning("series", "not known while the warehouse cannot be read", "mend the warehouse first")


def _look_inside(
    warehouse: Warehouse, cycle_seconds: int, depth_seconds: int, now_ms: int
) -> Iterator[Finding]:
    allowed_ms = max(_LATE_MS, _CYCLES * cycle_seconds * 1000)
    tracked = read_status(warehouse).series
    rows = [row for row in tracked if not row.is_halted]
    if halted := {row.key.symbol: str(row.status) for row in tracked if row.is_halted}:
        yield judge_halted(halted)
    if rows or not halted:
        yield _judge_series(rows, now_ms, allowed_ms)
    yield _judge_depth(warehouse, rows, now_ms, max(allowed_ms, _CYCLES * depth_seconds * 1000))
    with warehouse.read() as connection:
        yield _judge_waiting(connection, now_ms, allowed_ms)
        yield _judge_quarantined_objects(connection)
        if inspect(connection).has_table(quarantined_rows.name):  # an older schema has none
            yield _judge_quarantined_rows(connection)


def overdue_ms(row: SeriesStatus, now_ms: int) -> int | None:
    """Return how long the next candle has been due, negative before that; None while nothing is held."""
    if row.last_open_ms is None:
        return None
    return lateness_ms(row.key.interval, row.last_open_ms, now_ms)


def _judge_series(rows: Sequence[SeriesStatus], now_ms: int, allowed_ms: int) -> Finding:
    if not rows:
        return ok("series", "nothing is tracked yet", "./candlehouse symbols add BTCUSDT")
    overdue = {f"{row.key.symbol} {row.key.interval.value}": overdue_ms(row, now_ms) for row in rows}
    late = [Late(name, ms) for name, ms in overdue.items() if ms is not None and ms > allowed_ms]
    if late:
        return _judge_late("series", late, len(rows), "they are caught up by themselves")
    if empty := [name for name, ms in overdue.items() if ms is None]:
        found = f"nothing is held yet of {_some(empty)}"
        return warning("series", found, "start ./candlehouse up; if it runs, its log says what is wrong")
    return ok("series", f"{len(rows)} tracked, none far behind", tracked=len(rows), behind=0)


def _judge_depth(warehouse: Warehouse, rows: Sequence[SeriesStatus], now_ms: int, allowed_ms: int) -> Finding:
    symbols = sorted({(row.key.exchange, row.key.symbol) for row in rows})
    with warehouse.read() as connection:
        last = {symbol: find_last_depth(connection, exchange, symbol) for exchange, symbol in symbols}
    late = [
        Late(symbol, now_ms - last_ms)
        for symbol, last_ms in last.items()
        if last_ms is not None and now_ms - last_ms > allowed_ms
    ]
    if late:
        return _judge_late("depth", late, len(symbols), "what is missed of depth is gone for good")
    if not any(last.values()):
        return ok("depth", "no snapshot yet")
    return ok("depth", f"{len(symbols)} symbols, none far behind", tracked=len(symbols), behind=0)


def _judge_late(check: str, late: Sequence[Late], of: int, remark: str) -> Finding:
    worst = sorted(late, key=lambda one: -one.late_ms)
    names = _some([f"{one.name} ({_hours(one.late_ms)})" for one in worst])
    found = f"{len(late)} of {of} far behind: {names}"
    if len(late) == of:
        advice = f"does ./candlehouse up run? {remark[0].upper()}{remark[1:]}"
    else:
        advice = f"others are not: see above what the exchange says, and the daemon's log; {remark}"
    judge = problem if worst[0].late_ms > _FAR_MS else warning
    return judge(check, found, advice, tracked=of, behind=len(late), worst_late_ms=worst[0].late_ms)


def _judge_waiting(connection: Connection, now_ms: int, allowed_ms: int) -> Finding:
    waiting = lake_objects.c.state == ObjectState.LANDED.value
    query = select(func.count(), func.min(lake_objects.c.landed_at)).where(waiting)
    count, oldest_ms = connection.execute(query).one()
    if not count:
        return ok("waiting", "every object is loaded", waiting=0)
    found = f"{count:,} objects wait to be loaded"
    if oldest_ms is not None and now_ms - oldest_ms > allowed_ms:
        found += f", the oldest for {_hours(now_ms - oldest_ms)}"
        advice = "./candlehouse transform loads them now; the daemon does with each cycle"
        return warning("waiting", found, advice, waiting=count)
    return ok("waiting", found, waiting=count)


def _judge_quarantined_objects(connection: Connection) -> Finding:
    c, is_out = lake_objects.c, lake_objects.c.state == ObjectState.QUARANTINED.value
    count = _count(connection, lake_objects, is_out)
    if not count:
        return ok("bad objects", "none", quarantined=0)
    newest = connection.execute(select(c.object_key, c.error).where(is_out).order_by(c.id.desc())).first()
    said = f"; the newest is {newest.object_key}: {newest.error}" if newest else ""
    advice = f"lake_objects.error says why; the objects themselves are kept in the lake. {_RETRY}"
    return warning("bad objects", f"{count:,} cannot be loaded{said}", advice, quarantined=count)


def _judge_quarantined_rows(connection: Connection) -> Finding:
    c = quarantined_rows.c
    count = _count(connection, quarantined_rows, true())
    if not count:
        return ok("bad rows", "none", quarantined=0)
    newest = connection.execute(select(quarantined_rows).order_by(c.id.desc())).first()
    said = f"; the newest, of {newest.symbol} {newest.interval_code}: {newest.reason}" if newest else ""
    advice = (
        f"the table quarantined_rows has each with its text; the rest of their objects is loaded. {_RETRY}"
    )
    return warning("bad rows", f"{count:,} are set aside{said}", advice, quarantined=count)


def _count(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one()


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _hours(milliseconds: int) -> str:
    minutes = milliseconds // MINUTE_MS
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"
