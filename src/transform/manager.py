"""TransformManager: landed objects of the catalog to facts and rollups, slice by slice.

What waits is taken from the catalog look by look, live objects first; repairs and history have their share of
every look. An object that cannot be loaded is quarantined with the reason and stops nobody else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import TypeVar

import structlog
from sqlalchemy.exc import DataError, IntegrityError

from src.clock import Clock
from src.domain import DataType, Lane, SeriesKey, Window
from src.errors import BadObject, NotFound
from src.fair_lock import FairLock
from src.lake.envelope import Envelope
from src.lake.opening import open_object
from src.lake.store import Bucket, ObjectStore
from src.transform.depth import parse_depth
from src.transform.sifting import sift_klines
from src.warehouse.bulk import BulkLoadError
from src.warehouse.catalog import CatalogRow, list_waiting, quarantine
from src.warehouse.engine import Warehouse
from src.warehouse.facts import DepthBatch, KlineBatch
from src.warehouse.loading import LoadResult, load_slice
from src.warehouse.partitions import Partitions
from src.warehouse.tables import fact_klines, fact_orderbook

log = structlog.get_logger()

T = TypeVar("T")
# How a database says that it will not have these values. A full disk or a lock says nothing about an object.
_REFUSALS = (DataError, IntegrityError, BulkLoadError)

Batch = KlineBatch | DepthBatch

_READERS = 2
# One of so many places of a look is kept for repairs, and one for history, however much live data waits.
_SHARE = 8
_LANES = tuple(Lane)


@dataclass(slots=True)
class TransformReport:
    """What one pass did; *quarantined* are object keys."""

    loaded: LoadResult = field(default_factory=LoadResult)
    quarantined: list[str] = field(default_factory=list)

    def add(self, other: TransformReport) -> None:
        """Add another pass's report."""
        self.count(other.loaded)
        self.quarantined += other.quarantined

    def count(self, loaded: LoadResult) -> None:
        """Add what one slice changed."""
        total = self.loaded
        total.objects += loaded.objects
        total.inserted += loaded.inserted
        total.replaced += loaded.replaced
        total.levels += loaded.levels
        total.bad_rows += loaded.bad_rows


class TransformManager:
    """Loads what waits in the lake. Safe to run in several processes, and on several threads, at once.

    A look at the catalog takes *slice_objects* at most, a second or two of loading where each holds 1000
    candles: what lands meanwhile waits no longer than that.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        lake: ObjectStore,
        clock: Clock,
        *,
        slice_objects: int = 64,
        slice_bytes: int = 6_000_000,
    ) -> None:
        self._warehouse = warehouse
        self._lake = lake
        self._clock = clock
        self._partitions = Partitions(warehouse)
        self._slice_objects = slice_objects
        # While one slice is loaded the next is read: on a server, four slices a look in two streams.
        self._slices_a_look = 4 if warehouse.is_mysql else 1
        self._slice_bytes = slice_bytes
        # Threads take turns look by look: else two would load the same objects, one of them in vain.
        self._turn = FairLock()

    def load_waiting(
        self, should_stop: Callable[[], bool] = lambda: False, lanes: Sequence[Lane] = _LANES
    ) -> TransformReport:
        """Load slices of *lanes* until nothing waits or *should_stop* says so; return what was done.

        While the database takes one slice, the next is read and parsed. A server takes two at a time, of
        different symbols, so that neither waits for the other's locks; SQLite has one writer.
        """
        report = TransformReport()
        self._partitions.ensure_ahead(self._clock.now_ms())
        streams = 2 if self._warehouse.is_mysql else 1
        with (
            ThreadPoolExecutor(_READERS, thread_name_prefix="lake-read") as readers,
            ThreadPoolExecutor(streams, thread_name_prefix="load") as loaders,
        ):

            def load(rows: Sequence[CatalogRow], context: Context) -> TransformReport:
                return context.run(self._load_stream, rows, readers, should_stop)

            is_left = True
            while is_left:
                with self._turn:
                    parts = [] if should_stop() else _by_symbol(self._list_waiting(lanes), streams)
                    # What this thread may write holds for those that load for it.
                    for loaded in loaders.map(load, parts, [copy_context() for _ in parts]):
                        report.add(loaded)
                is_left = bool(parts)
        return report

    def _list_waiting(self, lanes: Sequence[Lane]) -> list[CatalogRow]:
        """List some of what waits: live objects, then repairs, then history, each with its places."""
        places = max(self._slice_objects * self._slices_a_look, _SHARE)
        kept = {Lane.REPAIR: places // _SHARE, Lane.HISTORY: places // _SHARE}
        taken: list[CatalogRow] = []
        with self._warehouse.read() as connection:
            waiting = {lane: list_waiting(connection, lane, places) for lane in lanes}
        for number, lane in enumerate(lanes):
            for_others = sum(min(kept[other], len(waiting[other])) for other in lanes[number + 1 :])
            taken += waiting[lane][: places - len(taken) - for_others]
        return taken

    def _load_stream(
        self, rows: Sequence[CatalogRow], readers: ThreadPoolExecutor, should_stop: Callable[[], bool]
    ) -> TransformReport:
        """Load these objects, one slice after the other."""
        report = TransformReport()
        slices = _slices(rows, self._slice_objects, self._slice_bytes)
        reads = ((part, readers.map(self._read, part)) for part in slices)
        for part, outcomes in _one_ahead(reads):
            self._load(part, outcomes, report)
            if should_stop():
                break
        return report

    def _load(
        self, rows: Sequence[CatalogRow], outcomes: Iterable[Batch | BadObject], report: TransformReport
    ) -> None:
        batches: list[Batch] = []
        for row, outcome in zip(rows, outcomes, strict=True):
            if isinstance(outcome, BadObject):
                self._quarantine(row, outcome.reason, report)
            else:
                batches.append(outcome)
        self._ensure_partitions(batches)
        self._load_batches(batches, rows, report)

    def _read(self, row: CatalogRow) -> Batch | BadObject:
        try:
            return read_object(self._lake, row)
        except BadObject as error:
            return error

    def _load_batches(
        self, batches: Sequence[Batch], rows: Sequence[CatalogRow], report: TransformReport
    ) -> None:
        if not batches:
            return
        klines = [batch for batch in batches if isinstance(batch, KlineBatch)]
        depths = [batch for batch in batches if isinstance(batch, DepthBatch)]
        log.debug("slice loading", objects=len(batches))
        try:
            report.count(load_slice(self._warehouse, klines, depths))
            log.debug("slice loaded", objects=len(batches))
        except _REFUSALS as error:
            self._isolate(error, batches, rows, report)

    def _isolate(
        self, error: Exception, batches: Sequence[Batch], rows: Sequence[CatalogRow], report: TransformReport
    ) -> None:
        """Find the object the database refused by halving the slice, and quarantine that one alone."""
        if len(batches) == 1:
            row = next(row for row in rows if row.id == batches[0].object_id)
            self._quarantine(row, f"the warehouse refused it: {getattr(error, 'orig', error)}", report)
            return
        middle = len(batches) // 2
        self._load_batches(batches[:middle], rows, report)
        self._load_batches(batches[middle:], rows, report)

    def _quarantine(self, row: CatalogRow, reason: str, report: TransformReport) -> None:
        self._warehouse.run(lambda connection: quarantine(connection, row.id, reason))
        report.quarantined.append(row.key)
        log.error("object quarantined", key=row.key, reason=reason)

    def _ensure_partitions(self, batches: Iterable[Batch]) -> None:
        now_ms = self._clock.now_ms()
        for batch in batches:
            if isinstance(batch, DepthBatch):
                at = batch.captured_at_ms
                self._partitions.ensure(fact_orderbook, Window(at, at + 1), now_ms)
            elif batch.window and not batch.series.interval.is_coarse:
                self._partitions.ensure(fact_klines, batch.window, now_ms)


def read_object(lake: ObjectStore, row: CatalogRow) -> Batch:
    """Read, check and parse one object; BadObject says what is wrong with it."""
    try:
        content = lake.get(Bucket(row.bucket), row.key)
    except NotFound as error:
        raise BadObject(row.key, f"it is in the catalog but not in the {row.bucket} bucket") from error
    except ValueError as error:  # a key that no store can hold
        raise BadObject(row.key, str(error)) from error
    batch = parse_object(content, row)
    if isinstance(batch, KlineBatch) and batch.bad:
        first = batch.bad[0]
        log.error(
            "rows quarantined", key=row.key, rows=len(batch.bad), first=first.index, reason=first.reason
        )
    return batch


def parse_object(content: bytes, row: CatalogRow) -> Batch:
    """Check and parse an object that was read; BadObject says what is wrong with it."""
    try:
        _check_content(content, row)
        return _parse(open_object(row.key, content), row)
    except ValueError as error:
        raise BadObject(row.key, str(error)) from error


def _check_content(content: bytes, row: CatalogRow) -> None:
    if len(content) != row.size_bytes or hashlib.sha256(content).hexdigest() != row.sha256:
        raise ValueError("its bytes are not those that were landed: size or sha256 differs from the catalog")


def _parse(envelope: Envelope, row: CatalogRow) -> Batch:
    key = envelope.header.key
    if key.data_type is DataType.DEPTH or key.interval is None:
        levels = parse_depth(envelope.body)
        return DepthBatch(key.exchange, key.symbol, row.id, key.timestamp_ms, levels)
    series = SeriesKey(key.exchange, key.symbol, key.interval)
    sifted = sift_klines(envelope.body, key.interval, envelope.header.exchange_time_ms)
    return KlineBatch(
        series, row.id, row.key, key.timestamp_ms, sifted.open_times_ms, sifted.rows, sifted.bad
    )


def _by_symbol(rows: Sequence[CatalogRow], streams: int) -> list[list[CatalogRow]]:
    """Deal the objects out by symbol, about evenly, each symbol to one stream; their order stays."""
    symbols = sorted({row.symbol for row in rows})
    stream_of = {symbol: number % streams for number, symbol in enumerate(symbols)}
    dealt: list[list[CatalogRow]] = [[] for _ in range(min(streams, len(symbols)))]
    for row in rows:
        dealt[stream_of[row.symbol]].append(row)
    return dealt


def _slices(rows: Sequence[CatalogRow], objects: int, size_bytes: int) -> Iterator[list[CatalogRow]]:
    """Cut *rows* into slices of so many objects and bytes at most, one object at least."""
    taken: list[CatalogRow] = []
    total = 0
    for row in rows:
        if taken and (len(taken) == objects or total + row.size_bytes > size_bytes):
            yield taken
            taken, total = [], 0
        taken.append(row)
        total += row.size_bytes
    if taken:
        yield taken


def _one_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield the items, each one's successor having been started already."""
    current = next(items, None)
    while current is not None:
        following = next(items, None)
        yield current
        current = following
