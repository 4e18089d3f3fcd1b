"""All tables of the warehouse, as SQLAlchemy Core; those of runs are in ``run_tables``.

``sql/schema.sql`` says the same as MySQL DDL with comments for people; a test loads it and compares.
No foreign keys: MySQL allows none on partitioned tables, and one rule for all tables is simpler.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, UniqueConstraint, text

from src.warehouse.access_tables import audit_log, tokens
from src.warehouse.ageing_tables import aged_ranges, disk_samples, lake_packs, object_tombstones
from src.warehouse.columns import (
    Id,
    clustered,
    coded,
    count_of,
    created_at,
    key,
    metadata,
    prices,
    series_key,
    table_of,
    time_of,
    utc_now,
    volumes,
)
from src.warehouse.ledger_tables import (
    coverage_ranges,
    gaps,
    quality_findings,
    restatements,
    verify_results,
)
from src.warehouse.run_tables import app_settings, jobs, leases, notifications, run_chunks, run_events, runs
from src.warehouse.types import ExactDecimal, UtcDate, UtcMs, code, prose

__all__ = ["metadata", "utc_now"]  # whole only with the tables of runs, which is why it is had from here

LEDGER_TABLES = (coverage_ranges, gaps, quality_findings, restatements, verify_results)
AGEING_TABLES = (lake_packs, object_tombstones, aged_ranges, disk_samples)
ACCESS_TABLES = (tokens, audit_log)
WORK_TABLES = (jobs, runs, run_chunks, run_events, leases, app_settings, notifications)

# A new fact table holds one partition without an upper end; ``partitions`` splits it ahead of need.
_BY_OPEN_TIME = "RANGE COLUMNS (open_time) (PARTITION p_max VALUES LESS THAN (MAXVALUE))"
_BY_CAPTURED_AT = "RANGE COLUMNS (captured_at) (PARTITION p_max VALUES LESS THAN (MAXVALUE))"


def _candle() -> list[Column[Any]]:
    """Columns of one candle as an exchange sends it."""
    volume, quote, taker, taker_quote = volumes(30)
    trades = Column("trade_count", BigInteger(), nullable=False)
    return [*prices(), volume, time_of("close_time"), quote, trades, taker, taker_quote]


def _provenance() -> list[Column[int]]:
    """Which object a fact came from, and when that was captured: the newest capture wins."""
    return [Column("object_id", BigInteger(), nullable=False), time_of("captured_at")]


def _fact_table(name: str, partition_by: str | None) -> Table:
    open_time: Column[int] = Column("open_time", UtcMs(), primary_key=True)
    columns = [*series_key(), open_time, *_candle(), *_provenance(), created_at()]
    return clustered(name, *columns, partition_by=partition_by)


def _rollup_table(name: str, bucket: Column[Any]) -> Table:
    counts = [count_of("trade_count"), Column("candle_count", Integer(), nullable=False)]
    keys = [key("exchange", 16), key("symbol", 32), bucket]
    rest = [*prices(), *volumes(38), *counts, time_of("sealed_at", nullable=True), created_at()]
    return clustered(name, *keys, *rest)


schema_migrations = table_of(
    "schema_migrations",
    Column("version", Integer(), primary_key=True, autoincrement=False),
    coded("name", 64),
    created_at("applied_at"),
)

symbols = clustered(
    "symbols",
    key("exchange", 16),
    key("symbol", 32),
    coded("status", 24),
    coded("base_asset", 24),
    coded("quote_asset", 24),
    Column("tick_size", ExactDecimal(20), nullable=True),
    Column("step_size", ExactDecimal(30), nullable=True),
    time_of("listed_at", nullable=True),
    time_of("delisted_at", nullable=True),
    Column("enabled", Boolean(), nullable=False, server_default=text("1")),
    time_of("updated_at"),
)

series = table_of(
    "series",
    Column("id", Id, primary_key=True),
    coded("exchange", 16),
    coded("symbol", 32),
    coded("interval_code", 4),
    Column("tracked", Boolean(), nullable=False, server_default=text("1")),
    coded("tier", 8, default="TIER4"),
    time_of("wanted_from", nullable=True),
    Column("keep_days", Integer(), nullable=True),
    count_of("record_count"),
    time_of("first_open_time", nullable=True),
    time_of("last_open_time", nullable=True),
    count_of("load_version"),
    created_at(),
    UniqueConstraint("exchange", "symbol", "interval_code", name="uq_series"),
)

extraction_metadata = clustered(
    "extraction_metadata",
    key("exchange", 16),
    key("symbol", 32),
    key("data_type", 8),
    Column("interval_code", code(4), primary_key=True, server_default=text("''")),
    time_of("last_fetch_time", nullable=True),
    time_of("last_open_time", nullable=True),
    count_of("record_count"),
)

latest = clustered("latest", *series_key(), time_of("open_time"), *_candle(), time_of("exchange_time"))

lake_objects = table_of(
    "lake_objects",
    Column("id", Id, primary_key=True),
    coded("object_key", 160),
    coded("bucket", 8, default="raw"),
    coded("exchange", 16),
    coded("symbol", 32),
    coded("data_type", 8),
    coded("interval_code", 4, default=""),
    time_of("captured_at"),
    time_of("exchange_time"),
    Column("size_bytes", BigInteger(), nullable=False),
    coded("sha256", 64),
    coded("state", 12, default="landed"),
    coded("lane", 8, default="live"),
    time_of("first_open_time", nullable=True),
    time_of("last_open_time", nullable=True),
    Column("record_count", Integer(), nullable=True),
    created_at("landed_at"),
    time_of("loaded_at", nullable=True),
    Column("error", prose(), nullable=True),
    # The run that fetched it; NULL for what a cycle fetched.
    Column("run_id", BigInteger(), nullable=True),
    # The code that loaded it last.
    Column("code_version", code(40), nullable=True),
    # The archive object its bytes lie in since its day was packed.
    Column("pack_id", BigInteger(), nullable=True),
    time_of("deleted_at", nullable=True),
    UniqueConstraint("object_key", name="uq_lake_objects_key"),
    # Finds what waits to be loaded without looking at what is loaded already.
    Index("ix_lake_objects_waiting", "state", "lane", "captured_at"),
    # Finds the objects of a series that cover a window: lineage, replay, ageing.
    Index("ix_lake_objects_series", "exchange", "symbol", "interval_code", "first_open_time"),
    Index("ix_lake_objects_run", "run_id", "state"),
    # Finds what is old enough to be archived or deleted.
    Index("ix_lake_objects_age", "bucket", "captured_at"),
)

fact_klines = _fact_table("fact_klines", _BY_OPEN_TIME)
fact_klines_coarse = _fact_table("fact_klines_coarse", None)

fact_orderbook = clustered(
    "fact_orderbook",
    key("exchange", 16),
    key("symbol", 32),
    Column("captured_at", UtcMs(), primary_key=True),
    key("side", 3),
    Column("price", ExactDecimal(20), primary_key=True),
    Column("quantity", ExactDecimal(30), nullable=False),
    Column("object_id", BigInteger(), nullable=False),
    created_at(),
    partition_by=_BY_CAPTURED_AT,
)

quarantined_rows = table_of(
    "quarantined_rows",
    Column("id", Id, primary_key=True),
    Column("object_id", BigInteger(), nullable=False),
    Column("row_index", Integer(), nullable=False),
    coded("exchange", 16),
    coded("symbol", 32),
    coded("interval_code", 4),
    Column("reason", prose(), nullable=False),
    Column("raw", prose(), nullable=False),
    created_at(),
    UniqueConstraint("object_id", "row_index", name="uq_quarantined_rows"),
)

hourly_klines = _rollup_table("hourly_klines", Column("hour_start", UtcMs(), primary_key=True))
daily_klines = _rollup_table("daily_klines", Column("date", UtcDate(), primary_key=True))

exchange_budget = clustered(
    "exchange_budget",
    key("exchange", 16),
    key("egress", 64),
    # The minute (exchange time) that used_weight counts; a new minute starts from nought.
    Column("minute_start", UtcMs(), nullable=True),
    count_of("used_weight"),
    Column("weight_limit", Integer(), nullable=True),
    # Nobody on this address calls before this time of our clock.
    Column("blocked_until", UtcMs(), nullable=True),
    Column("block_reason", code(64), nullable=True),
    coded("breaker_state", 12, default="closed"),
    Column("breaker_failures", Integer(), nullable=False, server_default=text("0")),
    Column("breaker_opened_at", UtcMs(), nullable=True),
    # What of used_weight went to repairs and to history; the rest was live.
    count_of("repair_weight"),
    count_of("history_weight"),
)
