"""Puts candles back that are gone from the facts while objects that hold them are in the lake.

No exchange is asked, and nothing that is held is touched: what is held otherwise than the lake gives it is
for replay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from src.clock import Clock
from src.domain import DAY_MS, Interval, Window
from src.errors import CandlehouseError
from src.lake.store import ObjectStore
from src.maintenance.rebuilding import LostObject, Rebuilder
from src.warehouse.candles import read_load_version
from src.warehouse.catalog import ObjectState
from src.warehouse.coverage import Addition, extend_coverage, list_coverage, rewrite_coverage
from src.warehouse.engine import Warehouse
from src.warehouse.facts import KlineBatch, without_doubles
from src.warehouse.objects import ObjectRow, list_touching
from src.warehouse.partitions import Partitions
from src.warehouse.replaying import list_open_times, replace_candles, roll_up_again
from src.warehouse.series import SeriesRow, lock_series
from src.warehouse.tables import fact_klines
from src.window_sets import intersect, merge, subtract

Times = NDArray[np.int64]

_NONE: Times = np.array([], dtype=np.int64)
# As in replay: a series is not loaded so often in a row between reading and locking.
_ATTEMPTS = 20
# Of intervals from an hour on, so many days are looked at together.
_COARSE_DAYS = 100


@dataclass(frozen=True, slots=True)
class _Found:
    """What the lake gives for *missing*, at one load version; *held* opens there in the facts."""

    missing: Sequence[Window]
    batches: Sequence[KlineBatch]
    held: Times
    load_version: int

    @property
    def span(self) -> Window:
        return Window(self.missing[0].start_ms, self.missing[-1].end_ms)


class Reloader:
    """Reloads windows of series from the lake."""

    def __init__(self, lake: ObjectStore, warehouse: Warehouse, clock: Clock) -> None:
        self._objects = Rebuilder(lake, warehouse)
        self._warehouse = warehouse
        self._partitions = Partitions(warehouse)
        self._clock = clock

    def reload(self, row: SeriesRow, missing: Sequence[Window]) -> Times:
        """Put back what the lake has of *missing*, a part as of ``in_spans``; return when those open."""
        for _ in range(_ATTEMPTS):
            found = self._look(row, missing)
            if found is None:
                return _NONE
            if found.batches and not row.key.interval.is_coarse:
                self._partitions.ensure(fact_klines, found.span, self._clock.now_ms())
            put = self._warehouse.run(partial(_put_back, row=row, found=found))
            if put is not None:
                return put
        raise CandlehouseError(
            f"{row.key} was loaded {_ATTEMPTS} times in a row while {missing[0]} was reloaded: fill its gaps "
            "again when less is being loaded"
        )

    def _look(self, row: SeriesRow, missing: Sequence[Window]) -> _Found | None:
        """Return what the lake gives; None when it has nothing that could be of use."""
        span = Window(missing[0].start_ms, missing[-1].end_ms)
        with self._warehouse.read() as connection:
            version = read_load_version(connection, row)
            near = list_touching(connection, row.key, span, [ObjectState.LOADED])
            objects = [one for one in near if _may_hold(one, missing)]
            if not objects:
                return None
            held = list_open_times(connection, row.key, span)
        held = held[_are_in(held, missing)]
        return _Found(missing, self._read(row, objects, missing, held), held, version)

    def _read(
        self, row: SeriesRow, objects: Sequence[ObjectRow], missing: Sequence[Window], held: Times
    ) -> list[KlineBatch]:
        batches, lost = [], []
        for one, outcome in self._objects.read_objects(objects):
            if isinstance(outcome, LostObject):
                lost.append(one)
            elif outcome.series == row.key:
                batches.append(outcome)
        kept = (_without_outdated(batch, lost) for batch in without_doubles(batches))
        return [new for batch in kept if len((new := _only(batch, missing, held)).rows)]


def in_spans(interval: Interval, windows: Iterable[Window]) -> Iterator[list[Window]]:
    """Yield what of *windows* is reloaded together: a UTC day, of coarse intervals more; oldest first."""
    length_ms = DAY_MS * (_COARSE_DAYS if interval.is_coarse else 1)
    parts = chain.from_iterable(_cut(window, length_ms) for window in merge(windows))
    for _, some in groupby(parts, lambda part: part.start_ms // length_ms):
        yield list(some)


def _cut(window: Window, length_ms: int) -> Iterator[Window]:
    start_ms = window.start_ms
    while start_ms < window.end_ms:
        end_ms = min(window.end_ms, (start_ms // length_ms + 1) * length_ms)
        yield Window(start_ms, end_ms)
        start_ms = end_ms


def _may_hold(one: ObjectRow, missing: Sequence[Window]) -> bool:
    if one.first_open_ms is None or one.last_open_ms is None:
        return True
    return bool(intersect([Window(one.first_open_ms, one.last_open_ms + 1)], missing))


def _without_outdated(batch: KlineBatch, lost: Iterable[ObjectRow]) -> KlineBatch:
    """Leave out what a newer object had, too, that is lost: the exchange may have amended it there."""
    is_good = np.ones(len(batch.rows), dtype=np.bool_)
    for one in lost:
        if (one.captured_at_ms, one.key) > batch.precedence:
            is_good &= ~_may_have_had(one, batch.open_times_ms)
    return batch.only(is_good)


def _may_have_had(one: ObjectRow, times: Times) -> NDArray[np.bool_]:
    if one.first_open_ms is None or one.last_open_ms is None:
        return np.ones(len(times), dtype=np.bool_)
    return (times >= one.first_open_ms) & (times <= one.last_open_ms)


def _only(batch: KlineBatch, missing: Sequence[Window], held: Times) -> KlineBatch:
    times = batch.open_times_ms
    return batch.only(_are_in(times, missing) & ~np.isin(times, held))


def _are_in(times: Times, windows: Sequence[Window]) -> NDArray[np.bool_]:
    """Mark the times that lie in one of *windows*, which are in order and apart."""
    if not windows:
        return np.zeros(len(times), dtype=np.bool_)
    starts = np.array([window.start_ms for window in windows], dtype=np.int64)
    ends = np.array([window.end_ms for window in windows], dtype=np.int64)
    nearest = np.searchsorted(starts, times, side="right") - 1
    return (nearest >= 0) & (times < ends[nearest])


def _put_back(connection: Connection, row: SeriesRow, found: _Found) -> Times | None:
    """Write what was found, as far as the ledger still lacks it; None when the series was loaded since."""
    locked = lock_series(connection, [row.key])[row.key]
    if locked.load_version != found.load_version:
        return None
    ledger = list_coverage(connection, [row.id], found.span).get(row.id, [])
    missing = subtract(found.missing, [one.window for one in ledger])
    put = [_only(batch, missing, found.held) for batch in found.batches]
    times: Times = np.concatenate([_NONE, *(batch.open_times_ms for batch in put)])
    if len(times):
        replace_candles(connection, row, put, _NONE, len(times))
        roll_up_again(connection, row.key, times, _NONE)
    if _are_in(found.held, missing).any():
        rewrite_coverage(connection, row, found.span)  # the ledger lacked what the facts hold
    elif len(times):
        extend_coverage(connection, [Addition(row, times)])
    return times
