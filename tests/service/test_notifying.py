"""From what happened to a person's messages: stored, counted, and really sent, to a web server right here."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from src.clock import ManualClock, SystemClock
from src.domain import DAY_MS, HOUR_MS
from src.errors import Stopped
from src.jobs import sending
from src.jobs.notifying import Notifier
from src.jobs.outbox import body_text
from src.jobs.sending import Message, find_unusable, list_targets, send
from src.stopping import Stop, stopping_by
from src.warehouse.engine import Warehouse
from src.warehouse.notifications import Notification, Severity, list_notifications, mark_read
from src.warehouse.run_tables import notifications
from src.warehouse.runs import RunRow, RunState
from tests.run_builders import open_runs, queue, queue_batch, read
from tests.tiny_server import Asked, Reply, TinyServer

ERROR = {"series": "binance:BTCUSDT:1m", "window": None, "what": "no answer within 10 s", "todo": "wait"}
MESSAGE = Message("a title", "a body")


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with open_runs(f"sqlite:///{tmp_path}/warehouse.db") as opened:
        notifications.create(opened.engine)
        yield opened


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that starts now, as the database's own is what dates notifications."""
    return ManualClock(SystemClock().now_ms())


@pytest.fixture
def server() -> Iterator[TinyServer]:
    with TinyServer(lambda _: Reply()) as running:
        yield running


def url_of(server: TinyServer, path: str = "hook") -> str:
    return server.base_url.replace("http://", "json://") + f"/{path}"


def received(server: TinyServer) -> list[dict[str, Any]]:
    return [json.loads(asked.body) for asked in server.asked]


def titles(server: TinyServer) -> list[str]:
    return [message["title"] for message in received(server)]


def stored(warehouse: Warehouse) -> list[Notification]:
    """List all there are, oldest first."""
    with warehouse.read() as connection:
        return sorted(list_notifications(connection), key=lambda row: row.id)


def a_run(warehouse: Warehouse, **changes: Any) -> RunRow:
    return read(warehouse, queue(warehouse, **changes))


def a_cycle(warehouse: Warehouse) -> RunRow:
    return a_run(warehouse, kind="cycle", job_id="cycle", series=None, window=None)


# --- what is stored ---


def test_failing_cycle_is_one_notification_and_then_that_it_works_again(
    warehouse: Warehouse, clock: ManualClock
) -> None:
    notifier = Notifier(warehouse, clock, lambda: None)
    notifier.run_recovered(a_cycle(warehouse))  # nothing had failed
    for _ in range(3):
        notifier.run_failed(a_cycle(warehouse), ERROR)
    last = a_cycle(warehouse)
    notifier.run_recovered(last)
    notifier.run_recovered(a_cycle(warehouse))  # that is no news any more
    failed, recovered = stored(warehouse)
    assert (failed.kind, failed.times, failed.title) == ("run_failed", 3, "job cycle failed")
    assert failed.body == "no answer within 10 s\nwait"
    assert failed.run_id == last.id - 1  # a page links to it
    assert body_text(failed).endswith(f"\nSee ./candlehouse runs show {failed.run_id}")
    assert (recovered.kind, recovered.times, recovered.run_id) == ("run_recovered", 1, last.id)
    assert (failed.severity, recovered.severity) == (Severity.ERROR, Severity.INFO)
    assert failed.read_ms is None  # reading is for people


def test_failure_after_a_recovery_is_told_anew(warehouse: Warehouse, clock: ManualClock) -> None:
    notifier = Notifier(warehouse, clock, lambda: None)
    notifier.run_failed(a_cycle(warehouse), ERROR)
    notifier.run_recovered(a_cycle(warehouse))
    notifier.run_failed(a_cycle(warehouse), ERROR)
    assert [row.kind for row in stored(warehouse)] == ["run_failed", "run_recovered", "run_failed"]


def test_run_of_no_job_is_named_by_its_series(warehouse: Warehouse, clock: ManualClock) -> None:
    run = a_run(warehouse)
    Notifier(warehouse, clock, lambda: None).run_failed(run, ERROR)
    (row,) = stored(warehouse)
    assert row.title == f"run {run.id} (fetch_window of binance:BTCUSDT:1m) failed"


def test_partly_failed_run_says_so(warehouse: Warehouse, clock: ManualClock) -> None:
    run = replace(a_cycle(warehouse), state=RunState.PARTLY_FAILED)
    Notifier(warehouse, clock, lambda: None).run_failed(run, ERROR)
    (row,) = stored(warehouse)
    assert (row.title, row.severity) == ("job cycle partly failed", Severity.WARNING)


def test_failures_of_one_batch_are_counted_as_one_and_its_end_is_told(
    warehouse: Warehouse, clock: ManualClock
) -> None:
    notifier = Notifier(warehouse, clock, lambda: None)
    batch, children = queue_batch(warehouse, 3)
    for child in children[:2]:
        notifier.run_failed(read(warehouse, child), ERROR)
    notifier.run_recovered(read(warehouse, children[2]))
    ends = Counter({RunState.SUCCEEDED: 1, RunState.FAILED: 2, RunState.CANCELLED: 0})
    notifier.batch_finished(read(warehouse, batch), ends)
    failed, finished = stored(warehouse)
    assert (failed.times, failed.subject) == (2, f"run:{batch}")
    assert finished.title == f"batch {batch} finished: 1 succeeded, 2 failed"
    assert finished.body == "A retry tries those again that may still succeed."
    assert finished.severity == Severity.WARNING


def test_batch_without_failures_is_good_news(warehouse: Warehouse, clock: ManualClock) -> None:
    batch, _ = queue_batch(warehouse, 2)
    ends = {RunState.SUCCEEDED: 2}
    Notifier(warehouse, clock, lambda: None).batch_finished(read(warehouse, batch), ends)
    (row,) = stored(warehouse)
    assert (row.severity, "retry" in row.body) == (Severity.INFO, False)


def test_ban_is_told_once_until_somebody_read_of_it(warehouse: Warehouse, clock: ManualClock) -> None:
    notifier = Notifier(warehouse, clock, lambda: None)
    notifier.blocked("binance", 1_767_968_400_000, "418, banned")
    notifier.blocked("binance", 1_767_968_460_000, "418, banned")
    (row,) = stored(warehouse)
    assert row.title == "binance lets nobody call until 2026-01-09T14:21:00.000Z"
    assert (row.times, row.body.splitlines()[0]) == (2, "418, banned")
    warehouse.run(mark_read)
    notifier.blocked("binance", 1_767_968_520_000, "418, banned")
    assert len(stored(warehouse)) == 2


def test_warehouse_that_cannot_be_written_is_logged_and_the_work_goes_on(
    warehouse: Warehouse, clock: ManualClock
) -> None:
    notifications.drop(warehouse.engine)
    notifier = Notifier(warehouse, clock, lambda: "json://127.0.0.1:9")
    with capture_logs() as logs:
        notifier.run_failed(a_cycle(warehouse), ERROR)
        notifier.send_due()
    told = [(line["event"], line["log_level"]) for line in logs]
    assert told == [("notification not stored", "error"), ("notifications not sent", "debug")]


# --- what is sent ---


def test_each_notification_is_sent_once_with_its_title_body_and_severity(
    warehouse: Warehouse, clock: ManualClock, server: TinyServer
) -> None:
    notifier = Notifier(warehouse, clock, lambda: url_of(server))
    notifier.run_failed(a_cycle(warehouse), ERROR)
    for _ in range(3):
        notifier.send_due()
        clock.advance(2_000)
    (message,) = received(server)
    assert (message["title"], message["type"]) == ("job cycle failed", "failure")
    assert message["message"].startswith("no answer within 10 s\nwait")
    (row,) = stored(warehouse)
    assert row.sent_ms is not None


def test_repeated_notification_goes_out_again_an_hour_later(
    warehouse: Warehouse, clock: ManualClock, server: TinyServer
) -> None:
    notifier = Notifier(warehouse, clock, lambda: url_of(server))
    notifier.run_failed(a_cycle(warehouse), ERROR)
    notifier.send_due()
    SystemClock().sleep(0.01)  # times are stored to the millisecond
    notifier.run_failed(a_cycle(warehouse), ERROR)
    notifier.send_due()
    clock.advance(HOUR_MS + 60_000)
    notifier.send_due()
    notifier.send_due()
    assert len(titles(server)) == 2
    assert titles(server)[1].startswith("job cycle failed (2 times since 20")


def test_many_at_once_are_put_together_into_one_message(
    warehouse: Warehouse, clock: ManualClock, server: TinyServer
) -> None:
    notifier = Notifier(warehouse, clock, lambda: url_of(server))
    first = a_run(warehouse)
    notifier.run_failed(first, ERROR)
    notifier.run_failed(a_run(warehouse), ERROR)
    notifier.blocked("binance", 1_767_968_400_000, "429")
    notifier.send_due()
    (message,) = received(server)
    assert message["title"] == "3 notifications (1 warning, 2 error)"
    assert message["type"] == "failure"
    lines = message["message"].splitlines()
    assert len(lines) == 3
    assert lines[0] == f"- run {first.id} (fetch_window of binance:BTCUSDT:1m) failed"
    assert all(row.sent_ms for row in stored(warehouse))


def test_no_more_than_ten_messages_a_minute(
    warehouse: Warehouse, clock: ManualClock, server: TinyServer
) -> None:
    notifier = Notifier(warehouse, clock, lambda: url_of(server))
    for _ in range(14):
        notifier.run_failed(a_run(warehouse), ERROR)
        notifier.send_due()
        clock.advance(2_000)
    assert len(titles(server)) == 10
    clock.advance(60_000)
    notifier.send_due()
    assert titles(server)[10:] == ["4 notifications (4 error)"]


def test_target_that_fails_is_tried_after_growing_pauses_and_logged_once(
    warehouse: Warehouse, clock: ManualClock
) -> None:
    replies = [500, 503, 500, 200]
    with TinyServer(lambda _: Reply(replies.pop(0))) as server, capture_logs() as logs:
        notifier = Notifier(warehouse, clock, lambda: url_of(server, "hush-hush"))
        notifier.run_failed(a_cycle(warehouse), ERROR)
        tried_at_s = []
        for second in range(0, 100, 2):
            before = len(server.asked)
            notifier.send_due()
            tried_at_s += [second] * (len(server.asked) - before)
            clock.advance(2_000)
    assert tried_at_s == [0, 10, 30, 70]
    events = [line["event"] for line in logs if line["log_level"] != "debug"]
    assert events == ["notifications wait", "notifications go out again"]
    assert "500" in logs[0]["reason"]
    assert "hush" not in str(logs)
    (row,) = stored(warehouse)
    assert row.sent_ms is not None


def test_target_that_fails_does_not_keep_the_others_waiting_nor_make_them_get_it_twice(
    warehouse: Warehouse, clock: ManualClock, server: TinyServer
) -> None:
    is_ill = True
    with TinyServer(lambda _: Reply(500 if is_ill else 200)) as ill:
        notifier = Notifier(warehouse, clock, lambda: f"{url_of(ill)} {url_of(server)}")
        notifier.run_failed(a_cycle(warehouse), ERROR)
        notifier.send_due()
        is_ill = False
        clock.advance(20_000)
        notifier.send_due()
        notifier.send_due()
        assert len(titles(ill)) == 2
    assert titles(server) == ["job cycle failed"]


def test_what_went_out_while_the_warehouse_was_away_does_not_go_out_again(
    warehouse: Warehouse, clock: ManualClock
) -> None:
    def break_warehouse(_: Asked) -> Reply:
        with warehouse.write() as connection:
            connection.exec_driver_sql("ALTER TABLE notifications RENAME TO away")
        return Reply()

    with TinyServer(break_warehouse) as server:
        notifier = Notifier(warehouse, clock, lambda: url_of(server))
        notifier.run_failed(a_cycle(warehouse), ERROR)
        notifier.send_due()
        with warehouse.write() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO notifications")
        clock.advance(20_000)
        notifier.send_due()
        assert titles(server) == ["job cycle failed"]
    (row,) = stored(warehouse)
    assert row.sent_ms is not None


def test_what_is_a_day_old_when_the_first_target_is_set_is_only_kept(
    warehouse: Warehouse, clock: ManualClock, server: TinyServer
) -> None:
    targets: list[str] = []
    notifier = Notifier(warehouse, clock, lambda: " ".join(targets))
    notifier.run_failed(a_cycle(warehouse), ERROR)
    notifier.send_due()
    targets.append(url_of(server))
    clock.advance(DAY_MS + 60_000)
    notifier.send_due()
    assert titles(server) == []
    clock.advance(-120_000)
    notifier.send_due()
    assert titles(server) == ["job cycle failed"]


# --- one message ---


def only_target(urls: str) -> sending.Target:
    (target,) = list_targets(urls)
    return target


def test_message_that_is_too_long_is_cut(server: TinyServer) -> None:
    assert send(only_target(url_of(server)), Message("title", "x" * 10_000)) is None
    (message,) = received(server)
    assert len(message["message"]) == 1500
    assert message["message"].endswith("x …")


@pytest.mark.parametrize(
    "make_url",
    [
        lambda base: f"json://user:hush%20hush@{base}/hook/hush-in-path?+X-Token=hush-in-header",
        lambda _: "json://127.0.0.1:9/hush-in-path",
        lambda _: "nosuchservice://hush-in-path",
        lambda _: "slack://hush-token",
    ],
    ids=["refused", "not there", "unknown service", "incomplete"],
)
def test_why_it_did_not_go_never_shows_the_address(make_url: Callable[[str], str]) -> None:
    with TinyServer(lambda _: Reply(403)) as server, capture_logs() as logs:
        target = only_target(make_url(server.base_url.removeprefix("http://")))
        reason = send(target, MESSAGE)
    assert reason
    assert "hush" not in f"{reason} {target.label} {logs}"


def test_target_that_hangs_is_given_up(server: TinyServer) -> None:
    go_on = threading.Event()

    def hang(_: Asked) -> Reply:
        go_on.wait(10)
        return Reply()

    with TinyServer(hang) as hanging:
        reason = send(only_target(url_of(hanging)), MESSAGE, patience_s=0.2)
        go_on.set()
    assert reason == "no answer within 0.2 s"


def test_sending_ends_at_once_when_the_process_is_to_end() -> None:
    go_on, stop = threading.Event(), Stop()

    def hang(_: Asked) -> Reply:
        stop.set()
        go_on.wait(10)
        return Reply()

    with TinyServer(hang) as hanging, stopping_by(stop):
        with pytest.raises(Stopped):
            send(only_target(url_of(hanging)), MESSAGE)
        go_on.set()


def test_targets_are_named_by_their_place_and_service_alone() -> None:
    urls = "json://user:hush@host/x tgram://hush/hush nosuch://hush"
    labels = [target.label for target in list_targets(urls)]
    assert labels == ["target 1 (json://)", "target 2 (tgram://)", "target 3 (nosuch://)"]
    assert find_unusable(urls) == ["target 2 (tgram://)", "target 3 (nosuch://)"]
    assert list_targets(None) == []
