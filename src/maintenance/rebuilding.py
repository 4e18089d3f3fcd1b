"""A window of a series as the warehouse holds it, beside what the objects of the lake give for it.

Both sides are read as of one moment. The lake's side goes through the same parsing and the same precedence as
loading does; nothing is written here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from src.domain import Interval, SeriesKey, Window, utc_from_ms
from src.errors import BadObject, CandlehouseError
from src.lake.store import ObjectStore
from src.maintenance.reading import CataloguedReader
from src.transform.manager import parse_object
from src.warehouse.aged import aged_windows
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
from src.warehouse.lake_ageing import group_of
from src.warehouse.objects import ObjectRow, list_objects, list_touching
from src.warehouse.series import SeriesRow
from src.warehouse.tombstones import Tombstone, list_tombstones

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
    """What the warehouse holds of a window, and which objects have to do with it, at one *load_version*.

    *aged* is what has aged out of it.
    """

    candles: Candles
    rollups: dict[RollupKey, Rollup]
    objects: Sequence[ObjectRow]
    aged: Sequence[Window]
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
        self._reader = CataloguedReader(lake, warehouse)
        self._warehouse = warehouse

    def read(self, series: SeriesRow, window: Window) -> Part:
        """Return both sides of *window*, which should be a day at most."""
        with self._warehouse.read() as connection:
            held = _read_held(connection, series, window)
            lost = _list_uncatalogued(connection, series.key, held)
        return Part(series, window, held, self._rebuild(series.key, window, held.objects, lost))

    def read_objects(
        self, objects: Sequence[ObjectRow]
    ) -> Iterator[tuple[ObjectRow, KlineBatch | LostObject]]:
        """Yield each object with its candles, or why it gives none."""
        with ThreadPoolExecutor(_READERS, thread_name_prefix="lake-read") as readers:
            yield from zip(objects, readers.map(self._read_object, objects), strict=True)

    def _rebuild(
        self,
        series: SeriesKey,
        window: Window,
        objects: Sequence[ObjectRow],
        lost: dict[int, LostObject],
    ) -> Rebuilt:
        batches: list[KlineBatch] = []
        for one, outcome in self.read_objects(objects):
            if isinstance(outcome, LostObject):
                lost[one.id] = outcome
            elif outcome.series == series:
                batches.append(outcome)
        kept = without_doubles([_clipped(batch, window) for batch in batches])
        return Rebuilt(_by_time(kept), kept, batches, lost)

    def _read_object(self, row: ObjectRow) -> KlineBatch | LostObject:
        if row.state is ObjectState.DELETED:
            return _deleted(row.key, row.deleted_ms)
        try:
            content = self._reader.find(row)
        except ValueError as error:
            place = f" lies in {row.pack}" if row.pack else ""
            return LostObject(row.key, Loss.CHANGED, f"{row.key}{place}: {error}")
        if content is None:
            return self._gone(row)
        if hashlib.sha256(content).hexdigest() != row.sha256:
            return LostObject(row.key, Loss.CHANGED, f"{row.key} is not what was landed: its sha256 differs")
        try:
            batch = parse_object(content, row)
        except BadObject as error:
            return LostObject(row.key, Loss.UNREADABLE, f"{row.key} cannot be read any more: {error.reason}")
        assert isinstance(batch, KlineBatch)
        return batch

    def _gone(self, row: ObjectRow) -> LostObject:
        """Tell why it is not there; it may have been deleted since its row was read."""
        if self._reader.look_again(row) is None:
            return _deleted(row.key, None)
        return LostObject(row.key, Loss.MISSING, f"{row.key} is in the catalog, but not in the lake")


def _deleted(name: str, deleted_ms: int | None) -> LostObject:
    on = "" if deleted_ms is None else f" on {utc_from_ms(deleted_ms):%Y-%m-%d}"
    return LostObject(name, Loss.DELETED, f"{name} was deleted by retention{on}: not reproducible")


def _read_held(connection: Connection, series: SeriesRow, window: Window) -> Held:
    """Read the warehouse's side; again when the series was loaded between two of the questions.

    Answers of two moments would differ where nothing is wrong: rather none.
    """
    for _ in range(_LOOKS):
        before = read_load_version(connection, series)
        candles = read_candles(connection, series.key, window)
        rollups = read_rollups(connection, series.key, window) if series.key.interval is Interval.M1 else {}
        objects = {one.id: one for one in list_touching(connection, series.key, window, [ObjectState.LOADED])}
        sources = {candle.object_id for candle in candles.values()} - objects.keys()
        objects |= {one.id: one for one in list_objects(connection, sources)}
        aged = aged_windows(connection, series, window)
        if read_load_version(connection, series) == before:
            return Held(candles, rollups, list(objects.values()), aged, before)
    raise CandlehouseError(
        f"{series.key} was loaded {_LOOKS} times in a row while {window} was read: try again when less of it "
        "is being loaded"
    )


def _list_uncatalogued(connection: Connection, series: SeriesKey, held: Held) -> dict[int, LostObject]:
    """Return the objects of which candles say they come from them, and the catalog knows nothing."""
    known = {one.id for one in held.objects}
    captured = {one.object_id: one.captured_at_ms for one in held.candles.values()}
    captured = {object_id: at for object_id, at in captured.items() if object_id not in known}
    dates = {utc_from_ms(at).date() for at in captured.values()}
    tombstones = list_tombstones(connection, group_of(series), dates) if dates else {}
    return {
        object_id: _uncatalogued(object_id, tombstones.get(utc_from_ms(at).date()))
        for object_id, at in captured.items()
    }


def _uncatalogued(object_id: int, tombstone: Tombstone | None) -> LostObject:
    if tombstone and tombstone.first_object_id <= object_id <= tombstone.last_object_id:
        # One is told for all of its day: of the others no more is known.
        return _deleted(f"what was captured on {tombstone.date}", tombstone.deleted_ms)
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
