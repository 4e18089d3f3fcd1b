"""The exchange: may we call it, does it answer, does it accept our region, and what does its clock say.

A block (429, 418) is respected here as anywhere: the doctor calls within the shared budget, and where that
cannot be read it opens a connection without asking anything.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy
from sqlalchemy import Row, select
from sqlalchemy.exc import SQLAlchemyError

from src.clock import Clock
from src.domain import MINUTE_MS, ClockOffset, format_utc
from src.errors import CandlehouseError, SourceBlocked, SourceError, SourcePermanent, Stopped
from src.extract.exchange import Exchange
from src.maintenance.doctor.findings import Finding, explain, ok, problem, warning
from src.warehouse.engine import Warehouse, open_warehouse, sqlite_url
from src.warehouse.health import is_begun
from src.warehouse.schema import migrate
from src.warehouse.tables import exchange_budget

_CONNECT_S = 3.0
_OFFSET_MS = 1_000
_LONG_BLOCK_MS = 5 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class ExchangePlace:
    """Which exchange, at which address, called under which name and with what share of its limit."""

    name: str
    base_url: str
    egress: str
    share: float


def check_exchange(
    place: ExchangePlace,
    warehouse: Warehouse | None,
    open_exchange: Callable[[Warehouse], Exchange],
    clock: Clock,
) -> Iterator[Finding]:
    """Look at the exchange; *open_exchange* must give one that asks once and waits for nothing."""
    yield ok("place", f"{place.name} at {_address(place.base_url)}")
    try:
        with _budget_home(warehouse) as home:
            row = _find_row(home, place)
            yield from judge_budget(row, place.share, clock.now_ms())
            if row is None or (row.blocked_until or 0) <= clock.now_ms():
                yield from _ask(open_exchange(home), clock)
    except (CandlehouseError, SQLAlchemyError):
        found = "the budget cannot be read from the warehouse, so nothing is asked: we may be banned"
        yield warning("budget", found, "mend the warehouse first")
        yield _knock(place.base_url)


@contextmanager
def _budget_home(warehouse: Warehouse | None) -> Iterator[Warehouse]:
    """Give the warehouse with the shared budget; before the first start one that is thrown away."""
    if warehouse is not None and is_begun(warehouse):
        yield warehouse
        return
    with tempfile.TemporaryDirectory(prefix="candlehouse-doctor-") as folder:
        passing = open_warehouse(sqlite_url(Path(folder) / "warehouse.db"))
        try:
            migrate(passing)
            yield passing
        finally:
            passing.close()


def _find_row(warehouse: Warehouse, place: ExchangePlace) -> Row[tuple[object, ...]] | None:
    c = exchange_budget.c
    query = select(exchange_budget).where(c.exchange == place.name, c.egress == place.egress)
    with warehouse.read() as connection:
        return connection.execute(query).one_or_none()


def judge_budget(row: Row[tuple[object, ...]] | None, share: float, now_ms: int) -> Iterator[Finding]:
    """Judge the budget, a block, and the breaker."""
    if row is None:
        yield ok("budget", "nothing has been called from here yet")
        return
    yield _judge_weight(row, share)
    yield _judge_block(row, now_ms)
    yield _judge_breaker(row)


def _judge_weight(row: Row[tuple[object, ...]], share: float) -> Finding:
    numbers = {"used_weight": row.used_weight, "weight_limit": row.weight_limit}
    if row.weight_limit is None:
        return ok("budget", "the exchange's limit has not been read yet", **numbers)
    minute = "" if row.minute_start is None else f" in the minute of {format_utc(row.minute_start)[11:16]}"
    allowed = int(row.weight_limit * share)
    found = f"{row.used_weight:,} of {row.weight_limit:,} weight used{minute}; our share is {allowed:,}"
    return ok("budget", found, **numbers)


def _judge_block(row: Row[tuple[object, ...]], now_ms: int) -> Finding:
    until_ms = row.blocked_until or 0
    if until_ms <= now_ms:
        last = f"; the last one ended {format_utc(until_ms)} ({row.block_reason})" if until_ms else ""
        return ok("block", f"none{last}", blocked_until_ms=row.blocked_until)
    found = f"calls are blocked until {format_utc(until_ms)} ({row.block_reason}); not asked meanwhile"
    advice = (
        "they go on by themselves then; if it happens again, lower CANDLEHOUSE_BUDGET_SHARE or look for other "
        "programs that call from this address"
    )
    judge = problem if until_ms - now_ms > _LONG_BLOCK_MS else warning
    return judge("block", found, advice, blocked_until_ms=until_ms)


def _judge_breaker(row: Row[tuple[object, ...]]) -> Finding:
    numbers = {"state": row.breaker_state, "failures": row.breaker_failures}
    if row.breaker_state == "closed":
        return ok("breaker", f"closed, {row.breaker_failures} failures in a row", **numbers)
    since = "" if row.breaker_opened_at is None else f" since {format_utc(row.breaker_opened_at)}"
    found = f"{row.breaker_state}{since} after {row.breaker_failures} failures in a row"
    advice = "it closes by itself when the exchange answers again; the daemon's log says what failed"
    return warning("breaker", found, advice, **numbers)


def _ask(exchange: Exchange, clock: Clock) -> Iterator[Finding]:
    started_ms = clock.steady_ms()
    try:
        offset = exchange.measure_clock()
    except Stopped:
        found = "not asked: this minute's share of the budget is used up"
        yield warning("reachable", found, "ask the doctor again in a minute")
    except SourceBlocked as error:
        yield warning("reachable", str(error), "wait for that; see CANDLEHOUSE_BUDGET_SHARE")
    except SourcePermanent as error:
        yield problem("region", str(error), "set BINANCE_BASE_URL to an address that serves you")
    except SourceError as error:
        advice = "check network, proxy (HTTPS_PROXY) and firewall; candles are caught up when it answers again"
        yield problem("reachable", str(error), advice)
    else:
        yield ok("reachable", f"answered in {clock.steady_ms() - started_ms} ms")
        yield ok("region", "calls from this address are accepted")
        yield judge_offset(offset)


def judge_offset(offset: ClockOffset) -> Finding:
    """Judge our clock by the exchange's."""
    found = f"ours is {-offset.offset_ms:+,} ms from the exchange's, give or take {offset.error_ms:,} ms"
    numbers = offset._asdict()
    if abs(offset.offset_ms) > _OFFSET_MS:
        advice = (
            "set it by NTP (timedatectl set-ntp true); candles are right all the same, but object keys and "
            "logs carry this clock's time"
        )
        return warning("clock", found, advice, **numbers)
    if offset.error_ms > _OFFSET_MS:
        advice = "the line is slow: candles count as closed that much later"
        return warning("clock", found, advice, **numbers)
    return ok("clock", found, **numbers)


def _knock(base_url: str) -> Finding:
    """Open a connection, to the proxy where there is one, and ask nothing."""
    parts = urlsplit(select_proxy(base_url, get_environ_proxies(base_url)) or base_url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((host, port), _CONNECT_S):
            return ok("reachable", f"{host}:{port} takes connections")
    except OSError as error:
        return problem("reachable", f"{host}:{port}: {explain(error)}", "check network, proxy and firewall")


def _address(base_url: str) -> str:
    """Return the address without user and password, should it hold any."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
