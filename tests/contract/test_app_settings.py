"""What people change of the settings, on every engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from src.warehouse.app_settings import read_settings, reset_setting, set_setting
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.run_tables import app_settings


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Warehouse]:
    opened = open_warehouse(warehouse_url)
    app_settings.create(opened.engine)
    yield opened
    opened.close()


def read(warehouse: Warehouse) -> dict[str, str]:
    with warehouse.read() as connection:
        return read_settings(connection)


def test_nothing_is_stored_at_first(warehouse: Warehouse) -> None:
    assert read(warehouse) == {}


def test_value_takes_the_place_of_the_one_before_and_says_whose_it_is(warehouse: Warehouse) -> None:
    for value, who in (("30", "ann@host"), ("10", "bob@host")):
        warehouse.run(lambda c, v=value, w=who: set_setting(c, "cycle_seconds", v, w))  # type: ignore[misc]
    warehouse.run(lambda c: set_setting(c, "notify_urls", "json://a/ä json://b", "ann@host"))
    assert read(warehouse) == {"cycle_seconds": "10", "notify_urls": "json://a/ä json://b"}
    with warehouse.read() as connection:
        query = select(app_settings.c.updated_by).where(app_settings.c.name == "cycle_seconds")
        assert connection.execute(query).scalar_one() == "bob@host"


def test_reset_takes_one_away_and_says_whether_it_was_there(warehouse: Warehouse) -> None:
    warehouse.run(lambda c: set_setting(c, "cycle_seconds", "30", "me"))
    warehouse.run(lambda c: set_setting(c, "depth_levels", "5", "me"))
    assert warehouse.run(lambda c: reset_setting(c, "cycle_seconds")) is True
    assert warehouse.run(lambda c: reset_setting(c, "cycle_seconds")) is False
    assert read(warehouse) == {"depth_levels": "5"}
