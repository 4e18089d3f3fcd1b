"""Live updates as server-sent events: of everything, and of one run or batch."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from src.api.context import warehouse
from src.api.live import hub
from src.api.routes.runs import get_batch
from src.api.routing import Routes
from src.api.schemas import In, OfId, parameter
from src.api.streams import AppStep, RunStep, stream
from src.warehouse.runs import get_run

routes = Routes("events", "Live updates, as server-sent events.")

_STREAM: dict[Any, Any] = {
    200: {
        "description": "A stream of events that goes on until the client ends it",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
_IS_STREAM = {"x-stream": True}
_MOST_ID = 200


class LastIn(In):
    last_event_id: str | None = parameter(
        None, about="The id of the last event that was read, for clients that cannot send it as a header."
    )


@routes.get("/api/events", responses=_STREAM, openapi_extensions=_IS_STREAM)
def events(query: LastIn) -> Response:
    """Follow everything: hints that name what has changed, so that it can be asked for.

    `candles` (`series`, with their `load_version`; null: any), `prices` (`symbols` whose forming candle has
    moved, every other second at most; null: any), `runs` (`runs` with state and progress; null: any), `jobs`,
    `notifications` (`unread`). It begins with `ready`. A client that comes again with `Last-Event-ID`, as
    browsers do, is told what it missed, or `reset` where that is not known: then all is to be asked for.
    Prices that were missed are not told: ask for them. 503 where too many follow: ask now and then instead.
    """
    # The header is the younger: a browser that comes again by itself repeats the address.
    last = request.headers.get("Last-Event-ID") or query.last_event_id
    return stream(AppStep(hub(), warehouse(), last[:_MOST_ID] if last else None))


@routes.get("/api/data-ingestion/stream-status/<id>", responses=_STREAM, openapi_extensions=_IS_STREAM)
def stream_status(path: OfId) -> Response:
    """Follow a run: `status` whenever it changes, at last `done` or, when it failed, `error`.

    Each holds the run as the list of runs does. After `done` or `error` the stream ends; end it there.
    """
    with warehouse().read() as connection:
        get_run(connection, path.id)
    return stream(RunStep(path.id), path.id)


@routes.get("/api/data-ingestion/stream-batch-status/<id>", responses=_STREAM, openapi_extensions=_IS_STREAM)
def stream_batch_status(path: OfId) -> Response:
    """Follow a batch: `status` with progress and counts by state, at last `done` or `error`."""
    with warehouse().read() as connection:
        get_batch(get_run(connection, path.id))
    return stream(RunStep(path.id), path.id)
