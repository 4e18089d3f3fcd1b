"""The warehouse: server, settings that matter, whether it can be written and loaded into, schema, pool."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from src.clock import Clock
from src.errors import CandlehouseError
from src.maintenance.doctor.findings import Finding, Verdict, explain, ok, problem, warning
from src.warehouse.database_errors import is_repeatable
from src.warehouse.engine import PoolNumbers, Warehouse
from src.warehouse.health import (
    ServerFacts,
    has_database,
    is_begun,
    open_server,
    probe_bulk_load,
    probe_create,
    probe_write,
    read_server,
)
from src.warehouse.schema import BASELINE, find_version, list_migrations

_UNREACHABLE = "mend that; the daemon goes on by itself once it is back, and depth is landed meanwhile"
_BEGIN = "./candlehouse up makes it and starts to collect"
_OLDEST = {"MySQL": (8, 0), "MariaDB": (10, 6)}
_PACKET_BYTES = 16 * 1024 * 1024
_CLOCK_MS = 1_000
_PATIENCE_S = 3


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a setting must be; one that a server does not have is left out."""

    setting: str
    accepts: Callable[[str], bool]
    otherwise: Verdict
    advice: str


_SESSION = "the server did not take what each session sets: is a proxy or a connection pooler in between?"
_MYSQL_RULES = (
    _Rule(
        "local_infile",
        lambda value: value.upper() in {"ON", "1"},
        Verdict.PROBLEM,
        "SET GLOBAL local_infile = 1, and local_infile=1 under [mysqld] so that it stays: loads need it",
    ),
    _Rule("sql_mode", lambda value: "STRICT_ALL_TABLES" in value, Verdict.PROBLEM, _SESSION),
    _Rule("time_zone", lambda value: value == "+00:00", Verdict.PROBLEM, _SESSION),
    _Rule("transaction_isolation", lambda value: value == "READ-COMMITTED", Verdict.PROBLEM, _SESSION),
    _Rule("tx_isolation", lambda value: value == "READ-COMMITTED", Verdict.PROBLEM, _SESSION),
    _Rule(
        "innodb_flush_log_at_trx_commit",
        lambda value: value == "1",
        Verdict.WARNING,
        "set it to 1: as it is, a power failure may undo the last second, watermarks and bans included",
    ),
    _Rule(
        "max_allowed_packet",
        lambda value: int(value) >= _PACKET_BYTES,
        Verdict.WARNING,
        "set it to 16M or more, or large statements are refused",
    ),
)
_SQLITE_RULES = (
    _Rule(
        "journal_mode",
        lambda value: value == "wal",
        Verdict.PROBLEM,
        "readers and the loader block each other without it: keep the file on a disk of this machine, no "
        "network drive",
    ),
    _Rule(
        "auto_vacuum",
        lambda value: value == "2",
        Verdict.WARNING,
        "the file never shrinks; a warehouse that Candlehouse makes itself has 2 (incremental)",
    ),
)


def check_warehouse(warehouse: Warehouse | None, place: str, clock: Clock) -> Iterator[Finding]:
    """Look at the warehouse at *place*; None stands for a SQLite file that is not there."""
    yield ok("place", place)
    if warehouse is None:
        yield ok("begun", "not there yet: nothing has been started here", _BEGIN)
        return
    started_ms = clock.steady_ms()
    try:
        begun = is_begun(warehouse)
    except (CandlehouseError, SQLAlchemyError) as error:
        yield problem("reachable", explain(error), _UNREACHABLE)
        return
    yield ok("reachable", f"answered in {clock.steady_ms() - started_ms} ms")
    if begun:
        yield from _look_inside(warehouse, clock)
    elif has_database(warehouse):
        yield ok("begun", "no tables yet: nothing has been started here", f"{_BEGIN}; is the name right?")
        yield from _look_around(warehouse, clock)
        yield _try("writable", lambda: warehouse.run(probe_create), "a table was made and dropped again")
        yield from _try_bulk_load(warehouse)
    else:
        yield ok("begun", "no database yet: nothing has been started here", f"{_BEGIN}; is the name right?")
        with open_server(warehouse, _PATIENCE_S) as server:
            yield from _look_around(server, clock)


def _look_inside(warehouse: Warehouse, clock: Clock) -> Iterator[Finding]:
    facts = yield from _look_around(warehouse, clock)
    yield _try("writable", lambda: warehouse.run(probe_write), "a row was inserted and taken back")
    yield from _try_bulk_load(warehouse)
    yield _judge_schema(warehouse)
    yield judge_pool(warehouse.pool_numbers(), facts.settings)


def _look_around(warehouse: Warehouse, clock: Clock) -> Generator[Finding, None, ServerFacts]:
    """Judge what can be told before there is a schema."""
    with warehouse.read() as connection:
        facts = read_server(connection)
    yield from judge_server(facts)
    yield _judge_clock(facts.now_ms - clock.now_ms())
    return facts


def _try_bulk_load(warehouse: Warehouse) -> Iterator[Finding]:
    if warehouse.is_mysql:
        took = "LOAD DATA LOCAL took a row into a temporary table"
        yield _try("bulk load", lambda: warehouse.run(probe_bulk_load), took)


def judge_server(facts: ServerFacts) -> Iterator[Finding]:
    """Judge version, driver and settings."""
    yield _judge_version(facts)
    yield _judge_driver(facts)
    rules = _SQLITE_RULES if facts.kind == "SQLite" else _MYSQL_RULES
    for rule in rules:
        value = facts.settings.get(rule.setting)
        if value is not None:
            accepted = rule.accepts(value)
            verdict, advice = (Verdict.OK, "") if accepted else (rule.otherwise, rule.advice)
            yield Finding(rule.setting, verdict, value.replace(",", ", ") or "(empty)", advice)
    if "log_bin" in facts.settings:
        yield _judge_binlog(facts.settings)


def _judge_version(facts: ServerFacts) -> Finding:
    found = f"{facts.kind} {facts.version}"
    oldest = _OLDEST.get(facts.kind)
    if oldest and facts.number < oldest:
        return problem("version", found, f"take {facts.kind} {oldest[0]}.{oldest[1]} or newer")
    if facts.kind == "TiDB":
        return warning("version", found, "the SQL keeps to what TiDB has, but it is not tested there")
    return ok("version", found)


def _judge_driver(facts: ServerFacts) -> Finding:
    if facts.is_native:
        return ok("driver", facts.driver + (", C extension" if facts.kind != "SQLite" else ""))
    advice = "install what requirements.lock names (rm -r .venv, then ./candlehouse): loads are half as fast"
    return warning("driver", f"{facts.driver}, pure Python: its C extension cannot be loaded", advice)


def _judge_binlog(settings: Mapping[str, str]) -> Finding:
    if settings["log_bin"].upper() not in {"ON", "1"}:
        return ok("binary log", "off")
    form = settings.get("binlog_format", "ROW")
    if form == "STATEMENT":
        advice = "SET GLOBAL binlog_format = ROW (and in the server's file): READ COMMITTED cannot write so"
        return problem("binary log", form, advice)
    return ok("binary log", form)


def _judge_clock(ahead_ms: int) -> Finding:
    found = f"UTC, {ahead_ms:+,} ms from ours"
    if abs(ahead_ms) <= _CLOCK_MS:
        return ok("clock", found, ahead_ms=ahead_ms)
    advice = "set both machines' clocks by NTP (timedatectl set-ntp true)"
    return warning("clock", found, advice, ahead_ms=ahead_ms)


def _try(check: str, attempt: Callable[[], None], found: str) -> Finding:
    try:
        attempt()
    except (CandlehouseError, SQLAlchemyError) as error:
        if is_repeatable(error):
            return warning(check, explain(error), "another process is busy writing: ask again in a moment")
        advice = "until this is mended nothing can be loaded; what is landed waits in the lake"
        return problem(check, explain(error), advice)
    return ok(check, found)


def _judge_schema(warehouse: Warehouse) -> Finding:
    steps = list_migrations(warehouse)
    wanted = steps[-1].number if steps else BASELINE
    with warehouse.read() as connection:
        found = find_version(connection) or 0
    numbers: dict[str, Any] = {"version": found, "wanted": wanted}
    if found == wanted:
        return ok("schema", f"version {found}", **numbers)
    if found < wanted:
        advice = "./candlehouse migrate brings it up to date, and so does the next start"
        return warning("schema", f"version {found}, this program needs {wanted}", advice, **numbers)
    advice = "install the newer Candlehouse that wrote it"
    return problem("schema", f"version {found}, this program knows {wanted} at most", advice, **numbers)


def judge_pool(pool: PoolNumbers, settings: Mapping[str, str]) -> Finding:
    """Judge this process's pool against what the server grants."""
    found = (
        f"keeps {pool.size}, {pool.most} at most; here and now {pool.checked_out} in use, {pool.idle} idle, "
        f"{pool.overflow} beyond the size"
    )
    numbers: dict[str, Any] = asdict(pool)
    granted = int(settings.get("max_connections", 0))
    if granted and pool.most > granted:
        advice = f"lower MYSQL_POOL_SIZE, or raise the server's max_connections, now {granted}"
        return warning("pool", found, advice, **numbers)
    return ok("pool", found, **numbers)
