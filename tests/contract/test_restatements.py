"""A candle that the exchange amended: the earlier version stays readable, with the times it was known."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import delete, select

from src.domain import MINUTE_MS, Interval, Window, utc_from_ms
from src.warehouse.catalog import ObjectState
from src.warehouse.ledger_tables import restatements
from src.warehouse.restatements import Version, count_by_day, list_versions
from src.warehouse.series import SeriesRow, list_series
from src.warehouse.tables import fact_klines, lake_objects
from tests.builders import (
    CAPTURED_MS,
    DAY_START_MS,
    Kline,
    LakeObject,
    Pipeline,
    make_kline,
    make_object,
    read_table,
)

MINUTE = make_kline(DAY_START_MS)
AMENDED = MINUTE._replace(close_price="104.99999999")
_CHANGES = {
    "open_price": "99.00000000",
    "high_price": "110.00000001",
    "low_price": "89.00000000",
    "close_price": "105.00000001",
    "volume": "12.50000001",
    "quote_volume": "1250.00000001",
    "trade_count": 8,
    "taker_buy_volume": "5.00000001",
    "taker_buy_quote_volume": "500.00000001",
}


@pytest.fixture
def pipeline(emptied_pipeline: Pipeline) -> Pipeline:
    return emptied_pipeline


def load(
    pipeline: Pipeline, klines: list[Kline], captured_at_ms: int, interval: Interval = Interval.M1
) -> LakeObject:
    """Land and load one object."""
    made = make_object("BTCUSDT", klines, captured_at_ms, interval=interval)
    pipeline.land(made)
    assert not pipeline.load().quarantined
    return made


def series_row(pipeline: Pipeline) -> SeriesRow:
    with pipeline.warehouse.read() as connection:
        (row,) = list_series(connection, tracked_only=False)
    return row


def kept(pipeline: Pipeline) -> list[Any]:
    columns = [column for column in restatements.c if column.name != "created_at"]
    with pipeline.warehouse.read() as connection:
        return list(connection.execute(select(*columns).order_by(*restatements.primary_key)))


def versions(pipeline: Pipeline, open_ms: int = DAY_START_MS) -> list[Version]:
    row = series_row(pipeline)
    with pipeline.warehouse.read() as connection:
        return list_versions(connection, row, open_ms)


def test_amended_candle_leaves_both_versions_readable_with_their_times(pipeline: Pipeline) -> None:
    load(pipeline, [MINUTE], CAPTURED_MS)
    load(pipeline, [AMENDED], CAPTURED_MS + 7_200_000)
    earlier, present = versions(pipeline)
    assert (earlier.candle.close_price, present.candle.close_price) == (
        Decimal("105.00000000"),
        Decimal("104.99999999"),
    )
    assert (earlier.known_from_ms, earlier.known_until_ms) == (CAPTURED_MS, CAPTURED_MS + 7_200_000)
    assert (present.known_from_ms, present.known_until_ms) == (CAPTURED_MS + 7_200_000, None)
    assert (earlier.replaced_by, present.replaced_by) == (present.object_id, None)
    assert earlier.candle.open_time_ms == DAY_START_MS
    assert earlier.candle.taker_buy_quote_volume == Decimal("500.00000000")


def test_a_difference_in_any_column_is_a_restatement(pipeline: Pipeline) -> None:
    minutes = [make_kline(DAY_START_MS + n * MINUTE_MS) for n in range(len(_CHANGES) + 2)]
    changes: list[dict[str, Any]] = [*({name: value} for name, value in _CHANGES.items()), {}]
    changes.append({"close_time": minutes[-1].close_time - 1})
    load(pipeline, minutes, CAPTURED_MS)
    amended = [one._replace(**change) for one, change in zip(minutes, changes, strict=True)]
    load(pipeline, amended, CAPTURED_MS + 1)
    assert [row.open_time for row in kept(pipeline)] == [
        one.open_time for one, change in zip(minutes, changes, strict=True) if change
    ]


def test_the_same_values_again_are_none(pipeline: Pipeline) -> None:
    load(pipeline, [MINUTE], CAPTURED_MS)
    again = load(pipeline, [MINUTE], CAPTURED_MS + 1)
    (fact,) = read_table(pipeline.warehouse, fact_klines)
    assert fact["object_key"] == again.key.text
    assert kept(pipeline) == []


def test_only_the_amended_of_many_candles_are_kept(pipeline: Pipeline) -> None:
    minutes = [make_kline(DAY_START_MS + n * MINUTE_MS) for n in range(50)]
    amended = [one._replace(volume="13.00000000") if n in (7, 49) else one for n, one in enumerate(minutes)]
    load(pipeline, minutes, CAPTURED_MS)
    load(pipeline, [*amended, make_kline(DAY_START_MS + 50 * MINUTE_MS)], CAPTURED_MS + 1)
    row = series_row(pipeline)
    with pipeline.warehouse.read() as connection:
        found = count_by_day(connection, row, Window(DAY_START_MS, DAY_START_MS + 50 * MINUTE_MS))
    assert found == {utc_from_ms(DAY_START_MS).date(): 2}
    assert [one.open_time for one in kept(pipeline)] == [DAY_START_MS + n * MINUTE_MS for n in (7, 49)]


def test_candles_of_an_hour_and_longer_are_kept_too(pipeline: Pipeline) -> None:
    hour = make_kline(DAY_START_MS, Interval.H1)
    load(pipeline, [hour], CAPTURED_MS, interval=Interval.H1)
    load(pipeline, [hour._replace(trade_count=9)], CAPTURED_MS + 1, interval=Interval.H1)
    assert [one.candle.trade_count for one in versions(pipeline)] == [7, 9]


def test_facts_do_not_depend_on_the_order_and_versions_are_what_was_held_here(pipeline: Pipeline) -> None:
    """Of a set loaded newest first nothing was ever replaced; oldest first each version was known once."""
    told = [MINUTE, AMENDED, MINUTE._replace(trade_count=9)]
    objects = [make_object("BTCUSDT", [one], CAPTURED_MS + n) for n, one in enumerate(told)]
    pipeline.put(objects)
    for order in permutations(range(3)):
        _forget(pipeline)
        for n in order:
            pipeline.catalog([objects[n]])
            pipeline.load()
        *earlier, present = versions(pipeline)
        assert present.candle.trade_count == 9
        newest, held = -1, []
        for n in order:
            if n > newest:
                held.append(n)
                newest = n
        assert [one.known_from_ms - CAPTURED_MS for one in earlier] == held[:-1], order
        assert [(one.known_until_ms or 0) - CAPTURED_MS for one in earlier] == held[1:], order


def test_loading_the_whole_set_again_keeps_each_version_once(pipeline: Pipeline) -> None:
    load(pipeline, [MINUTE], CAPTURED_MS)
    load(pipeline, [AMENDED], CAPTURED_MS + 1)
    expected = kept(pipeline)
    for gone in (False, True):
        with pipeline.warehouse.write() as connection:
            connection.execute(lake_objects.update().values(state=ObjectState.LANDED))
            if gone:
                connection.execute(delete(fact_klines))
        pipeline.load(slice_objects=1)
        assert kept(pipeline) == expected
    assert len(versions(pipeline)) == 2


def _forget(pipeline: Pipeline) -> None:
    with pipeline.warehouse.write() as connection:
        for table in (fact_klines, restatements, lake_objects):
            connection.execute(delete(table))
