"""Tables about what has aged: packs of objects, tombstones, aged-out windows, sizes of disks."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, UniqueConstraint, text

from src.warehouse.columns import Id, clustered, coded, count_of, created_at, key, table_of, time_of
from src.warehouse.types import UtcDate, UtcMs, code

# Objects of a closed day that were put together into one archive object; each body comes back byte for byte.
lake_packs = table_of(
    "lake_packs",
    Column("id", Id, primary_key=True),
    coded("object_key", 160),
    coded("exchange", 16),
    coded("symbol", 32),
    coded("data_type", 8),
    coded("interval_code", 4, default=""),
    Column("date", UtcDate(), nullable=False),
    count_of("objects"),
    # Of the pack itself, and of what is in it.
    Column("size_bytes", BigInteger(), nullable=False),
    Column("raw_bytes", BigInteger(), nullable=False),
    coded("sha256", 64),
    created_at(),
    time_of("deleted_at", nullable=True),
    UniqueConstraint("object_key", name="uq_lake_packs_key"),
    Index("ix_lake_packs_date", "date"),
)

# What remains of the catalog's rows of a day once retention deleted the objects.
object_tombstones = clustered(
    "object_tombstones",
    key("exchange", 16),
    key("symbol", 32),
    key("data_type", 8),
    Column("interval_code", code(4), primary_key=True, server_default=text("''")),
    # Of the capture.
    Column("date", UtcDate(), primary_key=True),
    count_of("objects"),
    count_of("size_bytes"),
    count_of("record_count"),
    Column("first_object_id", BigInteger(), nullable=False),
    Column("last_object_id", BigInteger(), nullable=False),
    time_of("first_captured_at"),
    time_of("last_captured_at"),
    time_of("first_open_time", nullable=True),
    time_of("last_open_time", nullable=True),
    # Over the sha256 of all of them in the order of their ids, each folding on top of the digest before.
    coded("digest", 64),
    time_of("deleted_at"),
)

# The windows of a series whose facts have aged out, as large as can be: two never touch.
aged_ranges = clustered(
    "aged_ranges",
    Column("series_id", BigInteger(), primary_key=True, autoincrement=False),
    Column("start_time", UtcMs(), primary_key=True),
    time_of("end_time"),
    # Candles that went.
    count_of("record_count"),
    created_at("aged_at"),
)

# How full the disks were: what a forecast is made from.
disk_samples = clustered(
    "disk_samples",
    # lake or warehouse.
    key("place", 16),
    Column("at", UtcMs(), primary_key=True),
    # What the place itself takes; NULL where nobody can say.
    Column("used_bytes", BigInteger(), nullable=True),
    Column("objects", BigInteger(), nullable=True),
    # Of the disk it lies on; NULL where that is not this machine's.
    Column("free_bytes", BigInteger(), nullable=True),
    Column("free_inodes", BigInteger(), nullable=True),
)
