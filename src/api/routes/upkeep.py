"""Looking after the data: proof, replay, ageing, reconciling, and what was set aside or noticed."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from src.api.asking import AskedOut, ask_run
from src.api.context import clock, note, requested_by, warehouse
from src.api.known import check_kept
from src.api.problems import conflict, invalid, not_found
from src.api.routing import Routes
from src.api.schemas import Done, In, NamedSymbols, OfId, Out, TimeMs, check_window, named_symbols, parameter
from src.domain import Interval
from src.jobs.ageing import MAINTENANCE
from src.jobs.job_registry import CHECK_QUALITY, RECONCILE_LAKE, RECOUNT_COVERAGE
from src.jobs.kinds import TRANSFORM
from src.jobs.proving import REPLAY, VERIFY
from src.warehouse import quality
from src.warehouse.objects import find_object
from src.warehouse.quarantine import release_object

routes = Routes("upkeep", "Looking after the data.")

_SAMPLE = 20
Step = Literal["pack", "archive", "cleanup", "retention", "housekeeping", "optimise", "recount"]


class VerifyIn(In):
    """What to compare: a window, all, or some days by chance where nothing is said."""

    symbols: NamedSymbols = named_symbols("Only these symbols", "all that something is kept of")
    all: bool = parameter(False, about="Whether every day of every series is compared.")
    start: TimeMs | None = parameter(None, about="All days from here on.")
    end: TimeMs | None = parameter(None, about="Up to before this time; now, where it is left out.")
    sample: int | None = parameter(
        None, about=f"So many days by chance; {_SAMPLE} unless told.", ge=1, le=100_000
    )


@routes.post("/api/verify", responses={202: AskedOut})
def verify(body: VerifyIn) -> tuple[AskedOut, int]:
    """Make days of series again from the lake and compare them with the warehouse; changes neither.

    What came of it is the run's result.
    """
    is_window = body.start is not None or body.end is not None
    if body.all and (is_window or body.sample):
        raise invalid("all", "goes with neither start, end nor sample", "one of them")
    check_kept(body.symbols)
    parameters: dict[str, Any] = {"symbols": body.symbols}
    if is_window:
        parameters |= _window(body.start or 0, body.end)
    if body.sample or not (body.all or is_window):
        parameters["sample"] = body.sample or _SAMPLE
    return ask_run(VERIFY, parameters), 202


class ReplayIn(In):
    """What to make again from the lake."""

    start: TimeMs = parameter(about="From here on.", example="2026-01-01")
    end: TimeMs = parameter(about="Up to before this time.", example="2026-01-02")
    symbols: NamedSymbols = named_symbols("Only these symbols", "all that something is kept of")
    intervals: list[Interval] = parameter([], about="Only these intervals.")
    dry_run: bool = parameter(False, about="Only say what would change.", example=True)


@routes.post("/api/replay", responses={202: AskedOut})
def replay(body: ReplayIn) -> tuple[AskedOut, int]:
    """Make candles and rollups of a window again from the lake, in place, after a parser was mended."""
    check_kept(body.symbols, {"intervals": body.intervals})
    parameters = {
        **_window(body.start, body.end),
        "symbols": body.symbols,
        "intervals": [one.value for one in body.intervals],
        "dry_run": body.dry_run,
    }
    return ask_run(REPLAY, parameters), 202


def _window(start_ms: int, end_ms: int | None) -> dict[str, int]:
    end_ms = clock().now_ms() if end_ms is None else end_ms
    check_window(start_ms, end_ms)
    return {"start_ms": start_ms, "end_ms": end_ms}


class MaintenanceIn(In):
    """What to do of maintenance."""

    dry_run: bool = parameter(False, about="Only say what would happen.", example=True)
    steps: list[Step] = parameter([], about="These alone; all where none is named.")


@routes.post("/api/maintenance", responses={202: AskedOut})
def maintenance(body: MaintenanceIn) -> tuple[AskedOut, int]:
    """Archive, pack and delete old objects, age out facts, tidy up; or say what that would do."""
    return ask_run(MAINTENANCE, body.model_dump()), 202


class ReconcileIn(In):
    """How to compare the lake with its catalog."""

    checksums: bool = parameter(False, about="Whether every object is read and its SHA-256 compared, too.")


@routes.post("/api/reconcile", responses={202: AskedOut})
def reconcile(body: ReconcileIn) -> tuple[AskedOut, int]:
    """Compare the lake with its catalog, and adopt what has no row."""
    return ask_run(RECONCILE_LAKE, body.model_dump()), 202


class RecountIn(In):
    """What to count."""

    symbols: NamedSymbols = named_symbols("Only these symbols", "all that something is kept of")
    interval: Interval | None = parameter(None, about="Only this interval.")
    fix: bool = parameter(True, about="Whether the ledger is made to say what the facts hold.")


@routes.post("/api/coverage/recount", responses={202: AskedOut})
def recount(body: RecountIn) -> tuple[AskedOut, int]:
    """Count what the facts hold and compare it with the ledger of coverage."""
    check_kept(body.symbols, {"interval": [body.interval] if body.interval else []})
    return ask_run(RECOUNT_COVERAGE, body.model_dump(mode="json")), 202


class QualityIn(In):
    """Which days to look at."""

    days: int = parameter(2, about="The last days, today included.", ge=1, le=3_660)
    symbols: NamedSymbols = named_symbols("Only these symbols")


@routes.post("/api/quality/check", responses={202: AskedOut})
def check_quality(body: QualityIn) -> tuple[AskedOut, int]:
    """Look for what is odd in the candles of the last days."""
    check_kept(body.symbols)
    return ask_run(CHECK_QUALITY, body.model_dump()), 202


class AcknowledgedOut(Out):
    acknowledged: int = Field(description="0 where somebody had seen it before.")


@routes.post("/api/quality/<id>/acknowledge", responses={200: AcknowledgedOut})
def acknowledge(path: OfId) -> AcknowledgedOut:
    """Note that a finding was seen; it comes back when there is more of the same on its day."""
    by = requested_by()
    count = warehouse().run(lambda connection: quality.acknowledge(connection, [path.id], by))
    note(f"finding {path.id} acknowledged")
    return AcknowledgedOut(acknowledged=count)


@routes.post("/api/quarantine/<id>/retry", responses={200: Done})
def retry_quarantined(path: OfId) -> Done:
    """Let an object that was set aside, or rows of which were, be loaded again; the leader does it soon."""
    with warehouse().read() as connection:
        if find_object(connection, path.id) is None:
            raise not_found(f"there is no object {path.id}; /api/quarantine lists what is set aside")
    if not warehouse().run(lambda connection: release_object(connection, path.id)):
        raise conflict(f"object {path.id} is not set aside, and none of its rows is")
    note(f"object {path.id} is loaded again")
    return Done()


@routes.post("/api/quarantine/retry", responses={202: AskedOut})
def retry_all_quarantined() -> tuple[AskedOut, int]:
    """Load everything again that was set aside, after a parser was mended."""
    return ask_run(TRANSFORM, {"retry_quarantined": True}), 202
