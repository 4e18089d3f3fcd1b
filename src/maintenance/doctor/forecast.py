"""How long the disks last, by the samples that the job ``watch_disk`` keeps."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from src.clock import Clock
from src.errors import CandlehouseError
from src.maintenance.disk_forecast import WINDOW_MS, forecast
from src.maintenance.doctor.findings import Finding, ok, problem, size_text, warning
from src.warehouse.disk_samples import PLACES, list_samples
from src.warehouse.engine import Warehouse
from src.warehouse.health import is_begun

_ADVICE = "make room, get a larger disk, or keep less: docs/operations.md says how"
_URGENT_DAYS = 2


def check_forecast(warehouse: Warehouse | None, warn_days: int, clock: Clock) -> Iterator[Finding]:
    """Tell for each place how long its disk lasts; nothing where there are no samples yet."""
    try:
        if warehouse is None or not is_begun(warehouse):
            return
        with warehouse.read() as connection:
            since_ms = clock.now_ms() - WINDOW_MS
            known = {place: list_samples(connection, place, since_ms) for place in PLACES}
    except (CandlehouseError, SQLAlchemyError):
        return  # the warehouse's own area tells of that
    for place, samples in known.items():
        if samples and samples[-1].free_bytes is not None:
            ahead = forecast(samples)
            yield _judge(place, ahead.days_left, ahead.bytes_a_day, warn_days)


def _judge(place: str, days: float | None, bytes_a_day: float | None, warn_days: int) -> Finding:
    name = f"{place} lasts"
    if bytes_a_day is None:
        return ok(name, "nothing can be said before watch_disk has looked for six hours")
    if days is None:
        return ok(name, "its disk does not fill up, going by the last week")
    found = f"about {days:.0f} days, at {size_text(bytes_a_day)} a day over the last week"
    if days >= warn_days:
        return ok(name, found, days=round(days, 1))
    judge = problem if days < _URGENT_DAYS else warning
    return judge(name, found, _ADVICE, days=round(days, 1))
