"""Landing: an exchange's answer becomes an object of the lake, then a row of the catalog.

The order is what promise 1 rests on. The object is durable before anything mentions it; catalog row and
watermark follow in one transaction. A crash in between leaves an object nobody knows, which the next start
adopts, and a watermark that has not moved, so the same candles are asked for again.
"""

from __future__ import annotations

import hashlib

import structlog
from sqlalchemy import Connection

from src.clock import Clock
from src.domain import DataType, Interval, SeriesKey
from src.errors import ObjectExists, StoreUnavailable
from src.extract.exchange import Answer, KlineSpan
from src.lake.envelope import EnvelopeHeader, RequestInfo, encode_envelope
from src.lake.keys import ObjectKey, next_key
from src.lake.store import Bucket, ObjectStore
from src.warehouse.catalog import Lane, NewObject, record_landed
from src.warehouse.engine import Warehouse
from src.warehouse.series import want_from
from src.warehouse.watermarks import advance_watermark, note_depth

log = structlog.get_logger()

# Each try moves the key by a millisecond; so many taken in a row means that something else is wrong.
_KEY_ATTEMPTS = 1000


class Landing:
    """Writes answers into the lake and tells the catalog."""

    def __init__(self, lake: ObjectStore, warehouse: Warehouse, clock: Clock) -> None:
        self._lake = lake
        self._warehouse = warehouse
        self._clock = clock

    def land_klines(
        self, series: SeriesKey, answer: Answer, span: KlineSpan, lane: Lane, start_ms: int
    ) -> None:
        """Keep a page and move the watermark to its last closed candle.

        *start_ms* is where the page was asked from; the first page of a series sets *wanted_from* to it.
        """
        key = self._new_key(series.exchange, series.symbol, DataType.KLINES, series.interval)
        landed = self._write(key, answer, lane, span)

        def record(connection: Connection) -> None:
            record_landed(connection, landed)
            want_from(connection, series, start_ms)
            advance_watermark(connection, series, span.last_open_ms, span.count, self._clock.now_ms())

        self._warehouse.run(record)
        log.debug("object catalogued", key=landed.key)

    def land_depth(self, exchange: str, symbol: str, answer: Answer) -> None:
        """Keep an order-book snapshot."""
        landed = self._write(self._new_key(exchange, symbol, DataType.DEPTH, None), answer, Lane.LIVE, None)

        def record(connection: Connection) -> None:
            record_landed(connection, landed)
            note_depth(connection, exchange, symbol, landed.captured_at_ms)

        self._warehouse.run(record)
        log.debug("object catalogued", key=landed.key)

    def _new_key(
        self, exchange: str, symbol: str, data_type: DataType, interval: Interval | None
    ) -> ObjectKey:
        return ObjectKey(exchange, symbol, data_type, interval, self._clock.now_ms())

    def _write(self, key: ObjectKey, answer: Answer, lane: Lane, span: KlineSpan | None) -> NewObject:
        for _ in range(_KEY_ATTEMPTS):
            content = _content(key, answer)
            log.debug("object writing", key=key.text)
            try:
                self._lake.put_new(Bucket.RAW, key.text, content)
            except ObjectExists:
                key = next_key(key)
                continue
            log.debug("object written", key=key.text)
            return _describe(key, answer, content, lane, span)
        raise StoreUnavailable(f"{_KEY_ATTEMPTS} keys up to {key} are taken: is this machine's clock right?")


def _content(key: ObjectKey, answer: Answer) -> bytes:
    asked = answer.request
    request = RequestInfo(asked.method, asked.url, dict(asked.params), asked.weight)
    return encode_envelope(EnvelopeHeader(key, answer.exchange_time_ms, request), answer.body)


def _describe(
    key: ObjectKey, answer: Answer, content: bytes, lane: Lane, span: KlineSpan | None
) -> NewObject:
    return NewObject(
        key=key.text,
        exchange=key.exchange,
        symbol=key.symbol,
        data_type=key.data_type,
        interval=key.interval,
        captured_at_ms=key.timestamp_ms,
        exchange_time_ms=answer.exchange_time_ms,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        lane=lane,
        first_open_ms=span.first_open_ms if span else None,
        last_open_ms=span.last_open_ms if span else None,
        record_count=span.count if span else None,
    )
