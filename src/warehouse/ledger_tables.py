"""Tables about what is held, and whether it is right: coverage, gaps, quality, restatements, verification."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, UniqueConstraint, text

from src.warehouse.columns import (
    Id,
    clustered,
    coded,
    count_of,
    created_at,
    prices,
    table_of,
    time_of,
    volumes,
)
from src.warehouse.types import UtcDate, UtcMs, code, prose


def _maybe(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, nullable=True)


def _series_id(*, is_key: bool = False) -> Column[int]:
    return Column("series_id", BigInteger(), primary_key=is_key, autoincrement=False, nullable=False)


# The windows that the warehouse holds of a series, as large as can be: two never touch.
coverage_ranges = clustered(
    "coverage_ranges",
    _series_id(is_key=True),
    Column("start_time", UtcMs(), primary_key=True),
    time_of("end_time"),
    coded("source", 8, default="api"),
    count_of("record_count"),
    _maybe("verified_at", UtcMs()),
)

# What is wanted and not held, and what is known about that.
gaps = table_of(
    "gaps",
    Column("id", Id, primary_key=True),
    _series_id(),
    time_of("start_time"),
    time_of("end_time"),
    count_of("missing"),
    coded("state", 20, default="detected"),
    coded("reason", 24, default="not_fetched"),
    # How many candles it lies beyond what the exchange's API still gives; 0 when that reaches it.
    count_of("beyond_reach"),
    _maybe("file_hint", prose()),
    _maybe("hint", prose()),
    created_at("detected_at"),
    _maybe("attempted_at", UtcMs()),
    _maybe("filled_at", UtcMs()),
    # When it is worth asking again; NULL for at once.
    _maybe("ask_again_at", UtcMs()),
    Column("attempts", Integer(), nullable=False, server_default=text("0")),
    _maybe("run_id", BigInteger()),
    _maybe("error", prose()),
    # JSON: the answers that had nothing: key of the object, window, when asked for.
    _maybe("evidence", prose()),
    UniqueConstraint("series_id", "start_time", name="uq_gaps"),
    Index("ix_gaps_state", "state", "ask_again_at"),
)

quality_findings = table_of(
    "quality_findings",
    Column("id", Id, primary_key=True),
    _series_id(),
    Column("date", UtcDate(), nullable=False),
    coded("kind", 24),
    coded("severity", 8),
    count_of("findings"),
    Column("detail", prose(), nullable=False),
    created_at("found_at"),
    _maybe("acknowledged_at", UtcMs()),
    _maybe("acknowledged_by", code(64)),
    UniqueConstraint("series_id", "date", "kind", name="uq_quality_findings"),
    Index("ix_quality_findings_open", "acknowledged_at", "severity"),
)

# Earlier versions of candles that the exchange amended: as they were known until replaced_at.
restatements = clustered(
    "restatements",
    _series_id(is_key=True),
    Column("open_time", UtcMs(), primary_key=True),
    Column("captured_at", UtcMs(), primary_key=True),
    Column("object_id", BigInteger(), primary_key=True, autoincrement=False),
    *prices(),
    volumes(30)[0],
    time_of("close_time"),
    volumes(30)[1],
    Column("trade_count", BigInteger(), nullable=False),
    *volumes(30)[2:],
    # The capture that replaced it.
    time_of("replaced_at"),
    Column("replaced_by", BigInteger(), nullable=False),
    created_at(),
)

# Whether a day of a series can be made again from the lake, when that was last tried.
verify_results = clustered(
    "verify_results",
    _series_id(is_key=True),
    Column("date", UtcDate(), primary_key=True),
    coded("state", 20),
    count_of("candles"),
    _maybe("digest", code(64)),
    Column("detail", prose(), nullable=False),
    created_at("verified_at"),
)
