"""How everything is doing, component by component, each with what to do: from small tables alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from src.clock import Clock
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, format_utc
from src.errors import CandlehouseError
from src.freshness import Freshness
from src.lake.store import ObjectStore
from src.maintenance.lake_home import explain_other_kind
from src.services.status import SeriesStatus, read_series
from src.warehouse.budgets import CLOSED, BudgetRow, list_budget_rows
from src.warehouse.engine import PoolNumbers, Warehouse
from src.warehouse.homes import LakeHome
from src.warehouse.leases import find_lease
from src.warehouse.run_outcomes import RunOutcomes, find_last_result, list_stuck, read_outcomes
from src.warehouse.runs import RunState
from src.warehouse.schema import check_schema

_LEADER, _WATCH_DISK = "leader", "watch_disk"
# The leader renews its lease, of 20 s, every three.
_LEASE_MS = 20_000
# The leader shows a sign of life every three seconds; a busy machine may let one or two be late.
_HEARTBEAT_MS = 9_000
_FAILURE_RATE = 0.1
# A run that works shows it every second; one that waits for its turn may do so for long.
_SILENT_MS, _QUEUED_MS = 2 * MINUTE_MS, HOUR_MS
_DISK_OLD_MS = 2 * HOUR_MS
_NAMED = 5


class Status(StrEnum):
    """Healthy; degraded: something should be looked at; down: no data are collected or can be read."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Component:
    """One part: what was *found*, *advice* on what to do (empty when healthy), *numbers* for programs."""

    name: str
    status: Status
    found: str
    advice: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """All of it; *status* is that of the component that is off the worst."""

    status: Status
    checked_ms: int
    components: list[Component]


def read_health(
    warehouse: Warehouse, pool: PoolNumbers, lake: Callable[[], ObjectStore], home: LakeHome, clock: Clock
) -> Health:
    """Look at everything; what cannot be read while the warehouse is away is left out.

    *home* is the lake that the settings of this process mean. *pool* is that of who serves, which need not
    be the one that is looked through.
    """
    now_ms = clock.now_ms()
    components = [judge_lake(lake)]
    try:
        check_schema(warehouse)
        with warehouse.read() as connection:
            components = [_judge_home(connection, home) or one for one in components]
            components = [judge_pool(pool), *components, *_inside(connection, now_ms)]
    except CandlehouseError as error:
        advice = "mend that; candles are caught up afterwards, and depth is landed meanwhile"
        components.insert(0, Component("warehouse", Status.DOWN, str(error), advice))
    return Health(_worst(components), now_ms, components)


def _worst(components: Iterable[Component]) -> Status:
    order = list(Status)
    return max((one.status for one in components), key=order.index)


def judge_pool(pool: PoolNumbers) -> Component:
    """Judge whether requests get a connection."""
    numbers = {"in_use": pool.checked_out, "idle": pool.idle, "most": pool.most, "overflow": pool.overflow}
    found = f"{pool.checked_out} of {pool.most} connections of this process are in use"
    if pool.checked_out >= pool.most:
        advice = "requests wait for a connection: raise MYSQL_POOL_SIZE, or ask less at once"
        return Component("warehouse", Status.DEGRADED, found, advice, numbers)
    return Component("warehouse", Status.HEALTHY, found, numbers=numbers)


def judge_lake(open_lake: Callable[[], ObjectStore]) -> Component:
    """Look whether both buckets can be reached."""
    try:
        missing = open_lake().missing_buckets()
    except CandlehouseError as error:
        advice = "mend that; no candle is fetched meanwhile, and depth waits in a spool"
        return Component("lake", Status.DOWN, str(error), advice)
    if missing:
        found = f"not there: {', '.join(missing)}"
        return Component("lake", Status.DEGRADED, found, "./candlehouse doctor says what to do")
    return Component("lake", Status.HEALTHY, "both buckets are there")


def _judge_home(connection: Connection, home: LakeHome) -> Component | None:
    """Tell of a process whose lake was moved away from under it."""
    other = explain_other_kind(connection, home)
    advice = "start this process again with these settings: it works with another lake than the catalog's"
    return Component("lake", Status.DEGRADED, other, advice) if other else None


def _inside(connection: Connection, now_ms: int) -> list[Component]:
    outcomes = read_outcomes(connection, now_ms - DAY_MS)
    return [
        _scheduler(connection),
        *(judge_exchange(*row, now_ms) for row in list_budget_rows(connection)),
        judge_series(read_series(connection), now_ms),
        judge_runs(outcomes),
        _stuck(connection),
        judge_disk(find_last_result(connection, _WATCH_DISK), now_ms),
    ]


def _scheduler(connection: Connection) -> Component:
    lease = find_lease(connection, _LEADER)
    if lease is None or lease.is_expired:
        since = f" since {format_utc(lease.expires_at_ms)}" if lease and lease.holder else ""
        advice = "start ./candlehouse up; candles are caught up by themselves, missed depth is gone for good"
        return Component("scheduler", Status.DOWN, f"no process leads{since}: nothing is collected", advice)
    heartbeat_ms = lease.expires_at_ms - _LEASE_MS
    numbers = {"since_ms": lease.acquired_at_ms, "heartbeat_ms": heartbeat_ms}
    if (silent_ms := lease.read_at_ms - heartbeat_ms) > _HEARTBEAT_MS:
        found = f"the process that leads has shown no sign of life for {silent_ms // 1000} s"
        advice = "if it has died, start ./candlehouse up; another one that stands by takes over within 30 s"
        return Component("scheduler", Status.DEGRADED, found, advice, numbers)
    found = f"{lease.holder.partition('/')[0]} leads since {format_utc(lease.acquired_at_ms)}"
    return Component("scheduler", Status.HEALTHY, found, numbers=numbers)


def judge_exchange(exchange: str, egress: str, row: BudgetRow, now_ms: int) -> Component:
    """Judge whether calls may go out."""
    numbers = {
        "egress": egress,
        "used_weight": row.used_weight,
        "weight_limit": row.weight_limit,
        "minute_start_ms": row.minute_start_ms,
        "blocked_until_ms": row.blocked_until_ms,
        "breaker_state": row.breaker_state,
        "breaker_failures": row.breaker_failures,
    }
    name, until_ms = f"exchange {exchange}", row.blocked_until_ms or 0
    if until_ms > now_ms:
        found = f"calls are blocked until {format_utc(until_ms)} ({row.block_reason})"
        advice = "they go on by themselves; if it happens again, lower CANDLEHOUSE_BUDGET_SHARE"
        return Component(name, Status.DEGRADED, found, advice, numbers)
    if row.breaker_state != CLOSED:
        found = f"the breaker is {row.breaker_state} after {row.breaker_failures} failures in a row"
        advice = "it closes by itself when the exchange answers again; the daemon's log says what failed"
        return Component(name, Status.DEGRADED, found, advice, numbers)
    used = f"{row.used_weight:,} weight used in its last minute"
    return Component(name, Status.HEALTHY, used, numbers=numbers)


def judge_series(rows: Sequence[SeriesStatus], now_ms: int) -> Component:
    """Judge by how fresh the tracked series are."""
    judged = {f"{row.key.symbol} {row.key.interval.value}": row.freshness(now_ms) for row in rows}
    counted = Counter(judged.values())
    numbers: dict[str, Any] = {"tracked": len(rows)} | {each.value: counted[each] for each in Freshness}
    numbers |= {"halted": sum(row.is_halted for row in rows)}
    numbers |= {"empty": sum(row.last_open_ms is None and not row.is_halted for row in rows)}
    if not rows:
        found = "nothing is tracked yet: begin at Get started"
        return Component("series", Status.HEALTHY, found, numbers=numbers)
    told = ", ".join(f"{counted[each]} {each.value}" for each in Freshness)
    if stale := [name for name, freshness in judged.items() if freshness is Freshness.STALE]:
        more = f" and {len(stale) - _NAMED} more" if len(stale) > _NAMED else ""
        advice = f"stale: {', '.join(stale[:_NAMED])}{more}; their runs and the daemon's log say why"
        return Component("series", Status.DEGRADED, told, advice, numbers)
    return Component("series", Status.HEALTHY, told, numbers=numbers)


def judge_runs(outcomes: Mapping[RunState, RunOutcomes]) -> Component:
    """Judge the runs that ended in the last 24 hours; those that failed in part count as failed."""
    total = sum(one.runs for one in outcomes.values())
    failed = sum(outcomes[state].runs for state in _FAILED if state in outcomes)
    took = sum(one.took_ms for one in outcomes.values())
    rate = failed / total if total else 0.0
    numbers = {
        "total": total,
        "failed": failed,
        "average_ms": round(took / total) if total else None,
        "failure_rate": round(rate, 4),
    }
    found = f"{total:,} runs in 24 hours, {failed:,} failed ({rate:.1%})"
    if total and rate >= _FAILURE_RATE:
        advice = "the list of runs says what failed and what to do"
        return Component("runs", Status.DEGRADED, found, advice, numbers)
    return Component("runs", Status.HEALTHY, found, numbers=numbers)


_FAILED = (RunState.FAILED, RunState.PARTLY_FAILED)


def _stuck(connection: Connection) -> Component:
    silent, waiting = list_stuck(connection, _SILENT_MS, _QUEUED_MS)
    numbers = {"silent": silent, "queued_long": waiting}
    if silent:
        found = f"run {', '.join(map(str, silent[:_NAMED]))} shows no sign of life"
        return Component(
            "stuck runs",
            Status.DEGRADED,
            found,
            "cancel it, or start the daemon again: it is taken up",
            numbers,
        )
    if waiting:
        found = f"run {', '.join(map(str, waiting[:_NAMED]))} waits for longer than an hour"
        return Component(
            "stuck runs",
            Status.DEGRADED,
            found,
            "is room needed, or raise run_slots in the settings",
            numbers,
        )
    return Component("stuck runs", Status.HEALTHY, "none", numbers=numbers)


def judge_disk(last: tuple[int, Any] | None, now_ms: int) -> Component:
    """Judge by what the job that watches the disks found last: time and result, None where it never ran."""
    if last is None or not isinstance(last[1], dict):
        return Component("disk", Status.HEALTHY, "not looked at yet: a job does every ten minutes")
    at_ms, places = last
    told = "; ".join(f"{name}: {place.get('told')}" for name, place in places.items())
    numbers = {"at_ms": at_ms, **places}
    if any(place.get("level") != "ok" for place in places.values()):
        advice = "make room, get a larger disk, or keep less: delete_days, keep_days, fewer symbols"
        return Component("disk", Status.DEGRADED, told, advice, numbers)
    if now_ms - at_ms > _DISK_OLD_MS:
        return Component(
            "disk", Status.DEGRADED, f"last looked at {format_utc(at_ms)}", "is watch_disk enabled?", numbers
        )
    return Component("disk", Status.HEALTHY, told, numbers=numbers)
