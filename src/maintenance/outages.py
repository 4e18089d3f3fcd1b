"""Known outages of exchanges: hints at why a gap is there, from our file and from the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import yaml

from src.domain import SeriesKey, Window, ms_from_utc
from src.errors import ConfigurationError

_OURS = Path(__file__).with_name("known_outages.yaml")
_FORM = (
    "accepted is a list 'outages' of entries with exchange, start, end and text, and perhaps symbols; "
    "times like 2026-01-31 or 2026-01-31T14:30, in UTC"
)


@dataclass(frozen=True, slots=True)
class Outage:
    """A window in which an exchange had nothing, of all symbols where none is named."""

    exchange: str
    window: Window
    text: str
    symbols: frozenset[str] = frozenset()

    def covers(self, key: SeriesKey, window: Window) -> bool:
        """Whether it tells of half of *window* or more: a day's trouble does not explain a missing year."""
        is_its = key.exchange == self.exchange and (not self.symbols or key.symbol in self.symbols)
        shared_ms = min(window.end_ms, self.window.end_ms) - max(window.start_ms, self.window.start_ms)
        return is_its and 2 * shared_ms >= window.end_ms - window.start_ms


def read_outages(own: Path | None = None) -> list[Outage]:
    """Return the known outages and those of the file *own*, where it exists; ConfigurationError says what
    is wrong in it.
    """
    files = [_OURS] if own is None or not own.is_file() else [own, _OURS]
    return [outage for path in files for outage in _read(path)]


def find_outage(outages: Sequence[Outage], key: SeriesKey, window: Window) -> Outage | None:
    """Return the first outage that explains *window*, None when none is known."""
    return next((outage for outage in outages if outage.covers(key, window)), None)


def _read(path: Path) -> list[Outage]:
    try:
        return [_outage(entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["outages"]]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        what = " ".join(f"{type(error).__name__} {error}".split())
        raise ConfigurationError(f"{path}: {what}: {_FORM}") from error


def _outage(entry: dict[str, Any]) -> Outage:
    symbols = frozenset(map(str, entry.get("symbols", ())))
    window = Window(_moment(entry["start"]), _moment(entry["end"]))
    return Outage(str(entry["exchange"]), window, str(entry["text"]), symbols)


def _moment(value: Any) -> int:
    """Return UTC ms of what YAML made of a time: a datetime, a date or text."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return ms_from_utc(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
