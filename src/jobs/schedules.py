"""When a job runs: every so often on the exchange's clock, or by a cron line on the clocks of a time zone."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, ClockOffset, ms_from_utc, utc_from_ms
from src.errors import ConfigurationError
from src.jobs.cron import CronLine, CronLineTrigger, parse_cron
from src.jobs.exchange_trigger import ExchangeTrigger

ACCEPTED = (
    "accepted: every 10s, every 5min, every 2h or every 1d (1 second to 31 days), or a cron line of five "
    'fields, minute to day of the week, like "0 3 * * *" for daily at 03:00'
)
# What the tables hold.
_TEXT_LENGTH, _ZONE_LENGTH = 64, 48
_MOST_S = 31 * DAY_MS // SECOND_MS

_EVERY = re.compile(r"every\s+(?:(\d{1,9})\s*)?([a-z]+)", re.IGNORECASE)
# From the longest, with how it is written, said, and what else is understood.
_UNITS = (
    (DAY_MS // SECOND_MS, "d", "day", {"d", "day", "days"}),
    (HOUR_MS // SECOND_MS, "h", "hour", {"h", "hour", "hours"}),
    (MINUTE_MS // SECOND_MS, "min", "minute", {"m", "min", "minute", "minutes"}),
    (1, "s", "second", {"s", "sec", "second", "seconds"}),
)
_WEEKDAYS = ("Sundays", "Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays")


class Schedule(ABC):
    """When a job runs. Its text is what tables hold and ``parse_schedule`` takes."""

    time_zone: str

    @abstractmethod
    def __str__(self) -> str: ...

    @abstractmethod
    def trigger(self, offset: Callable[[], ClockOffset]) -> Any:
        """Return APScheduler's trigger; *offset* is asked again and again and must answer at once."""

    @abstractmethod
    def next_times(self, count: int, after_ms: int) -> list[int]:
        """Return the next times in UTC ms, fewer when there are no more."""

    @abstractmethod
    def in_words(self) -> str:
        """Say when it runs, as people say it."""


@dataclass(frozen=True)
class Every(Schedule):
    """Every so many seconds, counted from the exchange's midnight."""

    seconds: int
    time_zone: str = "UTC"

    def __str__(self) -> str:
        size, short, _, _ = _unit_of(self.seconds)
        return f"every {self.seconds // size}{short}"

    def trigger(self, offset: Callable[[], ClockOffset]) -> ExchangeTrigger:
        return ExchangeTrigger(self.seconds, offset)

    def next_times(self, count: int, after_ms: int) -> list[int]:
        """Return the next turns of a clock like ours; the exchange's may turn a little earlier or later."""
        step_ms = self.seconds * SECOND_MS
        first_ms = after_ms - after_ms % step_ms + step_ms
        return [first_ms + number * step_ms for number in range(count)]

    def in_words(self) -> str:
        size, _, word, _ = _unit_of(self.seconds)
        count = self.seconds // size
        return f"every {word}" if count == 1 else f"every {count} {word}s"


@dataclass(frozen=True)
class Cron(Schedule):
    """By a cron line in a time zone."""

    line: CronLine
    time_zone: str

    def __str__(self) -> str:
        return self.line.text

    def trigger(self, _: Callable[[], ClockOffset] | None = None) -> CronLineTrigger:
        return CronLineTrigger(self.line, _zone(self.time_zone))

    def next_times(self, count: int, after_ms: int) -> list[int]:
        trigger, times = self.trigger(), [after_ms]
        while len(times) <= count and (found := trigger.get_next_fire_time(None, utc_from_ms(times[-1] + 1))):
            times.append(ms_from_utc(found))
        return times[1:]

    def in_words(self) -> str:
        line = self.line
        if (step := _step_of(line.minutes)) and line.is_every_hour():
            return f"every {step} minutes"
        if len(line.minutes) > 1 or line.is_open(1) or not (line.is_open(2) and len(line.months) == 12):
            return f"{line.text} {self.time_zone}"
        [minute] = line.minutes
        times = _listed(f"{hour:02d}:{minute:02d}" for hour in sorted(line.hours))
        # The week as people see it ends with Sunday.
        days = [_WEEKDAYS[day] for day in sorted(line.weekdays, key=lambda day: day or 7)]
        return f"{'daily' if len(days) == 7 else _listed(days)} at {times} {self.time_zone}"


def _step_of(minutes: Collection[int]) -> int | None:
    """Return how many minutes lie between any two of an hour's *minutes*; None where that differs."""
    step = 60 // len(minutes)
    return step if len(minutes) > 1 and sorted(minutes) == list(range(min(minutes), 60, step)) else None


def parse_schedule(text: str, time_zone: str = "UTC") -> Schedule:
    """Return the schedule that *text* describes; ConfigurationError says what is wrong and accepted."""
    _check_zone(time_zone)
    text = text.strip()
    try:
        return _parse_every(text) if text.lower().startswith("every") else _parse_cron(text, time_zone)
    except ValueError as error:
        raise ConfigurationError(f"schedule {text[:_TEXT_LENGTH]!r}: {error}; {ACCEPTED}") from error


def _parse_every(text: str) -> Every:
    found = _EVERY.fullmatch(text)
    sizes = {word: size for size, _, _, words in _UNITS for word in words}
    # 1M is a month wherever this project writes intervals, and months have no fixed length.
    if found is None or found[2] == "M" or found[2].lower() not in sizes:
        raise ValueError("no such interval")
    seconds = int(found[1] or 1) * sizes[found[2].lower()]
    if not 1 <= seconds <= _MOST_S:
        raise ValueError("too short or too long")
    return Every(seconds)


def _parse_cron(text: str, time_zone: str) -> Cron:
    schedule = Cron(parse_cron(text), time_zone)
    if len(str(schedule)) > _TEXT_LENGTH:
        raise ValueError(f"longer than {_TEXT_LENGTH} characters")
    if not schedule.next_times(1, 0):
        raise ValueError("that never comes")
    return schedule


def _check_zone(name: str) -> None:
    try:
        if len(name) > _ZONE_LENGTH:
            raise ValueError("too long")
        _zone(name)
    # Directories, names with odd characters and names that nobody knows fail in ways of their own.
    except (KeyError, OSError, ValueError) as error:
        raise ConfigurationError(
            f"time zone {name!r} is not known here; accepted: UTC and names like Europe/Berlin"
        ) from error


def _zone(name: str) -> tzinfo:
    # UTC is there even where the system has no time zones.
    return UTC if name == "UTC" else ZoneInfo(name)


def _unit_of(seconds: int) -> tuple[int, str, str, set[str]]:
    """Return the longest unit that *seconds* is a whole number of."""
    return next(unit for unit in _UNITS if seconds % unit[0] == 0)


def _listed(items: Iterable[str]) -> str:
    """Return ``a, b and c``."""
    *most, last = items
    return f"{', '.join(most)} and {last}" if most else last
