"""What a database says of itself: server, driver, settings and sizes, and two probes that leave nothing.

What all that means is judged in ``src.maintenance.doctor``.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from uuid import uuid4

from sqlalchemy import Column, Connection, MetaData, Table, bindparam, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from src.errors import WarehouseUnavailable
from src.warehouse import bulk, dialects
from src.warehouse.database_errors import error_number
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.facts import RowChunk
from src.warehouse.schema import find_version
from src.warehouse.tables import exchange_budget, utc_now
from src.warehouse.types import code

_UNKNOWN_DATABASE = 1049
_VARIABLES = (
    "binlog_format",
    "information_schema_stats_expiry",
    "innodb_flush_log_at_trx_commit",
    "local_infile",
    "log_bin",
    "max_allowed_packet",
    "max_connections",
    "sql_mode",
    "time_zone",
    "transaction_isolation",
    "tx_isolation",  # MariaDB up to 11
)
_PRAGMAS = ("auto_vacuum", "freelist_count", "journal_mode", "page_count", "page_size")
# dbstat reads every page: past this it takes too long for a look.
_MOST_PAGES_READ = 250_000
_probe = Table("doctor_probe", MetaData(), Column("word", code(16)), prefixes=["TEMPORARY"])


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """*settings* are those of this session, *now_ms* is the database's clock.

    A *driver* that is not native is pure Python, which is half as fast.
    """

    kind: str
    version: str
    driver: str
    is_native: bool
    settings: dict[str, str]
    now_ms: int

    @property
    def number(self) -> tuple[int, ...]:
        """The version's leading numbers, e.g. (10, 11, 19)."""
        match = re.match(r"\d+(?:\.\d+)*", self.version)
        return tuple(int(part) for part in match[0].split(".")) if match else ()


@dataclass(frozen=True, slots=True)
class TableSize:
    """Rows and bytes of a table, indexes included; MySQL estimates the rows."""

    rows: int
    size_bytes: int


def is_begun(warehouse: Warehouse) -> bool:
    """Whether there is a schema, of whatever version; raises what reading raises when that cannot be told."""
    if not has_database(warehouse):
        return False
    with warehouse.read() as connection:
        return find_version(connection) is not None


def has_database(warehouse: Warehouse) -> bool:
    """Whether the server has the database; raises what connecting raises when that cannot be told."""
    try:
        with warehouse.read():
            return True
    except WarehouseUnavailable as error:
        cause = error.__cause__
        if isinstance(cause, DBAPIError) and error_number(cause) == _UNKNOWN_DATABASE:
            return False
        raise


@contextmanager
def open_server(warehouse: Warehouse, patience_s: int) -> Iterator[Warehouse]:
    """Give the warehouse's server without its database, which need not be there."""
    url = warehouse.engine.url._replace(database=None)
    server = open_warehouse(url.render_as_string(hide_password=False), pool_size=1, patience_s=patience_s)
    try:
        yield server
    finally:
        server.close()


def read_server(connection: Connection) -> ServerFacts:
    """Ask the database who it is and how it is set up."""
    now_ms = connection.execute(select(utc_now())).scalar_one()
    if dialects.is_mysql(connection):
        return _read_mysql(connection, now_ms)
    settings = {name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar()) for name in _PRAGMAS}
    return ServerFacts("SQLite", sqlite3.sqlite_version, "Python's own", True, settings, now_ms)


def _read_mysql(connection: Connection, now_ms: int) -> ServerFacts:
    told = str(connection.exec_driver_sql("SELECT VERSION()").scalar())
    kind = next((name for name in ("MariaDB", "TiDB") if name in told), "MySQL")
    # The connector falls back to pure Python in silence when its C extension cannot be loaded.
    is_native = type(connection.connection.driver_connection).__name__.startswith("CMySQL")
    driver = f"mysql-connector {version('mysql-connector-python')}"
    variables = ", ".join(f"'{name}'" for name in _VARIABLES)
    rows = connection.exec_driver_sql(f"SHOW SESSION VARIABLES WHERE variable_name IN ({variables})")
    settings = {str(name).lower(): str(value) for name, value in rows}
    return ServerFacts(kind, told, driver, is_native, settings, now_ms)


def probe_write(connection: Connection) -> None:
    """Insert a row and take it back; raises what the database says against it."""
    savepoint = connection.begin_nested()
    try:
        connection.execute(exchange_budget.insert().values(exchange="doctor", egress=uuid4().hex))
    finally:
        savepoint.rollback()


def probe_create(connection: Connection) -> None:
    """Make a table and drop it again; raises what the database says against it."""
    table = Table(f"doctor_probe_{uuid4().hex}", MetaData(), Column("word", code(16)))
    table.create(connection)
    table.drop(connection)


def probe_bulk_load(connection: Connection) -> None:
    """Load a row into a temporary table, the way facts are loaded; raises what stands against it."""
    connection.execute(CreateTable(_probe))
    try:
        bulk.insert_rows(connection, _probe, ("word",), [RowChunk((), ["works"], ())])
    finally:
        connection.exec_driver_sql(f"DROP TEMPORARY TABLE IF EXISTS {_probe.name}")


def read_sizes(connection: Connection, names: Sequence[str]) -> dict[str, TableSize]:
    """Return the sizes of these tables; empty where that cannot be known quickly."""
    if dialects.is_mysql(connection):
        return _read_sizes_mysql(connection, names)
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    if pages > _MOST_PAGES_READ:
        return {}
    query = text(
        "SELECT tbl_name, SUM(CASE type WHEN 'table' THEN ncell END), SUM(pgsize) "
        "FROM sqlite_schema AS s JOIN dbstat AS d ON d.name = s.name "
        "WHERE tbl_name IN :names GROUP BY tbl_name"
    )
    try:
        rows = connection.execute(query.bindparams(bindparam("names", names, expanding=True))).all()
    except DBAPIError:  # dbstat is an option of SQLite's that not every build has
        return {}
    return {name: TableSize(int(cells), int(size)) for name, cells, size in rows}


def read_total_bytes(connection: Connection) -> int:
    """Return what the whole warehouse takes: SQLite's pages, a server's tables with their indexes."""
    if dialects.is_mysql(connection):
        query = text(
            "SELECT SUM(data_length + index_length) FROM information_schema.tables "
            "WHERE table_schema = DATABASE()"
        )
        return int(connection.execute(query).scalar() or 0)
    names = ("page_count", "page_size")
    pages, size = (connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names)
    return int(pages * size)


def _read_sizes_mysql(connection: Connection, names: Sequence[str]) -> dict[str, TableSize]:
    if connection.exec_driver_sql("SHOW VARIABLES LIKE 'information_schema_stats_expiry'").first():
        # MySQL would answer with numbers of up to a day ago.
        connection.exec_driver_sql("SET SESSION information_schema_stats_expiry = 0")
    query = text(
        "SELECT table_name, table_rows, data_length + index_length FROM information_schema.tables "
        "WHERE table_schema = DATABASE() AND table_name IN :names"
    )
    rows = connection.execute(query.bindparams(bindparam("names", names, expanding=True)))
    return {name: TableSize(int(count or 0), int(size or 0)) for name, count, size in rows}
