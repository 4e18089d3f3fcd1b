"""Makes news of how runs end: what failed, what works again, which batch is finished."""

from __future__ import annotations

import structlog

from src.errors import CandlehouseError
from src.jobs.notifying import Notifier
from src.jobs.worker import OnEnd
from src.warehouse.batches import count_states
from src.warehouse.engine import Warehouse
from src.warehouse.runs import RunState, get_run

log = structlog.get_logger()

_BAD = (RunState.FAILED, RunState.PARTLY_FAILED)


def tell_of_ends(warehouse: Warehouse, notifier: Notifier) -> OnEnd:
    """Return what a worker calls when a run or batch has ended; it never raises."""

    def tell(run_id: int, state: RunState) -> None:
        try:
            _tell(warehouse, notifier, run_id, state)
        except CandlehouseError as error:
            log.warning("end of a run not told", run=run_id, error=str(error))

    return tell


def _tell(warehouse: Warehouse, notifier: Notifier, run_id: int, state: RunState) -> None:
    if not state.is_end or state is RunState.CANCELLED:
        return  # people asked for that, they know
    with warehouse.read() as connection:
        run = get_run(connection, run_id)
        counts = count_states(connection, run_id) if run.is_batch else None
    if counts is not None:
        notifier.batch_finished(run, counts)
    elif state in _BAD:
        notifier.run_failed(run, run.error or {})
    else:
        notifier.run_recovered(run)
