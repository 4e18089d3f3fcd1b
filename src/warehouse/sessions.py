"""How sessions with MySQL, MariaDB and SQLite are prepared, begun and ended.

They run in UTC. SQLite gets the collation and the aggregate that let it compare and add decimals
kept as text; writers there begin IMMEDIATE, since a transaction that reads first and writes later fails
at once when another wrote meanwhile. MySQL runs READ COMMITTED: each statement sees what is committed,
and the row locks on ``series`` decide who computes what.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, event

from src.clock import SystemClock
from src.warehouse.dialects import is_mysql
from src.warehouse.types import DECIMAL_COLLATION, ExactDecimal

_BUSY_TIMEOUT_MS = 30_000
# MySQL's word for a session that was silent too long, which SQLAlchemy does not know to be the end of it.
_ENDED_FOR_SILENCE = 4031
# What GROUP_CONCAT may give; its usual 1024 bytes would cut in silence.
_PACKED_BYTES = 8_000_000
# What we keep with each session of the driver: whether it only reads at present, and when it was used last.
_READS, _USED = "candlehouse_reads", "candlehouse_used_ms"
_RESTED_MS = 500
_clock = SystemClock()


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
