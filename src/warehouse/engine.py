"""The warehouse's connections and transactions.

Every write goes through ``run`` or ``write``; a deadlock or lock timeout repeats the whole transaction,
which is safe because nothing outside the database happens inside one. The last statements of a write
transaction are the checks that whoever writes still may: the leader's, and those of ``guarded_by``. Database
errors that mean "not reachable" leave here as WarehouseUnavailable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.pool import QueuePool
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from src.errors import ConfigurationError, WarehouseUnavailable
from src.fair_lock import FairLock
from src.warehouse import dialects

T = TypeVar("T")

# Raises, and so rolls back, when a transaction's writer may not write any more.
Check = Callable[[Connection], None]

_thread_checks: ContextVar[tuple[Check, ...]] = ContextVar("thread_checks", default=())

# Deadlock and lock wait timeout on MySQL and MariaDB, "record has changed since last read" on MariaDB 11.
_REPEATABLE_ERRNOS = {1213, 1205, 1020}
# Unknown database; shutting down; not found, or not there.
_UNREACHABLE = {1049, 1053, 2002, 2003, 2005}
# Gone, or lost meanwhile; MySQL's word for a session that was silent too long.
_CUT_OFF = {2006, 2013, 2055, 4031}
_ACCESS_DENIED = {1044, 1045, 1698}
# LOAD DATA LOCAL refused by the server: 3948 and 3950 MySQL, 4166 MariaDB, 1148 older ones.
_LOCAL_INFILE_OFF = {1148, 3948, 3950, 4166}
# A password that this server has not checked since its start goes over TLS or not at all.
_TLS_NEEDED = 2061
# Disk full, table full.
_NO_SPACE = {1021, 1114}
_ATTEMPTS = 10

# Beyond the pool's size, for a moment when everybody wants one; closed as soon as they are given back.
_MAX_OVERFLOW = 10
_POOL_TIMEOUT_S = 30
# Well below the hour after which many firewalls drop a connection, whether it is used or not.
_RECYCLE_S = 1800
# A process that is frozen inside a transaction holds its locks no longer than this: then the server ends its
# session. Shorter than what is left of a leader's lease when it freezes (see ``src.jobs.leadership``), and
# than ``innodb_lock_wait_timeout``, so that who takes over waits for those locks without an error.
_SILENCE_S = 15


def mysql_url(host: str, port: int, user: str, password: str, database: str) -> str:
    """Return the URL of a MySQL or MariaDB warehouse."""
    url = URL.create("mysql+mysqlconnector", user, password, host, port, database)
    return url.render_as_string(hide_password=False)


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite warehouse in that file."""
    return f"sqlite:///{path}"


@dataclass(frozen=True, slots=True)
class PoolNumbers:
    """The connections of this process: how many it keeps and may have at most, and what they do now.

    *overflow* are those beyond *size*. SQLite's connections are files that are open.
    """

    size: int
    most: int
    checked_out: int
    idle: int
    overflow: int


class Warehouse:
    """One database with the project's rules of reading and writing; *attempts* are those of ``run``.

    *guard* is None in a process that does not lead. In one that does, it is asked at the start of each write
    transaction for the check at its end, so that what began before leadership was lost cannot be committed
    after it was won again.
    """

    def __init__(self, engine: Engine, attempts: int = _ATTEMPTS) -> None:
        self.engine = engine
        self.guard: Callable[[], Check] | None = None
        self._attempts = attempts
        self._readonly = engine.execution_options(readonly=True)
        # SQLite's one place to write goes to whoever tries at the right moment: among many busy threads one
        # may wait for half a minute, and be the one that renews the leader's lease. A server keeps a queue.
        self._turn = nullcontext() if self.is_mysql else FairLock()

    @property
    def is_mysql(self) -> bool:
        return dialects.is_mysql(self.engine)

    @contextmanager
    def write(self, *, guarded: bool = True) -> Iterator[Connection]:
        """Open a write transaction: committed at the end, rolled back on any error.

        Not *guarded* is what every process may write, whoever leads.
        """
        checks = self._checks() if guarded else ()
        with self._turn, _translated(self.engine.url), self.engine.begin() as connection:
            yield connection
            for check in checks:
                check(connection)

    def _checks(self) -> tuple[Check, ...]:
        # The leader's comes last: it locks a row that all share, and nobody may wait for another row with it.
        guard = self.guard
        return (*_thread_checks.get(), guard()) if guard else _thread_checks.get()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads and blocks no writer."""
        with _translated(self.engine.url), self._readonly.begin() as connection:
            yield connection

    def run(self, work: Callable[[Connection], T], *, guarded: bool = True) -> T:
        """Run *work* in a write transaction, again from its start when others were in its way."""

        def attempt() -> T:
            with self.write(guarded=guarded) as connection:
                return work(connection)

        retrying = Retrying(
            retry=retry_if_exception(is_repeatable),
            wait=wait_random_exponential(multiplier=0.02, max=1.0),
            stop=stop_after_attempt(self._attempts),
            reraise=True,
        )
        return retrying(attempt)

    def keep_alive(self) -> None:
        """Use each idle connection once: the server ends those that are silent, and notes it in its log."""
        pool = self.engine.pool
        if not self.is_mysql or not isinstance(pool, QueuePool):
            return
        for _ in range(pool.checkedin()):  # first in, first out: each time another one
            if pool.checkedin():  # else they are in use, and to ask for one more might mean to wait
                with self.read() as connection:
                    connection.exec_driver_sql("DO 0")

    def pool_numbers(self) -> PoolNumbers:
        """Return how busy the connection pool is at this moment."""
        pool = self.engine.pool
        assert isinstance(pool, QueuePool)
        # SQLAlchemy counts overflow from minus the size upward.
        return PoolNumbers(
            size=pool.size(),
            most=pool.size() + _MAX_OVERFLOW,
            checked_out=pool.checkedout(),
            idle=pool.checkedin(),
            overflow=max(0, pool.overflow()),
        )

    def close(self) -> None:
        """Give all connections back to the database."""
        self.engine.dispose()


@contextmanager
def guarded_by(check: Check) -> Iterator[None]:
    """Have *check* end every write transaction of this thread too, in every warehouse."""
    outer = _thread_checks.set((*_thread_checks.get(), check))
    try:
        yield
    finally:
        _thread_checks.reset(outer)


def open_warehouse(
    url: str,
    pool_size: int = 5,
    patience_s: int | None = None,
    *,
    silence_s: int = _SILENCE_S,
    answer_s: int | None = None,
) -> Warehouse:
    """Prepare the warehouse at *url*; nothing is connected until first use.

    With *patience_s* nobody waits longer than that for the server, an answer or a lock, and nothing is tried
    twice: for checks, which must not hang, and not for work. Other sessions are ended by the server once they
    are silent for *silence_s*, and what they had not committed is rolled back. With *answer_s* nobody waits
    longer than that for a connection or an answer, which is for those who serve others meanwhile.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        _make_folder(Path(parsed.database or "").parent)
        engine = create_engine(parsed, pool_size=pool_size, max_overflow=_MAX_OVERFLOW)
    else:
        engine = create_engine(
            parsed,
            pool_size=pool_size,
            max_overflow=_MAX_OVERFLOW,
            pool_pre_ping=True,
            pool_recycle=_RECYCLE_S,
            pool_timeout=answer_s or _POOL_TIMEOUT_S,
            isolation_level="READ COMMITTED",
            connect_args=_mysql_arguments(patience_s, answer_s),
        )
    dialects.prepare_engine(engine)
    if patience_s is None:
        dialects.limit_silence(engine, silence_s)
        return Warehouse(engine)
    # A little less, so that the server says what it waited for before we stop listening.
    dialects.limit_waits(engine, max(1, patience_s - 1))
    return Warehouse(engine, attempts=1)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WarehouseUnavailable(
            f"the folder of the warehouse {folder} cannot be made ({error}): check CANDLEHOUSE_DATA_DIR and "
            "the rights on its parent"
        ) from error


def create_database(url: str | URL, patience_s: int | None = None) -> None:
    """Create the MySQL database named in *url* where it is missing; nothing to do for SQLite.

    With *patience_s* nobody waits longer than that for the server or its answer.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return
    server = create_engine(parsed._replace(database=None), connect_args=_mysql_arguments(patience_s))
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


def _mysql_arguments(patience_s: int | None = None, answer_s: int | None = None) -> dict[str, Any]:
    # The connector's own default collation, utf8mb4_0900_ai_ci, is unknown to MariaDB.
    arguments = {
        "collation": "utf8mb4_general_ci",
        "charset": "utf8mb4",
        "allow_local_infile": True,
        "connection_timeout": 10,
    }
    if patience_s is not None:
        arguments["connection_timeout"] = patience_s
    if (most_s := patience_s or answer_s) is not None:
        arguments |= dict.fromkeys(("read_timeout", "write_timeout"), most_s)
    return arguments


@contextmanager
def _translated(url: URL) -> Iterator[None]:
    try:
        yield
    except PoolExhausted as error:
        raise WarehouseUnavailable(
            f"all connections to the warehouse are in use ({error}): raise MYSQL_POOL_SIZE, or see what the "
            "database is busy with"
        ) from error
    except (OperationalError, InterfaceError, DBAPIError) as error:
        number = error_number(error)
        if problem := _misconfiguration(url, number):
            raise ConfigurationError(f"{problem} ({error.orig})") from error
        if number in _CUT_OFF:
            raise WarehouseUnavailable(
                f"the session with the warehouse at {url.host}:{url.port}/{url.database} was ended, by the "
                "server or on the way; what it had not committed is rolled back: check that the server runs, "
                f"and whether this process or its machine was halted meanwhile ({error.orig})"
            ) from error
        if error.connection_invalidated or number in _UNREACHABLE:
            raise WarehouseUnavailable(
                f"the warehouse at {url.host}:{url.port}/{url.database} cannot be reached: check that the "
                f"server runs and MYSQL_HOST, MYSQL_PORT, MYSQL_DATABASE ({error.orig})"
            ) from error
        if "file is not a database" in str(error.orig) or "malformed" in str(error.orig):
            raise WarehouseUnavailable(
                f"the warehouse {url.database} is no SQLite database, or a damaged one ({error.orig}): put a "
                "copy in its place, or move it away; a new one is then loaded from the lake"
            ) from error
        if "unable to open database file" in str(error.orig):
            raise WarehouseUnavailable(
                f"the warehouse {url.database} cannot be opened: check that its folder exists and is writable"
            ) from error
        if "disk is full" in str(error.orig) or number in _NO_SPACE:
            raise WarehouseUnavailable(
                f"the warehouse {url.database} has no space left: free some on its disk, and it goes on by "
                f"itself; nothing is lost ({error.orig})"
            ) from error
        raise


def _misconfiguration(url: URL, number: int | None) -> str | None:
    """Say what the operator has to set, when an error of that number means it."""
    if number in _ACCESS_DENIED:
        return (
            f"{url.host} refuses user {url.username!r}: check MYSQL_USER, MYSQL_PASSWORD and the "
            f"user's rights on {url.database!r}"
        )
    if number == _TLS_NEEDED:
        return (
            f"{url.host} wants the password of user {url.username!r} over TLS, which it does not offer: give "
            "the server certificates (MySQL makes its own unless told otherwise)"
        )
    if number in _LOCAL_INFILE_OFF:
        return (
            f"{url.host} refuses LOAD DATA LOCAL, by which candles are loaded: its variable local_infile is "
            "off. An administrator turns it on with SET GLOBAL local_infile=1, and with local_infile=1 below "
            "[mysqld] in its configuration for good"
        )
    return None
