"""Rows of jobs on every engine: made once, each change counted, news of the next run told without one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from src.warehouse import jobs
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.jobs import JobRow
from src.warehouse.run_tables import jobs as jobs_table

IDS = ("cycle", "reconcile_lake")
T0 = 1_767_968_400_123


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Warehouse]:
    opened = open_warehouse(warehouse_url, pool_size=8)
    jobs_table.create(opened.engine)
    opened.run(lambda connection: jobs.ensure_jobs(connection, IDS))
    yield opened
    opened.close()


def find(warehouse: Warehouse, job_id: str = "cycle") -> JobRow:
    with warehouse.read() as connection:
        found = jobs.find_job(connection, job_id)
    assert found is not None
    return found


def versions(warehouse: Warehouse) -> dict[str, int]:
    with warehouse.read() as connection:
        return jobs.versions(connection)


def reschedule(warehouse: Warehouse, text: str | None, zone: str = "UTC") -> None:
    warehouse.run(lambda connection: jobs.set_schedule(connection, "cycle", text, zone, "ann@host"))


def tell_next(warehouse: Warehouse, times: dict[str, int | None]) -> None:
    warehouse.run(lambda connection: jobs.set_next_run(connection, times))


def test_new_row_leaves_everything_to_the_code(warehouse: Warehouse) -> None:
    with warehouse.read() as connection:
        assert jobs.list_jobs(connection) == [JobRow("cycle"), JobRow("reconcile_lake")]
        assert jobs.find_job(connection, "nonsense") is None


def test_rows_are_made_once_and_stay_as_they_are(warehouse: Warehouse) -> None:
    reschedule(warehouse, "every 10s")
    warehouse.run(lambda connection: jobs.ensure_jobs(connection, [*IDS, "refresh_symbols"]))
    warehouse.run(lambda connection: jobs.ensure_jobs(connection, []))
    assert versions(warehouse) == {"cycle": 1, "reconcile_lake": 0, "refresh_symbols": 0}
    assert find(warehouse).schedule == "every 10s"


def test_schedule_is_kept_with_its_zone_and_who_changed_it(warehouse: Warehouse) -> None:
    reschedule(warehouse, "0 2 * * sun", "America/Argentina/ComodRivadavia")  # the longest name there is
    row = find(warehouse)
    assert (row.schedule, row.time_zone) == ("0 2 * * sun", "America/Argentina/ComodRivadavia")
    assert row.updated_by == "ann@host"
    assert row.updated_ms is not None
    reschedule(warehouse, None)
    assert (find(warehouse).schedule, find(warehouse).time_zone) == (None, "UTC")


def test_job_rests_and_goes_on(warehouse: Warehouse) -> None:
    warehouse.run(lambda c: jobs.set_enabled(c, "cycle", enabled=False, by="ann"))
    assert not find(warehouse).enabled
    assert find(warehouse, "reconcile_lake").enabled
    warehouse.run(lambda c: jobs.set_enabled(c, "cycle", enabled=True, by="ann"))
    assert find(warehouse).enabled


def test_parameters_come_back_as_they_were(warehouse: Warehouse) -> None:
    parameters = {"checksums": True, "note": "größer ≥ 1", "limits": [1, None]}
    warehouse.run(lambda c: jobs.set_parameters(c, "cycle", parameters, "ann"))
    assert find(warehouse).parameters == parameters
    warehouse.run(lambda c: jobs.set_parameters(c, "cycle", None, "ann"))
    assert find(warehouse).parameters is None


def test_every_change_counts_up_the_version_of_its_job_alone(warehouse: Warehouse) -> None:
    reschedule(warehouse, "every 10s")
    warehouse.run(lambda c: jobs.set_enabled(c, "cycle", enabled=True, by="ann"))
    warehouse.run(lambda c: jobs.set_parameters(c, "cycle", {}, "ann"))
    reschedule(warehouse, "every 10s")
    assert versions(warehouse) == {"cycle": 4, "reconcile_lake": 0}


def test_changes_of_many_at_once_are_all_counted(warehouse: Warehouse) -> None:
    start = threading.Barrier(4)

    def change(number: int) -> None:
        start.wait(10)
        for _ in range(5):
            reschedule(warehouse, f"every {number + 1}s")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, range(4)))
    assert versions(warehouse)["cycle"] == 20


def test_change_of_a_job_without_a_row_makes_one(warehouse: Warehouse) -> None:
    warehouse.run(lambda c: jobs.set_enabled(c, "refresh_symbols", enabled=False, by="ann"))
    assert not find(warehouse, "refresh_symbols").enabled


def test_next_run_is_news_and_no_change(warehouse: Warehouse) -> None:
    tell_next(warehouse, {"cycle": T0, "reconcile_lake": T0 + 1})
    tell_next(warehouse, {"reconcile_lake": None})
    tell_next(warehouse, {})
    assert find(warehouse).next_run_ms == T0
    assert find(warehouse, "reconcile_lake").next_run_ms is None
    assert versions(warehouse) == {"cycle": 0, "reconcile_lake": 0}
    assert find(warehouse).updated_ms is None


@pytest.mark.parametrize("is_rescheduled", [True, False], ids=["rescheduled", "disabled"])
def test_next_run_of_a_schedule_that_no_longer_holds_is_forgotten(
    warehouse: Warehouse, is_rescheduled: bool
) -> None:
    """A daemon that starts would otherwise make up for a time that was never meant to come."""
    tell_next(warehouse, {"cycle": T0})
    if is_rescheduled:
        reschedule(warehouse, "every 10s")
    else:
        warehouse.run(lambda c: jobs.set_enabled(c, "cycle", enabled=False, by="ann"))
    assert find(warehouse).next_run_ms is None
