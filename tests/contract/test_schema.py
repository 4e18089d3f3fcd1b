"""The schema: made once and whole, taken forward by numbered files, and the same as ``sql/schema.sql``."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateColumn

from src.errors import SchemaError
from src.settings import PROJECT_ROOT
from src.warehouse.engine import Warehouse, create_database, open_warehouse, sqlite_url
from src.warehouse.schema import BASELINE, MIGRATIONS, check_schema, find_version, list_migrations, migrate
from src.warehouse.tables import metadata, schema_migrations
from tests import servers
from tests.servers import DatabaseServer

SCHEMA_SQL = PROJECT_ROOT / "sql" / "schema.sql"
BASELINES = Path(__file__).parent
NEWEST = BASELINE + len(list(MIGRATIONS.glob("*.mysql.sql")))
CREATED = [f"created the schema, version {NEWEST}"]
ADD_NOTES = "CREATE TABLE notes (id INT NOT NULL PRIMARY KEY, note VARCHAR(40) NOT NULL);\n"


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Warehouse]:
    opened = open_warehouse(warehouse_url)
    yield opened
    opened.close()


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    return folder


def write_migration(folder: Path, name: str, content: str) -> None:
    """Write a migration for both engines."""
    for dialect in ("mysql", "sqlite"):
        (folder / f"{name}.{dialect}.sql").write_text(content)


def version_of(warehouse: Warehouse) -> int | None:
    with warehouse.read() as connection:
        return find_version(connection)


# --- creating ---


def test_empty_database_gets_every_table(warehouse: Warehouse) -> None:
    assert version_of(warehouse) is None
    assert migrate(warehouse) == CREATED
    assert set(inspect(warehouse.engine).get_table_names()) == set(metadata.tables)
    assert version_of(warehouse) == NEWEST
    check_schema(warehouse)


def test_second_migrate_does_nothing(warehouse: Warehouse) -> None:
    migrate(warehouse)
    assert migrate(warehouse) == []
    with warehouse.read() as connection:
        assert [row.version for row in connection.execute(schema_migrations.select())] == [NEWEST]


def test_half_made_schema_is_finished(warehouse: Warehouse) -> None:
    """MySQL commits each CREATE TABLE: a process killed in between leaves tables without a version."""
    some = [metadata.tables[name] for name in ("series", "schema_migrations")]
    metadata.create_all(warehouse.engine, tables=some)
    assert migrate(warehouse) == CREATED
    assert set(inspect(warehouse.engine).get_table_names()) == set(metadata.tables)


def test_many_threads_at_once_create_the_schema_once(warehouse_url: str) -> None:
    start = threading.Barrier(6)

    def create(_: int) -> list[str]:
        opened = open_warehouse(warehouse_url)
        try:
            start.wait(20)
            return migrate(opened)
        finally:
            opened.close()

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(create, range(6)))
    assert sorted(map(len, done)) == [0, 0, 0, 0, 0, 1]


_MIGRATE = """
import sys
from src.warehouse.engine import open_warehouse
from src.warehouse.schema import migrate
warehouse = open_warehouse(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(len(migrate(warehouse)))
"""


def test_two_processes_at_once_create_the_schema_once(warehouse_url: str) -> None:
    command = [sys.executable, "-c", _MIGRATE, warehouse_url]
    processes = [
        subprocess.Popen(command, cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert sorted(process.communicate(timeout=60)[0].strip() for process in processes) == ["0", "1"]


def test_database_with_the_longest_name_is_migrated(database_server: DatabaseServer) -> None:
    """The lock under which one process migrates is named after it, and MySQL's have 64 letters at most."""
    url = database_server.url("n" * 64)
    with database_server.connect() as connection, connection.cursor() as cursor:
        create_database(url)
        try:
            warehouse = open_warehouse(url)
            assert migrate(warehouse) == CREATED
            warehouse.close()
        finally:
            cursor.execute(f"DROP DATABASE {'n' * 64}")


def test_sqlite_gives_space_back_and_lets_readers_be(tmp_path: Path) -> None:
    warehouse = open_warehouse(sqlite_url(tmp_path / "new folder" / "warehouse.db"))
    migrate(warehouse)
    warehouse.close()
    again = open_warehouse(sqlite_url(tmp_path / "new folder" / "warehouse.db"))
    with again.read() as connection:
        assert connection.exec_driver_sql("PRAGMA auto_vacuum").scalar() == 2  # incremental
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    again.close()


# --- going forward ---


def test_older_schema_is_taken_forward_by_numbered_files(warehouse: Warehouse, migrations: Path) -> None:
    migrate(warehouse, migrations)
    write_migration(
        migrations,
        "0002_add_notes",
        "-- A comment; with a semicolon\n"
        + ADD_NOTES
        + "INSERT INTO notes (id, note)\nVALUES (1, '100% at 14:30');\nINSERT INTO notes VALUES (2, 'two');",
    )
    with pytest.raises(SchemaError, match=r"has schema 1, this code needs 2: run ./candlehouse migrate"):
        check_schema(warehouse, migrations)
    assert migrate(warehouse, migrations) == ["applied migration 0002 add_notes"]
    write_migration(migrations, "0003_drop_a_note", "DELETE FROM notes WHERE note LIKE 'tw%';")
    assert migrate(warehouse, migrations) == ["applied migration 0003 drop_a_note"]
    assert migrate(warehouse, migrations) == []
    check_schema(warehouse, migrations)
    with warehouse.read() as connection:
        assert connection.execute(text("SELECT note FROM notes")).scalars().all() == ["100% at 14:30"]
        recorded = connection.execute(schema_migrations.select().order_by(schema_migrations.c.version))
        assert [(row.version, row.name) for row in recorded] == [
            (1, "created"),
            (2, "add_notes"),
            (3, "drop_a_note"),
        ]


def test_new_database_begins_at_the_newest_version(warehouse: Warehouse, migrations: Path) -> None:
    """Tables of ``src.warehouse.tables`` are those after all migrations: none of them runs again."""
    write_migration(migrations, "0002_add_notes", ADD_NOTES)
    assert migrate(warehouse, migrations) == ["created the schema, version 2"]
    assert not inspect(warehouse.engine).has_table("notes")
    assert migrate(warehouse, migrations) == []


def test_newer_schema_is_refused_and_left_alone(warehouse: Warehouse, migrations: Path) -> None:
    for number in range(BASELINE + 1, NEWEST + 2):
        write_migration(migrations, f"{number:04d}_step", "SELECT 1;")
    migrate(warehouse, migrations)
    told = f"has schema {NEWEST + 1}, this code knows {NEWEST} at most: install the newer Candlehouse"
    for refuse in (migrate, check_schema):
        with pytest.raises(SchemaError, match=told):
            refuse(warehouse)
    assert version_of(warehouse) == NEWEST + 1


def test_missing_schema_is_named(warehouse: Warehouse) -> None:
    with pytest.raises(SchemaError, match=rf"has schema none, this code needs {NEWEST}: run ./candlehouse"):
        check_schema(warehouse)


@pytest.mark.parametrize(
    "names", [["0003_late"], ["0002_one", "0004_other"], ["0002_one", "0002_other"], ["0001_baseline"]]
)
def test_migrations_that_are_not_numbered_through_are_refused(
    tmp_path: Path, migrations: Path, names: list[str]
) -> None:
    warehouse = open_warehouse(sqlite_url(tmp_path / "warehouse.db"))
    for name in names:
        write_migration(migrations, name, "SELECT 1;")
    with pytest.raises(SchemaError, match=r"migrations in .* are not numbered .*installation is damaged"):
        migrate(warehouse, migrations)
    assert version_of(warehouse) is None
    warehouse.close()


def test_failed_migration_changes_no_sqlite_database(tmp_path: Path, migrations: Path) -> None:
    warehouse = open_warehouse(sqlite_url(tmp_path / "warehouse.db"))
    migrate(warehouse, migrations)
    write_migration(migrations, "0002_breaks", ADD_NOTES + "INSERT INTO nowhere VALUES (1);")
    with pytest.raises(Exception, match="nowhere"):
        migrate(warehouse, migrations)
    assert version_of(warehouse) == 1
    assert not inspect(warehouse.engine).has_table("notes")
    warehouse.close()


def test_upgraded_database_is_the_same_as_a_new_one(
    database_server: DatabaseServer, database: str, database_url: str
) -> None:
    fresh = open_warehouse(database_url)
    migrate(fresh)
    fresh.close()
    with servers.fresh_database(database_server) as older:
        load_ddl(database_server, older, (BASELINES / "baseline.mysql.sql").read_text(encoding="utf-8"))
        upgraded = open_warehouse(database_server.url(older))
        take_forward(upgraded)
        upgraded.close()
        ours, theirs = describe(database_server, database), describe(database_server, older)
    for what, rows in ours.items():
        assert theirs[what] == rows, what


def test_upgraded_sqlite_database_is_the_same_as_a_new_one(tmp_path: Path) -> None:
    fresh, upgraded = (open_warehouse(sqlite_url(tmp_path / name)) for name in ("fresh.db", "upgraded.db"))
    migrate(fresh)
    for statement in statements_of((BASELINES / "baseline.sqlite.sql").read_text(encoding="utf-8")):
        with upgraded.write() as connection:
            connection.exec_driver_sql(statement)
    take_forward(upgraded)
    assert sqlite_ddl(upgraded) == sqlite_ddl(fresh)
    for warehouse in (fresh, upgraded):
        warehouse.close()


def take_forward(warehouse: Warehouse) -> None:
    """Apply every shipped migration to a database of version 1."""
    with warehouse.write() as connection:
        connection.execute(schema_migrations.insert().values(version=BASELINE, name="created"))
    assert len(migrate(warehouse)) == NEWEST - BASELINE
    check_schema(warehouse)


def sqlite_ddl(warehouse: Warehouse) -> dict[str, str]:
    """Return the statement that made each table and index, however it was laid out."""
    query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    with warehouse.read() as connection:
        found = connection.exec_driver_sql(query).all()
    return {name: re.sub(r"\s*([(),])\s*", r"\1", " ".join(sql.split())) for name, sql in found}


def test_shipped_migrations_are_complete_for_both_engines(tmp_path: Path) -> None:
    engines = [sqlite_url(tmp_path / "warehouse.db"), "mysql+mysqlconnector://host/never_connected"]
    sqlite, maria = [[step.name for step in list_migrations(open_warehouse(url))] for url in engines]
    assert sqlite == maria


# --- sql/schema.sql, the truth for people ---


def statements_of(sql: str) -> list[str]:
    """Split a file of DDL; no literal in it contains a semicolon or two dashes."""
    return [part.strip() for part in re.sub(r"--[^\n]*", "", sql).split(";") if part.strip()]


def described_columns() -> dict[str, dict[str, str]]:
    """Return, by table and column, the definitions in the file, white space made one."""
    tables: dict[str, dict[str, str]] = {}
    for statement in statements_of(SCHEMA_SQL.read_text(encoding="utf-8")):
        if statement.startswith("CREATE VIEW"):
            continue
        match = re.match(r"CREATE TABLE (\w+) \((.*?)\n\) ENGINE = InnoDB", statement, re.DOTALL)
        assert match, statement
        lines = [" ".join(line.strip().rstrip(",").split()) for line in match[2].splitlines() if line.strip()]
        columns = [line.split(" ", 1) for line in lines if not re.match(r"(PRIMARY|UNIQUE)? ?KEY\b", line)]
        tables[match[1]] = dict(columns)
    return tables


def compiled_column(column: Any) -> str:
    """Return a column's definition as Core sends it to MySQL, in the words of the file."""
    definition = str(CreateColumn(column).compile(dialect=mysql.dialect()))
    for core, ours in (("INTEGER", "INT"), ("BOOL ", "BOOLEAN "), (" AUTO_INCREMENT", "")):
        definition = definition.replace(core, ours)
    return " ".join(definition.replace("`", "").split()).removeprefix(f"{column.name} ")


def test_file_defines_every_table_and_column_as_the_code_does() -> None:
    described = described_columns()
    assert set(described) == set(metadata.tables)
    for name, table in metadata.tables.items():
        expected = {column.name: compiled_column(column) for column in table.columns}
        found = {column: text.replace(" AUTO_INCREMENT", "") for column, text in described[name].items()}
        assert list(found.items()) == list(expected.items()), name


def test_every_table_and_every_further_index_is_explained() -> None:
    lines = [line.strip() for line in SCHEMA_SQL.read_text(encoding="utf-8").splitlines()]
    explained = re.compile(r"CREATE (TABLE|VIEW)|UNIQUE KEY|KEY ")
    found = [number for number, line in enumerate(lines) if explained.match(line)]
    assert len(found) >= len(metadata.tables) + sum(len(table.indexes) for table in metadata.tables.values())
    assert [lines[number] for number in found if not lines[number - 1].startswith("-- ")] == []


_DESCRIPTIONS = {
    "columns": "SELECT table_name, column_name, ordinal_position, column_default, is_nullable, column_type, "
    "character_set_name, collation_name, column_key, extra, column_comment FROM information_schema.columns",
    "tables": "SELECT table_name, engine, row_format, table_collation, create_options, table_comment "
    "FROM information_schema.tables",
    "keys": "SELECT table_name, index_name, non_unique, seq_in_index, column_name, collation, sub_part, "
    "index_type FROM information_schema.statistics",
    "constraints": "SELECT table_name, constraint_name, constraint_type "
    "FROM information_schema.table_constraints",
    "partitions": "SELECT table_name, partition_name, partition_ordinal_position, partition_method, "
    "partition_expression, partition_description FROM information_schema.partitions",
}
# A server keeps a view's query with the name of its database at each table.
_VIEWS = (
    "SELECT table_name, REPLACE(view_definition, %s, '') FROM information_schema.views "
    "WHERE table_schema = %s"
)


def describe(server: DatabaseServer, database: str) -> dict[str, list[Any]]:
    """Return everything the server says about the form of a database."""
    with server.connect() as connection, connection.cursor() as cursor:
        described = {}
        for what, query in _DESCRIPTIONS.items():
            cursor.execute(f"{query} WHERE table_schema = %s", [database])
            described[what] = sorted(cursor.fetchall(), key=str)
        cursor.execute(_VIEWS, [f"`{database}`.", database])
        described["views"] = sorted(cursor.fetchall())
        return described


def load_ddl(server: DatabaseServer, database: str, sql: str) -> None:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"USE {database}")
        for statement in statements_of(sql):
            cursor.execute(statement)


def test_file_loaded_into_a_server_is_the_schema_that_the_code_makes(
    database_server: DatabaseServer, database: str, database_url: str
) -> None:
    warehouse = open_warehouse(database_url)
    migrate(warehouse)
    warehouse.close()
    with servers.fresh_database(database_server) as by_hand:
        load_ddl(database_server, by_hand, SCHEMA_SQL.read_text(encoding="utf-8"))
        ours, theirs = describe(database_server, database), describe(database_server, by_hand)
    assert len(ours["columns"]) > 100
    for what, rows in ours.items():
        assert theirs[what] == rows, what
