"""What happens when a job is due: a run of it is queued; the cycle goes on without a row."""

from __future__ import annotations

import structlog

from src.errors import WarehouseUnavailable
from src.jobs.asking import enqueue_job, job_run
from src.jobs.job_registry import CYCLE, JobSpec
from src.jobs.kinds import Cycle
from src.jobs.worker import Worker
from src.stopping import Stop
from src.warehouse.engine import Warehouse
from src.warehouse.jobs import JobRow

log = structlog.get_logger()

_BY = "scheduler"


class Firing:
    """Queues runs of jobs for *worker*. While the warehouse is away the cycle goes on: depth cannot wait."""

    def __init__(self, warehouse: Warehouse, worker: Worker, cycle: Cycle, stop: Stop) -> None:
        self._warehouse = warehouse
        self._worker = worker
        self._cycle = cycle
        self._stop = stop

    def enqueue(self, spec: JobSpec, row: JobRow, origin: str) -> None:
        """Queue a run unless one of this job has not ended yet."""
        try:
            new = job_run(spec, origin, _BY, spec.parameters_of(row))
            run_id = enqueue_job(self._warehouse, new)
        except WarehouseUnavailable as error:
            if spec.id != CYCLE:
                raise
            log.warning("cycle without a row", error=str(error))
            self._cycle.run_unrecorded(self._stop)
            return
        if run_id is None:
            log.debug("job still under way", job=spec.id)
        self._worker.wake()
