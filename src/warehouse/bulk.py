"""The fastest way in for many rows: LOAD DATA LOCAL on MySQL and MariaDB, one executemany on SQLite.

LOAD DATA LOCAL turns bad values and duplicates into mere warnings, so any warning, or any row too few,
raises BulkLoadError and the caller's transaction is rolled back.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, Table

from src.clock import SystemClock
from src.domain import HOUR_MS
from src.errors import CandlehouseError
from src.warehouse import dialects
from src.warehouse.facts import RowChunk

# Memory-backed where the system has it; elsewhere the ordinary temporary folder.
_MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 - the file is made by mkstemp: private, unpredictable name


_PREFIX, _SUFFIX = "candlehouse-", ".tsv"


class BulkLoadError(CandlehouseError):
    """The database took other rows than it was given; nothing of the load was kept."""


def insert_rows(
    connection: Connection, table: Table, columns: Sequence[str], chunks: Sequence[RowChunk]
) -> None:
    """Insert text rows none of which may be in *table* yet; values must hold no newline or backslash."""
    if not any(chunks):
        return
    if dialects.is_mysql(connection):
        _load_data(connection, table.name, columns, chunks)
    else:
        marks = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"
        connection.exec_driver_sql(sql, [row for chunk in chunks for row in chunk.tuples()])


def sweep_leftovers() -> int:
    """Remove load files that killed processes left in memory, an hour old or older; return how many."""
    # By the machine's clock, as the files' times are: a demo's clock may be years ahead of it.
    now_ms, removed = SystemClock().now_ms(), 0
    for file in _folder().glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(OSError):  # another user's, or swept by another process just now
            if file.stat().st_mtime * 1000 < now_ms - HOUR_MS:
                file.unlink()
                removed += 1
    return removed


def _folder() -> Path:
    return _MEMORY_FOLDER if os.access(_MEMORY_FOLDER, os.W_OK) else Path(tempfile.gettempdir())


def _load_data(
    connection: Connection, table: str, columns: Sequence[str], chunks: Sequence[RowChunk]
) -> None:
    given = sum(map(len, chunks))
    with tempfile.NamedTemporaryFile(
        "w", dir=_folder(), prefix=_PREFIX, suffix=_SUFFIX, encoding="ascii", newline="\n"
    ) as file:
        file.writelines(chunk.text() for chunk in chunks)
        file.flush()
        target = f"TABLE {table} CHARACTER SET ascii ({', '.join(columns)})"
        result = connection.exec_driver_sql(f"LOAD DATA LOCAL INFILE '{file.name}' INTO {target}")
    warnings = connection.exec_driver_sql("SHOW WARNINGS LIMIT 3").all()
    if warnings or result.rowcount != given:
        told = "; ".join(str(warning[2]) for warning in warnings) or "no warning"
        raise BulkLoadError(f"{table} took {result.rowcount} of {given} rows: {told}")
