"""Fixtures for all tests: real servers, real data, a clean environment, loopback sockets only."""

from __future__ import annotations

import ipaddress
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests import servers
from tests.servers import DatabaseServer, S3Server

pytest_plugins = ("tests.outcomes",)

PROJECT_ROOT = Path(__file__).resolve().parent.parent

_OURS = ("CANDLEHOUSE_", "MINIO_", "MYSQL_", "BINANCE_")
_PROXIES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}


def pytest_configure(config: pytest.Config) -> None:
    """Hide the developer's settings from tests and from the programs that tests start.

    The time zone is one that nobody uses by accident, so that local time taken for UTC is seen. Examples
    that Hypothesis finds have no deadline each: the machine is busy with other tests.
    """
    settings.register_profile("candlehouse", deadline=None)
    settings.load_profile("candlehouse")
    for name in list(os.environ):
        ours = name.startswith(_OURS) and not name.startswith("CANDLEHOUSE_TEST_")
        if ours or name.lower() in _PROXIES:
            del os.environ[name]
    os.environ["CANDLEHOUSE_ENV_FILE"] = os.devnull
    # Whoever serves the API in a test does not build the web app of this checkout beside it.
    os.environ["CANDLEHOUSE_WEB_BUILD"] = "false"
    os.environ["TZ"] = "Pacific/Chatham"
    time.tzset()


@pytest.fixture(autouse=True, scope="session")
def only_loopback_sockets() -> Iterator[None]:
    """Refuse every address but this machine's own, before anything is sent.

    RuntimeError and not OSError: code under test that survives a broken network must not survive this.
    """
    with pytest.MonkeyPatch.context() as patch:
        _guard(patch, socket.socket, "connect", lambda _, address, *rest: address)
        _guard(patch, socket.socket, "connect_ex", lambda _, address, *rest: address)
        _guard(patch, socket, "getaddrinfo", lambda host, *rest, **named: (host,))
        yield


def _guard(patch: pytest.MonkeyPatch, owner: Any, name: str, address_of: Any) -> None:
    original = getattr(owner, name)

    def guarded(*args: Any, **kwargs: Any) -> Any:
        address = address_of(*args, **kwargs)
        if isinstance(address, tuple) and not _is_loopback(address[0]):
            raise RuntimeError(f"a test tried to reach {address[0]!r}: only loopback is allowed")
        return original(*args, **kwargs)

    patch.setattr(owner, name, guarded)


def _is_loopback(host: Any) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session")
def real_data_dir() -> Path:
    """Return the folder with unmodified exchange data: ``binance/``, ``kraken/``."""
    folder = Path(os.environ.get("REAL_DATA_DIR") or PROJECT_ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real exchange data at {folder} (REAL_DATA_DIR names another folder)")
    return folder


@pytest.fixture(scope="session")
def mariadb_server() -> DatabaseServer:
    return servers.database_server("CANDLEHOUSE_TEST_MARIADB_URL", "MariaDB")


@pytest.fixture(scope="session")
def mysql_server() -> DatabaseServer:
    return servers.database_server("CANDLEHOUSE_TEST_MYSQL_URL", "MySQL")


@pytest.fixture(scope="session")
def s3_server() -> S3Server:
    return servers.s3_server()


@pytest.fixture
def mariadb_database(mariadb_server: DatabaseServer) -> Iterator[str]:
    """Give the name of an empty database of its own on ``mariadb_server``."""
    with servers.fresh_database(mariadb_server) as name:
        yield name


@pytest.fixture
def mariadb_url(mariadb_server: DatabaseServer, mariadb_database: str) -> str:
    """Return SQLAlchemy's URL of an empty MariaDB database of its own."""
    return mariadb_server.url(mariadb_database)


@pytest.fixture
def mysql_database(mysql_server: DatabaseServer) -> Iterator[str]:
    """Give the name of an empty database of its own on ``mysql_server``."""
    with servers.fresh_database(mysql_server) as name:
        yield name


@pytest.fixture
def mysql_url(mysql_server: DatabaseServer, mysql_database: str) -> str:
    """Return SQLAlchemy's URL of an empty MySQL database of its own."""
    return mysql_server.url(mysql_database)


@pytest.fixture(params=["mariadb", "mysql"])
def database_server(request: pytest.FixtureRequest) -> DatabaseServer:
    """Return the MariaDB and the MySQL server in turn."""
    server: DatabaseServer = request.getfixturevalue(f"{request.param}_server")
    return server


@pytest.fixture
def database(database_server: DatabaseServer) -> Iterator[str]:
    """Give the name of an empty database of its own on ``database_server``."""
    with servers.fresh_database(database_server) as name:
        yield name


@pytest.fixture
def database_url(database_server: DatabaseServer, database: str) -> str:
    """Return SQLAlchemy's URL of an empty database of its own on ``database_server``."""
    return database_server.url(database)


@pytest.fixture(params=["sqlite", "mariadb", "mysql"])
def warehouse_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return SQLAlchemy's URL of an empty warehouse, once for each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/warehouse.db"
    return str(request.getfixturevalue(f"{request.param}_url"))
