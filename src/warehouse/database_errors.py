"""What a database's errors mean: worth another try, a matter of settings, or not reachable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from src.errors import ConfigurationError, WarehouseUnavailable

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


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Let the database's errors out as ours where somebody has to act, and unchanged else."""
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
