"""The warehouse's connections and transactions.

Every write goes through ``run`` or ``write``; a deadlock or lock timeout repeats the whole transaction,
which is safe because nothing outside the database happens inside one. Database errors that mean "not
reachable" leave here as WarehouseUnavailable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from src.errors import ConfigurationError, WarehouseUnavailable
from src.warehouse import dialects

T = TypeVar("T")

# Deadlock and lock wait timeout on MySQL and MariaDB, "record has changed since last read" on MariaDB 11.
_REPEATABLE_ERRNOS = {1213, 1205, 1020}
_UNKNOWN_DATABASE = 1049
_ACCESS_DENIED = {1044, 1045, 1698}
_ATTEMPTS = 10


def mysql_url(host: str, port: int, user: str, password: str, database: str) -> str:
    """Return the URL of a MySQL or MariaDB warehouse."""
    url = URL.create("mysql+mysqlconnector", user, password, host, port, database)
    return url.render_as_string(hide_password=False)


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite warehouse in that file."""
    return f"sqlite:///{path}"


class Warehouse:
    """One database with the project's rules of reading and writing."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._readonly = engine.execution_options(readonly=True)

    @property
    def is_mysql(self) -> bool:
        return dialects.is_mysql(self.engine)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a write transaction: committed at the end, rolled back on any error."""
        with _translated(self.engine.url), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads and blocks no writer."""
        with _translated(self.engine.url), self._readonly.begin() as connection:
            yield connection

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run *work* in a write transaction, again from its start when others were in its way."""

        def attempt() -> T:
            with self.write() as connection:
                return work(connection)

        retrying = Retrying(
            retry=retry_if_exception(is_repeatable),
            wait=wait_random_exponential(multiplier=0.02, max=1.0),
            stop=stop_after_attempt(_ATTEMPTS),
            reraise=True,
        )
        return retrying(attempt)

    def close(self) -> None:
        """Give all connections back to the database."""
        self.engine.dispose()


def open_warehouse(url: str, pool_size: int = 5) -> Warehouse:
    """Prepare the warehouse at *url*; nothing is connected until first use."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        Path(parsed.database or "").parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, pool_size=pool_size, max_overflow=10)
    else:
        engine = create_engine(
            parsed,
            pool_size=pool_size,
            max_overflow=10,
            pool_pre_ping=True,
            pool_recycle=1800,
            isolation_level="READ COMMITTED",
            connect_args=_mysql_arguments(),
        )
    dialects.prepare_engine(engine)
    return Warehouse(engine)


def create_database(url: str | URL) -> None:
    """Create the MySQL database named in *url* where it is missing; nothing to do for SQLite."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return
    server = create_engine(parsed._replace(database=None), connect_args=_mysql_arguments())
    name = str(parsed.database).replace("`", "``")
    try:
        with _translated(parsed), server.begin() as connection:
            connection.exec_driver_sql(
                f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
            )
    finally:
        server.dispose()


def is_repeatable(error: BaseException) -> bool:
    """Whether the same transaction may well succeed when it is run again."""
    if not isinstance(error, DBAPIError):
        return False
    if error_number(error) in _REPEATABLE_ERRNOS:
        return True
    return "database is locked" in str(error.orig)


def error_number(error: DBAPIError) -> int | None:
    """Return MySQL's error number, None on SQLite."""
    return getattr(error.orig, "errno", None)


def _mysql_arguments() -> dict[str, Any]:
    # The connector's own default collation, utf8mb4_0900_ai_ci, is unknown to MariaDB.
    return {
        "collation": "utf8mb4_general_ci",
        "charset": "utf8mb4",
        "allow_local_infile": True,
        "connection_timeout": 10,
    }


@contextmanager
def _translated(url: URL) -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, DBAPIError) as error:
        number = error_number(error)
        if number in _ACCESS_DENIED:
            raise ConfigurationError(
                f"{url.host} refuses user {url.username!r}: check MYSQL_USER, MYSQL_PASSWORD and the "
                f"user's rights on {url.database!r} ({error.orig})"
            ) from error
        if error.connection_invalidated or number in {2002, 2003, 2005, 2006, 2013, 2055, _UNKNOWN_DATABASE}:
            raise WarehouseUnavailable(
                f"the warehouse at {url.host}:{url.port}/{url.database} cannot be reached: check that the "
                f"server runs and MYSQL_HOST, MYSQL_PORT, MYSQL_DATABASE ({error.orig})"
            ) from error
        if "unable to open database file" in str(error.orig):
            raise WarehouseUnavailable(
                f"the warehouse {url.database} cannot be opened: check that its folder exists and is writable"
            ) from error
        raise
