"""The metrics that Prometheus reads."""

from __future__ import annotations

from typing import Any

from flask import Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from src.api.metrics import metrics as of_process
from src.api.routing import Routes

routes = Routes("metrics", "Metrics for Prometheus.")

_TEXT: dict[Any, Any] = {
    200: {
        "description": "Metrics in Prometheus' text format",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


@routes.get("/metrics", responses=_TEXT)
def metrics() -> Response:
    """Return metrics for Prometheus: lags, runs, rows, objects, budget, gaps, requests, pool.

    What is in the warehouse is read at most every five seconds. Requests, pool and streams are those of the
    process that answers.
    """
    return Response(of_process().text(), content_type=CONTENT_TYPE_PLAIN_0_0_4)
