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
from sqlalchemy.pool import QueuePool
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from src.errors import WarehouseUnavailable
from src.fair_lock import FairLock
from src.warehouse import dialects, sessions
from src.warehouse.database_errors import is_repeatable, translated

T = TypeVar("T")

# Raises, and so rolls back, when a transaction's writer may not write any more.
Check = Callable[[Connection], None]

_thread_checks: ContextVar[tuple[Check, ...]] = ContextVar("thread_checks", default=())

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
        with self._turn, translated(self.engine.url), self.engine.begin() as connection:
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
        with translated(self.engine.url), self._readonly.begin() as connection:
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
    sessions.prepare_engine(engine)
    if patience_s is None:
        sessions.limit_silence(engine, silence_s)
        return Warehouse(engine)
    # A little less, so that the server says what it waited for before we stop listening.
    sessions.limit_waits(engine, max(1, patience_s - 1))
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
        with translated(parsed), server.begin() as connection:
            connection.exec_driver_sql(
                f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
            )
    finally:
        server.dispose()


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
