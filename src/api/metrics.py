"""What Prometheus reads: the state of everything from the warehouse, and how this process answers.

Whatever is in the warehouse is told alike by each process, read at most every few seconds. Requests, pool and
streams are those of the process that answers: where several serve, let Prometheus ask each at its own port.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from flask import Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from src.api.context import EXTENSION
from src.api.live import hub
from src.api.metric_families import list_families
from src.api.preparation import look_prepared
from src.clock import SystemClock
from src.errors import CandlehouseError
from src.wiring import App

_KEPT_MS = 5_000
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METRICS = "candlehouse_metrics"
_UP = "candlehouse_warehouse_up"
AWAY = f"{_UP} 0.0\n".encode()
"""All that is told to who cannot be recognised, since the warehouse is away."""


class _Collector(Collector):
    """Reads the warehouse for each scrape, unless it just has."""

    def __init__(self, made: App) -> None:
        self._parts = made
        self._lock = threading.Lock()
        self._families: list[Metric] = []
        self._until_ms = 0

    def collect(self) -> Iterator[Metric]:
        yield from self._read()
        pool = self._parts.warehouse.pool_numbers()
        numbers = GaugeMetricFamily(
            "candlehouse_pool_connections", "Connections of this process to the warehouse", labels=["state"]
        )
        numbers.add_metric(["in_use"], pool.checked_out)
        numbers.add_metric(["idle"], pool.idle)
        numbers.add_metric(["most"], pool.most)
        yield numbers
        yield GaugeMetricFamily("candlehouse_streams", "Streams of events of this process", hub().streams)

    def _read(self) -> list[Metric]:
        with self._lock:
            if self._parts.clock.steady_ms() >= self._until_ms:
                self._families = self._look()
                self._until_ms = self._parts.clock.steady_ms() + _KEPT_MS
            return self._families

    def _look(self) -> list[Metric]:
        is_up = GaugeMetricFamily(_UP, "Whether the warehouse can be read")
        try:
            look_prepared()
            families = list_families(self._parts.glance, self._parts.clock.now_ms())
        except CandlehouseError:
            is_up.add_metric([], 0)
            return [is_up]
        is_up.add_metric([], 1)
        return [is_up, *families]


class Metrics:
    """The metrics of one process."""

    def __init__(self, made: App) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Lazily(_Collector(made)))
        self.requests = Histogram(
            "candlehouse_http_request_seconds",
            "How long requests took that this process answered; streams are left out",
            ["method", "route", "status"],
            buckets=_BUCKETS,
            registry=self.registry,
        )

    def text(self) -> bytes:
        return generate_latest(self.registry)


class _Lazily(Collector):
    """Keeps the registry from collecting when it is registered: the warehouse need not be there then."""

    def __init__(self, collector: _Collector) -> None:
        self._collector = collector

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        return self._collector.collect()


def install(app: Flask) -> None:
    """Measure what *app* answers."""
    app.extensions[_METRICS] = Metrics(app.extensions[EXTENSION])
    app.before_request(_begin)
    app.after_request(_end)


def metrics() -> Metrics:
    found: Metrics = current_app.extensions[_METRICS]
    return found


_clock = SystemClock()


def _begin() -> None:
    g.begun_ms = _clock.steady_ms()


def _end(response: Response) -> Response:
    if not response.is_streamed and "begun_ms" in g:
        # The rule and not the path: that many names there are.
        route = str(request.url_rule) if request.url_rule else "unknown"
        took_s = (_clock.steady_ms() - g.begun_ms) / 1000
        metrics().requests.labels(request.method, route, str(response.status_code)).observe(took_s)
    return response
