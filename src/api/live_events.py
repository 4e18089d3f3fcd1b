"""What the streams tell, made of what the warehouse says has changed: hints that name things, no data."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection

from src.api.run_schemas import progress_pct
from src.warehouse.changes import Mark, SeriesVersion, list_changed_runs, read_seen, read_versions
from src.warehouse.notifications import count_unread
from src.warehouse.runs import RunRow

RUNS, CANDLES, JOBS, NOTIFICATIONS, RESET = "runs", "candles", "jobs", "notifications", "reset"
PRICES = "prices"
# Prices move all the time: they are looked at so seldom, and of more symbols at once no names are told.
_LOOKS_A_PRICE = 2
_MOST_NAMES = 200
_TOLD = (
    "id",
    "parent_id",
    "job_id",
    "kind",
    "state",
    "wish",
    "done",
    "total",
    "loaded",
    "time_left_ms",
    "waiting_for",
)


@dataclass(frozen=True, slots=True)
class Event:
    """One event; *data* is JSON."""

    name: str
    data: bytes

    def as_text(self, mark: str | None) -> bytes:
        """Return it as a stream of events has it."""
        head = f"id: {mark}\n" if mark else ""
        return f"{head}event: {self.name}\ndata: ".encode() + self.data + b"\n\n"


def make(name: str, data: Mapping[str, Any]) -> Event:
    return Event(name, orjson.dumps(data))


class Differ:
    """Remembers what was told last and tells what is new; it takes how things stand at first for known."""

    def __init__(self, connection: Connection) -> None:
        self._versions = read_versions(connection)
        self._seen = read_seen(connection)
        self._looks = 0
        self._told: dict[int, tuple[Any, ...]] = {}

    def list_events(self, connection: Connection, before: Mark, now: Mark) -> list[Event]:
        """List what has changed between two looks."""
        events = []
        if now.loads != before.loads:
            events.append(self._candles(connection))
        events += self._prices(connection)
        events += self._runs(connection, before)
        return [*events, *_others(connection, before, now)]

    def _candles(self, connection: Connection) -> Event:
        old, self._versions = self._versions, read_versions(connection)
        changed = (one for series_id, one in self._versions.items() if old.get(series_id) != one)
        return candles_event(changed)

    def _prices(self, connection: Connection) -> list[Event]:
        self._looks += 1
        if self._looks % _LOOKS_A_PRICE:
            return []
        old, self._seen = self._seen, read_seen(connection)
        changed = {series[:2] for series, seen in self._seen.items() if old.get(series) != seen}
        return [prices_event(changed)] if changed else []

    def _runs(self, connection: Connection, before: Mark) -> list[Event]:
        rows = list_changed_runs(connection, before)
        if rows is None:
            return [make(RUNS, {"runs": None})]
        told, self._told = self._told, {row.id: _fingerprint(row) for row in rows}
        changed = [row for row in rows if told.get(row.id) != self._told[row.id]]
        return [runs_event(changed)] if changed else []


def events_since(connection: Connection, mark: Mark, now: Mark) -> list[Event]:
    """List what somebody has missed who heard of everything up to *mark*."""
    if not mark.is_before(now):
        return [make(RESET, {})]
    events = []
    if mark.loads != now.loads:  # of which series the loads were nobody has counted
        events.append(make(CANDLES, {"series": None}))
    rows = list_changed_runs(connection, mark)
    if rows is None:
        events.append(make(RUNS, {"runs": None}))
    elif rows:
        events.append(runs_event(rows))
    return [*events, *_others(connection, mark, now)]


def _others(connection: Connection, before: Mark, now: Mark) -> list[Event]:
    events = []
    if before.jobs != now.jobs:
        events.append(make(JOBS, {}))
    if before.news_ms != now.news_ms:
        events.append(make(NOTIFICATIONS, {"unread": count_unread(connection)}))
    return events


def candles_event(changed: Iterable[SeriesVersion]) -> Event:
    told = [
        {
            "exchange": one.key.exchange,
            "symbol": one.key.symbol,
            "interval": one.key.interval.value,
            "load_version": one.load_version,
            "last_open_ms": one.last_open_ms,
        }
        for one in changed
    ]
    return make(CANDLES, {"series": told})


def prices_event(changed: Collection[tuple[str, str]]) -> Event:
    """Tell of exchanges and symbols."""
    if len(changed) > _MOST_NAMES:
        return make(PRICES, {"symbols": None})
    told = [{"exchange": exchange, "symbol": symbol} for exchange, symbol in sorted(changed)]
    return make(PRICES, {"symbols": told})


def runs_event(rows: Iterable[RunRow]) -> Event:
    told = [
        {**{name: getattr(row, name) for name in _TOLD}, "progress_pct": progress_pct(row)} for row in rows
    ]
    return make(RUNS, {"runs": told})


def _fingerprint(row: RunRow) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in _TOLD if name != "time_left_ms")
