"""Times and durations as people type them; ConfigurationError says what is accepted instead."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, ms_from_utc
from src.errors import ConfigurationError

_DURATION = re.compile(r"(\d{1,9}) ?(s|m|min|h|d)")
_UNITS_MS = {"s": SECOND_MS, "m": MINUTE_MS, "min": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}


def parse_time(text: str, option: str) -> int:
    """Return UTC milliseconds of an ISO 8601 time: in UTC unless it says otherwise, a day is its midnight."""
    try:
        moment = datetime.fromisoformat(text)
        return ms_from_utc(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(
            f"{option} {text}: accepted: a day like 2026-01-31 or a time like 2026-01-31T14:30, in UTC "
            "unless an offset like +01:00 says otherwise"
        ) from error


def parse_duration_ms(text: str, option: str) -> int:
    """Return the milliseconds of e.g. ``90s``, ``15min``, ``2h`` or ``30d``; never zero."""
    found = _DURATION.fullmatch(text.strip())
    duration_ms = int(found[1]) * _UNITS_MS[found[2]] if found else 0
    if duration_ms == 0:
        raise ConfigurationError(f"{option} {text}: accepted: a duration like 90s, 15min, 2h or 30d")
    return duration_ms


def counted_days(days: int) -> str:
    """Return how many days of series were looked at, for people."""
    return f"{days:,} {'day' if days == 1 else 'days'} of series"
