"""Cron lines of five fields, as cron(8) understands them.

APScheduler's own trigger does not: its 0 is Monday, days of both kinds must both hold, it fires twice in the
hour that clocks repeat, and leaves out a midnight after the hour that they skip.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from apscheduler.triggers.base import BaseTrigger

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?", re.ASCII)
_INSTANT, _DAY = timedelta(microseconds=1), timedelta(days=1)
# The 29th of February can be 8 years off, and 40 on a certain day of the week.
_MOST_DAYS = 50 * 366


@dataclass(frozen=True, slots=True)
class _Field:
    """What one field of a line may hold; *names* stand for the numbers from *low* on."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def parse(self, text: str) -> frozenset[int]:
        """Return the numbers meant; ValueError says what is wrong."""
        return frozenset(number for part in text.split(",") for number in self._parse_part(part))

    def _parse_part(self, part: str) -> range:
        found = _PART.fullmatch(part)
        if found is None or (found["first"] == "*" and found["last"]):
            raise ValueError(f"{part!r} is no {self.name}")
        step = int(found["step"] or 1)
        first, last = self._bounds(found["first"], found["last"], has_step=found["step"] is not None)
        if not self.low <= first <= last <= self.high:
            raise ValueError(f"{part!r} is no {self.name}: {self.low} to {self.high}, the smaller one first")
        if not 1 <= step <= max(1, last - first):
            raise ValueError(f"{part!r}: a step is at least 1 and fits into {first} to {last}")
        return range(first, last + 1, step)

    def _bounds(self, first: str, last: str | None, *, has_step: bool) -> tuple[int, int]:
        if first == "*":
            return self.low, self.high
        low = self._number(first)
        if last is None:
            return low, self.high if has_step else low
        high = self._number(last)
        # sat-sun: a week may end with its Sunday.
        return low, 7 if self.names is _WEEKDAYS and high == 0 else high

    def _number(self, word: str) -> int:
        if word in self.names:
            return self.names.index(word) + self.low
        if not word.isdecimal():
            raise ValueError(f"{word!r} is no {self.name}")
        return int(word)


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _WEEKDAYS),  # 0 and 7 are Sunday
)


@dataclass(frozen=True, slots=True)
class CronLine:
    """A line that is in order, and the numbers that its fields mean; Sunday is 0."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def is_open(self, index: int) -> bool:
        """Whether the field of that index begins with a star."""
        return self.text.split()[index].startswith("*")

    def is_every_hour(self) -> bool:
        """Whether no hour of any day is left out."""
        return (len(self.hours), len(self.days), len(self.months), len(self.weekdays)) == (24, 31, 12, 7)

    def has_day(self, day: date) -> bool:
        """Whether the line means that day; one that names days of both kinds means either."""
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        is_meant = of_month and of_week if self.is_open(2) or self.is_open(4) else of_month or of_week
        return is_meant and day.month in self.months


def parse_cron(text: str) -> CronLine:
    """Return the line, its blanks set right; ValueError says what is wrong with it."""
    words = text.lower().split()
    if len(words) != len(_FIELDS):
        raise ValueError(f"a cron line has 5 fields, not {len(words)}")
    *numbers, weekdays = (field.parse(word) for field, word in zip(_FIELDS, words, strict=True))
    minutes, hours, days, months = numbers
    return CronLine(" ".join(words), minutes, hours, days, months, frozenset(day % 7 for day in weekdays))


class CronLineTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 is untyped
    """Fires when a line says, by the clocks of a time zone; times that were missed are not caught up.

    A line whose hour begins with a star goes on through the hours that clocks skip or repeat. Of any other,
    what falls into a skipped hour comes an hour later, and what falls into a repeated one comes once.
    """

    def __init__(self, line: CronLine, zone: tzinfo) -> None:
        self._line = line
        self._zone = zone
        self._goes_on = line.is_open(1)

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime | None:
        """Return the first time after *previous*, and not before *now*; None when there is none."""
        # In UTC: a time that comes twice would lose which of the two it is in a sum.
        after = now.astimezone(UTC)
        if previous is not None:
            after = max(after, previous.astimezone(UTC) + _INSTANT)
        today = after.astimezone(self._zone).date()
        for days in range(_MOST_DAYS):
            day = today + days * _DAY
            if self._line.has_day(day) and (times := [at for at in self._times_of(day) if at >= after]):
                return min(times)
        return None

    def _times_of(self, day: date) -> Iterator[datetime]:
        for hour in self._line.hours:
            for minute in self._line.minutes:
                local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self._zone)
                if not self._goes_on:
                    yield local.astimezone(UTC)
                elif self._is_shown(local):
                    yield from (local.astimezone(UTC), local.replace(fold=1).astimezone(UTC))

    def _is_shown(self, local: datetime) -> bool:
        """Whether the clocks show that time, and do not skip it."""
        shown = local.astimezone(UTC).astimezone(self._zone)
        return shown.replace(tzinfo=None) == local.replace(tzinfo=None)
