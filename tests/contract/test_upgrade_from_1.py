"""A warehouse of schema version 1, full of data, taken to the newest: every row stays, and work goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from src.domain import MINUTE_MS, Interval, Lane, SeriesKey, format_utc
from src.lake.local_store import LocalStore
from src.lake.store import Bucket
from src.warehouse.budgets import find_budget
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.schema import BASELINE, check_schema, list_migrations, migrate
from src.warehouse.tables import fact_klines, hourly_klines
from src.warehouse.watermarks import find_last_depth, find_watermark
from tests.builders import (
    CAPTURED_MS,
    DAY_START_MS,
    Kline,
    LakeObject,
    Pipeline,
    as_kline,
    make_depth,
    make_kline,
    make_object,
    read_rollup,
    read_table,
    roll_up,
)

BASELINES = Path(__file__).parent
BTC = SeriesKey("binance", "BTCUSDT", Interval.M1)
NAME = {"exchange": "binance", "symbol": "BTCUSDT"}
CANDLES = [make_kline(DAY_START_MS + minute * MINUTE_MS) for minute in range(3)]
LOADED = make_object("BTCUSDT", CANDLES[:2], CAPTURED_MS)
WAITING = make_object("BTCUSDT", CANDLES[2:], CAPTURED_MS + 1)
DAMAGED = make_object("BTCUSDT", [], CAPTURED_MS + 2)
SNAPSHOT = make_depth("BTCUSDT", [("99.5", "1")], [("100.5", "2")], CAPTURED_MS + 3)
MIDNIGHT, HOUR_MS = DAY_START_MS, 60 * MINUTE_MS


def sql_time(time_ms: int) -> str:
    """Return the text that version 1 put into SQLite, which MySQL reads as well."""
    return format_utc(time_ms).removesuffix("Z")


def candle(kline: Kline) -> dict[str, Any]:
    """Return the columns of a candle."""
    columns = {name: getattr(kline, name) for name in Kline._fields if name != "unused"}
    times = {name: sql_time(columns[name]) for name in ("open_time", "close_time")}
    return {**columns, **times}


def catalogued(object_id: int, one: LakeObject, state: str, error: str | None = None) -> dict[str, Any]:
    described = one.described()
    return {
        "id": object_id,
        "object_key": described.key,
        **NAME,
        "data_type": described.data_type.value,
        "interval_code": "1m" if described.interval else "",
        "captured_at": sql_time(described.captured_at_ms),
        "exchange_time": sql_time(described.exchange_time_ms),
        "size_bytes": described.size_bytes,
        "sha256": described.sha256,
        "state": state,
        "error": error,
    }


def rollup(klines: Sequence[Kline], start: Mapping[str, str]) -> dict[str, Any]:
    [values] = roll_up(klines, 24 * HOUR_MS).values()
    return {**NAME, **start, **values}


def rows_of_version_1() -> dict[str, list[dict[str, Any]]]:
    """Return what a warehouse held that had collected for a while."""
    minute = {**NAME, "interval_code": "1m"}
    month = make_kline(1_764_547_200_000, Interval.MO1)
    stored = {"object_id": 1, "captured_at": sql_time(CAPTURED_MS)}
    level = {**NAME, "captured_at": sql_time(CAPTURED_MS + 3), "object_id": 4}
    held = {"first_open_time": sql_time(MIDNIGHT), "last_open_time": sql_time(MIDNIGHT + MINUTE_MS)}
    return {
        "schema_migrations": [{"version": BASELINE, "name": "created"}],
        "series": [
            {
                "id": 1,
                **minute,
                "record_count": 2,
                "wanted_from": sql_time(MIDNIGHT),
                "keep_days": 400,
                **held,
            },
            {"id": 2, **NAME, "interval_code": "1M", "tracked": False},
        ],
        "symbols": [
            {
                **NAME,
                "status": "TRADING",
                "base_asset": "BTC",
                "quote_asset": "USDT",
                "tick_size": "0.01000000",
                "updated_at": sql_time(MIDNIGHT),
            }
        ],
        "extraction_metadata": [
            {**minute, "data_type": "klines", "last_open_time": sql_time(MIDNIGHT + 2 * MINUTE_MS)},
            {**NAME, "data_type": "depth", "last_fetch_time": sql_time(CAPTURED_MS + 3), "record_count": 1},
        ],
        "latest": [
            {**minute, **candle(make_kline(MIDNIGHT + 3 * MINUTE_MS)), "exchange_time": sql_time(CAPTURED_MS)}
        ],
        "lake_objects": [
            catalogued(1, LOADED, "loaded"),
            catalogued(2, WAITING, "landed"),
            catalogued(3, DAMAGED, "quarantined", "row 3: high below low"),
            catalogued(4, SNAPSHOT, "loaded"),
        ],
        "fact_klines": [{**minute, **candle(kline), **stored} for kline in CANDLES[:2]],
        "fact_klines_coarse": [{**NAME, "interval_code": "1M", **candle(month), **stored}],
        "fact_orderbook": [
            {**level, "side": "bid", "price": "99.50000000", "quantity": "1.00000000"},
            {**level, "side": "ask", "price": "100.50000000", "quantity": "2.00000000"},
        ],
        "hourly_klines": [rollup(CANDLES[:2], {"hour_start": sql_time(MIDNIGHT)})],
        "daily_klines": [rollup(CANDLES[:2], {"date": "2026-01-09"})],
        "exchange_budget": [
            {
                "exchange": "binance",
                "egress": "home",
                "minute_start": sql_time(CAPTURED_MS),
                "used_weight": 120,
                "weight_limit": 6000,
                "blocked_until": sql_time(CAPTURED_MS + 60_000),
                "block_reason": "429, too many requests",
                "breaker_failures": 2,
            }
        ],
    }


@pytest.fixture
def old(warehouse_url: str) -> Iterator[Warehouse]:
    """Give a warehouse as version 1 left it, with rows in every table."""
    warehouse = open_warehouse(warehouse_url)
    ddl = (BASELINES / f"baseline.{warehouse.engine.dialect.name}.sql").read_text(encoding="utf-8")
    rows = rows_of_version_1()
    assert set(re.findall(r"^CREATE TABLE (\w+)", ddl, re.MULTILINE)) == set(rows)
    with warehouse.write() as connection:
        for statement in re.sub(r"--[^\n]*", "", ddl).split(";"):
            if statement.strip():
                connection.exec_driver_sql(statement)
        for table, inserted in rows.items():
            for row in inserted:
                connection.exec_driver_sql(insert(table, row))
    yield warehouse
    warehouse.close()


def insert(table: str, row: Mapping[str, Any]) -> str:
    literals = ["NULL" if value is None else repr(value) for value in row.values()]
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(literals)})"


def read_all(warehouse: Warehouse, columns: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
    """Return the tables of version 1 as the database holds them; of *columns*, or of all there are."""
    found = {}
    with warehouse.read() as connection:
        for table in rows_of_version_1():
            names = ", ".join(columns[table]) if columns else "*"
            result = connection.exec_driver_sql(f"SELECT {names} FROM {table}")
            found[table] = (list(result.keys()), sorted(map(tuple, result), key=str))
    return found


def test_every_row_stays_as_it_was(old: Warehouse) -> None:
    before = read_all(old)
    assert len(migrate(old)) == len(list_migrations(old))
    check_schema(old)
    after = read_all(old, {table: columns for table, (columns, _) in before.items()})
    recorded = after.pop("schema_migrations")[1]
    assert [row[0] for row in recorded] == list(range(BASELINE, BASELINE + len(recorded)))
    assert all(rows for _, rows in after.values())
    assert after == {table: found for table, found in before.items() if table != "schema_migrations"}


def test_new_columns_of_old_rows_say_nothing_that_is_not_so(old: Warehouse) -> None:
    migrate(old)
    with old.read() as connection:
        budget = find_budget(connection, "binance", "home")
        assert find_watermark(connection, BTC) == MIDNIGHT + 2 * MINUTE_MS
        assert find_last_depth(connection, "binance", "BTCUSDT") == CAPTURED_MS + 3
        runs = connection.exec_driver_sql("SELECT run_id FROM lake_objects").scalars().all()
    assert budget is not None
    assert (budget.used_weight, budget.blocked_until_ms) == (120, CAPTURED_MS + 60_000)
    assert (budget.repair_weight, budget.history_weight) == (0, 0)
    assert runs == [None] * 4


def test_what_waited_is_loaded_after_the_upgrade(old: Warehouse, tmp_path: Path) -> None:
    migrate(old)
    lake = LocalStore(tmp_path / "lake")
    lake.ensure_buckets()
    lake.put_new(Bucket.RAW, WAITING.key.text, WAITING.content)
    pipeline = Pipeline(old, lake)
    later = make_object("BTCUSDT", [make_kline(DAY_START_MS + 3 * MINUTE_MS)], CAPTURED_MS + 9)
    pipeline.land(later, lane=Lane.HISTORY)

    report = pipeline.load()

    assert (report.loaded.inserted, report.loaded.objects, report.quarantined) == (2, 2, [])
    held = [*CANDLES, *later.klines]
    assert [as_kline(row) for row in read_table(old, fact_klines)] == held
    assert read_rollup(old, hourly_klines, "BTCUSDT") == roll_up(held, HOUR_MS)
