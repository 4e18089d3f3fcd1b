"""What executes runs in the process that leads: dispatcher, executor, progress writer, loader."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import structlog

from src.clock import SystemClock
from src.jobs.context import Kind
from src.jobs.dispatcher import Dispatcher
from src.jobs.executor import ThreadExecutor
from src.jobs.perform import Performer
from src.jobs.progress_writer import ProgressWriter
from src.stopping import Stop
from src.warehouse.engine import Warehouse
from src.warehouse.runs import RunState

log = structlog.get_logger()

OnEnd = Callable[[int, RunState], None]
_PATIENCE_S = 20.0


class Worker:
    """Executes queued runs of all *kinds* while this process leads, as *name*; *services* run beside it.

    *on_end* hears of each run and batch that came to an end. With *only* no other run is started.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        clock: SystemClock,
        kinds: Mapping[str, Kind],
        name: str,
        stop: Stop,
        *,
        slots: int = 16,
        services: Mapping[str, Callable[[Stop], None]] | None = None,
        on_end: OnEnd = lambda _run, _state: None,
        only: int | None = None,
    ) -> None:
        self._stop = Stop(stop)
        performer = Performer(warehouse, clock, kinds, on_end)
        self._executor = ThreadExecutor(performer.perform, clock, self._stop, self.wake)
        self.dispatcher = Dispatcher(warehouse, self._executor, clock, name, slots, on_end, only)
        self._writer = ProgressWriter(warehouse, clock, self._executor.progress, on_end)
        self._claiming = Stop(self._stop)
        self._dispatching = _thread("dispatcher", self.dispatcher.run, self._claiming)
        loops = {"progress": self._writer.run, **(services or {})}
        self._threads = [_thread(name, loop, self._stop) for name, loop in loops.items()]

    def start(self) -> None:
        """Take up what died with another worker, and begin."""
        self.dispatcher.adopt()
        for thread in (self._dispatching, *self._threads):
            thread.start()

    def wake(self) -> None:
        """Look at once for what is queued."""
        self.dispatcher.wake()

    def stop(self) -> None:
        """Stop all runs, so that the next worker goes on with them, and wait until they have ended."""
        # First of all, or it would start again what is given back.
        self._claiming.set()
        self._dispatching.join(_PATIENCE_S)
        late = self._executor.close("shutdown", _PATIENCE_S)
        if late:
            log.warning("runs left behind", runs=late)
        self._stop.set()
        for thread in self._threads:
            thread.join(_PATIENCE_S)


def _thread(name: str, loop: Callable[[Stop], None], stop: Stop) -> threading.Thread:
    return threading.Thread(target=loop, args=(stop,), name=name, daemon=True)
