"""The real servers that tests meet: where they are, and throw-away databases on them.

``scripts/servers run`` starts them and says where in CANDLEHOUSE_TEST_* variables. Without them a test
skips and says how to get them; in CI (``CI=true``) a missing server is a failure.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import mysql.connector
import pytest


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """A MySQL or MariaDB server and a user who may do anything on it."""

    host: str
    port: int
    user: str
    password: str

    def url(self, database: str) -> str:
        """Return SQLAlchemy's URL of one database."""
        return f"mysql+mysqlconnector://{self.user}:{self.password}@{self.host}:{self.port}/{database}"

    def environment(self, database: str) -> dict[str, str]:
        """Return the settings that make Candlehouse use this database."""
        return {
            "MYSQL_HOST": self.host,
            "MYSQL_PORT": str(self.port),
            "MYSQL_USER": self.user,
            "MYSQL_PASSWORD": self.password,
            "MYSQL_DATABASE": database,
        }

    def connect(self) -> Any:
        # MariaDB refuses the connector's default collation.
        return mysql.connector.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            collation="utf8mb4_general_ci",
            autocommit=True,
        )


@dataclass(frozen=True, slots=True)
class S3Server:
    """An S3 server (``host:port``, plain HTTP) and the keys of its root user."""

    endpoint: str
    access_key: str
    secret_key: str

    def environment(self) -> dict[str, str]:
        """Return the settings that make Candlehouse use this server, in its default buckets."""
        return {
            "MINIO_ENDPOINT": self.endpoint,
            "MINIO_ACCESS_KEY": self.access_key,
            "MINIO_SECRET_KEY": self.secret_key,
        }


def database_server(variable: str, name: str) -> DatabaseServer:
    """Return the server that *variable* tells of, or skip (in CI: fail)."""
    return parse_server(require(variable, name))


def parse_server(url: str) -> DatabaseServer:
    """Return the server at *url*, as ``scripts/servers`` tells it."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return DatabaseServer(parts.hostname, parts.port, parts.username or "root", parts.password or "")


def s3_server() -> S3Server:
    """Return the S3 server for tests, or skip (in CI: fail)."""
    prefix = "CANDLEHOUSE_TEST_S3"
    endpoint = require(f"{prefix}_ENDPOINT", "S3 server")
    return S3Server(endpoint, os.environ[f"{prefix}_ACCESS_KEY"], os.environ[f"{prefix}_SECRET_KEY"])


def require(variable: str, name: str) -> str:
    """Return the value of *variable*; without one there is no such server."""
    value = os.environ.get(variable)
    if value:
        return value
    reason = f"no {name} ({variable} is not set): `scripts/servers run make test` starts it (MySQL: as root)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@contextmanager
def fresh_database(server: DatabaseServer) -> Iterator[str]:
    """Create an empty database, give its name, and drop it together with whoever still uses it."""
    name = f"candlehouse_{uuid.uuid4().hex[:12]}"
    with closing(server.connect()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    try:
        yield name
    finally:
        with closing(server.connect()) as connection, closing(connection.cursor()) as cursor:
            _end_sessions(cursor, name)
            cursor.execute(f"DROP DATABASE {name}")


def _end_sessions(cursor: Any, database: str) -> None:
    """End what a failed test left open: its locks would make the DROP wait for ever."""
    cursor.execute("SHOW PROCESSLIST")
    for session, _, _, in_use, *_ in cursor.fetchall():
        if in_use != database:
            continue
        try:
            cursor.execute(f"KILL {session}")
        except mysql.connector.Error as error:
            if error.errno != mysql.connector.errorcode.ER_NO_SUCH_THREAD:
                raise
