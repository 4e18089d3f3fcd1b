"""TransformManager: landed objects of the catalog to facts and rollups, slice by slice.

What waits is taken from the catalog look by look, live objects first; repairs and history have their share of
every look. An object that cannot be loaded is quarantined with the reason and stops nobody else.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import Context, copy_context
from dataclasses import dataclass, field

import structlog
from sqlalchemy.exc import DataError, IntegrityError

from src.clock import Clock
from src.domain import DataType, Lane, SeriesKey, Window
from src.errors import BadObject, NotFound
from src.fair_lock import FairLock
from src.lake.envelope import Envelope
from src.lake.opening import open_object
from src.lake.reading import ObjectReader
from src.lake.store import ObjectStore
from src.transform.depth import parse_depth
from src.transform.looks import Look, Looks, Taken, look_fairly
from src.transform.sifting import sift_klines
from src.warehouse.bulk import BulkLoadError
from src.warehouse.catalog import CatalogRow, count_waiting, quarantine
from src.warehouse.engine import Warehouse
from src.warehouse.facts import DepthBatch, KlineBatch
from src.warehouse.loading import LoadResult, load_slice
from src.warehouse.partitions import Partitions
from src.warehouse.tables import fact_klines, fact_orderbook

log = structlog.get_logger()

# How a database says that it will not have these values. A full disk or a lock says nothing about an object.
_REFUSALS = (DataError, IntegrityError, BulkLoadError)

Batch = KlineBatch | DepthBatch

_READERS = 2
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
        total.unchanged += loaded.unchanged
        total.levels += loaded.levels
        total.bad_rows += loaded.bad_rows


@dataclass(frozen=True, slots=True)
class _Reading:
    """A slice, and what its objects hold, in their order, as far as they are read."""

    rows: Sequence[CatalogRow]
    outcomes: Iterator[Batch | BadObject]


class TransformManager:
    """Loads what waits in the lake. Safe to run in several processes, and on several threads, at once.

    Threads that load at once take turns slice by slice, a second or less of loading where each object holds
    1000 candles: what is live waits for a slice or two of history.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        lake: ObjectStore,
        clock: Clock,
        *,
        slice_objects: int = 48,
        slice_bytes: int = 10_000_000,
    ) -> None:
        self._warehouse = warehouse
        self._reader = ObjectReader(lake)
        self._clock = clock
        self._partitions = Partitions(warehouse)
        self._slice_objects = slice_objects
        self._slice_bytes = slice_bytes
        # A server takes two slices at a time; SQLite has one writer.
        self._streams = 2 if warehouse.is_mysql else 1
        self._turns = [FairLock() for _ in range(self._streams)]
        self._taken = Taken()
        self._counting = threading.Lock()
        self._inserted = 0

    def load_waiting(
        self, should_stop: Callable[[], bool] = lambda: False, lanes: Sequence[Lane] = _LANES
    ) -> TransformReport:
        """Load slices of *lanes* until nothing waits or *should_stop* says so; return what was done.

        What other threads were loading by then is loaded as well when this returns, unless they failed.
        """
        report = TransformReport()
        self._partitions.ensure_ahead(self._clock.now_ms())
        if others := self._load_free(lanes, should_stop, report):
            self._taken.wait_for(others, should_stop)
            self._load_free(lanes, should_stop, report)
        return report

    def take_inserted(self) -> int:
        """Return how many candles all threads have made new since this was last asked."""
        with self._counting:
            taken, self._inserted = self._inserted, 0
        return taken

    def count_waiting(self) -> int:
        """Count the objects that wait to be loaded, by whomever."""
        with self._warehouse.read() as connection:
            return count_waiting(connection)

    def _load_free(
        self, lanes: Sequence[Lane], should_stop: Callable[[], bool], report: TransformReport
    ) -> set[int]:
        """Load what no other thread has taken; return the ids of what others have."""
        looks = self._new_looks(lanes)
        with closing(looks), ThreadPoolExecutor(_READERS, thread_name_prefix="lake-read") as readers:

            def load(stream: int, context: Context) -> TransformReport:
                return context.run(self._load_stream, stream, looks, readers, should_stop)

            # What this thread may write holds for those that load for it.
            contexts = [copy_context() for _ in range(self._streams)]
            with ThreadPoolExecutor(self._streams, thread_name_prefix="load") as loaders:
                for loaded in loaders.map(load, range(self._streams), contexts):
                    report.add(loaded)
        return looks.others

    def _new_looks(self, lanes: Sequence[Lane]) -> Looks:
        bounds = (self._streams, self._slice_objects, self._slice_bytes)
        return Looks(self._taken, lambda taken: self._look(lanes, taken), *bounds)

    def _look(self, lanes: Sequence[Lane], taken: set[int]) -> Look:
        return look_fairly(self._warehouse, lanes, self._slice_objects * self._streams, taken)

    def _load_stream(
        self, stream: int, looks: Looks, readers: ThreadPoolExecutor, should_stop: Callable[[], bool]
    ) -> TransformReport:
        """Load one slice after the other; the next is read and parsed meanwhile."""
        report = TransformReport()
        reading = _Reading([], iter(()))
        try:
            while not should_stop():
                if not reading.rows:
                    reading = self._begin(looks.await_slice(stream, should_stop), readers)
                if not reading.rows:
                    return report
                following = self._begin(looks.find_slice(stream), readers)
                self._load(reading, stream, report)
                looks.give_back(reading.rows)
                reading = following
        except BaseException:
            looks.stop()
            raise
        looks.stop()
        return report

    def _begin(self, rows: Sequence[CatalogRow], readers: ThreadPoolExecutor) -> _Reading:
        return _Reading(rows, readers.map(self._read, rows))

    def _load(self, reading: _Reading, stream: int, report: TransformReport) -> None:
        batches: list[Batch] = []
        for row, outcome in zip(reading.rows, reading.outcomes, strict=True):
            if isinstance(outcome, BadObject):
                self._quarantine(row, outcome.reason, report)
            else:
                batches.append(outcome)
        # It may wait for readers, which holds nobody else up.
        self._ensure_partitions(batches)
        # What other threads load in this stream comes in between, in the order in which they asked.
        with self._turns[stream]:
            self._load_batches(batches, reading.rows, report)

    def _read(self, row: CatalogRow) -> Batch | BadObject:
        try:
            return read_object(self._reader, row)
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
            loaded = load_slice(self._warehouse, klines, depths)
            report.count(loaded)
            with self._counting:
                self._inserted += loaded.inserted
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


def read_object(reader: ObjectReader, row: CatalogRow) -> Batch:
    """Read, check and parse one object; BadObject says what is wrong with it."""
    try:
        content = reader.read(row.bucket, row.key, row.pack)
    except NotFound as error:
        raise BadObject(row.key, f"it is in the catalog but not in the {row.bucket} bucket") from error
    except ValueError as error:  # a key that no store can hold, or a pack that is damaged
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
