"""Housekeeping: what is old and needed by nobody goes; what proves something, or is news, stays."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Table, func, select

from src.clock import ManualClock
from src.domain import DAY_MS, HOUR_MS
from src.maintenance.housekeeping import Housekeeping
from src.warehouse.access_tables import audit_log, tokens
from src.warehouse.ageing_tables import disk_samples
from src.warehouse.engine import Warehouse
from src.warehouse.ledger_tables import gaps, quality_findings
from src.warehouse.run_tables import notifications, run_events, runs
from src.warehouse.tables import quarantined_rows
from tests.builders import CAPTURED_MS, Pipeline

NOW_MS = CAPTURED_MS


def ago(days: float) -> int:
    return NOW_MS - round(days * DAY_MS)


@pytest.fixture
def warehouse(emptied_pipeline: Pipeline) -> Warehouse:
    return emptied_pipeline.warehouse


def keeper(warehouse: Warehouse) -> Housekeeping:
    return Housekeeping(warehouse, ManualClock(NOW_MS), days=90)


def add(warehouse: Warehouse, table: Table, common: dict[str, Any], *rows: dict[str, Any]) -> None:
    """Insert rows numbered from 1."""
    numbered = [{**common, **row, "id": number} for number, row in enumerate(rows, 1)]
    with warehouse.write() as connection:
        for row in numbered:
            connection.execute(table.insert().values(row))


def left(warehouse: Warehouse, table: Table) -> list[int]:
    with warehouse.read() as connection:
        return list(connection.scalars(select(table.c.id).order_by(table.c.id)))


def fill(warehouse: Warehouse) -> None:
    """Put into each table rows of which the odd ones are to go."""
    run = {"kind": "cycle", "lane": "live", "parameters": "{}", "origin": "job", "requested_by": "x"}
    ended = {**run, "state": "succeeded"}
    add(warehouse, runs, ended, {"finished_at": ago(91)}, {"finished_at": ago(89)})
    events = {"kind": "started", "message": "x"}
    add(warehouse, run_events, events, {"run_id": 1}, {"run_id": 2})
    bad = {
        "exchange": "binance",
        "symbol": "B",
        "interval_code": "1m",
        "row_index": 1,
        "reason": "",
        "raw": "",
    }
    old, young = {"object_id": 1, "created_at": ago(91)}, {"object_id": 2, "created_at": ago(89)}
    add(warehouse, quarantined_rows, bad, old, young)
    news = {"kind": "run_failed", "subject": "s", "severity": "info", "title": "t", "body": "b"}
    unread = [{"last_at": ago(91)}, {"last_at": ago(89)}]
    read = [{"last_at": ago(40), "read_at": ago(31)}, {"last_at": ago(40), "read_at": ago(29)}]
    add(warehouse, notifications, news, *unread, *read)
    gap = {"series_id": 1, "end_time": NOW_MS}
    filled = {**gap, "state": "filled"}
    states: list[dict[str, Any]] = [{**filled, "filled_at": ago(366)}, {**filled, "filled_at": ago(364)}]
    states += [{**states[0]}, {**gap, "state": "empty_at_exchange", "filled_at": None}]
    times = [{**row, "start_time": NOW_MS - number * HOUR_MS} for number, row in enumerate(states, 1)]
    add(warehouse, gaps, {}, *times)
    finding = {"series_id": 1, "date": date(2020, 1, 1), "severity": "info", "findings": 1, "detail": ""}
    seen: list[dict[str, Any]] = [
        {"kind": "a", "acknowledged_at": ago(366)},
        {"kind": "b", "acknowledged_at": None},
    ]
    add(warehouse, quality_findings, {**finding, "found_at": ago(999)}, *seen)
    entry = {"actor": "a", "remote": "r", "method": "GET", "path": "/", "status": 200}
    add(warehouse, audit_log, entry, {"at": ago(366)}, {"at": ago(364)})
    session = {"name": "n", "role": "viewer", "kind": "session"}
    opened: list[dict[str, Any]] = [
        {"expires_at": ago(8)},
        {"expires_at": ago(6)},
        {"expires_at": None, "revoked_at": ago(8)},
    ]
    opened.append({"kind": "token", "expires_at": ago(800)})
    add(warehouse, tokens, session, *[{**one, "token_hash": str(n)} for n, one in enumerate(opened)])


TABLES = (runs, run_events, quarantined_rows, notifications, gaps, quality_findings, audit_log, tokens)


def test_old_rows_go_and_the_others_stay(warehouse: Warehouse) -> None:
    fill(warehouse)
    planned = keeper(warehouse).plan()
    done = keeper(warehouse).run()
    assert planned == done.rows
    assert {name for name, rows in planned.items() if not rows} == {"disk_samples"}
    for table in TABLES:
        found = left(warehouse, table)
        assert found, table.name
        assert all(row_id % 2 == 0 for row_id in found), (table.name, found)
    assert sum(keeper(warehouse).run().rows.values()) == 0


def test_of_old_samples_of_a_disk_one_an_hour_is_left(warehouse: Warehouse) -> None:
    times = [ago(31) + minutes * 60_000 for minutes in (0, 5, 55, 61, 125)]
    young = [ago(29) + minutes * 60_000 for minutes in (0, 5)]
    with warehouse.write() as connection:
        for place in ("lake", "warehouse"):
            rows = [{"place": place, "at": at} for at in (*times, *young)]
            connection.execute(disk_samples.insert(), rows)
    hours = {at // HOUR_MS for at in times}
    gone = keeper(warehouse).run().rows["disk_samples"]
    assert gone == 2 * (len(times) - len(hours))
    with warehouse.read() as connection:
        assert connection.execute(select(func.count()).select_from(disk_samples)).scalar_one() == 14 - gone


def test_it_stops_between_two_transactions_and_goes_on_later(warehouse: Warehouse) -> None:
    fill(warehouse)
    answers = iter([False, True])
    report = keeper(warehouse).run(should_stop=lambda: next(answers, True))
    assert report.is_stopped
    assert sum(report.rows.values()) == 1
    assert not keeper(warehouse).run().is_stopped
    assert left(warehouse, runs) == [2]
