"""The script for a user who only reads, and the queries of docs/sql.md, on MySQL and MariaDB."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import mysql.connector
import pytest

from src.lake.local_store import LocalStore
from src.warehouse.engine import sqlite_url
from src.warehouse.tables import metadata
from tests.builders import DAY_START_MS, make_depth, make_kline, make_object, open_pipeline
from tests.conftest import PROJECT_ROOT
from tests.servers import DatabaseServer

_SCRIPT = PROJECT_ROOT / "sql" / "read_only_user.sql"
_TEXT = (PROJECT_ROOT / "docs" / "sql.md").read_text()
_BLOCKS = re.findall(r"```sql\n(.*?)```", _TEXT, re.DOTALL)
_PYTHON_BLOCKS = re.findall(r"```python\n(.*?)```", _TEXT, re.DOTALL)


@pytest.fixture
def reader(database_server: DatabaseServer, database: str, tmp_path: Path) -> Iterator[Any]:
    """Connect as the script's user to a warehouse with some data; name and database are the test's own."""
    with open_pipeline(database_server.url(database), LocalStore(tmp_path)) as pipeline:
        minutes = [make_kline(DAY_START_MS + at * 60_000) for at in range(60)]
        pipeline.land(make_object("BTCUSDT", minutes))
        pipeline.land(make_depth("BTCUSDT", [("1.0", "2.0")], [("3.0", "4.0")], DAY_START_MS))
        pipeline.load()
    name = f"reader_{uuid4().hex[:12]}"
    script = _SCRIPT.read_text().replace("candlehouse_reader", name).replace("candlehouse.", f"{database}.")
    with closing(database_server.connect()) as admin, closing(admin.cursor()) as cursor:
        for _ in range(2):
            for statement in re.sub(r"^--.*$", "", script, flags=re.MULTILINE).split(";"):
                if statement.strip():
                    cursor.execute(statement)
        try:
            with closing(_connect(database_server, name, database)) as connection:
                yield connection
        finally:
            cursor.execute(f"DROP USER '{name}'@'%'")


def _connect(server: DatabaseServer, name: str, database: str) -> Any:
    return mysql.connector.connect(
        host=server.host,
        port=server.port,
        user=name,
        password="choose-another-password",
        database=database,
        collation="utf8mb4_general_ci",
    )


def test_a_reader_sees_the_views_and_nothing_else(reader: Any) -> None:
    with closing(reader.cursor()) as cursor:
        cursor.execute("SHOW TABLES")
        assert sorted(name for (name,) in cursor) == ["candles", "candles_1d", "candles_1h", "order_book"]
        for table in metadata.tables:
            with pytest.raises(mysql.connector.Error, match="denied"):
                cursor.execute(f"SELECT * FROM {table}")
        for view in ("candles", "order_book"):
            with pytest.raises(mysql.connector.Error, match="denied"):
                cursor.execute(f"DELETE FROM {view}")


def test_the_documented_queries_answer(reader: Any) -> None:
    window = "open_time BETWEEN '2026-01-01' AND '2026-02-01'"
    counts = []
    with closing(reader.cursor()) as cursor:
        for query in _BLOCKS:
            cursor.execute(query.replace("$__timeFilter(open_time)", window))
            counts.append(len(cursor.fetchall()))
    assert counts == [60, 1]


def test_sqlite_views_are_read_once_the_collation_is_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    database = tmp_path / "data" / "warehouse.db"
    with open_pipeline(sqlite_url(database), LocalStore(tmp_path / "lake")) as pipeline:
        minutes = [make_kline(DAY_START_MS + at * 60_000) for at in range(3)]
        pipeline.land(make_object("BTCUSDT", minutes))
        pipeline.load()
    with closing(sqlite3.connect(database)) as plain:
        with pytest.raises(sqlite3.OperationalError, match="no such collation sequence: decimal"):
            plain.execute("SELECT close_price FROM candles").fetchall()
        assert len(plain.execute("SELECT close_price FROM fact_klines").fetchall()) == 3
    [code] = [block for block in _PYTHON_BLOCKS if "create_collation" in block]
    monkeypatch.chdir(tmp_path)
    said: dict[str, Any] = {}
    exec(code, said)
    said["house"].close()
    assert len(said["rows"]) == 3
    assert (said["compare"]("10", "9.0"), said["compare"]("9.0", "9.00")) == (1, 0)
