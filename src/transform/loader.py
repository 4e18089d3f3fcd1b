"""Loader: loads what has landed, at once, whoever fetched it and for whichever lane.

It has a thread of its own in the process that leads. The cycle loads as well; they take turns.
"""

from __future__ import annotations

import threading

import structlog

from src.errors import CandlehouseError
from src.stopping import Stop
from src.transform.manager import TransformManager
from src.warehouse.catalog import is_anything_waiting
from src.warehouse.engine import Warehouse

log = structlog.get_logger()

_LOOK_EVERY_S = 1.0
# What lands page by page is loaded several pages at a time: that costs less, and nobody sees the delay.
_GATHER_S = 0.2
# After a failure, twice as long after each further one.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 5.0


class Loader:
    """Loads whenever something waits. While nothing does, it asks the catalog one cheap question a second."""

    def __init__(
        self, transform: TransformManager, warehouse: Warehouse, look_every_s: float = _LOOK_EVERY_S
    ) -> None:
        self._transform = transform
        self._warehouse = warehouse
        self._look_every_s = look_every_s
        self._woken = threading.Event()
        self._pause_s = 0.0

    def wake(self) -> None:
        """Say that something has landed."""
        self._woken.set()

    def run(self, stop: Stop) -> None:
        """Load until *stop* is set; no slice is begun after that."""
        forget = stop.on_set(self._woken.set)
        try:
            while not stop.is_set():
                self._load(stop)
                self._wait(stop)
        finally:
            forget()

    def _load(self, stop: Stop) -> None:
        """Load what waits; whatever fails is told once and tried again, since nobody else would."""
        try:
            if self._is_anything_waiting():
                self._transform.load_waiting(stop.is_set)
        except CandlehouseError as error:
            if not self._pause_s:
                log.error("loading paused", error=str(error))
        except Exception:
            log.exception("loading failed unexpectedly")
        else:
            if self._pause_s:
                log.info("loading goes on")
            self._pause_s = 0.0
            return
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S) or _FIRST_PAUSE_S

    def _wait(self, stop: Stop) -> None:
        if self._pause_s:
            # What lands meanwhile brings no store back sooner.
            stop.wait(self._pause_s)
        elif self._woken.wait(self._look_every_s):
            stop.wait(_GATHER_S)
            self._woken.clear()

    def _is_anything_waiting(self) -> bool:
        with self._warehouse.read() as connection:
            return is_anything_waiting(connection)
