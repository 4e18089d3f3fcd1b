"""What tests load: candles, snapshots, the objects that hold them, and a lake with a warehouse for them.

Amounts are text throughout, so that what comes back can be compared to the last digit. Nothing here decides
what is right except ``roll_up``, the rules of a rollup written down a second time, in plain Python.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal, localcontext
from random import Random
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Column, Connection, String, Table, cast, select

from src.clock import Clock, SystemClock
from src.domain import DataType, Interval, Lane, ms_from_utc
from src.lake.envelope import EnvelopeHeader, RequestInfo, encode_envelope
from src.lake.keys import ObjectKey
from src.lake.store import Bucket, ObjectStore
from src.transform.manager import TransformManager, TransformReport
from src.warehouse.catalog import NewObject, record_landed
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.schema import migrate
from src.warehouse.tables import lake_objects
from src.warehouse.types import ExactDecimal

# 2026-01-09T00:00Z, a Friday.
DAY_START_MS = 1_767_916_800_000
# A day when everything that these builders make had long been closed.
CAPTURED_MS = 1_775_000_000_000

Level = tuple[str, str]
StoredRow = dict[str, Any]


class Kline(NamedTuple):
    """One row as Binance sends it, in its order; times in UTC ms."""

    open_time: int
    open_price: str
    high_price: str
    low_price: str
    close_price: str
    volume: str
    close_time: int
    quote_volume: str
    trade_count: int
    taker_buy_volume: str
    taker_buy_quote_volume: str
    unused: str = "0"


VOLUMES = ("volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume")


def make_kline(open_ms: int, interval: Interval = Interval.M1, **changes: Any) -> Kline:
    """Return a plausible kline; *changes* name fields of ``Kline``."""
    usual = Kline(
        open_time=open_ms,
        open_price="100.00000000",
        high_price="110.00000000",
        low_price="90.00000000",
        close_price="105.00000000",
        volume="12.50000000",
        close_time=interval.next(open_ms) - 1,
        quote_volume="1250.00000000",
        trade_count=7,
        taker_buy_volume="5.00000000",
        taker_buy_quote_volume="500.00000000",
    )
    return usual._replace(**changes)


def random_kline(random: Random, open_ms: int, interval: Interval = Interval.M1) -> Kline:
    """Return a kline with prices of 1 to 12 digits before the point, and volumes of any size."""
    low, one, other, high = sorted(random.randrange(1, 10 ** random.randint(9, 20)) for _ in range(4))
    opened, closed = random.sample([one, other], 2)
    volumes = [random.randrange(10 ** random.randint(1, 30)) for _ in VOLUMES]
    usual = make_kline(open_ms, interval, trade_count=random.randrange(10**6))
    prices = map(text_of_units, (opened, high, low, closed))
    return with_amounts(usual, prices, map(text_of_units, volumes))


def with_amounts(kline: Kline, prices: Iterable[str], volumes: Iterable[str]) -> Kline:
    """Return the same kline with other prices (open, high, low, close) and other ``VOLUMES``."""
    opened, high, low, closed = prices
    volume, quote, taker, taker_quote = volumes
    return kline._replace(
        open_price=opened,
        high_price=high,
        low_price=low,
        close_price=closed,
        volume=volume,
        quote_volume=quote,
        taker_buy_volume=taker,
        taker_buy_quote_volume=taker_quote,
    )


def text_of_units(units: int) -> str:
    """Return an amount of so many 0.00000001."""
    return f"{units // 10**8}.{units % 10**8:08d}"


@dataclass(frozen=True, slots=True)
class LakeObject:
    """One object as it lies in the lake."""

    key: ObjectKey
    exchange_time_ms: int
    content: bytes
    klines: Sequence[Kline] = field(default=(), repr=False)

    @property
    def closed(self) -> list[Kline]:
        """The klines in it that were closed when it was asked for."""
        interval = self.key.interval or Interval.M1
        return [kline for kline in self.klines if interval.next(kline.open_time) <= self.exchange_time_ms]

    def described(self, lane: Lane = Lane.LIVE) -> NewObject:
        """Return what the catalog is told of it."""
        return NewObject(
            key=self.key.text,
            exchange=self.key.exchange,
            symbol=self.key.symbol,
            data_type=self.key.data_type,
            interval=self.key.interval,
            captured_at_ms=self.key.timestamp_ms,
            exchange_time_ms=self.exchange_time_ms,
            size_bytes=len(self.content),
            sha256=hashlib.sha256(self.content).hexdigest(),
            lane=lane,
        )


def make_object(
    symbol: str,
    klines: Sequence[Kline],
    captured_at_ms: int = CAPTURED_MS,
    *,
    interval: Interval = Interval.M1,
    exchange: str = "binance",
    exchange_time_ms: int | None = None,
) -> LakeObject:
    """Return an object of klines; *exchange_time_ms*, by default the capture, says which are closed."""
    key = ObjectKey(exchange, symbol, DataType.KLINES, interval, captured_at_ms)
    asked_at_ms = captured_at_ms if exchange_time_ms is None else exchange_time_ms
    return _wrap(key, asked_at_ms, msgspec.json.encode(klines), klines)


def make_depth(
    symbol: str, bids: Sequence[Level], asks: Sequence[Level], captured_at_ms: int = CAPTURED_MS
) -> LakeObject:
    """Return an object with one order-book snapshot."""
    key = ObjectKey("binance", symbol, DataType.DEPTH, None, captured_at_ms)
    return _wrap(key, captured_at_ms, msgspec.json.encode({"lastUpdateId": 1, "bids": bids, "asks": asks}))


def _wrap(key: ObjectKey, exchange_time_ms: int, body: bytes, klines: Sequence[Kline] = ()) -> LakeObject:
    request = RequestInfo("GET", "http://127.0.0.1/api/v3", {"symbol": key.symbol}, 2)
    header = EnvelopeHeader(key, exchange_time_ms, request)
    return LakeObject(key, exchange_time_ms, encode_envelope(header, body), klines)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A lake and a warehouse, and the way from one to the other."""

    warehouse: Warehouse
    lake: ObjectStore
    clock: Clock = field(default_factory=SystemClock)

    def put(self, objects: Iterable[LakeObject]) -> None:
        """Write objects into the lake; the catalog hears nothing of it."""
        for one in objects:
            self.lake.put_new(Bucket.RAW, one.key.text, one.content)

    def catalog(self, objects: Iterable[LakeObject], lane: Lane = Lane.LIVE) -> None:
        """Tell the catalog of objects that are in the lake, in this order."""
        rows = [one.described(lane) for one in objects]

        def record(connection: Connection) -> None:
            for row in rows:
                record_landed(connection, row)

        self.warehouse.run(record)

    def land(self, *objects: LakeObject, lane: Lane = Lane.LIVE) -> None:
        """Write objects and catalogue them."""
        self.put(objects)
        self.catalog(objects, lane)

    def load(self, *, slice_objects: int = 64, slice_bytes: int = 8_000_000) -> TransformReport:
        """Load all that waits."""
        manager = TransformManager(
            self.warehouse, self.lake, self.clock, slice_objects=slice_objects, slice_bytes=slice_bytes
        )
        return manager.load_waiting()


@contextmanager
def open_pipeline(url: str, lake: ObjectStore) -> Iterator[Pipeline]:
    """Give a pipeline with buckets and schema ready; *url* is of an empty warehouse or one of ours."""
    lake.ensure_buckets()
    warehouse = open_warehouse(url)
    try:
        migrate(warehouse)
        yield Pipeline(warehouse, lake)
    finally:
        warehouse.close()


def read_table(warehouse: Warehouse, table: Table, **equal: Any) -> list[StoredRow]:
    """Return the rows of *table* by primary key: amounts as the database spells them, times in UTC ms.

    Bookkeeping times are left out; ``object_id`` becomes ``object_key``. *equal* narrows columns to values.
    """
    columns = [_as_text(column) for column in table.columns if column.name not in {"created_at", "object_id"}]
    query = select(*columns)
    if "object_id" in table.c:
        found = table.outerjoin(lake_objects, lake_objects.c.id == table.c.object_id)
        query = query.add_columns(lake_objects.c.object_key).select_from(found)
    query = query.where(*[table.c[name] == value for name, value in equal.items()])
    with warehouse.read() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    keys = [column.name for column in table.primary_key]
    return sorted(rows, key=lambda row: [row[key] for key in keys])


def _as_text(column: Column[Any]) -> Any:
    return cast(column, String).label(column.name) if isinstance(column.type, ExactDecimal) else column


def as_kline(row: StoredRow) -> Kline:
    """Return a row of a fact table in the form in which it was sent."""
    return Kline(**{name: row[name] for name in Kline._fields if name in row})


def roll_up(klines: Iterable[Kline], length_ms: int) -> dict[int, StoredRow]:
    """Return what the rollup of these minutes must hold, by the start of its buckets."""
    buckets: dict[int, list[Kline]] = defaultdict(list)
    for kline in sorted(klines):
        buckets[kline.open_time - kline.open_time % length_ms].append(kline)
    with localcontext(prec=60):
        return {start: _aggregate(rows) for start, rows in buckets.items()}


def _aggregate(rows: Sequence[Kline]) -> StoredRow:
    volumes = {name: sum(Decimal(getattr(row, name)) for row in rows) for name in VOLUMES}
    return {
        "open_price": rows[0].open_price,
        "high_price": max((row.high_price for row in rows), key=Decimal),
        "low_price": min((row.low_price for row in rows), key=Decimal),
        "close_price": rows[-1].close_price,
        **{name: f"{volume:.8f}" for name, volume in volumes.items()},
        "trade_count": sum(row.trade_count for row in rows),
        "candle_count": len(rows),
    }


def read_rollup(warehouse: Warehouse, table: Table, symbol: str) -> dict[int, StoredRow]:
    """Return hourly or daily candles in the form of ``roll_up``."""
    found: dict[int, StoredRow] = {}
    for row in read_table(warehouse, table, symbol=symbol):
        start = row.pop("hour_start", None)
        if start is None:
            start = day_start_ms(row.pop("date"))
        found[start] = {name: row[name] for name in row if name not in {"exchange", "symbol", "sealed_at"}}
    return found


def day_start_ms(day: date) -> int:
    """Return the midnight, UTC, with which *day* begins."""
    return ms_from_utc(datetime.combine(day, time(), UTC))
