"""All tables of the warehouse, as SQLAlchemy Core.

``sql/schema.sql`` says the same as MySQL DDL with comments for people; a test loads it and compares.
No foreign keys: MySQL allows none on partitioned tables, and one rule for all tables is simpler.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, Table, UniqueConstraint, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from src.warehouse.types import ExactDecimal, UtcDate, UtcMs, code, prose

metadata = MetaData()

# SQLite gives a row id of its own only to a column spelled INTEGER.
_Id = BigInteger().with_variant(Integer(), "sqlite")

# A new fact table holds one partition without an upper end; ``partitions`` splits it ahead of need.
_BY_OPEN_TIME = "RANGE COLUMNS (open_time) (PARTITION p_max VALUES LESS THAN (MAXVALUE))"
_BY_CAPTURED_AT = "RANGE COLUMNS (captured_at) (PARTITION p_max VALUES LESS THAN (MAXVALUE))"


class utc_now(GenericFunction[int]):  # noqa: N801 - a function of SQL, spelled as one
    """The database's clock, UTC with milliseconds; sessions run in UTC."""

    type = UtcMs()
    inherit_cache = True


@compiles(utc_now, "mysql")
def _utc_now_mysql(*_: Any, **__: Any) -> str:
    return "CURRENT_TIMESTAMP(3)"


@compiles(utc_now)
def _utc_now_sqlite(*_: Any, **__: Any) -> str:
    return "(strftime('%Y-%m-%dT%H:%M:%f', 'now'))"


def _table(name: str, *items: Any, partition_by: str | None = None) -> Table:
    options: dict[str, Any] = {"mysql_partition_by": partition_by} if partition_by else {}
    table: Table = Table(name, metadata, *items, mysql_engine="InnoDB", **options)
    return table


def _clustered(name: str, *items: Any, partition_by: str | None = None) -> Table:
    """Make a table that SQLite, like InnoDB, keeps sorted by its primary key."""
    table = _table(name, *items, partition_by=partition_by)
    table.dialect_options["sqlite"]["with_rowid"] = False
    return table


def _key(name: str, length: int) -> Column[str]:
    return Column(name, code(length), primary_key=True)


def _code(name: str, length: int, default: str | None = None) -> Column[str]:
    quoted = None if default is None else text(f"'{default}'")
    return Column(name, code(length), nullable=False, server_default=quoted)


def _time(name: str, nullable: bool = False) -> Column[int]:
    return Column(name, UtcMs(), nullable=nullable)


def _created_at(name: str = "created_at") -> Column[int]:
    return Column(name, UtcMs(), nullable=False, server_default=utc_now())


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger(), nullable=False, server_default=text("0"))


def _prices() -> list[Column[Any]]:
    names = ("open_price", "high_price", "low_price", "close_price")
    return [Column(name, ExactDecimal(20), nullable=False) for name in names]


def _volumes(precision: int) -> list[Column[Any]]:
    names = ("volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume")
    return [Column(name, ExactDecimal(precision), nullable=False) for name in names]


def _series_key() -> list[Column[str]]:
    return [_key("exchange", 16), _key("symbol", 32), _key("interval_code", 4)]


def _candle() -> list[Column[Any]]:
    """Columns of one candle as an exchange sends it."""
    volume, quote, taker, taker_quote = _volumes(30)
    trades = Column("trade_count", BigInteger(), nullable=False)
    return [*_prices(), volume, _time("close_time"), quote, trades, taker, taker_quote]


def _provenance() -> list[Column[int]]:
    """Which object a fact came from, and when that was captured: the newest capture wins."""
    return [Column("object_id", BigInteger(), nullable=False), _time("captured_at")]


def _fact_table(name: str, partition_by: str | None) -> Table:
    open_time: Column[int] = Column("open_time", UtcMs(), primary_key=True)
    columns = [*_series_key(), open_time, *_candle(), *_provenance(), _created_at()]
    return _clustered(name, *columns, partition_by=partition_by)


def _rollup_table(name: str, bucket: Column[Any]) -> Table:
    counts = [_count("trade_count"), Column("candle_count", Integer(), nullable=False)]
    keys = [_key("exchange", 16), _key("symbol", 32), bucket]
    rest = [*_prices(), *_volumes(38), *counts, _time("sealed_at", nullable=True), _created_at()]
    return _clustered(name, *keys, *rest)


schema_migrations = _table(
    "schema_migrations",
    Column("version", Integer(), primary_key=True, autoincrement=False),
    _code("name", 64),
    _created_at("applied_at"),
)

symbols = _clustered(
    "symbols",
    _key("exchange", 16),
    _key("symbol", 32),
    _code("status", 24),
    _code("base_asset", 24),
    _code("quote_asset", 24),
    Column("tick_size", ExactDecimal(20), nullable=True),
    Column("step_size", ExactDecimal(30), nullable=True),
    _time("listed_at", nullable=True),
    _time("delisted_at", nullable=True),
    Column("enabled", Boolean(), nullable=False, server_default=text("1")),
    _time("updated_at"),
)

series = _table(
    "series",
    Column("id", _Id, primary_key=True),
    _code("exchange", 16),
    _code("symbol", 32),
    _code("interval_code", 4),
    Column("tracked", Boolean(), nullable=False, server_default=text("1")),
    _code("tier", 8, default="TIER4"),
    _time("wanted_from", nullable=True),
    Column("keep_days", Integer(), nullable=True),
    _count("record_count"),
    _time("first_open_time", nullable=True),
    _time("last_open_time", nullable=True),
    _count("load_version"),
    _created_at(),
    UniqueConstraint("exchange", "symbol", "interval_code", name="uq_series"),
)

extraction_metadata = _clustered(
    "extraction_metadata",
    _key("exchange", 16),
    _key("symbol", 32),
    _key("data_type", 8),
    Column("interval_code", code(4), primary_key=True, server_default=text("''")),
    _time("last_fetch_time", nullable=True),
    _time("last_open_time", nullable=True),
    _count("record_count"),
)

latest = _clustered("latest", *_series_key(), _time("open_time"), *_candle(), _time("exchange_time"))

lake_objects = _table(
    "lake_objects",
    Column("id", _Id, primary_key=True),
    _code("object_key", 160),
    _code("bucket", 8, default="raw"),
    _code("exchange", 16),
    _code("symbol", 32),
    _code("data_type", 8),
    _code("interval_code", 4, default=""),
    _time("captured_at"),
    _time("exchange_time"),
    Column("size_bytes", BigInteger(), nullable=False),
    _code("sha256", 64),
    _code("state", 12, default="landed"),
    _code("lane", 8, default="live"),
    _time("first_open_time", nullable=True),
    _time("last_open_time", nullable=True),
    Column("record_count", Integer(), nullable=True),
    _created_at("landed_at"),
    _time("loaded_at", nullable=True),
    Column("error", prose(), nullable=True),
    UniqueConstraint("object_key", name="uq_lake_objects_key"),
    # Finds what waits to be loaded without looking at what is loaded already.
    Index("ix_lake_objects_waiting", "state", "lane", "captured_at"),
    # Finds the objects of a series that cover a window: lineage, replay, ageing.
    Index("ix_lake_objects_series", "exchange", "symbol", "interval_code", "first_open_time"),
)

fact_klines = _fact_table("fact_klines", _BY_OPEN_TIME)
fact_klines_coarse = _fact_table("fact_klines_coarse", None)

fact_orderbook = _clustered(
    "fact_orderbook",
    _key("exchange", 16),
    _key("symbol", 32),
    Column("captured_at", UtcMs(), primary_key=True),
    _key("side", 3),
    Column("price", ExactDecimal(20), primary_key=True),
    Column("quantity", ExactDecimal(30), nullable=False),
    Column("object_id", BigInteger(), nullable=False),
    _created_at(),
    partition_by=_BY_CAPTURED_AT,
)

quarantined_rows = _table(
    "quarantined_rows",
    Column("id", _Id, primary_key=True),
    Column("object_id", BigInteger(), nullable=False),
    Column("row_index", Integer(), nullable=False),
    _code("exchange", 16),
    _code("symbol", 32),
    _code("interval_code", 4),
    Column("reason", prose(), nullable=False),
    Column("raw", prose(), nullable=False),
    _created_at(),
    UniqueConstraint("object_id", "row_index", name="uq_quarantined_rows"),
)

hourly_klines = _rollup_table("hourly_klines", Column("hour_start", UtcMs(), primary_key=True))
daily_klines = _rollup_table("daily_klines", Column("date", UtcDate(), primary_key=True))

exchange_budget = _clustered(
    "exchange_budget",
    _key("exchange", 16),
    _key("egress", 64),
    # The minute (exchange time) that used_weight counts; a new minute starts from nought.
    Column("minute_start", UtcMs(), nullable=True),
    _count("used_weight"),
    Column("weight_limit", Integer(), nullable=True),
    # Nobody on this address calls before this time of our clock.
    Column("blocked_until", UtcMs(), nullable=True),
    Column("block_reason", code(64), nullable=True),
    _code("breaker_state", 12, default="closed"),
    Column("breaker_failures", Integer(), nullable=False, server_default=text("0")),
    Column("breaker_opened_at", UtcMs(), nullable=True),
)
