"""Streams of server-sent events: what is sent, when they end, and how they keep a connection alive."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import orjson
from flask import Response

from src.api.context import clock, identity
from src.api.live import Hub, Listener, Look, Watched, hub
from src.api.live_events import RESET, Event, events_since, make
from src.api.run_schemas import all_counts, progress_pct, run_out
from src.clock import Clock
from src.errors import CandlehouseError
from src.warehouse.changes import Mark, parse_mark
from src.warehouse.engine import Warehouse
from src.warehouse.runs import RunState

# Proxies end a connection that is silent for a minute; who has gone away is noticed by writing.
_HEARTBEAT_S = 10.0
_ALIVE = b": alive\n\n"
# Then the browser comes again by itself, maybe to another process.
_LONGEST_MS = 3_600_000
_AGAIN = b"retry: 3000\n"
_HEADERS = {"X-Accel-Buffering": "no", "Cache-Control": "no-cache, no-transform"}

Step = Callable[[Look], Iterator[bytes]]


def stream(step: Step, run_id: int | None = None) -> Response:
    """Answer with a stream: *step* says after each look what there is to send; StopIteration ends it."""
    mine, who = hub(), identity()
    listener = Listener(run_id, who.token_id)
    mine.join(listener)
    events = _run(mine, clock(), listener, step)
    response = Response(events, headers=_HEADERS, mimetype="text/event-stream")
    response.call_on_close(lambda: mine.leave(listener))
    return response


class Over(Exception):
    """Raised by a step: the stream has nothing more to tell."""


def _run(mine: Hub, clock: Clock, listener: Listener, step: Step) -> Iterator[bytes]:
    yield _AGAIN
    number, sent_ms = listener.before, clock.steady_ms()
    while clock.steady_ms() - listener.begun_ms < _LONGEST_MS:
        look = mine.wait(number, _HEARTBEAT_S)
        if look is not None:
            number = look.number
            if listener.token_id is not None and listener.token_id not in look.live:
                return
            try:
                for content in step(look):
                    sent_ms = clock.steady_ms()
                    yield content
            except Over:
                return
        if clock.steady_ms() - sent_ms >= _HEARTBEAT_S * 1000:
            sent_ms = clock.steady_ms()
            yield _ALIVE


class AppStep:
    """What the stream of the whole application sends."""

    def __init__(self, mine: Hub, warehouse: Warehouse, last_event_id: str | None) -> None:
        self._hub = mine
        self._warehouse = warehouse
        self._last_event_id = last_event_id
        self._number = 0

    def __call__(self, look: Look) -> Iterator[bytes]:
        if not self._number:
            self._number = look.number
            yield from _texts(self._begin(look.mark), look.mark)
            return
        frames = self._hub.frames_after(self._number, look.number)
        self._number = look.number
        if frames is None:
            yield from _texts([make(RESET, {})], look.mark)
            return
        for frame in frames:
            yield from _texts(frame.events, frame.mark)

    def _begin(self, now: Mark) -> list[Event]:
        """Say from when on this tells everything; before that, what was missed."""
        ready = make("ready", {})
        if self._last_event_id is None:
            return [ready]
        mark = parse_mark(self._last_event_id)
        if mark is None:
            return [make(RESET, {}), ready]
        try:
            with self._warehouse.read() as connection:
                return [*events_since(connection, mark, now), ready]
        except CandlehouseError:
            return [make(RESET, {}), ready]


def _texts(events: list[Event], mark: Mark) -> Iterator[bytes]:
    """Yield events; only the last moves the listener's mark, so that half of them are not taken for all."""
    for number, event in enumerate(events, 1):
        yield event.as_text(str(mark) if number == len(events) else None)


class RunStep:
    """What the stream of one run or batch sends: its state when that changes, and how it ended."""

    def __init__(self, run_id: int) -> None:
        self._run_id = run_id
        self._sent: bytes | None = None

    def __call__(self, look: Look) -> Iterator[bytes]:
        watched = look.watched.get(self._run_id)
        if watched is None:
            yield make("error", {"what": f"run {self._run_id} is there no more"}).as_text(None)
            raise Over
        content = _status(watched)
        if content != self._sent:
            self._sent = content
            yield Event("status", content).as_text(None)
        if watched.row.state.is_end:
            yield _end(watched, content).as_text(None)
            raise Over


def _status(watched: Watched) -> bytes:
    row = watched.row
    run = run_out(row).model_dump_json().encode()
    if not row.is_batch:
        return run
    told = {
        "overall_progress_pct": progress_pct(row),
        "total_combinations": watched.counts.total(),
        "counts": all_counts(watched.counts).model_dump(),
        "batch": orjson.Fragment(run),
    }
    return orjson.dumps(told)


def _end(watched: Watched, content: bytes) -> Event:
    is_well = watched.row.state in (RunState.SUCCEEDED, RunState.CANCELLED)
    return Event("done" if is_well else "error", content)
