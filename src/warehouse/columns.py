"""What tables of the warehouse are made of: kinds of tables and columns, and the database's clock."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from src.warehouse.types import ExactDecimal, UtcMs, code

metadata = MetaData()

# SQLite gives a row id of its own only to a column spelled INTEGER.
Id = BigInteger().with_variant(Integer(), "sqlite")


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


def table_of(name: str, *items: Any, partition_by: str | None = None) -> Table:
    options: dict[str, Any] = {"mysql_partition_by": partition_by} if partition_by else {}
    table: Table = Table(name, metadata, *items, mysql_engine="InnoDB", **options)
    return table


def clustered(name: str, *items: Any, partition_by: str | None = None) -> Table:
    """Make a table that SQLite, like InnoDB, keeps sorted by its primary key."""
    table = table_of(name, *items, partition_by=partition_by)
    table.dialect_options["sqlite"]["with_rowid"] = False
    return table


def key(name: str, length: int) -> Column[str]:
    return Column(name, code(length), primary_key=True)


def coded(name: str, length: int, default: str | None = None) -> Column[str]:
    quoted = None if default is None else text(f"'{default}'")
    return Column(name, code(length), nullable=False, server_default=quoted)


def time_of(name: str, nullable: bool = False) -> Column[int]:
    return Column(name, UtcMs(), nullable=nullable)


def created_at(name: str = "created_at") -> Column[int]:
    return Column(name, UtcMs(), nullable=False, server_default=utc_now())


def count_of(name: str) -> Column[int]:
    return Column(name, BigInteger(), nullable=False, server_default=text("0"))


def prices() -> list[Column[Any]]:
    names = ("open_price", "high_price", "low_price", "close_price")
    return [Column(name, ExactDecimal(20), nullable=False) for name in names]


def volumes(precision: int) -> list[Column[Any]]:
    names = ("volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume")
    return [Column(name, ExactDecimal(precision), nullable=False) for name in names]


def series_key() -> list[Column[str]]:
    return [key("exchange", 16), key("symbol", 32), key("interval_code", 4)]
