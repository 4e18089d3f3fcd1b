"""Gives objects of the lake that have no catalog row one: what a crash forgot, or someone dropped in.

Rows are inserted only where absent, so a living extractor that is about to write the same row loses
nothing. What an object is worth is judged when it is loaded, like any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice

import structlog

from src.domain import DAY_MS, Lane
from src.errors import NotFound
from src.lake.keys import date_prefix
from src.lake.opening import key_of, open_object
from src.lake.store import Bucket, ObjectStore
from src.transform.sifting import sift_klines
from src.warehouse.catalog import NewObject, find_newest_capture, list_known, record_landed
from src.warehouse.engine import Warehouse

log = structlog.get_logger()

_KEYS_A_QUERY = 500
# Captures are stamped by our clock, which may have been set back between two starts.
_MARGIN_MS = DAY_MS


def adopt_orphans(lake: ObjectStore, warehouse: Warehouse, exchange: str, now_ms: int) -> list[str]:
    """Catalogue what the raw bucket holds since the exchange's newest known capture; return the keys.

    With nothing of the exchange in the catalog the whole bucket is looked through: then the warehouse is
    new or was lost, and the lake may not be.
    """
    with warehouse.read() as connection:
        newest_ms = find_newest_capture(connection, exchange)
    adopted: list[str] = []
    for prefix in _prefixes(exchange, newest_ms, now_ms):
        keys = (stat.key for stat in lake.list_keys(Bucket.RAW, prefix))
        while chunk := list(islice(keys, _KEYS_A_QUERY)):
            adopted += _adopt_unknown(lake, warehouse, chunk)
    return adopted


def adopt(lake: ObjectStore, warehouse: Warehouse, bucket: Bucket, text: str) -> bool:
    """Catalogue one object; return whether it could be, after a warning where its name means nothing."""
    try:
        landed = describe(bucket, text, lake.get(bucket, text))
    except (ValueError, NotFound) as error:
        log.warning("object ignored", key=text, reason=str(error))
        return False
    warehouse.run(lambda connection: record_landed(connection, landed))
    log.debug("object adopted", key=text)
    return True


def _prefixes(exchange: str, newest_ms: int | None, now_ms: int) -> Iterator[str]:
    if newest_ms is None:
        yield ""
        return
    for day_ms in range(newest_ms - _MARGIN_MS, now_ms + 2 * _MARGIN_MS, DAY_MS):
        yield date_prefix(exchange, day_ms)


def _adopt_unknown(lake: ObjectStore, warehouse: Warehouse, keys: list[str]) -> Iterable[str]:
    with warehouse.read() as connection:
        unknown = sorted(set(keys) - list_known(connection, keys))
    return [text for text in unknown if adopt(lake, warehouse, Bucket.RAW, text)]


def describe(bucket: Bucket, text: str, content: bytes) -> NewObject:
    """Describe an object by its content, as far as that can be read; loading will say what is wrong.

    Raises ValueError for a name without a meaning.
    """
    key = key_of(text, content)
    exchange_time_ms, opens = key.timestamp_ms, None
    try:
        envelope = open_object(text, content)
        exchange_time_ms = envelope.header.exchange_time_ms
        if key.interval:
            opens = [
                int(at) for at in sift_klines(envelope.body, key.interval, exchange_time_ms).open_times_ms
            ]
    except ValueError as error:
        log.warning("object adopted unread", key=text, reason=str(error))
    return NewObject(
        key=text,
        bucket=bucket.value,
        exchange=key.exchange,
        symbol=key.symbol,
        data_type=key.data_type,
        interval=key.interval,
        captured_at_ms=key.timestamp_ms,
        exchange_time_ms=exchange_time_ms,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        lane=Lane.HISTORY,
        first_open_ms=opens[0] if opens else None,
        last_open_ms=opens[-1] if opens else None,
        record_count=None if opens is None else len(opens),
    )
