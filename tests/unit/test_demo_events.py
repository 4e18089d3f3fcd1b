"""The demo's last events: what the log says, in lines that fit and still say what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from src.demo.events import Events, shorten

PAGE = "<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>"
FAILED = {
    "event": "extraction failed",
    "level": "error",
    "timestamp": "2026-01-09T14:20:00.123Z",
    "error": f"binance: klines of BTCUSDT 1m: status 502, {PAGE!r} is not complete JSON; "
    "the next cycle asks again by itself",
    "tasks": ["binance:BTCUSDT:1m", "binance:ETHUSDT:1m"],
    "exchange": "binance",
}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "scheduler.log"
    path.touch()
    return path


def shown(log: Path, entry: dict[str, Any], width: int) -> str:
    events = Events(log)
    log.write_text(json.dumps(entry) + "\n")
    [line] = events.lines(width)
    assert line.cell_len <= width
    return line.plain


@pytest.mark.parametrize("width", [80, 100])
def test_failure_says_what_failed_and_what_comes_of_it_in_one_line(log: Path, width: int) -> None:
    line = shown(log, FAILED, width)
    assert line.startswith("14:20:00  extraction failed · klines of BTCUSDT 1m")
    assert line.endswith("asks again by itself")
    assert "…" in line


def test_wide_terminal_shows_all_but_the_rest_of_the_quoted_page(log: Path) -> None:
    line = shown(log, FAILED, 160)
    assert "status 502, '<html><head><tit…' is not complete JSON; the next cycle asks again by itself" in line


def test_line_that_fits_is_left_as_it_is(log: Path) -> None:
    assert shorten("short enough", 12) == "short enough"
    entry = {"event": "blocked", "timestamp": "2026-01-09T14:20:00.123Z", "until": "14:21", "reason": "429"}
    assert shown(log, entry, 80) == "14:20:00  blocked · 14:21 · 429"


def test_retry_says_the_error_without_the_figures_beside_it(log: Path) -> None:
    entry = {
        "event": "will retry",
        "timestamp": "2026-01-09T14:20:00.123Z",
        "error": "binance: no answer",
        "attempt": 1,
        "wait_s": 0.42,
        "symbol": "BTCUSDT",
        "interval": "1m",
    }
    assert shown(log, entry, 80) == "14:20:00  will retry · no answer"


def test_what_only_a_machine_can_read_is_left_out(log: Path) -> None:
    entry = {"event": "leading", "timestamp": "2026-01-09T14:20:00.123Z", "token": 7, "before": None}
    assert shown(log, entry, 80) == "14:20:00  leading"


def test_cycle_that_loaded_nothing_is_left_out(log: Path) -> None:
    events = Events(log)
    quiet = {"event": "cycle done", "inserted": 0, "failed": 0, "took_ms": 12}
    log.write_text(json.dumps(quiet) + "\n" + json.dumps({**quiet, "inserted": 5}) + "\n")
    assert [line.plain for line in events.lines(80)] == ["  cycle: 5 candles loaded in 12 ms"]
