"""The metrics that Prometheus reads."""

from __future__ import annotations

from typing import Any

from flask import Response, g
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from src.api.metrics import AWAY
from src.api.metrics import metrics as of_process
from src.api.preparation import answers_anyway
from src.api.routing import Routes

routes = Routes("metrics", "Metrics for Prometheus.")

_TEXT: dict[Any, Any] = {
    200: {
        "description": "Metrics in Prometheus' text format",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


@routes.get("/metrics", responses=_TEXT)
@answers_anyway
def metrics() -> Response:
    """Return metrics for Prometheus: lags, runs, rows, objects, budget, gaps, requests, pool.

    What is in the warehouse is read at most every five seconds. Requests, pool and streams are those of the
    process that answers. While the warehouse is away, `candlehouse_warehouse_up` is 0; nothing else is told
    to who would need a token then.
    """
    text = AWAY if g.get("is_unknown") else of_process().text()
    return Response(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)
