"""Notifications on every engine: what is told once, counted, read and sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from src.clock import SystemClock
from src.domain import HOUR_MS, MINUTE_MS
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.notifications import (
    News,
    NewsKind,
    Notification,
    Severity,
    is_failing,
    list_missing,
    list_notifications,
    list_unsent,
    mark_read,
    mark_sent,
    notify,
)
from src.warehouse.run_tables import notifications

FAILED = News(NewsKind.RUN_FAILED, "job:cycle", Severity.ERROR, "cycle failed", "no answer", 7)
RECOVERED = News(NewsKind.RUN_RECOVERED, "job:cycle", Severity.INFO, "cycle works again", "", 9)


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[Warehouse]:
    opened = open_warehouse(warehouse_url)
    notifications.create(opened.engine)
    yield opened
    opened.close()


def tell(warehouse: Warehouse, *told: News) -> None:
    for news in told:
        warehouse.run(lambda c, n=news: notify(c, n))  # type: ignore[misc]


def listed(warehouse: Warehouse, *, unread_only: bool = False, limit: int = 50) -> list[Notification]:
    with warehouse.read() as connection:
        return list_notifications(connection, unread_only=unread_only, limit=limit)


def unsent(warehouse: Warehouse, *, ahead_ms: int = 0, since_ms: int = 0) -> list[str]:
    """List titles of what is due, for a clock that is *ahead_ms*; repeats are due after an hour."""
    repeat_before_ms = SystemClock().now_ms() + ahead_ms - HOUR_MS
    with warehouse.read() as connection:
        return [
            row.title for row in list_unsent(connection, since_ms=since_ms, repeat_before_ms=repeat_before_ms)
        ]


def send_all(warehouse: Warehouse) -> None:
    ids = [row.id for row in listed(warehouse)]
    warehouse.run(lambda c: mark_sent(c, ids))


def test_news_come_back_as_they_were_told(warehouse: Warehouse) -> None:
    before_ms = SystemClock().now_ms()
    tell(warehouse, replace(FAILED, title="cycle failed – 失敗", body="line\nline"))
    (row,) = listed(warehouse)
    assert (row.kind, row.subject, row.severity, row.run_id) == (
        "run_failed",
        "job:cycle",
        Severity.ERROR,
        7,
    )
    assert (row.title, row.body, row.times) == ("cycle failed – 失敗", "line\nline", 1)
    assert (row.read_ms, row.sent_ms) == (None, None)
    assert row.first_ms == row.last_ms
    assert abs(row.first_ms - before_ms) < MINUTE_MS


def test_same_news_while_unread_are_counted_and_show_the_newest(warehouse: Warehouse) -> None:
    tell(warehouse, FAILED, FAILED, replace(FAILED, body="refused", run_id=8))
    (row,) = listed(warehouse)
    assert (row.times, row.body, row.run_id) == (3, "refused", 8)
    assert row.last_ms >= row.first_ms


def test_other_subject_and_other_kind_are_news_of_their_own(warehouse: Warehouse) -> None:
    blocked = News(NewsKind.EXCHANGE_BLOCKED, "job:cycle", Severity.WARNING, "blocked", "")
    tell(warehouse, FAILED, replace(FAILED, subject="job:reconcile_lake"), blocked)
    assert [row.times for row in listed(warehouse)] == [1, 1, 1]


def test_same_news_after_reading_are_new(warehouse: Warehouse) -> None:
    tell(warehouse, FAILED)
    assert warehouse.run(mark_read) == 1
    tell(warehouse, FAILED, FAILED)
    assert [(row.times, row.read_ms is None) for row in listed(warehouse)] == [(2, True), (1, False)]


def test_failure_after_a_recovery_is_new_though_the_first_was_never_read(warehouse: Warehouse) -> None:
    tell(warehouse, FAILED, FAILED, RECOVERED, FAILED, FAILED, FAILED)
    rows = sorted(listed(warehouse), key=lambda row: row.id)
    told = [("run_failed", 2), ("run_recovered", 1), ("run_failed", 3)]
    assert [(row.kind, row.times) for row in rows] == told


def test_subject_is_failing_until_it_recovered_whoever_read_of_it(warehouse: Warehouse) -> None:
    def failing(subject: str = "job:cycle") -> bool:
        with warehouse.read() as connection:
            return is_failing(connection, subject)

    assert not failing()
    tell(warehouse, FAILED)
    assert failing()
    assert not failing("job:other")
    warehouse.run(mark_read)
    assert failing()
    tell(warehouse, RECOVERED)
    assert not failing()


def test_chosen_ones_are_read_and_the_list_can_leave_them_out(warehouse: Warehouse) -> None:
    tell(warehouse, *(replace(FAILED, subject=f"run:{n}", title=str(n)) for n in range(4)))
    ids = {row.title: row.id for row in listed(warehouse)}
    assert warehouse.run(lambda c: mark_read(c, [ids["0"], ids["2"]])) == 2
    assert warehouse.run(lambda c: mark_read(c, [ids["0"]])) == 0
    assert {row.title for row in listed(warehouse, unread_only=True)} == {"1", "3"}
    assert [row.title for row in listed(warehouse, limit=2)] == ["3", "2"]
    with warehouse.read() as connection:
        assert list_missing(connection, [ids["1"], 4711]) == [4711]


def test_what_was_sent_is_not_due_again(warehouse: Warehouse) -> None:
    tell(warehouse, FAILED, replace(FAILED, subject="job:other", title="other failed"))
    assert unsent(warehouse) == ["cycle failed", "other failed"]
    send_all(warehouse)
    assert unsent(warehouse) == []
    assert unsent(warehouse, ahead_ms=48 * HOUR_MS) == []


def test_what_came_again_after_sending_is_due_an_hour_later(warehouse: Warehouse) -> None:
    tell(warehouse, FAILED)
    send_all(warehouse)
    SystemClock().sleep(0.01)  # times are stored to the millisecond
    tell(warehouse, FAILED)
    assert unsent(warehouse) == []
    assert unsent(warehouse, ahead_ms=HOUR_MS - MINUTE_MS) == []
    assert unsent(warehouse, ahead_ms=HOUR_MS + MINUTE_MS) == ["cycle failed"]


def test_what_was_read_or_is_old_is_not_sent(warehouse: Warehouse) -> None:
    tell(warehouse, FAILED)
    assert unsent(warehouse, since_ms=SystemClock().now_ms() + MINUTE_MS) == []
    warehouse.run(mark_read)
    assert unsent(warehouse) == []
