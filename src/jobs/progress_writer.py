"""Writes the progress of all runs of this process, and sums up their batches, once a second together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import structlog

from src.clock import Clock
from src.errors import CandlehouseError, StoreUnavailable
from src.jobs.progress import Progress, RateMeter
from src.stopping import Stop
from src.warehouse.batches import list_open_batches, sum_up
from src.warehouse.catalog import LoadedCount, count_loaded_of
from src.warehouse.engine import Warehouse
from src.warehouse.run_progress import save_progress
from src.warehouse.runs import RunState

log = structlog.get_logger()

_EVERY_S = 1.0
_LOADED_EVERY = 3


class ProgressWriter:
    """Keeps the rows of *executing* runs and of open batches up to date; *on_batch_end* hears of each end."""

    def __init__(
        self,
        warehouse: Warehouse,
        clock: Clock,
        executing: Callable[[], Iterable[Progress]],
        on_batch_end: Callable[[int, RunState], None] = lambda _batch, _state: None,
    ) -> None:
        self._warehouse = warehouse
        self._clock = clock
        self._executing = executing
        self._on_batch_end = on_batch_end
        self._meters: dict[int, RateMeter] = {}
        self._rounds = 0

    def run(self, stop: Stop) -> None:
        """Write each second until *stop*, and once more then."""
        is_over = False
        while not is_over:
            is_over = stop.wait(_EVERY_S)
            try:
                self.write()
            except StoreUnavailable as error:
                log.debug("progress not written", error=str(error))
            except CandlehouseError as error:
                log.warning("progress not written", error=str(error))
            except Exception:
                log.exception("progress not written")

    def write(self) -> None:
        """Write what is known now: the runs that work, and then their batches."""
        progress = [one for one in self._executing() if one.is_known]
        with self._warehouse.read() as connection:
            batches = list_open_batches(connection)
            if progress and self._rounds % _LOADED_EVERY == 0:
                self._take_in(count_loaded_of(connection, [one.run_id for one in progress]), progress)
        self._rounds += 1
        if progress:
            snapshots = [one.snapshot() for one in progress]
            self._warehouse.run(lambda connection: save_progress(connection, snapshots))
        for batch in batches:
            self._sum_up(batch)
        self._meters = {batch: meter for batch, meter in self._meters.items() if batch in batches}

    def _take_in(self, counts: Mapping[int, LoadedCount], progress: Iterable[Progress]) -> None:
        for one in progress:
            if one.run_id in counts:
                one.loaded(counts[one.run_id].candles_loaded)

    def _sum_up(self, batch: int) -> None:
        # It stays with a batch that works: one that was paused is measured anew.
        meter = self._meters.pop(batch, None) or RateMeter(self._clock)

        def measure(done: int, total: int) -> tuple[float | None, int | None]:
            self._meters[batch] = meter
            meter.note(done)
            return meter.rate(), meter.time_left_ms(done, total)

        ended = self._warehouse.run(lambda connection: sum_up(connection, batch, measure))
        if ended:
            self._on_batch_end(batch, ended)
