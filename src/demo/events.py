"""The scheduler's log, followed and put into words for the live view."""

from __future__ import annotations

import json
import re
from collections import deque
from pathlib import Path
from typing import Any

from rich.text import Text

_STYLES = {"error": "red", "warning": "yellow", "info": "default"}
# What a line says already, or what nobody wants to read twice: an error names its series itself.
_SILENT = ("event", "level", "logger", "timestamp", "exception", "exchange", "run", "token", "holder")
_SILENT_BESIDE_ERROR = ("symbol", "interval", "data_type", "attempt", "wait_s", "tasks")
_LONG_QUOTE = re.compile(r"'([^']{16})[^']{8,}'")
_GAP = " … "
# Of a line that is too long, the part that is kept of its start; what to do stands at its end.
_HEAD = 0.6


class Events:
    """The last few things that happened; quiet cycles are left out."""

    def __init__(self, log_path: Path, keep: int = 7) -> None:
        self._log_path = log_path
        self._position = log_path.stat().st_size if log_path.exists() else 0
        self._kept: deque[tuple[str, str, str]] = deque(maxlen=keep)

    def add(self, time: str, what: str, style: str = "cyan") -> None:
        """Note something that did not come from the log; *time* like ``14:30:05``."""
        self._kept.append((time, what, style))

    def lines(self, width: int) -> list[Text]:
        """Return what is kept, oldest first, after having read on in the log; *width* is in columns."""
        with self._log_path.open("rb") as file:
            file.seek(self._position)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # still being written; next time
                self._position += len(line)
                self._take(line)
        return [_line(time, what, style, width) for time, what, style in self._kept]

    def _take(self, line: bytes) -> None:
        try:
            entry = json.loads(line)
        except ValueError:
            return
        if isinstance(entry, dict) and (what := describe(entry)):
            self.add(
                str(entry.get("timestamp", ""))[11:19], what, _STYLES.get(entry.get("level", ""), "default")
            )


def describe(entry: dict[str, Any]) -> str:
    """Put a line of the log into words, or return nothing when it is not worth showing."""
    if entry.get("event") == "cycle done":
        return _describe_cycle(entry)
    silent = _SILENT + (_SILENT_BESIDE_ERROR if "error" in entry else ())
    told = {name: value for name, value in entry.items() if value is not None and name not in silent}
    details = [_brief(value) for value in told.values()]
    return " · ".join([str(entry.get("event", "")), *details])


def shorten(text: str, width: int) -> str:
    """Fit *text* into *width*: first what it quotes is cut, then the middle of it."""
    if len(text) > width:
        text = _LONG_QUOTE.sub(r"'\1…'", text)
    if len(text) <= width:
        return text
    room = width - len(_GAP)
    head, tail = text[: round(room * _HEAD)], text[round(room * _HEAD) - room :]
    return f"{head.rstrip()}{_GAP}{tail.lstrip()}"


def _line(time: str, what: str, style: str, width: int) -> Text:
    clock = f"{time}  "
    return Text.assemble((clock, "dim"), (shorten(what, width - len(clock)), style), no_wrap=True)


def _brief(value: Any) -> str:
    if isinstance(value, list) and len(value) > 1:
        return f"{value[0]} and {len(value) - 1} more"
    # There is one exchange here.
    return str(value[0] if isinstance(value, list) and value else value).removeprefix("binance: ")


def _describe_cycle(entry: dict[str, Any]) -> str:
    if not entry.get("inserted") and not entry.get("failed"):
        return ""
    failed = f", {entry['failed']} failed" if entry.get("failed") else ""
    count = entry["inserted"]
    return f"cycle: {count:,} candle{'' if count == 1 else 's'} loaded in {entry['took_ms']:,} ms{failed}"
