"""The exchange: may we call it, does it answer, does it accept our region, and what does its clock say.

A block (429, 418) is respected here as anywhere: the doctor calls within the shared budget, and where that
cannot be read it opens a connection without asking anything.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy
from sqlalchemy.exc import SQLAlchemyError

from src.clock import Clock
from src.domain import MINUTE_MS, ClockOffset, format_utc
from src.errors import (
    CandlehouseError,
    SourceBlocked,
    SourceError,
    SourcePermanent,
    SourceResting,
    Stopped,
)
from src.extract.exchange import Exchange
from src.extract.http import BadAddress, without_secrets
from src.maintenance.doctor.findings import Finding, Verdict, explain, ok, problem, warning
from src.maintenance.doctor.halted import check_halted
from src.warehouse.budgets import CLOSED, BudgetRow, find_budget
from src.warehouse.engine import Warehouse, open_warehouse, sqlite_url
from src.warehouse.health import is_begun
from src.warehouse.schema import migrate

_KNOCK_S = 2.0
_MOST_KNOCKS = 3
_OFFSET_MS = 1_000
_LONG_BLOCK_MS = 5 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class ExchangePlace:
    """Which exchange, at which addresses (the first is asked), under which egress and share of its limit."""

    name: str
    hosts: Sequence[str]
    egress: str
    share: float


def check_exchange(
    place: ExchangePlace,
    warehouse: Warehouse | None,
    open_exchange: Callable[[Warehouse], Exchange],
    clock: Clock,
) -> Iterator[Finding]:
    """Look at the exchange; *open_exchange* must give one that asks once and waits for nothing."""
    yield ok("place", f"{place.name} at {', '.join(map(without_secrets, place.hosts))}")
    try:
        with _budget_home(warehouse) as home:
            with home.read() as connection:
                row = find_budget(connection, place.name, place.egress)
            yield from judge_budget(row, place.share, clock.now_ms())
            if row is None or (row.blocked_until_ms or 0) <= clock.now_ms():
                yield from _ask(open_exchange(home), place, home, clock)
    except (CandlehouseError, SQLAlchemyError):
        found = "not known without the warehouse, so nothing is asked: this address may be banned"
        yield warning("budget", found, "see what the doctor says of the warehouse")
        yield _knock_at(place.hosts)


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


def judge_budget(row: BudgetRow | None, share: float, now_ms: int) -> Iterator[Finding]:
    """Judge the budget, a block, and the breaker."""
    if row is None:
        yield ok("budget", "nothing has been called from here yet")
        return
    yield _judge_weight(row, share)
    yield _judge_block(row, now_ms)
    yield _judge_breaker(row)


def _judge_weight(row: BudgetRow, share: float) -> Finding:
    if row.weight_limit is None:
        return ok("budget", "the exchange's limit has not been read yet", weight_limit=None)
    minute_ms = row.minute_start_ms
    at = "" if minute_ms is None else f" in the minute of {format_utc(minute_ms)[11:16]} UTC"
    allowed = int(row.weight_limit * share)
    found = f"{row.used_weight:,} of {row.weight_limit:,} weight used{at}; our share is {allowed:,}"
    return ok("budget", found, used_weight=row.used_weight, weight_limit=row.weight_limit)


def _judge_block(row: BudgetRow, now_ms: int) -> Finding:
    until_ms = row.blocked_until_ms or 0
    if until_ms <= now_ms:
        last = f"; the last one ended {format_utc(until_ms)} ({row.block_reason})" if until_ms else ""
        return ok("block", f"none{last}", blocked_until_ms=row.blocked_until_ms)
    found = f"calls are blocked until {format_utc(until_ms)} ({row.block_reason}); not asked meanwhile"
    advice = (
        "they go on by themselves then; if it happens again, lower CANDLEHOUSE_BUDGET_SHARE or look for "
        "other programs that call from this address"
    )
    judge = problem if until_ms - now_ms > _LONG_BLOCK_MS else warning
    return judge("block", found, advice, blocked_until_ms=until_ms)


def _judge_breaker(row: BudgetRow) -> Finding:
    state, failures = row.breaker_state, row.breaker_failures
    if state == CLOSED:
        return ok("breaker", f"closed, {failures} failures in a row", state=state, failures=failures)
    since = "" if row.breaker_opened_at_ms is None else f" since {format_utc(row.breaker_opened_at_ms)}"
    found = f"{state}{since} after {failures} failures in a row"
    advice = "it closes by itself when the exchange answers again; the daemon's log says what failed"
    return warning("breaker", found, advice, state=state, failures=failures)


def _ask(exchange: Exchange, place: ExchangePlace, home: Warehouse, clock: Clock) -> Iterator[Finding]:
    started_ms = clock.steady_ms()
    try:
        offset = exchange.measure_clock()
    except Stopped:
        found = "not asked: this minute's share of the budget is used up, or another call tests the exchange"
        yield warning("reachable", found, "ask the doctor again in a minute")
    except (SourceBlocked, SourceResting) as error:
        yield warning("reachable", explain(error), "ask the doctor again after that")
    except BadAddress as error:
        yield problem("address", explain(error), "nothing can be fetched until then")
    except SourcePermanent as error:
        yield problem("region", explain(error), "set BINANCE_BASE_URL to an address that serves you")
    except SourceError as error:
        yield _judge_silence(error, place)
    else:
        yield ok("reachable", f"answered in {clock.steady_ms() - started_ms} ms")
        yield ok("region", "calls from this address are accepted")
        yield judge_offset(offset)
        yield from check_halted(exchange, home)


def _judge_silence(error: SourceError, place: ExchangePlace) -> Finding:
    """Judge a first address that does not answer by whether another one could stand in."""
    if any(_knock(host) is None for host in place.hosts[1 : 1 + _MOST_KNOCKS]):
        return warning(
            "reachable", explain(error), "another of its addresses stands in: nothing needs to be done"
        )
    advice = "check network, proxy (HTTPS_PROXY) and firewall; candles are caught up when it answers"
    return problem("reachable", explain(error), advice)


def judge_offset(offset: ClockOffset) -> Finding:
    """Judge our clock by the exchange's."""
    found = f"ours is {-offset.offset_ms:+,} ms from the exchange's, give or take {offset.error_ms:,} ms"
    numbers = {"offset_ms": offset.offset_ms, "error_ms": offset.error_ms}
    if abs(offset.offset_ms) > _OFFSET_MS:
        advice = (
            "set it by NTP (timedatectl set-ntp true); candles are right all the same, but object keys and "
            "logs carry this clock's time"
        )
        return Finding("clock", Verdict.WARNING, found, advice, numbers)
    if offset.error_ms > _OFFSET_MS:
        advice = "the line is slow: look for what else uses it; candles count as closed that much later"
        return Finding("clock", Verdict.WARNING, found, advice, numbers)
    return Finding("clock", Verdict.OK, found, "", numbers)


def _knock_at(hosts: Sequence[str]) -> Finding:
    """Open a connection and ask nothing."""
    refusals = []
    for host in hosts[:_MOST_KNOCKS]:
        refusal = _knock(host)
        if refusal is None:
            return ok("reachable", f"{without_secrets(host)} takes connections")
        refusals.append(refusal)
    return problem("reachable", "; ".join(refusals), "check network, proxy (HTTPS_PROXY) and firewall")


def _knock(base_url: str) -> str | None:
    """Return why there is no connection, None when there is; to the proxy, where one stands before it."""
    parts = urlsplit(select_proxy(base_url, get_environ_proxies(base_url)) or base_url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((host, port), _KNOCK_S):
            return None
    except OSError as error:
        return f"{host}:{port}: {explain(error)}"
