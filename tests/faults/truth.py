"""Compares everything that a pipeline holds with what its exchange says, and the lake with the catalog.

Shared by the fault tests and the soak: it finds differences and leaves it to others to fail for them.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, select

from src.domain import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    DataType,
    SeriesKey,
    Window,
    format_utc,
    utc_from_ms,
)
from src.lake.envelope import decode_envelope
from src.lake.store import Bucket
from src.simulator.simulator import Simulator
from src.warehouse.series import list_series
from src.warehouse.tables import (
    daily_klines,
    fact_klines,
    fact_orderbook,
    hourly_klines,
    lake_objects,
    series,
)
from src.warehouse.watermarks import find_watermark
from tests.faults.harness import Pipeline

# Of one symbol's differences as many as a person reads.
_SHOWN = 3
# The columns of an exchange's row, in its order.
_CANDLE_COLUMNS = (
    "open_time",
    "open_price",
    "high_price",
    "low_price",
    "close_price",
    "volume",
    "close_time",
    "quote_volume",
    "trade_count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
)
_ROLLUP_COLUMNS = (
    "open_price",
    "high_price",
    "low_price",
    "close_price",
    "volume",
    "quote_volume",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "trade_count",
    "candle_count",
)

Row = tuple[Any, ...]


@dataclass(slots=True)
class Comparison:
    """How much was compared, and what differs."""

    candles: int = 0
    rollups: int = 0
    objects: int = 0
    levels: int = 0
    differences: list[str] = field(default_factory=list)

    def expect(self, actual: object, expected: object, what: str) -> None:
        if actual != expected:
            self.differences.append(f"{what}: is {actual}, should be {expected}")

    def expect_rows(self, actual: Sequence[Row], expected: Sequence[Row], what: str) -> None:
        """Compare rows as a set with counts, and show the first few that are too many or too few."""
        if actual == expected:
            return
        have, want = Counter(actual), Counter(expected)
        for word, extra in (("unexpected", have - want), ("missing", want - have)):
            shown = ", ".join(map(_shown, sorted(extra)[:_SHOWN]))
            if extra:
                self.differences.append(f"{what}: {extra.total()} {word}, e.g. {shown}")


def compare(pipeline: Pipeline, since_ms: int) -> Comparison:
    """Compare candles, rollups, depth, watermarks, catalog and lake; everything must be loaded by now.

    From *since_ms* at the latest, every series must be complete to its watermark.
    """
    result = Comparison()
    with pipeline.app.warehouse.read() as connection:
        for row in list_series(connection, tracked_only=False):
            _compare_series(connection, pipeline.simulator, row.key, since_ms, result)
        catalog = list(connection.execute(select(lake_objects)))
        contents = _read_lake(pipeline)
        _compare_depth(connection, catalog, contents, result)
    _compare_catalog(catalog, contents, result)
    result.differences += list_unfounded_watermarks(pipeline)
    return result


def _compare_series(
    connection: Connection, simulator: Simulator, key: SeriesKey, since_ms: int, result: Comparison
) -> None:
    facts = list(_facts(connection, key))
    watermark = find_watermark(connection, key)
    wanted_from = connection.scalar(select(series.c.wanted_from).where(series.c.symbol == key.symbol))
    if not facts or watermark is None or wanted_from is None or wanted_from > since_ms:
        result.differences.append(f"{key}: {len(facts)} candles, wanted from {wanted_from} to {watermark}")
        return
    # A first page whose watermark was lost in a crash may lie before what the next start wants.
    wanted = [row for row in facts if row[0] >= wanted_from]
    result.expect_rows(wanted, _truth(simulator, key, Window(wanted_from, watermark + MINUTE_MS)), str(key))
    earlier = [row for row in facts if row[0] < wanted_from]
    whole = _truth(simulator, key, Window(facts[0][0], wanted_from)) if earlier else []
    result.expect_rows(earlier, [row for row in whole if row in set(earlier)], f"{key} before wanted_from")
    result.candles += len(facts)
    _compare_rollups(connection, key, facts, result)
    counted = connection.scalar(select(series.c.record_count).where(series.c.symbol == key.symbol))
    result.expect(counted, len(facts), f"{key}: record_count")


def _facts(connection: Connection, key: SeriesKey) -> Iterator[Row]:
    query = (
        select(*[fact_klines.c[name] for name in _CANDLE_COLUMNS])
        .where(
            fact_klines.c.exchange == key.exchange,
            fact_klines.c.symbol == key.symbol,
            fact_klines.c.interval_code == key.interval.value,
        )
        .order_by(fact_klines.c.open_time)
    )
    return (tuple(row) for row in connection.execute(query))


def _truth(simulator: Simulator, key: SeriesKey, window: Window) -> list[Row]:
    """Return what the exchange says, in the columns and types of the facts."""
    return [
        (row[0], *map(_decimal, row[1:6]), row[6], _decimal(row[7]), row[8], *map(_decimal, row[9:11]))
        for row in simulator.truth(key.symbol, key.interval, window)
    ]


def _decimal(text: int | str) -> Decimal:
    return Decimal(text)


def _compare_rollups(
    connection: Connection, key: SeriesKey, facts: Sequence[Row], result: Comparison
) -> None:
    for table, time, length_ms in ((hourly_klines, "hour_start", HOUR_MS), (daily_klines, "date", DAY_MS)):
        columns = [table.c[name] for name in (time, *_ROLLUP_COLUMNS)]
        query = select(*columns).where(table.c.symbol == key.symbol).order_by(columns[0])
        held = [tuple(row) for row in connection.execute(query)]
        to_bucket: Callable[[int], Any] = _date if table is daily_klines else int
        expected = [
            (to_bucket(start), *_aggregate(list(rows))) for start, rows in _by_bucket(facts, length_ms)
        ]
        result.expect_rows(held, expected, f"{key} in {table.name}")
        result.rollups += len(held)


def _by_bucket(facts: Iterable[Row], length_ms: int) -> Iterator[tuple[int, Iterator[Row]]]:
    return groupby(facts, lambda row: int(row[0] - row[0] % length_ms))


def _date(time_ms: int) -> date:
    return utc_from_ms(time_ms).date()


def _aggregate(rows: Sequence[Row]) -> Row:
    """Return one bucket's rollup as ``_ROLLUP_COLUMNS``, by plain Python."""
    columns = list(zip(*rows, strict=True))
    _, opens, highs, lows, closes, volumes, _, quotes, trades, takers, taker_quotes = columns
    prices = (opens[0], max(highs), min(lows), closes[-1])
    return (*prices, sum(volumes), sum(quotes), sum(takers), sum(taker_quotes), sum(trades), len(rows))


def _read_lake(pipeline: Pipeline) -> dict[str, bytes]:
    """Return the content of every object that a listing of the lake shows."""
    lake = pipeline.app.lake
    return {stat.key: lake.get(bucket, stat.key) for bucket in Bucket for stat in lake.list_keys(bucket)}


def _compare_depth(
    connection: Connection, catalog: Sequence[Any], contents: Mapping[str, bytes], result: Comparison
) -> None:
    """Each snapshot's levels are there once, under the object they came from."""
    columns = fact_orderbook.c
    held = select(columns.object_id, columns.side, columns.price, columns.quantity)
    rows = [tuple(row) for row in connection.execute(held)]
    expected: list[Row] = []
    for row in catalog:
        if row.data_type == DataType.DEPTH and row.object_key in contents:
            book = json.loads(decode_envelope(contents[row.object_key]).body)
            for side, levels in (("bid", book["bids"]), ("ask", book["asks"])):
                expected += [(row.id, side, Decimal(price), Decimal(size)) for price, size in levels]
    result.expect_rows(rows, expected, "order book")
    result.levels += len(rows)


def _compare_catalog(catalog: Sequence[Any], contents: Mapping[str, bytes], result: Comparison) -> None:
    """Every object has exactly one row and every row its object; all are whole, and loaded."""
    result.expect_rows([(row.object_key,) for row in catalog], [(key,) for key in contents], "catalog")
    result.objects += len(contents)
    for row in catalog:
        result.expect(row.state, "loaded", f"state of {row.object_key} ({row.error})")
        digest = hashlib.sha256(contents.get(row.object_key, b"")).hexdigest()
        result.expect(digest, row.sha256, f"sha256 of {row.object_key}")


def list_unfounded_watermarks(pipeline: Pipeline) -> list[str]:
    """Name the series whose watermark passes what is durable in the lake: none, at any moment."""
    problems = []
    with pipeline.app.warehouse.read() as connection:
        for row in list_series(connection, tracked_only=False):
            watermark = find_watermark(connection, row.key)
            if watermark is None:
                continue
            query = select(lake_objects.c.object_key).where(
                lake_objects.c.symbol == row.key.symbol, lake_objects.c.last_open_time >= watermark
            )
            founded = [key for key in connection.scalars(query) if _is_in_lake(pipeline, key)]
            if not founded:
                problems.append(f"{row.key}: no object reaches its watermark {format_utc(watermark)}")
    return problems


def _is_in_lake(pipeline: Pipeline, key: str) -> bool:
    return any(stat.key == key for stat in pipeline.app.lake.list_keys(Bucket.RAW, key))


def _shown(row: Row) -> str:
    first = format_utc(row[0]) if isinstance(row[0], int) and row[0] > DAY_MS else row[0]
    return " ".join(map(str, (first, *row[1:6])))
