"""Logging: JSON lines off a terminal, readable lines on one, libraries through the same pipe."""

from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from src.logs import configure_logging


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def undo_configuration() -> Iterator[None]:
    """Leave logging as it was found: it belongs to the whole process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("apscheduler", "sqlalchemy", "sqlalchemy.pool", "urllib3", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_lines_are_json_when_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    structlog.get_logger("src.x").info("slice_loaded", exchange="binance", symbol="BTCUSDT", rows=3)
    [line] = logged(capsys)
    assert line.pop("timestamp")[10:].count(".") == 1
    assert line == {
        "event": "slice_loaded", "level": "info", "logger": "src.x",
        "exchange": "binance", "symbol": "BTCUSDT", "rows": 3,
    }  # fmt: skip


def test_timestamp_is_utc_with_milliseconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.logs._clock.now_ms", lambda: 1_767_968_400_123, raising=True)
    configure_logging("info")
    structlog.get_logger().info("tick")
    assert logged(capsys)[0]["timestamp"] == "2026-01-09T14:20:00.123Z"


def test_bound_context_is_on_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    with structlog.contextvars.bound_contextvars(exchange="binance", symbol="BTCUSDT"):
        structlog.get_logger().info("ours")
        logging.getLogger("some.library").info("theirs")
    assert [(line["event"], line["symbol"]) for line in logged(capsys)] == [
        ("ours", "BTCUSDT"),
        ("theirs", "BTCUSDT"),
    ]


def test_level_holds_back_what_is_below(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning")
    structlog.get_logger().info("no")
    logging.getLogger("some.library").info("no")
    structlog.get_logger().warning("yes")
    assert [line["event"] for line in logged(capsys)] == ["yes"]


@pytest.mark.parametrize("library", ["apscheduler.scheduler", "urllib3.util", "sqlalchemy.engine"])
def test_libraries_speak_through_the_same_pipe_and_only_of_trouble(
    capsys: pytest.CaptureFixture[str], library: str
) -> None:
    configure_logging("info")
    logging.getLogger(library).info("chatter")
    logging.getLogger(library).warning("run of %s missed", "cycle")
    [line] = logged(capsys)
    assert (line["event"], line["level"], line["logger"]) == ("run of cycle missed", "warning", library)


@pytest.mark.parametrize("library", ["sqlalchemy.pool.impl.QueuePool", "urllib3.connectionpool"])
@pytest.mark.parametrize(("level", "lines"), [("info", 0), ("debug", 1)])
def test_alarm_about_a_connection_is_for_a_hunt_only(
    capsys: pytest.CaptureFixture[str], library: str, level: str, lines: int
) -> None:
    """That a store is away is told by whoever needed it, once and without a traceback."""
    configure_logging(level)
    logging.getLogger(library).error("Exception during reset or similar")
    assert len(logged(capsys)) == lines


def test_warnings_are_lines_too(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        configure_logging("info")
        warnings.warn("old ways", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    [line] = logged(capsys)
    assert "old ways" in line["event"]
    assert line["level"] == "warning"


def test_exception_is_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    try:
        int("x")
    except ValueError:
        structlog.get_logger().exception("load_failed", symbol="BTCUSDT")
    [line] = logged(capsys)
    assert line["exception"].startswith("Traceback")
    assert "ValueError: invalid literal" in line["exception"]


def test_what_json_has_no_word_for_is_still_logged(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    structlog.get_logger().info("odd", big=10**30, raw=b"\xff", broken="\udcff", kind=int)
    [line] = logged(capsys)
    assert line["big"] == 10**30
    assert "xff" in line["raw"]


def test_lines_are_readable_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    level = "info"
    configure_logging(level)
    password = f"hush-{level}"
    try:
        raise ValueError("too wide")
    except ValueError:
        structlog.get_logger("src.x").exception("load_failed", symbol="BTCUSDT")
    text = terminal.getvalue()
    assert "load_failed" in text
    assert "symbol=BTCUSDT" in text
    assert "ValueError: too wide" in text
    assert "\x1b" not in text
    assert password not in text, "a traceback shows no local variables"


def test_terminal_lines_are_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.delenv("NO_COLOR", raising=False)
    configure_logging("info")
    structlog.get_logger().info("hello")
    assert "\x1b[" in terminal.getvalue()


def test_configuring_twice_does_not_double_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    configure_logging("debug")
    structlog.get_logger().debug("once")
    assert [line["event"] for line in logged(capsys)] == ["once"]
