"""Creates the schema and brings an older one up to date; refuses one newer than this code.

A new database gets all tables at once from ``tables``. An existing one is taken forward by the numbered
files in ``sql/migrations`` (``0002_add_jobs.mysql.sql``, ``0002_add_jobs.sqlite.sql``), never backward.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, func, inspect, select

from src.errors import SchemaError
from src.warehouse import upgrading
from src.warehouse.engine import Warehouse
from src.warehouse.tables import metadata, schema_migrations
from src.warehouse.upgrading import Migration
from src.warehouse.views import create_views

BASELINE = 1
MIGRATIONS = Path(__file__).resolve().parents[2] / "sql" / "migrations"
_FILE_NAME = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.(?P<dialect>mysql|sqlite)\.sql")
_LOCK_WAIT_S = 60


def migrate(warehouse: Warehouse, folder: Path = MIGRATIONS) -> list[str]:
    """Create or upgrade the schema; return what was done, empty when it was up to date."""
    steps = list_migrations(warehouse, folder)
    with _exclusively(warehouse) as connection:
        found = find_version(connection)
        if found is None:
            metadata.create_all(connection)
            create_views(connection)
            version = steps[-1].number if steps else BASELINE
            _record(connection, version, "created")
            return [f"created the schema, version {version}"]
        _refuse_newer(found, steps)
    due = [step for step in steps if step.number > found]
    return _upgrade(warehouse, found, due) if due else []


def _upgrade(warehouse: Warehouse, found: int, due: list[Migration]) -> list[str]:
    upgrading.back_up(warehouse, found)
    done = []
    with _exclusively(warehouse) as connection:
        now = find_version(connection) or found  # another process may have been faster
        for step in due:
            if step.number > now:
                upgrading.apply(connection, step)
                _record(connection, step.number, step.name)
                done.append(f"applied migration {step.number:04d} {step.name}")
    return done


def check_schema(warehouse: Warehouse, folder: Path = MIGRATIONS) -> None:
    """Raise SchemaError unless the schema is the one this code was written for."""
    steps = list_migrations(warehouse, folder)
    with warehouse.read() as connection:
        found = find_version(connection)
    wanted = steps[-1].number if steps else BASELINE
    if found is None or found < wanted:
        raise SchemaError(
            f"the warehouse has schema {found or 'none'}, this code needs {wanted}: run ./candlehouse migrate"
        )
    _refuse_newer(found, steps)


def find_version(connection: Connection) -> int | None:
    """Return the schema's version, None in an empty database."""
    if not inspect(connection).has_table(schema_migrations.name):
        return None
    version = connection.execute(select(func.max(schema_migrations.c.version))).scalar()
    return None if version is None else int(version)


def list_migrations(warehouse: Warehouse, folder: Path = MIGRATIONS) -> list[Migration]:
    """List this engine's migrations in order; numbers must run on without a hole."""
    dialect = warehouse.engine.dialect.name
    found = sorted(
        Migration(int(match["number"]), match["name"], path)
        for path in folder.glob("*.sql")
        if (match := _FILE_NAME.fullmatch(path.name)) and match["dialect"] == dialect
    )
    expected = list(range(BASELINE + 1, BASELINE + 1 + len(found)))
    if [step.number for step in found] != expected:
        raise SchemaError(f"migrations in {folder} are not numbered {expected}: the installation is damaged")
    return found


def _record(connection: Connection, version: int, name: str) -> None:
    connection.execute(schema_migrations.insert().values(version=version, name=name))


def _refuse_newer(found: int, steps: list[Migration]) -> None:
    newest = steps[-1].number if steps else BASELINE
    if found > newest:
        raise SchemaError(
            f"the warehouse has schema {found}, this code knows {newest} at most: "
            "install the newer Candlehouse that wrote it"
        )


@contextmanager
def _exclusively(warehouse: Warehouse) -> Iterator[Connection]:
    """Let one process change the schema at a time; SQLite's write transaction does that by itself."""
    with warehouse.write() as connection:
        if not warehouse.is_mysql:
            yield connection
            return
        # Hashed and cut: a database's name may be as long as a lock's, 64. MySQL 9.6 has MD5 no more.
        name = func.concat("candlehouse_migrate_", func.left(func.sha2(func.database(), 256), 40))
        if connection.execute(select(func.get_lock(name, _LOCK_WAIT_S))).scalar() != 1:
            raise SchemaError(
                f"another process has been changing the schema for {_LOCK_WAIT_S} s: try again later"
            )
        try:
            yield connection
            # Who waits for the lock must find the version that was written here.
            connection.exec_driver_sql("COMMIT")
        finally:
            connection.execute(select(func.release_lock(name)))
