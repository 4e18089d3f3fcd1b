"""Series and watermarks on both engines: made once, locked in one order, moved forward only."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, Table, select

from src.domain import DAY_MS, MINUTE_MS, Candle, Interval, SeriesKey
from src.warehouse import series, watermarks
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.series import SeriesRow
from src.warehouse.symbols import SymbolRow, list_statuses, upsert_symbols
from src.warehouse.tables import extraction_metadata, latest, metadata, symbols
from src.warehouse.tables import series as series_table
from tests.builders import DAY_START_MS

BTC = SeriesKey("binance", "BTCUSDT", Interval.M1)
BTC_MONTHS = SeriesKey("binance", "BTCUSDT", Interval.MO1)
ETH = SeriesKey("binance", "ETHUSDT", Interval.M1)


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Warehouse]:
    opened = open_warehouse(warehouse_url, pool_size=8)
    metadata.create_all(opened.engine, tables=[series_table, extraction_metadata, latest, symbols])
    yield opened
    opened.close()


def track(warehouse: Warehouse, *keys: SeriesKey, tracked: bool = True) -> None:
    warehouse.run(lambda connection: series.set_tracked(connection, keys, tracked=tracked))


def listed(warehouse: Warehouse, *, tracked_only: bool = True) -> list[SeriesRow]:
    with warehouse.read() as connection:
        return series.list_series(connection, tracked_only=tracked_only)


def only_row(warehouse: Warehouse, table: Table) -> Any:
    with warehouse.read() as connection:
        return connection.execute(select(table)).one()


# --- series ---


def test_tracked_series_are_listed_in_order(warehouse: Warehouse) -> None:
    track(warehouse, ETH, BTC_MONTHS, BTC)
    assert [row.key for row in listed(warehouse)] == [BTC_MONTHS, BTC, ETH]


def test_new_series_holds_nothing_yet(warehouse: Warehouse) -> None:
    track(warehouse, BTC)
    [row] = listed(warehouse)
    assert row == SeriesRow(row.id, BTC, True, 0, None, None, 0)
    stored = only_row(warehouse, series_table)
    assert (stored.tier, stored.wanted_from, stored.keep_days) == ("TIER4", None, None)


def test_series_no_longer_tracked_keeps_its_row_and_counts(warehouse: Warehouse) -> None:
    track(warehouse, BTC, ETH)
    add_load(warehouse, BTC, 5, DAY_START_MS, DAY_START_MS + MINUTE_MS)
    before = listed(warehouse)
    track(warehouse, BTC, tracked=False)
    assert [row.key for row in listed(warehouse)] == [ETH]
    assert [row.key for row in listed(warehouse, tracked_only=False)] == [BTC, ETH]
    track(warehouse, BTC)
    assert listed(warehouse) == before


def test_tracking_nothing_changes_nothing(warehouse: Warehouse) -> None:
    track(warehouse, BTC)
    track(warehouse, tracked=False)
    assert [row.key for row in listed(warehouse)] == [BTC]


def test_series_met_by_a_load_is_not_tracked_by_that(warehouse: Warehouse) -> None:
    track(warehouse, BTC)
    warehouse.run(lambda connection: series.ensure_series(connection, [BTC, ETH], tracked=False))
    assert [row.key for row in listed(warehouse)] == [BTC]
    assert len(listed(warehouse, tracked_only=False)) == 2


def test_series_met_by_many_at_once_has_one_row(warehouse: Warehouse) -> None:
    keys = [BTC, BTC_MONTHS, ETH]
    start = threading.Barrier(8)

    def ensure(number: int) -> None:
        mine = random.Random(number).sample(keys, len(keys))
        start.wait(20)
        warehouse.run(lambda connection: series.ensure_series(connection, mine, tracked=True))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ensure, range(8)))
    assert [row.key for row in listed(warehouse)] == [BTC_MONTHS, BTC, ETH]


def add_load(warehouse: Warehouse, key: SeriesKey, inserted: int, first_ms: int, last_ms: int) -> None:
    def note(connection: Connection) -> None:
        row = series.lock_series(connection, [key])[key]
        series.record_load(connection, row, inserted, first_ms, last_ms)

    warehouse.run(note)


def test_loads_in_any_order_widen_what_is_held(warehouse: Warehouse) -> None:
    track(warehouse, BTC)
    add_load(warehouse, BTC, 10, DAY_START_MS, DAY_START_MS + DAY_MS)
    add_load(warehouse, BTC, 3, DAY_START_MS - DAY_MS, DAY_START_MS - MINUTE_MS)
    add_load(warehouse, BTC, 0, DAY_START_MS, DAY_START_MS)
    [row] = listed(warehouse)
    assert (row.record_count, row.load_version) == (13, 3)
    assert (row.first_open_ms, row.last_open_ms) == (DAY_START_MS - DAY_MS, DAY_START_MS + DAY_MS)


def test_no_load_is_lost_between_many_at_once(warehouse: Warehouse) -> None:
    track(warehouse, BTC)
    with ThreadPoolExecutor(6) as pool:
        list(
            pool.map(lambda n: add_load(warehouse, BTC, 1, DAY_START_MS - n, DAY_START_MS + n), range(1, 31))
        )
    [row] = listed(warehouse)
    assert (row.record_count, row.load_version) == (30, 30)
    assert (row.first_open_ms, row.last_open_ms) == (DAY_START_MS - 30, DAY_START_MS + 30)


def test_series_lock_keeps_a_second_transaction_waiting(warehouse: Warehouse) -> None:
    track(warehouse, BTC, ETH)
    with ThreadPoolExecutor(1) as pool:
        with warehouse.write() as connection:
            assert set(series.lock_series(connection, [BTC])) == {BTC}
            other = pool.submit(warehouse.run, lambda mine: series.lock_series(mine, [ETH, BTC]))
            assert not wait([other], 0.3).done
        assert set(other.result(20)) == {BTC, ETH}


def test_series_locked_in_any_order_of_names_cause_no_deadlock(warehouse: Warehouse) -> None:
    """``write`` does not repeat, as ``run`` would: one deadlock fails this test."""
    keys = [SeriesKey("binance", f"SIM{n:03d}USDT", Interval.M1) for n in range(6)]
    track(warehouse, *keys)

    def lock_some(number: int) -> int:
        mine = random.Random(number).sample(keys, 4)
        with warehouse.write() as connection:
            return len(series.lock_series(connection, mine))

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lock_some, range(60))) == [4] * 60


def test_wanted_history_begins_with_the_first_fetch(warehouse: Warehouse) -> None:
    track(warehouse, BTC, ETH)
    for start_ms in (DAY_START_MS, DAY_START_MS - DAY_MS, DAY_START_MS + DAY_MS):
        warehouse.run(lambda c, start_ms=start_ms: series.want_from(c, BTC, start_ms))  # type: ignore[misc]
    with warehouse.read() as connection:
        found = connection.execute(select(series_table.c.symbol, series_table.c.wanted_from)).all()
    assert sorted(map(tuple, found)) == [("BTCUSDT", DAY_START_MS), ("ETHUSDT", None)]


# --- watermarks ---


def advance(warehouse: Warehouse, open_ms: int, count: int = 1, now_ms: int = DAY_START_MS) -> None:
    warehouse.run(lambda connection: watermarks.advance_watermark(connection, BTC, open_ms, count, now_ms))


def watermark(warehouse: Warehouse, key: SeriesKey = BTC) -> int | None:
    with warehouse.read() as connection:
        return watermarks.find_watermark(connection, key)


def test_watermark_moves_forward_only(warehouse: Warehouse) -> None:
    assert watermark(warehouse) is None
    seen = []
    for minutes in (10, 12, 11, 12, 0, 13):
        advance(warehouse, DAY_START_MS + minutes * MINUTE_MS)
        seen.append((watermark(warehouse) or 0) - DAY_START_MS)
    assert seen == [minutes * MINUTE_MS for minutes in (10, 12, 12, 12, 12, 13)]


def test_fetch_is_counted_even_where_the_watermark_stays(warehouse: Warehouse) -> None:
    advance(warehouse, DAY_START_MS, count=5, now_ms=DAY_START_MS + 1)
    advance(warehouse, DAY_START_MS - MINUTE_MS, count=3, now_ms=DAY_START_MS + 59_999)
    row = only_row(warehouse, extraction_metadata)
    assert (row.record_count, row.last_fetch_time) == (8, DAY_START_MS + 59_999)
    assert row.last_open_time == DAY_START_MS


def test_watermarks_of_a_minute_and_a_month_are_two(warehouse: Warehouse) -> None:
    advance(warehouse, DAY_START_MS)
    assert watermark(warehouse, BTC_MONTHS) is None
    assert watermark(warehouse, ETH) is None


def test_watermark_moved_by_many_at_once_ends_at_the_furthest(warehouse: Warehouse) -> None:
    minutes = random.Random(1).sample(range(40), 40)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda minute: advance(warehouse, DAY_START_MS + minute * MINUTE_MS), minutes))
    assert watermark(warehouse) == DAY_START_MS + 39 * MINUTE_MS
    assert only_row(warehouse, extraction_metadata).record_count == 40


def test_watermark_stays_when_its_transaction_fails(warehouse: Warehouse) -> None:
    advance(warehouse, DAY_START_MS)

    def fail(connection: Connection) -> None:
        watermarks.advance_watermark(connection, BTC, DAY_START_MS + MINUTE_MS, 1, DAY_START_MS)
        raise RuntimeError("the catalog row could not be written")

    with pytest.raises(RuntimeError, match="catalog row"):
        warehouse.run(fail)
    assert watermark(warehouse) == DAY_START_MS


def test_depth_has_a_watermark_of_its_own(warehouse: Warehouse) -> None:
    def find(connection: Connection, symbol: str) -> int | None:
        return watermarks.find_last_depth(connection, "binance", symbol)

    advance(warehouse, DAY_START_MS)
    with warehouse.read() as connection:
        assert find(connection, "BTCUSDT") is None
    warehouse.run(lambda c: watermarks.note_depth(c, "binance", "BTCUSDT", DAY_START_MS + 123))
    with warehouse.read() as connection:
        assert find(connection, "BTCUSDT") == DAY_START_MS + 123
        assert find(connection, "ETHUSDT") is None
    assert watermark(warehouse) == DAY_START_MS


# --- the forming candle, and symbols ---


def test_forming_candle_is_overwritten_and_exact(warehouse: Warehouse) -> None:
    tiny, huge = Decimal("0.00000001"), Decimal("9999999999999999999999.99999999")
    for price in (Decimal("1.5"), Decimal("999999999999.99999999")):
        forming = Candle(
            DAY_START_MS, price, price, tiny, price, huge, DAY_START_MS + 59_999, tiny, 7, tiny, tiny
        )
        warehouse.run(lambda c, f=forming: watermarks.upsert_latest(c, BTC, f, DAY_START_MS + 1))  # type: ignore[misc]
    row = only_row(warehouse, latest)
    assert (row.open_price, row.low_price, row.volume) == (Decimal("999999999999.99999999"), tiny, huge)
    assert (row.open_time, row.close_time) == (DAY_START_MS, DAY_START_MS + 59_999)
    assert (row.exchange_time, row.trade_count) == (DAY_START_MS + 1, 7)


def test_symbols_keep_the_latest_word_of_the_exchange(warehouse: Warehouse) -> None:
    before = SymbolRow("binance", "BTCUSDT", "TRADING", "BTC", "USDT", Decimal("0.01"), Decimal("0.00001"))
    after = SymbolRow("binance", "BTCUSDT", "HALT", "BTC", "USDT", None, Decimal("0.001"))
    for row in (before, after):
        warehouse.run(lambda c, row=row: upsert_symbols(c, [row], DAY_START_MS))  # type: ignore[misc]
    warehouse.run(lambda connection: upsert_symbols(connection, [], DAY_START_MS))
    with warehouse.read() as connection:
        assert list_statuses(connection, "binance") == {"BTCUSDT": "HALT"}
        assert list_statuses(connection, "kraken") == {}
    stored = only_row(warehouse, symbols)
    assert (stored.tick_size, stored.step_size, stored.enabled) == (None, Decimal("0.001"), True)
