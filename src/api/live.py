"""One poller a process looks once a second at what has changed, and feeds all streams of events.

It looks only while somebody listens. Each stream holds a thread, which sleeps until the next look.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from flask import current_app
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from src.api.context import parts
from src.api.live_events import RESET, Differ, Event, make
from src.api.problems import Problem
from src.clock import Clock
from src.errors import CandlehouseError
from src.warehouse.batches import count_states
from src.warehouse.changes import Mark, list_rows, read_mark
from src.warehouse.engine import Warehouse
from src.warehouse.runs import RunRow, RunState
from src.warehouse.tokens import list_live_ids

log = structlog.get_logger()

# Of the server's 128 threads; the others answer requests.
MOST_STREAMS = 100
_LOOK_S = 1.0
# So many frames lie ready for streams that write slowly; whoever misses one is told to begin anew.
_FRAMES = 120
_RETRY_S = 15
_EXTENSION = "candlehouse_live"


@dataclass(frozen=True, slots=True)
class Frame:
    """What one look has found, as of *mark*."""

    number: int
    mark: Mark
    events: list[Event]


@dataclass(frozen=True, slots=True)
class Watched:
    """A run that a stream follows; *counts* of its runs by state where it is a batch."""

    row: RunRow
    counts: Counter[RunState]


@dataclass(frozen=True, slots=True)
class Look:
    """How things stood at the last look; *number* counts the looks, *live* are tokens that are valid."""

    number: int
    mark: Mark
    watched: Mapping[int, Watched]
    live: frozenset[int]


@dataclass(eq=False, slots=True)
class Listener:
    """A stream: which run it follows, and with which token; looks that began *before* it are not for it."""

    run_id: int | None
    token_id: int | None
    begun_ms: int = 0
    before: int = 0


class Hub:
    """The streams of this process and what they wait for."""

    def __init__(self, warehouse: Warehouse, clock: Clock) -> None:
        self._warehouse = warehouse
        self._clock = clock
        self._changed = threading.Condition()
        self._listeners: set[Listener] = set()
        self._frames: deque[Frame] = deque(maxlen=_FRAMES)
        self._look: Look | None = None
        self._begun = 0
        self._poller: threading.Thread | None = None

    @property
    def streams(self) -> int:
        return len(self._listeners)

    def join(self, listener: Listener) -> None:
        """Count a stream in; 503 where there are too many."""
        with self._changed:
            if len(self._listeners) >= MOST_STREAMS:
                raise Problem(
                    503,
                    "too-many-streams",
                    f"{MOST_STREAMS} streams are open, more are not served: ask for the state now and then",
                    headers={"Retry-After": str(_RETRY_S)},
                )
            listener.begun_ms, listener.before = self._clock.steady_ms(), self._begun
            self._listeners.add(listener)
            if self._poller is None or not self._poller.is_alive():
                self._poller = threading.Thread(target=self._poll, name="live", daemon=True)
                self._poller.start()

    def leave(self, listener: Listener) -> None:
        with self._changed:
            self._listeners.discard(listener)
            if not self._listeners:
                self._changed.notify_all()

    def wait(self, after: int, timeout_s: float) -> Look | None:
        """Return the next look after number *after*; None when there is none in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._look is not None and self._look.number > after, timeout_s)
            look = self._look
            return look if look is not None and look.number > after else None

    def frames_after(self, number: int, until: int) -> list[Frame] | None:
        """Return what was found between two looks; None where some of it is gone."""
        with self._changed:
            found = [frame for frame in self._frames if number < frame.number <= until]
            oldest = self._frames[0].number if self._frames else until
            is_whole = len(self._frames) < _FRAMES or oldest <= number + 1
            return found if is_whole else None

    def _poll(self) -> None:
        """Look until nobody listens any more; a warehouse that is away is waited for."""
        differ: Differ | None = None
        before: Mark | None = None
        is_lost = False
        while number := self._next_number():
            try:
                with self._warehouse.read() as connection:
                    if differ is None or before is None:
                        differ, before = Differ(connection), read_mark(connection)
                    now = read_mark(connection)
                    events = differ.list_events(connection, before, now)
                    look = self._read(connection, number, now)
                self._publish(look, [make(RESET, {})] if is_lost else events)
                before, is_lost = now, False
            except (CandlehouseError, SQLAlchemyError) as error:
                # What was found and not told is found by nobody else: all ask anew afterwards.
                differ, is_lost = None, True
                log.warning("events are late", error=str(error))
            with self._changed:
                self._changed.wait_for(lambda: not self._listeners, _LOOK_S)

    def _next_number(self) -> int:
        """Begin a look and return its number; 0 where nobody listens any more."""
        with self._changed:
            if self._listeners:
                self._begun += 1
                return self._begun
            self._poller = None
            self._frames.clear()
            return 0

    def _read(self, connection: Connection, number: int, mark: Mark) -> Look:
        with self._changed:
            run_ids = {one.run_id for one in self._listeners if one.run_id is not None}
            token_ids = {one.token_id for one in self._listeners if one.token_id is not None}
        rows = list_rows(connection, run_ids)
        watched = {
            run_id: Watched(row, count_states(connection, run_id) if row.is_batch else Counter())
            for run_id, row in rows.items()
        }
        live = list_live_ids(connection, token_ids, self._clock.now_ms())
        return Look(number, mark, watched, live)

    def _publish(self, look: Look, events: list[Event]) -> None:
        with self._changed:
            self._look = look
            if events:
                self._frames.append(Frame(look.number, look.mark, events))
            self._changed.notify_all()


_making = threading.Lock()


def hub() -> Hub:
    """Return the one of this process."""
    with _making:
        made = current_app.extensions.get(_EXTENSION)
        if made is None:
            made = current_app.extensions[_EXTENSION] = Hub(parts().warehouse, parts().clock)
    found: Hub = made
    return found
