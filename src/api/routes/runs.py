"""Runs: what is done, what waits and what came of it; to stop them, let them go on, try them again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

from pydantic import Field

from src.api.asking import is_led
from src.api.context import note, parts, requested_by, warehouse
from src.api.known import check_symbols
from src.api.paging import Page, Paged, make_cursor, read_cursor, split_page
from src.api.problems import conflict, invalid, not_found
from src.api.routing import Routes
from src.api.run_schemas import (
    BatchOut,
    RunDetailsOut,
    RunOut,
    all_counts,
    details_out,
    progress_pct,
    run_out,
)
from src.api.schemas import CodeName, In, OfId, Out, SymbolName, parameter
from src.domain import Interval
from src.jobs import asking
from src.jobs.ageing import MAINTENANCE
from src.jobs.fetching import FETCH_WINDOW
from src.jobs.kinds import EXTRACT, TRANSFORM
from src.jobs.proving import REPLAY, VERIFY
from src.warehouse.batches import count_states
from src.warehouse.engine import Warehouse
from src.warehouse.run_progress import list_events
from src.warehouse.runs import BATCH, RunFilter, RunRow, RunState, get_run, list_runs
from src.warehouse.series_runs import list_children_after

routes = Routes("runs", "All work: what is done, waits and was done.")

# Those that are of no job.
_KINDS = (BATCH, EXTRACT, FETCH_WINDOW, MAINTENANCE, REPLAY, TRANSFORM, VERIFY)


class RunsQuery(Paged):
    state: list[RunState] = parameter([], about="Only those in this state; may be given several times.")
    kind: CodeName | None = parameter(None, about="Only of this kind, like fetch_window or batch.")
    job: CodeName | None = parameter(None, about="Only of this scheduled job.")
    batch: int | None = parameter(None, about="Only the runs of this batch.", ge=1, le=2**63 - 1)
    symbol: SymbolName | None = parameter(None, about="Only of this symbol.")
    interval: Interval | None = parameter(None, about="Only of this interval.")
    all: bool = parameter(
        False, about="Whether the runs of batches are listed, too, and the cycles that went well."
    )


class RunsOut(Page):
    runs: list[RunOut]


@routes.get("/api/data-ingestion/runs", responses={200: RunsOut})
def ingestion_runs(query: RunsQuery) -> RunsOut:
    """List runs, the newest first.

    Unless more is asked for, a batch stands for its runs, and cycles that went well are left out.
    """
    _check_names(query)
    before = read_cursor(query.cursor, int)
    is_narrow = bool(query.state or query.kind or query.job or query.batch or query.symbol or query.interval)
    wanted = RunFilter(
        job_id=query.job,
        kind=query.kind,
        states=query.state,
        parent_id=query.batch,
        top_only=not (query.all or query.batch or query.symbol or query.interval),
        skip_routine=not (query.all or is_narrow),
        before_id=before[0] if before else None,
        symbol=query.symbol,
        interval=query.interval,
    )
    with warehouse().read() as connection:
        rows = list_runs(connection, wanted, query.limit + 1)
        if query.batch and not rows:
            get_batch(get_run(connection, query.batch))
    page, cursor = split_page(rows, query.limit, lambda row: make_cursor(row.id))
    return RunsOut(runs=list(map(run_out, page)), next_cursor=cursor)


def _check_names(query: RunsQuery) -> None:
    """Refuse a misspelt filter, which would find nothing."""
    check_symbols([query.symbol] if query.symbol else [])
    jobs = parts().jobs
    kinds = {*_KINDS, *(job.kind for job in jobs.values())}
    for field, named, known in (("kind", query.kind, kinds), ("job", query.job, jobs)):
        if named is not None and named not in known:
            raise invalid(field, f"there is no {field} {named!r}", ", ".join(sorted(known)))


@routes.get("/api/data-ingestion/status/<id>", responses={200: RunDetailsOut})
def run_status(path: OfId) -> RunDetailsOut:
    """Return all that is known of a run: how far it is, its steps, its story, what came of it."""
    with warehouse().read() as connection:
        return details_out(get_run(connection, path.id), list_events(connection, path.id))


class BatchQuery(Paged):
    state: list[RunState] = parameter([], about="Only runs in this state; may be given several times.")


@routes.get("/api/data-ingestion/status-batch/<id>", responses={200: BatchOut})
def batch_status(path: OfId, query: BatchQuery) -> BatchOut:
    """Return how far a batch is, with its runs page by page."""
    after = read_cursor(query.cursor, int)
    with warehouse().read() as connection:
        batch = get_batch(get_run(connection, path.id))
        counts = count_states(connection, path.id)
        rows = list_children_after(
            connection, path.id, after[0] if after else 0, query.limit + 1, query.state
        )
    page, cursor = split_page(rows, query.limit, lambda row: make_cursor(row.id))
    return BatchOut(
        batch=run_out(batch),
        overall_progress_pct=progress_pct(batch),
        total_combinations=counts.total(),
        counts=all_counts(counts),
        child_jobs=list(map(run_out, page)),
        next_cursor=cursor,
    )


def get_batch(row: RunRow) -> RunRow:
    """Return the row; 404 where it is no batch."""
    if not row.is_batch:
        raise not_found(f"run {row.id} is no batch but of the kind {row.kind}: ask for its status")
    return row


class ChangedOut(Out):
    runs: int = Field(description="How many runs it concerns.")
    is_led: bool = Field(description="Whether a process leads at the moment, which does what was asked.")


class RetryIn(In):
    force: bool = parameter(False, about="Those too that used up their attempts or failed for good.")


class RetriedOut(Out):
    retried: list[int] = Field(description="The runs that are queued again.")
    skipped_for_attempts: list[int] = Field(description="Left, since their attempts are used up.")
    permanent: list[int] = Field(description="Left, since trying again as it is will not help.")
    is_led: bool


Ask = Callable[[Warehouse, Sequence[int], str], int]


@routes.post("/api/data-ingestion/cancel/<id>", responses={200: ChangedOut})
def cancel_run(path: OfId) -> ChangedOut:
    """Cancel a run, or all runs of a batch; what they fetched stays."""
    return _change(asking.cancel, path.id, "cancelled", "it does not wait, is not paused and does not run")


@routes.post("/api/data-ingestion/pause/<id>", responses={200: ChangedOut})
def pause_run(path: OfId) -> ChangedOut:
    """Pause a run, or all runs of a batch, until they are resumed."""
    return _change(asking.pause, path.id, "paused", "it neither waits nor runs")


@routes.post("/api/data-ingestion/resume/<id>", responses={200: ChangedOut})
def resume_run(path: OfId) -> ChangedOut:
    """Let a paused or cancelled run, or those of a batch, go on where they stopped."""
    return _change(asking.resume, path.id, "resumed", "it is neither paused nor cancelled")


def _change(ask: Ask, run_id: int, what: str, why_not: str) -> ChangedOut:
    count = ask(warehouse(), [run_id], requested_by())
    if not count:
        raise conflict(f"run {run_id} cannot be {what}: {why_not}")
    note(f"run {run_id} {what}")
    return ChangedOut(runs=count, is_led=is_led())


@routes.post("/api/data-ingestion/retry/<id>", responses={200: RetriedOut})
def retry_run(path: OfId, body: RetryIn) -> RetriedOut:
    """Try a failed run again; it goes on where it stopped."""
    return _retry(path.id, force=body.force)


@routes.post("/api/data-ingestion/retry-batch/<id>", responses={200: RetriedOut})
def retry_batch(path: OfId, body: RetryIn) -> RetriedOut:
    """Try all failed runs of a batch again."""
    with warehouse().read() as connection:
        get_batch(get_run(connection, path.id))
    return _retry(path.id, force=body.force)


def _retry(run_id: int, *, force: bool) -> RetriedOut:
    done = asking.retry(warehouse(), [run_id], requested_by(), force=force)
    if not done.retried:
        raise conflict(_why_not(run_id, bool(done.permanent), bool(done.skipped_for_attempts)))
    note(f"{len(done.retried)} runs tried again")
    return RetriedOut(**asdict(done), is_led=is_led())


def _why_not(run_id: int, is_permanent: bool, is_used_up: bool) -> str:
    if is_permanent:
        return (
            f"run {run_id} failed for good: trying again as it is will not help; force does it all the same"
        )
    if is_used_up:
        return f"run {run_id} has used up its attempts; force tries once more"
    return f"run {run_id} has not failed"
