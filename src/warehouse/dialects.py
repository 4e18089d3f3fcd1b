"""All that MySQL, MariaDB and SQLite do differently, in one file.

Sessions run in UTC. SQLite gets the collation and the aggregate that let it compare and add decimals
kept as text; writers there begin IMMEDIATE, since a transaction that reads first and writes later fails
at once when another wrote meanwhile. MySQL runs READ COMMITTED: each statement sees what is committed,
and the row locks on ``series`` decide who computes what.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    Table,
    Text,
    cast,
    event,
    extract,
    func,
    literal_column,
    type_coerce,
)
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.sql import Select
from sqlalchemy.sql.dml import Insert

from src.clock import SystemClock
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval
from src.warehouse.columns import utc_now
from src.warehouse.types import DECIMAL_COLLATION, ExactDecimal, UtcDate, UtcMs

_BUSY_TIMEOUT_MS = 30_000
# MySQL's word for a session that was silent too long, which SQLAlchemy does not know to be the end of it.
_ENDED_FOR_SILENCE = 4031
# What GROUP_CONCAT may give; its usual 1024 bytes would cut in silence.
_PACKED_BYTES = 8_000_000
# What we keep with each session of the driver: whether it only reads at present, and when it was used last.
_READS, _USED = "candlehouse_reads", "candlehouse_used_ms"
_RESTED_MS = 500
_clock = SystemClock()
# As SQLAlchemy counts it: stronger than minus.
_PRECEDENCE_OF_DIVISION = 8


def is_mysql(engine_or_connection: Any) -> bool:
    """Whether it speaks to MySQL or MariaDB; else it is SQLite."""
    return bool(engine_or_connection.dialect.name == "mysql")


def prepare_engine(engine: Engine) -> None:
    """Make every new session of *engine* behave as this project needs it."""
    event.listen(engine, "connect", _prepare_mysql if is_mysql(engine) else _prepare_sqlite)
    if is_mysql(engine):
        event.listen(engine, "begin", _begin_mysql)
        event.listen(engine, "checkin", _note_use)
        event.listen(engine, "handle_error", _recognise_the_end)
        engine.dialect.do_ping = _ping_idle(engine.dialect.do_ping)  # type: ignore[method-assign,assignment]
        for name in ("do_commit", "do_rollback"):
            setattr(engine.dialect, name, _in_dbapi_errors(engine, getattr(engine.dialect, name)))
    else:
        event.listen(engine, "begin", _begin_sqlite)


def limit_waits(engine: Engine, seconds: int) -> None:
    """Make new sessions of *engine*, prepared before, wait no longer than that for a lock."""
    if is_mysql(engine):
        limits = f"innodb_lock_wait_timeout = {seconds}, lock_wait_timeout = {seconds}"
        _on_connect(engine, f"SET SESSION {limits}")
    else:
        _on_connect(engine, f"PRAGMA busy_timeout = {seconds * 1000}")


def limit_silence(engine: Engine, seconds: int) -> None:
    """Have the server end new sessions of *engine* whose client is silent for so long, and roll them back.

    Silent between two statements, within LOAD DATA, or while it should take an answer. SQLite has no server:
    there a frozen writer holds the file for as long as it is frozen.
    """
    if is_mysql(engine):
        silences = ("wait_timeout", "net_read_timeout", "net_write_timeout")
        _on_connect(engine, "SET SESSION " + ", ".join(f"{name} = {seconds}" for name in silences))


def _on_connect(engine: Engine, statement: str) -> None:
    def execute(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(statement)
        cursor.close()

    event.listen(engine, "connect", execute)


def _recognise_the_end(context: Any) -> None:
    if getattr(context.original_exception, "errno", None) == _ENDED_FOR_SILENCE:
        context.is_disconnect = True


def _in_dbapi_errors(engine: Engine, do: Callable[[Any], None]) -> Callable[[Any], None]:
    """Make COMMIT and ROLLBACK fail as statements do: there the connector lets its C library's error out."""
    dbapi: Any = engine.dialect.loaded_dbapi

    def done(connection: Any) -> None:
        if getattr(connection, _READS, False):  # it is in no transaction
            return
        try:
            do(connection)
        except Exception as error:
            if type(error).__name__ != "MySQLInterfaceError":
                raise
            raise dbapi.OperationalError(str(error), getattr(error, "errno", None)) from error

    return done


def _begin_mysql(connection: Any) -> None:
    """Let who only reads do so without transactions, which would cost two more round trips.

    At READ COMMITTED each statement sees what is committed, in a transaction or not. A session says so when
    it turns from writing to reading or back, which it seldom does.
    """
    reads = connection.get_execution_options().get("readonly", False)
    driver = connection.connection.driver_connection
    if getattr(driver, _READS, False) != reads:
        connection.exec_driver_sql(f"SET autocommit = {int(reads)}")
        setattr(driver, _READS, reads)


def _note_use(driver: Any, _: Any) -> None:
    if driver is not None:
        setattr(driver, _USED, _clock.steady_ms())


def _ping_idle(ping: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Ask only sessions that have rested whether they are still there: others would have said so."""

    def is_there(driver: Any) -> bool:
        used_ms: int | None = getattr(driver, _USED, None)
        return (used_ms is not None and _clock.steady_ms() - used_ms < _RESTED_MS) or ping(driver)

    return is_there


def _prepare_mysql(connection: Any, _: Any) -> None:
    # The connector asks the server whether it is still there before each new cursor, and SQLAlchemy takes one
    # for every statement: twice the round trips. The pool asks once at check-out; a loss later is an error
    # of the statement that meets it, which is repeated or reported like any other.
    connection.is_connected = lambda: True
    cursor = connection.cursor()
    # STRICT_ALL_TABLES turns silent changes of values into errors; PIPES etc. stay as they are.
    cursor.execute(
        "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,"
        "ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE', innodb_lock_wait_timeout = 20, "
        f"group_concat_max_len = {_PACKED_BYTES}"
    )
    cursor.close()


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's "begin" event below says BEGIN itself.
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    if connection.execute("PRAGMA page_count").fetchone() == (0,):
        # Must come before the first table: later it would need a full VACUUM, and it waits for any writer.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.create_collation(DECIMAL_COLLATION, _compare_decimals)
    connection.create_aggregate("decimal_sum", 1, _DecimalSum)  # type: ignore[arg-type]  # the stub forgets that None may end it


def _begin_sqlite(connection: Any) -> None:
    readonly = connection.get_execution_options().get("readonly", False)
    connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")


def _compare_decimals(left: str, right: str) -> int:
    a, b = Decimal(left), Decimal(right)
    return (a > b) - (a < b)


class _DecimalSum:
    """SUM over decimals kept as text with 8 decimals, exact at any size."""

    def __init__(self) -> None:
        self._units = 0
        self._seen = False

    def step(self, value: str | None) -> None:
        if value is not None:
            self._units += int(value.replace(".", ""))
            self._seen = True

    def finalize(self) -> str | None:
        if not self._seen:
            return None
        sign, digits = ("-" if self._units < 0 else ""), f"{abs(self._units):09d}"
        return f"{sign}{digits[: -ExactDecimal.scale]}.{digits[-ExactDecimal.scale :]}"


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
