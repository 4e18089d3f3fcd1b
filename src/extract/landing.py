"""Landing: an exchange's answer becomes an object of the lake, then a row of the catalog.

The order is what promise 1 rests on. The object is durable before anything mentions it; catalog row and
watermark follow in one transaction. A crash in between leaves an object nobody knows, which the next start
adopts, and a watermark that has not moved, so the same candles are asked for again.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import structlog
from sqlalchemy import Connection

from src.clock import Clock
from src.domain import DataType, Interval, Lane, SeriesKey
from src.errors import LakeUnavailable, ObjectExists, StoreUnavailable, WarehouseUnavailable
from src.extract.exchange import Answer, KlineSpan
from src.lake.envelope import EnvelopeHeader, RequestInfo, decode_envelope, encode_envelope
from src.lake.keys import ObjectKey, next_key, parse_key
from src.lake.spool import Spool
from src.lake.store import Bucket, ObjectStore
from src.warehouse.catalog import NewObject, mark_without_candles, record_landed
from src.warehouse.engine import Warehouse
from src.warehouse.series import want_from
from src.warehouse.watermarks import advance_watermark, note_depth

log = structlog.get_logger()

# Each try moves the key by a millisecond; so many taken in a row means that something else is wrong.
_KEY_ATTEMPTS = 1000


class _Record(NamedTuple):
    """What the warehouse is told of landed objects; telling it twice does no harm."""

    keys: tuple[str, ...]
    write: Callable[[Connection], None]


class Landing:
    """Writes answers into the lake and tells the catalog. Safe to use from several threads.

    Depth can never be fetched again. While the lake is away it goes to *spool*. What the warehouse did not
    take, being away or full, waits in memory. ``recover`` brings both home.
    """

    def __init__(
        self, lake: ObjectStore, warehouse: Warehouse, clock: Clock, spool: Spool | None = None
    ) -> None:
        self._lake = lake
        self._warehouse = warehouse
        self._clock = clock
        self._spool = spool
        self._lake_is_away = False
        self._spool_is_empty = False  # unknown until looked at: a crash may have left something
        self._uncatalogued: deque[_Record] = deque()
        self._recovering = threading.Lock()

    def check_stores(self) -> None:
        """Raise StoreUnavailable while a store is away: what could not be kept must not be fetched.

        A warehouse may answer and yet take nothing, on a full disk: each cycle would leave another object
        of the same candles in the lake.
        """
        self._check_lake()
        if self._uncatalogued:
            raise WarehouseUnavailable(
                "the warehouse is away or full: candles are fetched when it takes rows again, nothing is lost"
            )

    def _check_lake(self) -> None:
        if self._lake_is_away:
            raise LakeUnavailable("the lake is away: candles are fetched when it is back, nothing is lost")

    def land_klines(
        self, series: SeriesKey, answer: Answer, span: KlineSpan, lane: Lane, start_ms: int
    ) -> None:
        """Keep a page and move the watermark to its last closed candle.

        *start_ms* is where the page was asked from; the first page of a series sets *wanted_from* to it.
        """
        landed = self._write_klines(series, answer, span, lane)

        def record(connection: Connection) -> None:
            record_landed(connection, landed)
            want_from(connection, series, start_ms)
            advance_watermark(connection, series, span.last_open_ms, span.count, self._clock.now_ms())

        self._catalogue(_Record((landed.key,), record))

    def land_window_page(
        self, series: SeriesKey, answer: Answer, span: KlineSpan, lane: Lane, run_id: int
    ) -> str:
        """Keep a page of a window that a run fetches; return its key."""
        page = self.write_window_page(series, answer, span, lane, run_id)
        self.catalogue_pages([page])
        return page.key

    def write_window_page(
        self, series: SeriesKey, answer: Answer, span: KlineSpan, lane: Lane, run_id: int
    ) -> NewObject:
        """Make a page of a window that a run fetches an object; the catalog is to be told of it."""
        return replace(self._write_klines(series, answer, span, lane), run_id=run_id)

    def catalogue_pages(self, pages: Sequence[NewObject]) -> None:
        """Tell the catalog of such pages, in one transaction."""
        # The watermark stays: what was asked for lies behind it, or ahead with a hole between, which live
        # fetching would then leap over. wanted_from stays too: to fetch a window once is not to want it kept.
        keys = tuple(page.key for page in pages)
        self._catalogue(_Record(keys, lambda connection: record_landed(connection, *pages)))

    def land_evidence(self, series: SeriesKey, answer: Answer, run_id: int) -> str:
        """Keep an answer without a closed candle, as evidence about a gap; return its key.

        Nothing in it waits to be loaded.
        """
        landed = replace(self._write_klines(series, answer, None, Lane.REPAIR), record_count=0, run_id=run_id)

        def record(connection: Connection) -> None:
            record_landed(connection, landed)
            mark_without_candles(connection, landed.key)

        self._catalogue(_Record((landed.key,), record))
        return landed.key

    def _write_klines(
        self, series: SeriesKey, answer: Answer, span: KlineSpan | None, lane: Lane
    ) -> NewObject:
        key = self._new_key(series.exchange, series.symbol, DataType.KLINES, series.interval)
        key, content = self._write(key, answer)
        return _describe(key, answer.exchange_time_ms, content, lane, span)

    def land_depth(self, exchange: str, symbol: str, answer: Answer) -> None:
        """Keep an order-book snapshot, in the spool if it must be."""
        key = self._new_key(exchange, symbol, DataType.DEPTH, None)
        try:
            self._check_lake()
            key, content = self._write(key, answer)
        except LakeUnavailable:
            if self._spool is None:
                raise
            self._spool.put_new(key.text, _content(key, answer))
            self._spool_is_empty = False
            log.warning("snapshot spooled", key=key.text)
            return
        self._catalogue_depth(_describe(key, answer.exchange_time_ms, content, Lane.LIVE, None))

    def recover(self) -> None:
        """Bring home what waits in the spool and in memory; what is still away is tried again next time.

        Nothing is done while another thread is at it.
        """
        if not self._recovering.acquire(blocking=False):
            return
        try:
            self._recover_lake()
            self._recover_catalog()
        except StoreUnavailable as error:
            log.warning("store still away", error=str(error), uncatalogued=len(self._uncatalogued))
        finally:
            self._recovering.release()

    def _recover_lake(self) -> None:
        if self._lake_is_away:
            self._lake.ensure_buckets()
            self._lake_is_away = False
            log.info("lake is back")
        if self._spool is None or self._spool_is_empty:
            return
        for text, content in self._spool.move_into(self._lake):
            exchange_time_ms = decode_envelope(content).header.exchange_time_ms
            self._catalogue_depth(_describe(parse_key(text), exchange_time_ms, content, Lane.LIVE, None))
            log.info("snapshot moved from the spool", key=text)
        self._spool_is_empty = True

    def _recover_catalog(self) -> None:
        while self._uncatalogued:
            record = self._uncatalogued[0]
            self._warehouse.run(record.write)
            self._uncatalogued.popleft()
            log.debug("object catalogued", keys=record.keys)

    def _catalogue_depth(self, landed: NewObject) -> None:
        def record(connection: Connection) -> None:
            record_landed(connection, landed)
            note_depth(connection, landed.exchange, landed.symbol, landed.captured_at_ms)

        with suppress(WarehouseUnavailable):
            self._catalogue(_Record((landed.key,), record))

    def _catalogue(self, record: _Record) -> None:
        try:
            self._warehouse.run(record.write)
        except WarehouseUnavailable:
            self._uncatalogued.append(record)
            log.warning("object waits for the warehouse", keys=record.keys)
            raise
        log.debug("object catalogued", keys=record.keys)

    def _new_key(
        self, exchange: str, symbol: str, data_type: DataType, interval: Interval | None
    ) -> ObjectKey:
        return ObjectKey(exchange, symbol, data_type, interval, self._clock.now_ms())

    def _write(self, key: ObjectKey, answer: Answer) -> tuple[ObjectKey, bytes]:
        """Write the object under *key* or the next free one; return that and the content."""
        for _ in range(_KEY_ATTEMPTS):
            content = _content(key, answer)
            log.debug("object writing", key=key.text)
            try:
                self._lake.put_new(Bucket.RAW, key.text, content)
            except ObjectExists:
                key = next_key(key)
                continue
            except LakeUnavailable:
                self._lake_is_away = True
                raise
            log.debug("object written", key=key.text)
            return key, content
        raise LakeUnavailable(f"{_KEY_ATTEMPTS} keys up to {key} are taken: is this machine's clock right?")


def _content(key: ObjectKey, answer: Answer) -> bytes:
    asked = answer.request
    request = RequestInfo(asked.method, asked.url, dict(asked.params), asked.weight)
    return encode_envelope(EnvelopeHeader(key, answer.exchange_time_ms, request), answer.body)


def _describe(
    key: ObjectKey, exchange_time_ms: int, content: bytes, lane: Lane, span: KlineSpan | None
) -> NewObject:
    return NewObject(
        key=key.text,
        exchange=key.exchange,
        symbol=key.symbol,
        data_type=key.data_type,
        interval=key.interval,
        captured_at_ms=key.timestamp_ms,
        exchange_time_ms=exchange_time_ms,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        lane=lane,
        first_open_ms=span.first_open_ms if span else None,
        last_open_ms=span.last_open_ms if span else None,
        record_count=span.count if span else None,
    )
