"""A run that was asked for on the command line: handed to the process that leads, else done right here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from src.clock import Clock
from src.errors import ConfigurationError, LakeUnavailable
from src.jobs.asking import cancel
from src.jobs.leadership import Leadership
from src.jobs.worker import Worker
from src.warehouse.engine import Warehouse
from src.warehouse.runs import NewRun, RunRow, RunState, create_run, find_unfinished, get_run

_LOOK_S = 0.05
_LOOK_AT_OTHERS_S = 0.3


class Parts(Protocol):
    """What it takes to look on; the application offers it."""

    @property
    def warehouse(self) -> Warehouse: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def leadership(self) -> Leadership: ...


class WorkingParts(Parts, Protocol):
    """What it takes to do the work; the application offers this, too."""

    def make_worker(self, *, loads: bool, only: int | None) -> Worker: ...


@contextmanager
def executing(parts: WorkingParts, *, loads: bool = True, only: int | None = None) -> Iterator[bool]:
    """Execute queued runs in this process while the block lasts, unless another process leads.

    Yields whether this one does. With *loads* it loads what lands meanwhile, as a daemon would; with *only*
    all other runs stay queued.
    """
    if not parts.leadership.try_acquire():
        yield False
        return
    try:
        worker = parts.make_worker(loads=loads, only=only)
        worker.start()
        try:
            yield True
        finally:
            worker.stop()
    finally:
        parts.leadership.resign()


def do_run(
    parts: WorkingParts,
    new: NewRun,
    on_handed_over: Callable[[int], None],
    on_look: Callable[[RunRow], None] = lambda _: None,
) -> RunRow:
    """Queue a run and wait until it has ended, wherever it is executed; return it.

    Where a run of the same job is under way, that one is waited for. Ctrl-C cancels it, and it is returned as
    it is by then. *on_handed_over* is told the id of a run that another process executes, *on_look* what the
    run looks like, again and again until it has ended.
    """
    run_id = parts.warehouse.run(
        lambda c: (new.job_id and find_unfinished(c, new.job_id)) or create_run(c, new)
    )
    try:
        with executing(parts, loads=False, only=run_id) as is_here:
            if not is_here:
                on_handed_over(run_id)
            while not _has_ended(run := _read(parts, run_id)):
                on_look(run)
                parts.clock.sleep(_LOOK_S if is_here else _LOOK_AT_OTHERS_S)
    except (ConfigurationError, LakeUnavailable):  # else it would be done some other day
        cancel(parts.warehouse, [run_id], new.requested_by)
        raise
    except KeyboardInterrupt:
        cancel(parts.warehouse, [run_id], new.requested_by)
        return _read(parts, run_id)
    return run


def _has_ended(run: RunRow) -> bool:
    return run.state.is_end or run.state is RunState.PAUSED


def _read(parts: Parts, run_id: int) -> RunRow:
    with parts.warehouse.read() as connection:
        return get_run(connection, run_id)
