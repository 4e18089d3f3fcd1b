"""A window of a series as the warehouse holds it, beside what the objects of the lake give for it.

Both sides are read as of one moment. The lake's side goes through the same parsing and the same precedence as
loading does; nothing is written here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from src.domain import Interval, SeriesKey, Window
from src.errors import BadObject, NotFound
from src.lake.store import Bucket, ObjectStore
from src.transform.manager import parse_object
from src.warehouse.candles import (
    Candles,
    Rollup,
    RollupKey,
    StoredCandle,
    read_candles,
    read_load_version,
    read_rollups,
)
from src.warehouse.catalog import ObjectState
from src.warehouse.engine import Warehouse
from src.warehouse.facts import KlineBatch, without_doubles
from src.warehouse.objects import ObjectRow, list_objects, list_touching
from src.warehouse.series import SeriesRow

_READERS = 4
# A series is loaded once a minute, and read in far less: so often in a row it does not change meanwhile.
_LOOKS = 20


class Loss(StrEnum):
    """Why an object gives nothing. *unreadable*: it is what was landed, but this code cannot parse it."""

    MISSING = "object_missing"
    CHANGED = "object_changed"
    UNREADABLE = "object_unreadable"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class LostObject:
    """An object that gives nothing, and why, for a person to read."""

    key: str
    loss: Loss
    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """What the warehouse holds of a window, and which objects have to do with it, at one *load_version*."""

    candles: Candles
    rollups: dict[RollupKey, Rollup]
    objects: Sequence[ObjectRow]
    load_version: int


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What the lake gives for a window: *candles* are those of *batches*; *lost* is by object id.

    *whole* are all batches that were read, before any were left out.
    """

    candles: Candles
    batches: Sequence[KlineBatch]
    whole: Sequence[KlineBatch]
    lost: dict[int, LostObject]


@dataclass(frozen=True, slots=True)
class Part:
    """Both sides of a window of a series."""

    series: SeriesRow
    window: Window
    held: Held
    rebuilt: Rebuilt

    @property
    def keys(self) -> dict[int, str]:
        """The objects' keys by their ids."""
        return {one.id: one.key for one in self.held.objects}

    def precedence(self, candle: StoredCandle) -> tuple[int, str]:
        """Return what decides as in loading: the greater wins; an object without a row loses a tie."""
        return candle.captured_at_ms, self.keys.get(candle.object_id, "")


class Rebuilder:
    """Reads both sides of one window after the other; memory holds one at a time."""

    def __init__(self, lake: ObjectStore, warehouse: Warehouse) -> None:
        self._lake = lake
        self._warehouse = warehouse

    def read(self, series: SeriesRow, window: Window) -> Part:
        """Return both sides of *window*, which should be a day at most."""
        with self._warehouse.read() as connection:
            held = _read_held(connection, series, window)
        known = {one.id for one in held.objects}
        lost = {
            candle.object_id: _uncatalogued(candle.object_id)
            for candle in held.candles.values()
            if candle.object_id not in known
        }
        return Part(series, window, held, self._rebuild(series.key, window, held.objects, lost))

    def _rebuild(
        self,
        series: SeriesKey,
        window: Window,
        objects: Sequence[ObjectRow],
        lost: dict[int, LostObject],
    ) -> Rebuilt:
        batches: list[KlineBatch] = []
        with ThreadPoolExecutor(_READERS, thread_name_prefix="lake-read") as readers:
            for one, outcome in zip(objects, readers.map(self._read_object, objects), strict=True):
                if isinstance(outcome, LostObject):
                    lost[one.id] = outcome
                elif outcome.series == series:
                    batches.append(outcome)
        kept = without_doubles([_clipped(batch, window) for batch in batches])
        return Rebuilt(_by_time(kept), kept, batches, lost)

    def _read_object(self, row: ObjectRow) -> KlineBatch | LostObject:
        if row.state is ObjectState.DELETED:
            return LostObject(row.key, Loss.DELETED, f"{row.key} was deleted by its age")
        content = self._find(row)
        if content is None:
            return LostObject(row.key, Loss.MISSING, f"{row.key} is in the catalog, but not in the lake")
        if hashlib.sha256(content).hexdigest() != row.sha256:
            return LostObject(row.key, Loss.CHANGED, f"{row.key} is not what was landed: its sha256 differs")
        try:
            batch = parse_object(content, row)
        except BadObject as error:
            return LostObject(row.key, Loss.UNREADABLE, f"{row.key} cannot be read any more: {error.reason}")
        assert isinstance(batch, KlineBatch)
        return batch

    def _find(self, row: ObjectRow) -> bytes | None:
        """Read it where the catalog says, or where it may have been moved since."""
        for bucket in sorted(Bucket, key=lambda bucket: bucket.value != row.bucket):
            try:
                return self._lake.get(bucket, row.key)
            except NotFound:
                continue
        return None


def _read_held(connection: Connection, series: SeriesRow, window: Window) -> Held:
    """Read the warehouse's side; again when the series was loaded between two of the questions."""
    for _ in range(_LOOKS):
        before = read_load_version(connection, series)
        candles = read_candles(connection, series.key, window)
        rollups = read_rollups(connection, series.key, window) if series.key.interval is Interval.M1 else {}
        objects = {one.id: one for one in list_touching(connection, series.key, window, [ObjectState.LOADED])}
        sources = {candle.object_id for candle in candles.values()} - objects.keys()
        objects |= {one.id: one for one in list_objects(connection, sources)}
        if read_load_version(connection, series) == before:
            break
    return Held(candles, rollups, list(objects.values()), before)


def _uncatalogued(object_id: int) -> LostObject:
    reason = f"object {object_id}, of which facts say they come from it, is not in the catalog"
    return LostObject(f"#{object_id}", Loss.MISSING, reason)


def _clipped(batch: KlineBatch, window: Window) -> KlineBatch:
    times = batch.open_times_ms
    return batch.only((times >= window.start_ms) & (times < window.end_ms))


def _by_time(batches: Iterable[KlineBatch]) -> Candles:
    return {
        int(at): StoredCandle(int(at), row, batch.captured_at_ms, batch.object_id)
        for batch in batches
        for at, row in zip(batch.open_times_ms, batch.rows, strict=True)
    }
