"""Metrics made of the warehouse's rows, by a few statements whatever the number of series."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import Connection

from src.domain import DAY_MS
from src.services.status import read_series
from src.warehouse.budgets import CLOSED, list_budget_rows
from src.warehouse.disk_samples import PLACES, list_samples
from src.warehouse.engine import Warehouse
from src.warehouse.gaps import count_open
from src.warehouse.ingestion import list_waiting_lanes, read_totals
from src.warehouse.leases import find_lease
from src.warehouse.run_outcomes import count_open_runs, read_outcomes_by_kind

_LEADER = "leader"
_SERIES = ["exchange", "symbol", "interval"]
_SAMPLES_MS = 2 * DAY_MS


def list_families(warehouse: Warehouse, now_ms: int) -> list[Metric]:
    """Read it all in one transaction."""
    with warehouse.read() as connection:
        return [
            *_series(connection, now_ms),
            *_runs(connection, now_ms),
            *_objects(connection, now_ms),
            *_gaps(connection),
            *_budgets(connection, now_ms),
            _leader(connection),
        ]


def _series(connection: Connection, now_ms: int) -> Iterator[Metric]:
    lag = _gauge("series_lag_seconds", "How far the end of the last held candle lies behind", *_SERIES)
    held = _gauge("series_candles", "How many candles are held", *_SERIES)
    for row in read_series(connection):
        labels = [row.key.exchange, row.key.symbol, row.key.interval.value]
        held.add_metric(labels, row.candles)
        lag_ms = row.lag_ms(now_ms)
        if lag_ms is not None and not row.is_halted:
            lag.add_metric(labels, lag_ms / 1000)
    yield from (lag, held)


def _runs(connection: Connection, now_ms: int) -> Iterator[Metric]:
    ended = _gauge("runs_day", "Runs that ended in the last 24 hours", "kind", "state")
    took = _gauge("runs_day_seconds", "How long those took together", "kind", "state")
    for (kind, state), one in sorted(read_outcomes_by_kind(connection, now_ms - DAY_MS).items()):
        ended.add_metric([kind, state.value], one.runs)
        took.add_metric([kind, state.value], one.took_ms / 1000)
    unfinished = _gauge("runs_open", "Runs that have not ended", "state")
    for state, count in sorted(count_open_runs(connection).items()):
        unfinished.add_metric([state.value], count)
    yield from (ended, took, unfinished)


def _objects(connection: Connection, now_ms: int) -> Iterator[Metric]:
    totals = read_totals(connection)
    candles = _gauge(
        "candles",
        "Candles that live fetching has ever fetched, history and repairs not counted, and those held",
        "what",
    )
    candles.add_metric(["fetched"], totals.fetched)
    candles.add_metric(["held"], totals.held)
    aside = _gauge("quarantined", "What was set aside", "what")
    aside.add_metric(["objects"], totals.quarantined_objects)
    aside.add_metric(["rows"], totals.quarantined_rows)
    waiting = _gauge("objects_waiting", "Objects that have landed and are not loaded", "lane")
    for lane in list_waiting_lanes(connection):
        waiting.add_metric([lane.lane.value], lane.objects)
    yield from (candles, aside, waiting, *_places(connection, now_ms))


def _places(connection: Connection, now_ms: int) -> Iterator[Metric]:
    """Tell how full the stores were when that was last looked at."""
    gauges = {
        "objects": _gauge("store_objects", "Objects in the lake, counted every six hours", "place"),
        "used_bytes": _gauge("store_used_bytes", "What a store takes", "place"),
        "free_bytes": _gauge("store_free_bytes", "What is free on its disk", "place"),
    }
    for place in PLACES:
        samples = list_samples(connection, place, now_ms - _SAMPLES_MS)
        for name, gauge in gauges.items():
            known = [value for value in (getattr(one, name) for one in samples) if value is not None]
            if known:
                gauge.add_metric([place], known[-1])
    yield from gauges.values()


def _gaps(connection: Connection) -> Iterator[Metric]:
    gaps = _gauge("gaps", "Open gaps", "state")
    missing = _gauge("gaps_missing_candles", "Candles that open gaps lack", "state")
    for state, (count, candles) in sorted(count_open(connection).items()):
        gaps.add_metric([state.value], count)
        missing.add_metric([state.value], candles)
    yield from (gaps, missing)


def _budgets(connection: Connection, now_ms: int) -> Iterator[Metric]:
    labels = ("exchange", "egress")
    used = _gauge("budget_used_weight", "Weight used in the last minute that was called in", *labels, "lane")
    limit = _gauge("budget_limit_weight", "The exchange's limit a minute", *labels)
    blocked = _gauge("exchange_blocked", "Whether nobody may call", *labels)
    opened = _gauge("exchange_breaker_open", "Whether the breaker is not closed", *labels)
    for exchange, egress, row in list_budget_rows(connection):
        live = max(0, row.used_weight - row.repair_weight - row.history_weight)
        for lane, weight in {
            "live": live,
            "repair": row.repair_weight,
            "history": row.history_weight,
        }.items():
            used.add_metric([exchange, egress, lane], weight)
        if row.weight_limit is not None:
            limit.add_metric([exchange, egress], row.weight_limit)
        blocked.add_metric([exchange, egress], (row.blocked_until_ms or 0) > now_ms)
        opened.add_metric([exchange, egress], row.breaker_state != CLOSED)
    yield from (used, limit, blocked, opened)


def _leader(connection: Connection) -> Metric:
    lease = find_lease(connection, _LEADER)
    is_led = lease is not None and not lease.is_expired
    return GaugeMetricFamily("candlehouse_leader", "Whether a process leads and collects", int(is_led))


def _gauge(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"candlehouse_{name}", about, labels=labels)
