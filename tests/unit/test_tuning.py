"""Following the settings: what others store is applied once, and a warehouse that is away changes nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from src.jobs.tuning import Tuning
from src.stopping import Stop
from src.warehouse.app_settings import reset_setting, set_setting
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.run_tables import app_settings


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = open_warehouse(f"sqlite:///{tmp_path}/warehouse.db")
    app_settings.create(opened.engine)
    yield opened
    opened.close()


def store(warehouse: Warehouse, name: str, value: str) -> None:
    warehouse.run(lambda connection: set_setting(connection, name, value, "me"))


def test_first_look_applies_and_later_ones_only_what_changed(warehouse: Warehouse) -> None:
    applied: list[dict[str, str]] = []
    tuning = Tuning(warehouse, applied.append, Stop())
    assert (tuning.look(), tuning.look()) == (True, False)
    store(warehouse, "cycle_seconds", "10")
    assert (tuning.look(), tuning.look()) == (True, False)
    warehouse.run(lambda connection: reset_setting(connection, "cycle_seconds"))
    assert tuning.look()
    assert applied == [{}, {"cycle_seconds": "10"}, {}]


def test_change_is_logged_by_name_and_never_by_value(warehouse: Warehouse) -> None:
    tuning = Tuning(warehouse, lambda _: None, Stop())
    tuning.look()
    store(warehouse, "notify_urls", "json://hush")
    with capture_logs() as logs:
        tuning.look()
    assert [line["names"] for line in logs] == [["notify_urls"]]
    assert "hush" not in str(logs)


def test_warehouse_that_is_away_leaves_everything_as_it_is(warehouse: Warehouse) -> None:
    applied: list[dict[str, str]] = []
    tuning = Tuning(warehouse, applied.append, Stop())
    store(warehouse, "cycle_seconds", "10")
    tuning.look()
    app_settings.drop(warehouse.engine)
    assert not tuning.look()
    app_settings.create(warehouse.engine)
    store(warehouse, "cycle_seconds", "20")
    assert tuning.look()
    assert applied == [{"cycle_seconds": "10"}, {"cycle_seconds": "20"}]


def test_change_is_followed_within_two_seconds_until_the_stop(warehouse: Warehouse) -> None:
    changed, stop = threading.Event(), Stop()

    def apply(stored: dict[str, str]) -> None:
        if stored:
            changed.set()

    thread = threading.Thread(target=Tuning(warehouse, apply, stop).run)
    thread.start()
    try:
        time.sleep(0.2)
        store(warehouse, "cycle_seconds", "10")
        assert changed.wait(6)
    finally:
        stop.set()
        thread.join(3)
    assert not thread.is_alive()
