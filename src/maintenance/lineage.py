"""Opens the object that a candle came from, and says why a candle is not there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from src.domain import HOUR_MS, Window, format_utc, utc_from_ms
from src.errors import NotFound
from src.lake.envelope import RequestInfo
from src.lake.opening import open_object
from src.lake.reading import ObjectReader
from src.lake.store import ObjectStore
from src.transform.places import find_place
from src.warehouse.candles import RollupKey
from src.warehouse.catalog import ObjectState
from src.warehouse.gaps import GapRow
from src.warehouse.lineage import Lineage
from src.warehouse.objects import ObjectRow
from src.warehouse.symbols import Lifetime
from src.warehouse.wanted import FOR_EVER, kept_from


@dataclass(frozen=True, slots=True)
class Opened:
    """An object as it lies in the lake: *problem* says why it cannot be opened, then the rest is None.

    *place* is the number, from 0, of the row that was looked for in the exchange's answer, *body*.
    """

    request: RequestInfo | None = None
    body: bytes | None = None
    place: int | None = None
    problem: str | None = None


def open_source(lake: ObjectStore, row: ObjectRow, open_time_ms: int | None = None) -> Opened:
    """Open an object that the catalog knows, and look for the candle that opens then."""
    if row.state is ObjectState.DELETED:
        return Opened(problem=deletion_text(row.deleted_ms))
    try:
        content = ObjectReader(lake).read(row.bucket, row.key, row.pack)
    except NotFound:
        where = f"pack {row.pack}" if row.pack else f"{row.bucket} bucket"
        return Opened(problem=f"not in the lake's {where}: restore it from a backup")
    except ValueError as error:
        return Opened(problem=f"{row.pack}: {error}; restore it from a backup")
    if hashlib.sha256(content).hexdigest() != row.sha256:
        return Opened(problem="not what was landed, its sha256 differs: restore it from a backup")
    try:
        envelope = open_object(row.key, content)
    except ValueError as error:
        return Opened(problem=f"cannot be read: {error}")
    place = None if open_time_ms is None else find_place(envelope.body, open_time_ms)
    return Opened(envelope.header.request, envelope.body, place)


def deletion_text(deleted_ms: int | None) -> str:
    """Say that retention deleted an object, and when."""
    on = "" if deleted_ms is None else f" on {utc_from_ms(deleted_ms):%Y-%m-%d}"
    return f"deleted by retention{on}: the lake has it no more"


def explain_absence(lineage: Lineage, lifetime: Lifetime, now_ms: int, keep_days: int = FOR_EVER) -> str:
    """Say why no candle is held for the slot; *keep_days* holds for a series that does not say."""
    reasons = (
        _out_of_life(lineage.slot, lifetime, now_ms),
        _gap_text(lineage.gap) if lineage.gap else None,
        _aged(lineage, now_ms, keep_days),
        _never_fetched(lineage, now_ms, keep_days),
    )
    return next(filter(None, reasons), "it is wanted and not held; a check for gaps looks why")


def _out_of_life(slot: Window, lifetime: Lifetime, now_ms: int) -> str | None:
    if slot.end_ms > now_ms:
        return "it has not closed yet: a forming candle is never stored"
    if lifetime.listed_ms is not None and slot.end_ms <= lifetime.listed_ms:
        return f"it is before the listing at {format_utc(lifetime.listed_ms)}"
    if lifetime.delisted_ms is not None and slot.start_ms >= lifetime.delisted_ms:
        return f"it is after the delisting at {format_utc(lifetime.delisted_ms)}"
    return None


def _aged(lineage: Lineage, now_ms: int, keep_days: int) -> str | None:
    slot = lineage.slot
    hour = lineage.rollups.get(RollupKey("1h", slot.start_ms - slot.start_ms % HOUR_MS))
    if hour and hour.sealed_at_ms is not None:
        return f"its minutes have aged out; their hour was sealed at {format_utc(hour.sealed_at_ms)}"
    if not lineage.has_aged:
        return None
    kept_ms = kept_from(lineage.series, now_ms, keep_days)
    since = f": kept from {format_utc(kept_ms)}" if slot.start_ms < kept_ms else ""
    return f"it has aged out{since}"


def _gap_text(gap: GapRow) -> str:
    hint = f": {gap.hint}" if gap.hint else ""
    state = gap.state.value.replace("_", " ")
    start, end = format_utc(gap.window.start_ms), format_utc(gap.window.end_ms)
    return f"it is in gap {gap.id} from {start} to {end}: {state}, {gap.reason.in_words}{hint}"


def _never_fetched(lineage: Lineage, now_ms: int, keep_days: int) -> str | None:
    wanted_ms = lineage.series.wanted_from_ms
    if wanted_ms is None:
        return "nothing of the series was ever wanted"
    if lineage.slot.start_ms < wanted_ms:
        since = format_utc(wanted_ms)
        return f"it was never fetched: wanted from {since} on; a backfill fetches older ones"
    kept_ms = kept_from(lineage.series, now_ms, keep_days)
    if lineage.slot.start_ms < kept_ms:
        return f"it was never fetched, and is too old by now: kept from {format_utc(kept_ms)}"
    return None
