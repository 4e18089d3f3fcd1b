"""``settings`` and ``notify`` on the command line: what they change, show and refuse, never a secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from src.cli import main
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.notifications import News, NewsKind, Severity, notify
from tests.tiny_server import Reply, TinyServer
from tests.unit.test_cli import (  # noqa: F401  environment is a fixture
    environment,
    fail,
    run,
    succeed,
    succeed_json,
)

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """Return the warehouse that the commands work on."""
    succeed("migrate")
    opened = open_warehouse(f"sqlite:///{tmp_path}/data/warehouse.db")
    yield opened
    opened.close()


def setting(name: str) -> dict[str, str | None]:
    (found,) = (one for one in succeed_json("settings", "list") if one["name"] == name)
    return dict(found)


# --- settings ---


def test_value_is_set_shown_and_taken_back() -> None:
    assert setting("cycle_seconds") == {
        "name": "cycle_seconds",
        "value": "60",
        "source": "default",
        "locked_by": None,
        "accepted": "a whole number from 1 to 3600",
        "problem": None,
    }
    assert succeed("settings", "set", "cycle_seconds", "010") == "cycle_seconds: 60 → 10 (app_settings)\n"
    assert (setting("cycle_seconds")["value"], setting("cycle_seconds")["source"]) == ("10", "app_settings")
    changed = succeed_json("settings", "reset", "cycle_seconds")
    assert changed == {"name": "cycle_seconds", "old": "10", "new": "60", "source": "default"}
    again = succeed("settings", "reset", "cycle_seconds")
    assert again == "cycle_seconds: nothing was stored, it is 60 (default)\n"


def test_schedule_that_wins_over_the_setting_is_told() -> None:
    assert run("settings", "set", "cycle_seconds", "20").stderr == ""
    succeed("jobs", "schedule", "cycle", "every 30s")
    result = run("settings", "set", "cycle_seconds", "10")
    assert (result.exit_code, result.stdout) == (0, "cycle_seconds: 20 → 10 (app_settings)\n")
    assert result.stderr == (
        "the job cycle has a schedule of its own, which wins: every 30 seconds\n"
        "./candlehouse jobs schedule cycle --default drops it\n"
    )
    assert run("settings", "set", "depth_levels", "5").stderr == ""
    succeed("jobs", "schedule", "cycle", "--default")
    assert run("settings", "set", "cycle_seconds", "15").stderr == ""


def test_setting_may_be_spelled_as_in_the_environment() -> None:
    assert succeed("settings", "set", "CANDLEHOUSE_KEEP_DAYS", "30") == "keep_days: 90 → 30 (app_settings)\n"
    assert succeed("settings", "reset", "CANDLEHOUSE_KEEP_DAYS").startswith("keep_days: 30 → 90 ")
    assert "mysql_port cannot change" in fail(2, "settings", "set", "MYSQL_PORT", "1")


def test_objects_that_outlive_delete_days_are_told_of() -> None:
    assert run("settings", "set", "archive_days", "7").stderr == ""
    told = run("settings", "set", "delete_days", "3")
    assert (told.exit_code, setting("delete_days")["value"]) == (0, "3")
    assert told.stderr == (
        "only what lies in the archive is deleted: objects live at least as long as archive_days (7)\n"
    )
    assert run("settings", "set", "archive_days", "3").stderr == ""
    assert "archive_days (4)" in run("settings", "set", "archive_days", "4").stderr
    assert run("settings", "set", "delete_days", "0").stderr == ""


def test_list_shows_a_table_to_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEHOUSE_DEPTH_LEVELS", "5")
    succeed("settings", "set", "cycle_seconds", "10")
    lines = {line.split()[0]: " ".join(line.split()) for line in succeed("settings", "list").splitlines()}
    assert lines["cycle_seconds"] == "cycle_seconds 10 app_settings a whole number from 1 to 3600"
    assert lines["depth_levels"].startswith("depth_levels 5 locked by CANDLEHOUSE_DEPTH_LEVELS")
    assert lines["notify_urls"].startswith("notify_urls (none) default addresses")


def test_locked_setting_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEHOUSE_CYCLE_SECONDS", "30")
    told = fail(2, "settings", "set", "cycle_seconds", "10")
    assert "cycle_seconds is locked by CANDLEHOUSE_CYCLE_SECONDS in the environment or .env" in told
    assert setting("cycle_seconds")["value"] == "30"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["set", "cycle_seconds", "soon"], "cycle_seconds='soon': accepted: a whole number from 1 to 3600"),
        (["set", "cycle_seconds", "-1"], "cycle_seconds='-1': accepted: a whole number from 1 to 3600"),
        (["set", "cycle_second", "1"], "did you mean cycle_seconds?"),
        (["set", "mysql_port", "1"], "set MYSQL_PORT in the environment"),
        (["set", "notify_urls", "nosuch://hush"], "Apprise does not understand target 1 (nosuch://)"),
        (["set", "cycle_seconds"], "Missing argument 'VALUE'"),
        (["reset", "colour"], "colour is not a setting"),
    ],
)
def test_wrong_usage_changes_nothing(arguments: list[str], told: str) -> None:
    message = fail(2, "settings", *arguments)
    assert told in message
    assert "hush" not in message
    assert {one["source"] for one in succeed_json("settings", "list")} <= {"default", "environment"}


def test_secret_can_come_from_standard_input_and_is_never_shown() -> None:
    given = CliRunner().invoke(main, ["settings", "set", "notify_urls", "-"], input="json://localhost/hush\n")
    assert given.stdout == "notify_urls: (none) → (set) (app_settings)\n"
    assert "hush" not in succeed("settings", "list") + succeed("settings", "list", "--json")


# --- notify ---


def test_test_message_goes_to_every_target_and_says_which_failed() -> None:
    with TinyServer(lambda _: Reply()) as well, TinyServer(lambda _: Reply(500)) as ill:
        urls = [server.base_url.replace("http", "json") for server in (well, ill)]
        succeed("settings", "set", "notify_urls", f"{urls[0]}/hush")
        assert succeed("notify", "test") == "target 1 (json://): sent\n"
        succeed("settings", "set", "notify_urls", f"{urls[0]}/hush, {urls[1]}/hush")
        result = CliRunner().invoke(main, ["notify", "test", "--json"])
        assert len(well.asked) == 2
    assert result.exit_code == 1
    first, second = json.loads(result.stdout)
    assert first == {"target": "target 1 (json://)", "sent": True, "error": None}
    assert (second["target"], second["sent"]) == ("target 2 (json://)", False)
    assert "error=500" in second["error"]
    assert "hush" not in result.output


def test_test_without_targets_says_how_to_set_them() -> None:
    told = fail(2, "notify", "test")
    assert "settings set notify_urls" in told
    assert "CANDLEHOUSE_NOTIFY_URLS" in told


def test_notifications_are_listed_and_read(warehouse: Warehouse) -> None:
    assert succeed("notify", "list") == "no notifications\n"
    for number in (1, 1, 2):
        news = News(NewsKind.RUN_FAILED, f"run:{number}", Severity.ERROR, f"run {number} failed", "why")
        warehouse.run(lambda connection, news=news: notify(connection, news))  # type: ignore[misc]
    rows = succeed_json("notify", "list", "--unread")
    assert {(row["title"], row["times"], row["severity"]) for row in rows} == {
        ("run 1 failed", 2, "error"),
        ("run 2 failed", 1, "error"),
    }
    first = next(row["id"] for row in rows if row["times"] == 2)
    assert succeed("notify", "read", str(first)) == "1 marked as read\n"
    assert [row["title"] for row in succeed_json("notify", "list", "--unread")] == ["run 2 failed"]
    text = succeed("notify", "list")
    assert f"  {first}  20" in text
    assert "run 1 failed (2 times since 20" in text
    assert "      why" in text
    assert succeed("notify", "read", "--all") == "1 marked as read\n"


def test_reading_needs_to_know_what(warehouse: Warehouse) -> None:
    assert "give the IDs" in fail(2, "notify", "read")
    assert "give the IDs" in fail(2, "notify", "read", "1", "--all")
    assert "is not in the range 1<=x<=" in fail(2, "notify", "read", str(2**63))
    assert "no such notification: 4711" in fail(1, "notify", "read", "4711")
