"""Tables of work: jobs and their runs, the lease of who leads, settings, notifications."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, text

from src.warehouse.columns import Id, clustered, coded, count_of, created_at, key, table_of, time_of
from src.warehouse.types import UtcMs, code, prose


def _maybe(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, nullable=True)


def _number(name: str, default: int) -> Column[int]:
    return Column(name, Integer(), nullable=False, server_default=text(str(default)))


# What people changed of a job that is registered in code; NULL stands for the code's own.
jobs = clustered(
    "jobs",
    key("id", 48),
    _maybe("schedule", code(64)),
    coded("time_zone", 48, default="UTC"),
    Column("enabled", Boolean(), nullable=False, server_default=text("1")),
    _maybe("parameters", prose()),
    # Counts the changes, so that the daemon sees one.
    _number("version", 0),
    _maybe("next_run_at", UtcMs()),
    _maybe("updated_at", UtcMs()),
    _maybe("updated_by", code(64)),
)

runs = table_of(
    "runs",
    Column("id", Id, primary_key=True),
    _maybe("parent_id", BigInteger()),
    _maybe("job_id", code(48)),
    coded("kind", 32),
    coded("lane", 8),
    Column("parameters", prose(), nullable=False),
    coded("origin", 12),
    coded("requested_by", 64),
    # The series and window that it is about, where it is about one.
    _maybe("exchange", code(16)),
    _maybe("symbol", code(32)),
    _maybe("interval_code", code(4)),
    _maybe("window_start", UtcMs()),
    _maybe("window_end", UtcMs()),
    coded("state", 16, default="queued"),
    # What a running one was asked to do next: cancel or pause.
    _maybe("wish", code(8)),
    # Moves on with each change of who may write for this run; an older one is refused.
    count_of("token"),
    _maybe("worker", code(128)),
    _number("attempt", 0),
    # Attempts since the last progress; the limit is on these.
    _number("fruitless", 0),
    _number("attempt_limit", 3),
    _maybe("time_limit_s", Integer()),
    coded("unit", 16, default=""),
    count_of("done"),
    _maybe("total", BigInteger()),
    _number("batches_done", 0),
    _maybe("batches_total", Integer()),
    _maybe("current_series", code(64)),
    _maybe("current_open_time", UtcMs()),
    count_of("fetched"),
    count_of("loaded"),
    _maybe("expected", BigInteger()),
    _maybe("rate", Double()),
    _maybe("time_left_ms", BigInteger()),
    _maybe("waiting_for", prose()),
    _maybe("steps", prose()),
    _maybe("missing", prose()),
    _maybe("result", prose()),
    _maybe("error_kind", code(12)),
    _maybe("error", prose()),
    _maybe("traceback", prose()),
    created_at(),
    _maybe("started_at", UtcMs()),
    _maybe("heartbeat_at", UtcMs()),
    _maybe("finished_at", UtcMs()),
    # Finds what is queued, by lane and age, and what is running.
    Index("ix_runs_state", "state", "lane", "id"),
    Index("ix_runs_parent", "parent_id", "id", "state"),
    Index("ix_runs_job", "job_id", "id"),
    Index("ix_runs_finished", "finished_at"),
)

# The parts of a run that are finished: where it goes on after a pause or a crash.
run_chunks = clustered(
    "run_chunks",
    Column("run_id", BigInteger(), primary_key=True, autoincrement=False),
    Column("start_time", UtcMs(), primary_key=True),
    time_of("end_time"),
    coded("state", 8),
    count_of("fetched"),
    _maybe("expected", BigInteger()),
    _maybe("missing", prose()),
    created_at("finished_at"),
)

run_events = table_of(
    "run_events",
    Column("id", Id, primary_key=True),
    Column("run_id", BigInteger(), nullable=False),
    created_at("at"),
    coded("kind", 24),
    Column("message", prose(), nullable=False),
    Index("ix_run_events_run", "run_id", "id"),
)

# Who leads; times by the database's clock.
leases = clustered(
    "leases",
    key("name", 32),
    coded("holder", 128),
    count_of("token"),
    time_of("acquired_at"),
    time_of("expires_at"),
)

app_settings = clustered(
    "app_settings",
    key("name", 64),
    Column("value", prose(), nullable=False),
    time_of("updated_at"),
    coded("updated_by", 64),
)

notifications = table_of(
    "notifications",
    Column("id", Id, primary_key=True),
    coded("kind", 24),
    # What it is about; the same news about the same subject, while unread, is one notification.
    coded("subject", 96),
    coded("severity", 8),
    Column("title", prose(), nullable=False),
    Column("body", prose(), nullable=False),
    _maybe("run_id", BigInteger()),
    _number("times", 1),
    created_at("first_at"),
    created_at("last_at"),
    _maybe("read_at", UtcMs()),
    _maybe("sent_at", UtcMs()),
    Index("ix_notifications_subject", "kind", "subject", "read_at"),
)
