"""What waits in the catalog, look by look, as slices for the streams that load them.

A stream finds its next slice while the one before is loaded. A look takes little, and is taken as late as
that allows, since live objects that land after it come behind what it took.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from src.domain import Lane
from src.warehouse.catalog import CatalogRow, list_waiting
from src.warehouse.engine import Warehouse

# One of so many places of a look is kept for repairs, and one for history, however much live data waits.
SHARE = 8
# So often a stream that waits for others looks whether it has to stop.
_PATIENCE_S = 0.5


@dataclass(frozen=True, slots=True)
class Look:
    """Objects that wait and are free, and the ids of those that wait and that somebody has taken."""

    rows: list[CatalogRow]
    taken: set[int]


class Taken:
    """The objects that threads of this process load or are about to load: nobody else takes those."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.ids: set[int] = set()

    def wait_for(self, ids: set[int], should_stop: Callable[[], bool]) -> None:
        """Wait until none of these is taken any more, or *should_stop* says so."""
        with self.changed:
            while not ids.isdisjoint(self.ids) and not should_stop():
                self.changed.wait(_PATIENCE_S)


class Looks:
    """Deals what waits to streams, each symbol to one of them, so that none waits for another's locks.

    A slice has so many objects and bytes at most, one object at least. After a look that finds nothing free
    there is no other; *others* are then the ids of what other threads still load.
    """

    def __init__(
        self, taken: Taken, look: Callable[[set[int]], Look], streams: int, objects: int, size_bytes: int
    ) -> None:
        self.others: set[int] = set()
        self._taken = taken
        self._look = look
        self._objects = objects
        self._size_bytes = size_bytes
        self._queues: list[deque[CatalogRow]] = [deque() for _ in range(streams)]
        self._stream_of: dict[str, int] = {}
        self._mine: set[int] = set()
        self._is_over = False

    def find_slice(self, stream: int) -> list[CatalogRow]:
        """Return the next slice of a stream; empty where there is none at the moment."""
        with self._taken.changed:
            if not self._queues[stream]:
                self._look_again()
            return self._cut(self._queues[stream])

    def await_slice(self, stream: int, should_stop: Callable[[], bool]) -> list[CatalogRow]:
        """Return the next slice of a stream that loads nothing now; empty where there will be none.

        While other streams load it is their looks that bring it, so that not all ask the catalog.
        """
        queue = self._queues[stream]
        with self._taken.changed:
            while not queue and not self._is_over:
                if not self._mine:
                    self._look_again()
                elif not self._taken.changed.wait(_PATIENCE_S) and should_stop():
                    break
            return self._cut(queue)

    def give_back(self, rows: Iterable[CatalogRow]) -> None:
        """Say that these are loaded, or will not be."""
        with self._taken.changed:
            self._release({row.id for row in rows})

    def stop(self) -> None:
        """Let all streams end after what they load now."""
        with self._taken.changed:
            self._is_over = True
            for queue in self._queues:
                queue.clear()
            self._taken.changed.notify_all()

    def close(self) -> None:
        """Give back what is left, once no stream loads any more."""
        with self._taken.changed:
            self._release(set(self._mine))

    def _look_again(self) -> None:
        if self._is_over:
            return
        look = self._look(self._taken.ids)
        self._is_over = not look.rows
        self.others = look.taken - self._mine
        self._deal(look.rows)
        self._taken.changed.notify_all()

    def _deal(self, rows: Sequence[CatalogRow]) -> None:
        """Give streams that have nothing left their part; what falls to another waits for the next look."""
        are_empty = [not queue for queue in self._queues]
        for row in rows:
            stream = self._stream_of.setdefault(row.symbol, len(self._stream_of) % len(self._queues))
            if are_empty[stream]:
                self._queues[stream].append(row)
                self._mine.add(row.id)
                self._taken.ids.add(row.id)

    def _cut(self, queue: deque[CatalogRow]) -> list[CatalogRow]:
        taken: list[CatalogRow] = []
        room = self._size_bytes
        while queue and len(taken) < self._objects and (not taken or queue[0].size_bytes <= room):
            room -= queue[0].size_bytes
            taken.append(queue.popleft())
        return taken

    def _release(self, ids: set[int]) -> None:
        self._mine -= ids
        self._taken.ids -= ids
        self._taken.changed.notify_all()


def look_fairly(warehouse: Warehouse, lanes: Sequence[Lane], objects: int, taken: set[int]) -> Look:
    """List *objects* that nobody has taken: live ones, then repairs, then history, each with its places."""
    places = max(objects, SHARE)
    kept = {Lane.REPAIR: places // SHARE, Lane.HISTORY: places // SHARE}
    with warehouse.read() as connection:
        found = {lane: list_waiting(connection, lane, places + len(taken)) for lane in lanes}
    free = {lane: [row for row in found[lane] if row.id not in taken] for lane in lanes}
    rows: list[CatalogRow] = []
    for number, lane in enumerate(lanes):
        for_others = sum(min(kept[other], len(free[other])) for other in lanes[number + 1 :])
        rows += free[lane][: places - len(rows) - for_others]
    return Look(rows, {row.id for lane in lanes for row in found[lane]} & taken)
