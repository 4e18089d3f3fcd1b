"""Copies tables from a SQLite warehouse into a MySQL or MariaDB one, as the text that both keep.

A chunk and the note of how far its table has come are one transaction of the target: whoever is cut off goes
on behind the last chunk, and no row comes twice. Rows keep their ids, and AUTO_INCREMENT goes on behind them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, Table, Text, text
from sqlalchemy.exc import DataError

from src.errors import CandlehouseError
from src.warehouse import bulk
from src.warehouse.engine import Warehouse
from src.warehouse.facts import RowChunk
from src.warehouse.homes import COPY_NOTE, OWN_NOTES, find_note, save_note
from src.warehouse.run_tables import app_settings, leases
from src.warehouse.tables import (
    fact_klines,
    fact_klines_coarse,
    fact_orderbook,
    metadata,
    schema_migrations,
)
from src.warehouse.views import view_queries

FACTS = (fact_klines, fact_klines_coarse, fact_orderbook)
# What belongs to a database and not to what it holds.
_OF_A_DATABASE = {schema_migrations.name, leases.name}
COPIED = tuple(table for table in metadata.sorted_tables if table.name not in _OF_A_DATABASE)

_FACTS_A_CHUNK, _ROWS_A_CHUNK = 20_000, 1_000
# A statement must fit into the server's max_allowed_packet, 16 MB by default and more.
_PACKET = 4_000_000
# So much fits into a TEXT of MySQL; SQLite takes any length.
TEXT_BYTES = 65_535
_NAMED = 5

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class TableCopy:
    """How far a table has come: *after* is the last primary key, as SQLite keeps it."""

    after: list[Any] | None = None
    rows: int = 0
    is_done: bool = False


def find_copy(target: Warehouse, table: Table) -> TableCopy:
    """Return how far *table* has come."""
    with target.read() as connection:
        found = find_note(connection, COPY_NOTE + table.name)
    return TableCopy(**found) if found else TableCopy()


def copy_chunk(source: Warehouse, target: Warehouse, table: Table, so_far: TableCopy) -> TableCopy:
    """Copy the next rows of *table*; return how far it has come then."""
    limit = _FACTS_A_CHUNK if table in FACTS else _ROWS_A_CHUNK
    with source.read() as connection:
        rows = _read_rows(connection, table, so_far.after, limit)
    names = [column.name for column in table.columns]
    keys = [names.index(column.name) for column in table.primary_key]
    done = replace(so_far, rows=so_far.rows + len(rows), is_done=len(rows) < limit)
    if rows:
        done = replace(done, after=[rows[-1][index] for index in keys])
    if table is app_settings:
        rows = [row for row in rows if row[0] not in OWN_NOTES]

    def work(connection: Connection) -> None:
        _insert(connection, table, names, rows)
        save_note(connection, COPY_NOTE + table.name, asdict(done))

    try:
        target.run(work)
    except DataError as error:
        raise CandlehouseError(
            f"a row of {table.name} does not fit into the new warehouse ({error.orig}); nothing of it was "
            f"copied behind {so_far.after}"
        ) from error
    return done


def list_oversized(source: Warehouse) -> list[str]:
    """Name by their keys the rows with a text too long for a server: the first few of each column."""
    return [
        f"{table.name} {' '.join(map(str, row[:-1]))}: {column.name} has {row[-1]:,} bytes"
        for table in COPIED
        for column in table.columns
        if isinstance(column.type, Text)
        for row in _find_oversized(source, table, column.name)
    ]


def start_over(target: Warehouse, table: Table) -> None:
    """Empty a table of the target, so that it is copied anew."""
    with target.write() as connection:
        if table is app_settings:
            own = " AND ".join(f"name <> '{name}'" for name in OWN_NOTES)
            connection.execute(text(f"DELETE FROM {table.name} WHERE {own} AND name NOT LIKE '{COPY_NOTE}%'"))
        else:
            connection.execute(text(f"TRUNCATE TABLE {table.name}"))
    # Only now: a crash before leaves a table that looks copied and is not, which verifying finds.
    target.run(lambda connection: save_note(connection, COPY_NOTE + table.name, asdict(TableCopy())))


def count_rows(warehouse: Warehouse, table: Table) -> int:
    with warehouse.read() as connection:
        return int(connection.execute(text(f"SELECT COUNT(*) FROM {table.name}")).scalar_one())


def list_strangers(warehouse: Warehouse) -> list[str]:
    """Name the tables and views of a server's database that are none of ours."""
    ours = {*metadata.tables, *view_queries("mysql")}
    query = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
    with warehouse.read() as connection:
        return sorted(name for (name,) in connection.exec_driver_sql(query) if name.lower() not in ours)


def list_filled(warehouse: Warehouse) -> list[str]:
    """Name the tables that hold anything; notes of a copy do not count."""
    found = []
    for table in COPIED:
        where = f" WHERE name NOT LIKE '{COPY_NOTE}%'" if table is app_settings else ""
        with warehouse.read() as connection:
            if connection.execute(text(f"SELECT 1 FROM {table.name}{where} LIMIT 1")).first():
                found.append(table.name)
    return found


def _find_oversized(source: Warehouse, table: Table, column: str) -> list[Row]:
    keys = ", ".join(f"`{one.name}`" for one in table.primary_key)
    size = f"LENGTH(CAST(`{column}` AS BLOB))"
    query = f"SELECT {keys}, {size} FROM {table.name} WHERE {size} > {TEXT_BYTES} LIMIT {_NAMED}"
    with source.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def _read_rows(connection: Connection, table: Table, after: Sequence[Any] | None, limit: int) -> list[Row]:
    """Read rows by primary key, each value as SQLite keeps it."""
    columns = ", ".join(f"`{column.name}`" for column in table.columns)
    keys = ", ".join(f"`{column.name}`" for column in table.primary_key)
    marks = ", ".join("?" * len(table.primary_key))
    where = f"WHERE ({keys}) > ({marks}) " if after is not None else ""
    query = f"SELECT {columns} FROM {table.name} {where}ORDER BY {keys} LIMIT {limit}"
    return [tuple(row) for row in connection.exec_driver_sql(query, tuple(after or ()))]


def _insert(connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Row]) -> None:
    if table in FACTS:  # neither NULL nor any text that would have to be escaped
        lines = ["\t".join(map(str, row)) for row in rows]
        bulk.insert_rows(connection, table, names, [RowChunk((), lines, ())])
        return
    columns, marks = ", ".join(f"`{name}`" for name in names), ", ".join(["%s"] * len(names))
    statement = f"INSERT INTO {table.name} ({columns}) VALUES ({marks})"
    for some in _in_packets(rows):
        connection.exec_driver_sql(statement, some)


def _in_packets(rows: Sequence[Row]) -> Iterator[list[Row]]:
    packet: list[Row] = []
    size = 0
    for row in rows:
        length = sum(len(value) for value in row if isinstance(value, str))
        if packet and size + length > _PACKET:
            yield packet
            packet, size = [], 0
        packet.append(row)
        size += length
    if packet:
        yield packet
