"""How runs are told: as rows of a list, with everything, as batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from src.api.schemas import Out
from src.domain import Interval, Lane
from src.warehouse.run_progress import Event
from src.warehouse.runs import RunRow, RunState

ErrorKind = Literal["permanent", "transient", "unexpected", "timeout", "abandoned"]


class RunErrorOut(Out):
    """Why a run failed."""

    what: str = Field(description="What happened.")
    todo: str | None = Field(None, description="What to do about it.")
    series: str | None = Field(None, description="Of which series.")
    window: list[str] | None = Field(None, description="From when until when, ISO 8601: two times.")


class CountsOut(Out):
    """How many runs of a batch are in which state."""

    queued: int
    running: int
    paused: int
    succeeded: int
    partly_failed: int
    failed: int
    cancelled: int


class RunOut(Out):
    """A run; what it is about is null where it is not about one series or window."""

    id: int
    parent_id: int | None = Field(description="The batch that it belongs to.")
    job_id: str | None
    kind: str
    lane: Lane
    state: RunState
    wish: Literal["cancel", "pause"] | None = Field(description="What a running one was asked to do next.")
    origin: Literal["schedule", "manual"] = Field(description="Whether a schedule or a person asked for it.")
    requested_by: str
    parameters: dict[str, Any]
    exchange: str | None
    symbol: str | None
    interval: Interval | None
    window_start_ms: int | None
    window_end_ms: int | None
    unit: str = Field(description="What is counted, like candles; empty where nothing is.")
    done: int
    total: int | None
    progress_pct: float | None = Field(description="0 to 100; null while the total is not known.")
    batches_done: int = Field(description="Of what it is divided into: requests' pages of a fetch.")
    batches_total: int | None
    current_series: str | None
    current_open_ms: int | None
    fetched: int
    loaded: int
    expected: int | None
    share_received: float | None = Field(
        description="How much of what was expected the exchange had, 0 to 1."
    )
    rate: float | None = Field(description="Units a second.")
    time_left_ms: int | None
    waiting_for: str | None
    attempt: int
    attempt_limit: int
    error_kind: ErrorKind | None = Field(
        description="Null without an error; a permanent one would come again."
    )
    error: RunErrorOut | None
    created_ms: int
    started_ms: int | None
    heartbeat_ms: int | None
    finished_ms: int | None
    took_ms: int | None = Field(description="Null while it has not ended.")


class EventOut(Out):
    at_ms: int
    kind: str
    message: str


class MissingOut(Out):
    """A window for which the exchange had nothing."""

    start_ms: int
    end_ms: int


class RunDetailsOut(RunOut):
    """A run with all that is known of it."""

    steps: dict[str, str] = Field(description="State of each step, for those that have steps.")
    missing: list[MissingOut] = Field(description="What the exchange did not have: the first 100 windows.")
    result: Any = Field(description="What came of it; its form depends on the kind.")
    events: list[EventOut] = Field(description="Its story, the newest 200, oldest first.")
    traceback: str | None


class BatchOut(Out):
    """A batch and its runs."""

    batch: RunOut
    overall_progress_pct: float | None = Field(description="0 to 100; null while the total is not known.")
    total_combinations: int = Field(description="How many runs it has.")
    counts: CountsOut = Field(description="How many of them are in which state.")
    child_jobs: list[RunOut] = Field(description="A page of them, as they were asked for.")
    next_cursor: str | None


_SAME = (
    "id",
    "parent_id",
    "job_id",
    "kind",
    "lane",
    "state",
    "wish",
    "origin",
    "requested_by",
    "parameters",
    "unit",
    "done",
    "total",
    "batches_done",
    "batches_total",
    "current_series",
    "current_open_ms",
    "fetched",
    "loaded",
    "expected",
    "share_received",
    "rate",
    "time_left_ms",
    "waiting_for",
    "attempt",
    "attempt_limit",
    "error_kind",
    "error",
    "created_ms",
    "started_ms",
    "heartbeat_ms",
    "finished_ms",
)


def run_out(row: RunRow) -> RunOut:
    return RunOut(**_values(row))


def details_out(row: RunRow, events: Sequence[Event]) -> RunDetailsOut:
    return RunDetailsOut(
        **_values(row),
        steps=row.steps,
        missing=[MissingOut(start_ms=start, end_ms=end) for start, end in row.missing],
        result=row.result,
        events=[EventOut(at_ms=one.at_ms, kind=one.kind, message=one.message) for one in events],
        traceback=row.traceback,
    )


def progress_pct(row: RunRow) -> float | None:
    """Return how far a run is, 0 to 100; never 100 before it has gone well."""
    if row.state is RunState.SUCCEEDED:
        return 100.0
    if not row.total:
        return None
    return min(99.9, round(100 * row.done / row.total, 1))


def took_ms(row: RunRow) -> int | None:
    if row.started_ms is None or row.finished_ms is None:
        return None
    return max(0, row.finished_ms - row.started_ms)


def all_counts(counted: Mapping[RunState, int]) -> CountsOut:
    return CountsOut(**{state.value: counted.get(state, 0) for state in RunState})


def _values(row: RunRow) -> dict[str, Any]:
    series, window = row.series, row.window
    return {
        **{name: getattr(row, name) for name in _SAME},
        "exchange": series.exchange if series else None,
        "symbol": series.symbol if series else None,
        "interval": series.interval if series else None,
        "window_start_ms": window.start_ms if window else None,
        "window_end_ms": window.end_ms if window else None,
        "progress_pct": progress_pct(row),
        "took_ms": took_ms(row),
    }
