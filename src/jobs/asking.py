"""What people ask of runs: start, cancel, pause, resume, retry. The leader does the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection

from src.domain import Lane, SeriesKey, Window
from src.errors import ConfigurationError, NotFound
from src.extract.chunks import expected_candles, plan_chunks
from src.jobs.fetching import FETCH_WINDOW
from src.jobs.job_registry import JobSpec
from src.warehouse import run_states
from src.warehouse.batches import list_parents, sum_up
from src.warehouse.engine import Warehouse
from src.warehouse.run_progress import add_events
from src.warehouse.run_states import Retried
from src.warehouse.runs import BATCH, NewRun, create_batch, create_run, find_unfinished, get_run

T = TypeVar("T")

MANUAL = "manual"
# So many windows at once are surely a mistake, and a batch of them would only be in the way.
MOST_CHILDREN = 5000


def ask_fetch(
    warehouse: Warehouse,
    series: Sequence[SeriesKey],
    window: Window,
    requested_by: str,
    *,
    lane: Lane = Lane.HISTORY,
    time_limit_s: int | None = None,
    origin: str = MANUAL,
) -> int:
    """Queue a batch that fetches *window* of each series, a run for each; return the batch's id."""
    wanted = [(key, window) for key in series]
    return ask_windows(warehouse, wanted, requested_by, lane=lane, time_limit_s=time_limit_s, origin=origin)


def ask_windows(
    warehouse: Warehouse,
    wanted: Sequence[tuple[SeriesKey, Window]],
    requested_by: str,
    *,
    lane: Lane = Lane.HISTORY,
    time_limit_s: int | None = None,
    origin: str = MANUAL,
) -> int:
    """Queue a batch that fetches these windows, a run for each; return the batch's id."""
    if not 0 < len(wanted) <= MOST_CHILDREN:
        raise ConfigurationError(f"between 1 and {MOST_CHILDREN} windows are accepted, not {len(wanted)}")
    children = [_fetch(key, window, requested_by, lane, time_limit_s, origin) for key, window in wanted]
    series = list(dict.fromkeys(key for key, _ in wanted))
    parent = NewRun(
        kind=BATCH,
        lane=lane.value,
        origin=origin,
        requested_by=requested_by,
        parameters={
            "kind": FETCH_WINDOW,
            "symbols": len({key.symbol for key in series}),
            "intervals": list(dict.fromkeys(key.interval.value for key in series)),
        },
        series=series[0] if len(series) == 1 else None,
        window=Window(min(w.start_ms for _, w in wanted), max(w.end_ms for _, w in wanted)),
        unit="candles",
        total=sum(child.total or 0 for child in children),
        expected=sum(child.expected or 0 for child in children),
        batches_total=sum(child.batches_total or 0 for child in children),
    )
    return warehouse.run(lambda connection: create_batch(connection, parent, children))


def _fetch(
    series: SeriesKey, window: Window, requested_by: str, lane: Lane, time_limit_s: int | None, origin: str
) -> NewRun:
    candles = expected_candles(series.interval, window)
    return NewRun(
        kind=FETCH_WINDOW,
        lane=lane.value,
        origin=origin,
        requested_by=requested_by,
        series=series,
        window=window,
        unit="candles",
        total=candles,
        expected=candles,
        batches_total=len(plan_chunks(series.interval, window)),
        time_limit_s=time_limit_s,
    )


def enqueue_job(warehouse: Warehouse, new: NewRun) -> int | None:
    """Queue a run of a job unless one of it has not ended yet; return its id, None if there is one."""

    def work(connection: Connection) -> int | None:
        if new.job_id and find_unfinished(connection, new.job_id) is not None:
            return None
        return create_run(connection, new)

    return warehouse.run(work)


def trigger_job(
    warehouse: Warehouse, spec: JobSpec, requested_by: str, parameters: Mapping[str, Any] | None = None
) -> int:
    """Queue a run of this job now; where one is under way already, return that one's id."""
    new = job_run(spec, MANUAL, requested_by, parameters or {})
    while (run_id := enqueue_job(warehouse, new)) is None:
        with warehouse.read() as connection:
            under_way = find_unfinished(connection, spec.id)
        if under_way is not None:
            return under_way
    return run_id


def job_run(spec: JobSpec, origin: str, requested_by: str, parameters: Mapping[str, Any]) -> NewRun:
    """Describe a run of this job."""
    return NewRun(
        kind=spec.kind,
        lane=spec.lane.value,
        origin=origin,
        requested_by=requested_by,
        parameters=parameters,
        job_id=spec.id,
        time_limit_s=spec.time_limit_s,
    )


def cancel(warehouse: Warehouse, run_ids: Sequence[int], by: str) -> int:
    """Cancel these runs and batches; return how many runs it concerns."""
    return _ask(warehouse, run_ids, f"cancel asked for by {by}", _asking(run_states.CANCEL))


def pause(warehouse: Warehouse, run_ids: Sequence[int], by: str) -> int:
    """Pause these runs and batches; return how many runs it concerns."""
    return _ask(warehouse, run_ids, f"pause asked for by {by}", _asking(run_states.PAUSE))


def resume(warehouse: Warehouse, run_ids: Sequence[int], by: str) -> int:
    """Let paused and cancelled runs go on where they stopped; return how many."""
    return _ask(warehouse, run_ids, f"resumed by {by}", run_states.resume)


def retry(warehouse: Warehouse, run_ids: Sequence[int], by: str, *, force: bool = False) -> Retried:
    """Queue failed runs, or all failed ones of a batch, again; say which were and which not."""

    def work(connection: Connection, ids: Sequence[int]) -> Retried:
        return run_states.retry(connection, ids, force=force)

    return _ask(warehouse, run_ids, f"retry asked for by {by}", work)


def _asking(wish: str) -> Callable[[Connection, Sequence[int]], int]:
    return lambda connection, run_ids: run_states.ask(connection, run_ids, wish)


def _ask(
    warehouse: Warehouse,
    run_ids: Sequence[int],
    message: str,
    change: Callable[[Connection, Sequence[int]], T],
) -> T:
    """Change runs in one transaction, tell their story, and bring their batches up to date."""

    def work(connection: Connection) -> T:
        _check_known(connection, run_ids)
        result = change(connection, run_ids)
        add_events(connection, run_ids, "asked", message)
        for batch in list_parents(connection, run_ids):
            sum_up(connection, batch)
        return result

    return warehouse.run(work)


def _check_known(connection: Connection, run_ids: Sequence[int]) -> None:
    if not run_ids:
        raise NotFound("no run was named")
    for run_id in run_ids:
        get_run(connection, run_id)
