"""Drops whole partitions on MySQL and MariaDB: rows go with their file, however many they are.

ALTER TABLE waits behind whoever reads the table, and everybody else behind the ALTER TABLE; so it waits for a
second at most and tries again later. A late load may put rows into a partition after it was found to be
ripe: therefore the table is locked first, which no load does that has written and not committed, and looked
at once more; loads that come after find the partition gone and write into the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Table, text
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random

from src.domain import Window
from src.warehouse.counting import ALL_TIME
from src.warehouse.database_errors import is_repeatable
from src.warehouse.engine import Warehouse
from src.warehouse.partitions import ms_of_bound

# Between two attempts writers have time for what queued up behind the last.
_ATTEMPTS = 15
_PAUSE_S = (0.5, 2.0)


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: *window* is what falls into it; rows and bytes as the server estimates them."""

    name: str
    window: Window
    is_last: bool
    rows: int
    size_bytes: int


def list_partitions(warehouse: Warehouse, table: Table) -> list[Partition]:
    """List the partitions of *table*, oldest first; none on SQLite."""
    if not warehouse.is_mysql:
        return []
    query = text(
        "SELECT partition_name AS name, partition_description AS bound, table_rows AS row_count, "
        "data_length + index_length AS size_bytes FROM information_schema.partitions "
        "WHERE table_schema = DATABASE() AND table_name = :name AND partition_name IS NOT NULL "
        "ORDER BY partition_ordinal_position"
    )
    with warehouse.read() as connection:
        rows = connection.execute(query, {"name": table.name}).all()
    found: list[Partition] = []
    for row in rows:
        start_ms = found[-1].window.end_ms if found else ALL_TIME.start_ms
        is_last = row.bound == "MAXVALUE"
        end_ms = ALL_TIME.end_ms if is_last else ms_of_bound(row.bound)
        window = Window(start_ms, end_ms)
        found.append(Partition(row.name, window, is_last, int(row.row_count or 0), int(row.size_bytes or 0)))
    return found


def drop_partitions(
    warehouse: Warehouse, table: Table, names: Sequence[str], may_drop: Callable[[Connection], bool]
) -> bool:
    """Drop them, if *may_drop* still says so while nobody can write; return whether that was done.

    *may_drop* gets a connection that has *table* locked, and must not read another table with it. Database
    errors that may pass are raised after a dozen of attempts.
    """
    for attempt in Retrying(
        retry=retry_if_exception(is_repeatable),
        wait=wait_random(*_PAUSE_S),
        stop=stop_after_attempt(_ATTEMPTS),
        reraise=True,
    ):
        with attempt:
            return _drop(warehouse, table, names, may_drop)
    raise AssertionError("tenacity raises or returns")


def _drop(
    warehouse: Warehouse, table: Table, names: Sequence[str], may_drop: Callable[[Connection], bool]
) -> bool:
    with warehouse.write() as connection, _locked(connection, table):
        if not may_drop(connection):
            return False
        connection.exec_driver_sql(f"ALTER TABLE {table.name} DROP PARTITION {', '.join(names)}")
        return True


@contextmanager
def _locked(connection: Connection, table: Table) -> Iterator[None]:
    """Keep everybody else out of *table*, after a second's wait at most."""
    connection.exec_driver_sql("SET SESSION lock_wait_timeout = 1")
    try:
        connection.exec_driver_sql(f"LOCK TABLES {table.name} WRITE")
        yield
    finally:
        connection.exec_driver_sql("UNLOCK TABLES")
        connection.exec_driver_sql("SET SESSION lock_wait_timeout = DEFAULT")
