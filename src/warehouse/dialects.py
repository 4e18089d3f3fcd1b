"""All SQL that MySQL, MariaDB and SQLite spell differently; how they are spoken to is in ``sessions``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    Table,
    Text,
    cast,
    extract,
    func,
    literal_column,
    type_coerce,
)
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.sql import Select
from sqlalchemy.sql.dml import Insert

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval
from src.warehouse.columns import utc_now
from src.warehouse.types import DECIMAL_COLLATION, ExactDecimal, UtcDate, UtcMs

# As SQLAlchemy counts it: stronger than minus.
_PRECEDENCE_OF_DIVISION = 8


def is_mysql(engine_or_connection: Any) -> bool:
    """Whether it speaks to MySQL or MariaDB; else it is SQLite."""
    return bool(engine_or_connection.dialect.name == "mysql")


def decimal_sum(column: ColumnElement[Any], engine: Any, precision: int = 38) -> ColumnElement[Any]:
    """Return the exact SUM of a decimal column."""
    name = func.sum if is_mysql(engine) else func.decimal_sum
    return name(column, type_=ExactDecimal(precision))


def is_other(one: ColumnElement[Any], other: ColumnElement[Any], engine: Any) -> ColumnElement[bool]:
    """Whether two values of one kind of column differ; in SQLite equal decimals are equal text."""
    if is_mysql(engine):
        return one != other
    # As bytes, since each comparison by the decimal collation would call back into Python.
    return one.op("COLLATE BINARY <>", is_comparison=True)(other)


def later(seconds: float, engine: Any) -> ColumnElement[int]:
    """Return the time that it is by the database's clock in so many seconds, to the millisecond."""
    milliseconds = round(seconds * 1000)
    if is_mysql(engine):
        unit: ColumnElement[Any] = literal_column("MICROSECOND")
        return func.timestampadd(unit, milliseconds * 1000, utc_now(), type_=UtcMs())
    modifier = f"{milliseconds / 1000:+.3f} seconds"
    return func.strftime("%Y-%m-%dT%H:%M:%f", "now", modifier, type_=UtcMs())


def hour_of(column: ColumnElement[Any], engine: Any) -> ColumnElement[Any]:
    """Return the start of the hour that a time falls in."""
    if is_mysql(engine):
        return func.date_format(column, literal_column("'%Y-%m-%dT%H:00:00.000'"), type_=UtcMs())
    return type_coerce(
        func.substr(column, 1, 13, type_=Text()).op("||")(literal_column("':00:00.000'")), UtcMs()
    )


def day_of(column: ColumnElement[Any], _: Any) -> ColumnElement[Any]:
    """Return the UTC day that a time falls in."""
    return func.date(column, type_=UtcDate())


def hour_key(column: ColumnElement[Any], engine: Any) -> ColumnElement[Any]:
    """Return what is equal for times of one hour, cheaper to compute for each row than ``hour_of``."""
    if is_mysql(engine):
        return func.to_days(column) * 24 + func.hour(column)
    return func.substr(column, 1, 13)


def day_key(column: ColumnElement[Any], engine: Any) -> ColumnElement[Any]:
    """Return what is equal for times of one UTC day."""
    return func.to_days(column) if is_mysql(engine) else func.substr(column, 1, 10)


def slot_number(column: ColumnElement[Any], interval: Interval, engine: Any) -> ColumnElement[int]:
    """Return the slot that a time falls in, counted from the one that holds 1970-01-01."""
    if interval.fixed_ms is None:
        return (_part(column, "YEAR", engine) - 1970) * 12 + _part(column, "MONTH", engine) - 1
    seconds = _whole_seconds(column, engine) - interval.floor(0) // 1000
    division = seconds.op("DIV" if is_mysql(engine) else "/", precedence=_PRECEDENCE_OF_DIVISION)
    return division(interval.fixed_ms // 1000)


def off_grid(column: ColumnElement[Any], interval: Interval, engine: Any) -> ColumnElement[int]:
    """Return 0 for times on the grid of an interval under a day, more for others; cheap for each row."""
    assert interval.fixed_ms is not None
    assert interval.fixed_ms < DAY_MS
    if not is_mysql(engine):
        seconds = _whole_seconds(column, engine) % (interval.fixed_ms // 1000)
        return seconds * 1000 + cast(func.substr(column, 21, 3), Integer)
    # EXTRACT writes a time's parts one after the other, HHMMSS and six more digits. Hours are divided alone,
    # since they stand at a hundred minutes each.
    if interval.is_coarse:
        return extract("HOUR_MICROSECOND", column) % (interval.fixed_ms // HOUR_MS * 10**10)
    step = 10**6 if interval is Interval.S1 else interval.fixed_ms // MINUTE_MS * 10**8
    return extract("MINUTE_MICROSECOND", column) % step


def epoch_ms(column: ColumnElement[Any], engine: Any) -> ColumnElement[int]:
    """Return a time, or a day's start, as UTC milliseconds since the epoch."""
    whole = _whole_seconds(column, engine) * 1000
    if is_mysql(engine):
        divided = func.microsecond(column).op("DIV", precedence=_PRECEDENCE_OF_DIVISION)
        return whole + divided(1000)
    return whole + cast(func.substr(column, 21, 3), Integer)


def as_bytes(column: ColumnElement[Any], engine: Any) -> ColumnElement[Any]:
    """Return a column that ``raw_cursor`` gives as the bytes of its text."""
    return column if is_mysql(engine) else cast(column, LargeBinary)


def raw_cursor(connection: Connection) -> Any:
    """Return a cursor of the driver, which on MySQL leaves values as the bytes that the server sent.

    To make Python's numbers and strings of them takes four times as long as all the rest.
    """
    driver: Any = connection.connection.driver_connection
    return driver.cursor(raw=True) if is_mysql(connection) else driver.cursor()


def in_one_row(query: str, line: str, order: str) -> str:
    """Return a query for how many rows *query* has, and all of them as one text, for MySQL.

    A *line* for each, by *order*, with a comma and a line's end between. The driver gives up and takes back
    Python's lock for each row, which is slow where many threads wait for it. Whoever asks compares the number
    of lines: a text longer than ``group_concat_max_len`` would be cut.
    """
    packed = f"GROUP_CONCAT({line} ORDER BY {order} SEPARATOR ',\\n')"
    return f"SELECT COUNT(*), {packed} FROM ({query}) AS packed"


def exact(value: ColumnElement[Any], engine: Any) -> ColumnElement[Any]:
    """Return an expression of decimals for MIN and MAX: in SQLite only a column itself compares as such."""
    if is_mysql(engine):
        return value
    return type_coerce(value.collate(DECIMAL_COLLATION), ExactDecimal(38))


def as_pairs(one: ColumnElement[Any], other: ColumnElement[Any], engine: Any) -> ColumnElement[str]:
    """Return all pairs of a group as one text, a blank within each and a comma between, in any order."""
    joined = func.concat_ws(" ", one, other) if is_mysql(engine) else func.printf("%s %s", one, other)
    return func.group_concat(joined, type_=Text())


def _part(column: ColumnElement[Any], name: str, engine: Any) -> ColumnElement[int]:
    if is_mysql(engine):
        return extract(name, column)
    start, length = (1, 4) if name == "YEAR" else (6, 2)
    return cast(func.substr(column, start, length), Integer)


def _whole_seconds(column: ColumnElement[Any], engine: Any) -> ColumnElement[int]:
    """Return the whole seconds since the epoch."""
    if is_mysql(engine):
        epoch: tuple[ColumnElement[Any], ...] = (literal_column("SECOND"), literal_column("'1970-01-01'"))
        return func.timestampdiff(*epoch, column, type_=Integer())
    return cast(func.strftime("%s", column), Integer)


def upsert(
    table: Table,
    engine: Any,
    source: Select[Any] | Sequence[dict[str, Any]] | dict[str, Any],
    columns: Sequence[str],
) -> Insert:
    """Return INSERT of *columns* that overwrites all but the primary key where the row exists.

    A SELECT as source must have a WHERE clause: SQLite's grammar cannot tell ON CONFLICT from a join's ON.
    """
    keys = [column.name for column in table.primary_key]
    statement = _insert(table, engine, source, columns)
    changed = [name for name in columns if name not in keys]
    if is_mysql(engine):
        return statement.on_duplicate_key_update({n: statement.inserted[n] for n in changed})  # type: ignore[no-any-return]
    return statement.on_conflict_do_update(  # type: ignore[no-any-return]
        index_elements=keys, set_={n: statement.excluded[n] for n in changed}
    )


def insert_if_absent(table: Table, engine: Any, values: dict[str, Any] | Sequence[dict[str, Any]]) -> Insert:
    """Return INSERT that leaves a row alone that is there already.

    MySQL's INSERT IGNORE would also turn bad values into warnings, so a no-op update stands in for it.
    """
    statement = _insert(table, engine, values, ())
    if not is_mysql(engine):
        return statement.on_conflict_do_nothing()  # type: ignore[no-any-return]
    key = next(iter(table.primary_key))
    return statement.on_duplicate_key_update({key.name: key})  # type: ignore[no-any-return]


def _insert(table: Table, engine: Any, source: Any, columns: Sequence[str]) -> Any:
    statement = mysql.insert(table) if is_mysql(engine) else sqlite.insert(table)
    if isinstance(source, Select):
        return statement.from_select(list(columns), source)
    return statement.values(source)


def analyse(connection: Connection, table: str) -> None:
    """Have a server look at a table anew; whoever waits for the table waits a second at most."""
    connection.exec_driver_sql("SET SESSION lock_wait_timeout = 1")
    try:
        connection.exec_driver_sql(f"ANALYZE NO_WRITE_TO_BINLOG TABLE {table}").fetchall()
    finally:
        connection.exec_driver_sql("SET SESSION lock_wait_timeout = DEFAULT")


def refresh_statistics(connection: Connection) -> None:
    """Have SQLite look anew at tables that have changed much, at a part of each."""
    connection.exec_driver_sql("PRAGMA analysis_limit = 1000").fetchall()
    connection.exec_driver_sql("PRAGMA optimize").fetchall()


def read_pages(connection: Connection) -> tuple[int, int, int]:
    """Return the size of a page of SQLite's file, how many there are, and how many of them are free."""
    names = ("page_size", "page_count", "freelist_count")
    size, count, free = (connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names)
    return size, count, free


def give_pages_back(connection: Connection, pages: int) -> None:
    """Cut so many free pages off SQLite's file."""
    for _ in range(pages):
        # Python's driver takes one step of a statement that gives no rows, and one step is one page.
        connection.exec_driver_sql("PRAGMA incremental_vacuum(1)")
