"""The words of the field: intervals, series, windows, candles. No I/O, imported by all rooms.

Times are UTC milliseconds since the epoch and say so in their name (``open_time_ms``). Prices and
volumes are ``Decimal``; nothing in this project passes them through a float on the way to storage.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

# Weeks open on Monday; the epoch was a Thursday, so its first Monday is four days in.
_FIRST_MONDAY_MS = 4 * DAY_MS


class Interval(StrEnum):
    """How long a candle lasts, spelled as Binance spells it: ``1m`` is a minute, ``1M`` a month."""

    S1 = "1s"
    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H6 = "6h"
    H8 = "8h"
    H12 = "12h"
    D1 = "1d"
    D3 = "3d"
    W1 = "1w"
    MO1 = "1M"

    @property
    def fixed_ms(self) -> int | None:
        """Length in milliseconds, or None for a month, which has no fixed length."""
        return _FIXED_MS.get(self)

    @property
    def is_coarse(self) -> bool:
        """Whether it lasts an hour or longer: such candles are kept when minutes age out."""
        return self.fixed_ms is None or self.fixed_ms >= HOUR_MS

    def floor(self, time_ms: int) -> int:
        """Return the open_time of the slot that *time_ms* falls in."""
        if self.fixed_ms is None:
            moment = utc_from_ms(time_ms)
            return ms_from_utc(moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0))
        origin = _FIRST_MONDAY_MS if self is Interval.W1 else 0
        return time_ms - (time_ms - origin) % self.fixed_ms

    def next(self, open_time_ms: int) -> int:
        """Return the end of the candle that opened then; off-grid candles last their full length."""
        if self.fixed_ms is not None:
            return open_time_ms + self.fixed_ms
        moment = utc_from_ms(open_time_ms)
        years, month = divmod(moment.month, 12)
        year = moment.year + years
        # An off-grid candle may open on a day that the next month lacks.
        day = min(moment.day, monthrange(year, month + 1)[1])
        return ms_from_utc(moment.replace(year=year, month=month + 1, day=day))


_FIXED_MS = {
    Interval.S1: SECOND_MS,
    Interval.M1: MINUTE_MS,
    Interval.M3: 3 * MINUTE_MS,
    Interval.M5: 5 * MINUTE_MS,
    Interval.M15: 15 * MINUTE_MS,
    Interval.M30: 30 * MINUTE_MS,
    Interval.H1: HOUR_MS,
    Interval.H2: 2 * HOUR_MS,
    Interval.H4: 4 * HOUR_MS,
    Interval.H6: 6 * HOUR_MS,
    Interval.H8: 8 * HOUR_MS,
    Interval.H12: 12 * HOUR_MS,
    Interval.D1: DAY_MS,
    Interval.D3: 3 * DAY_MS,
    Interval.W1: 7 * DAY_MS,
}


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """What a candle belongs to: one symbol of one exchange at one interval."""

    exchange: str
    symbol: str
    interval: Interval

    def __str__(self) -> str:
        return f"{self.exchange}:{self.symbol}:{self.interval.value}"


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A half-open span of time ``[start_ms, end_ms)``: windows that touch neither overlap nor leave a gap."""

    start_ms: int
    end_ms: int

    def __post_init__(self) -> None:
        if self.start_ms > self.end_ms:
            raise ValueError(f"window ends before it starts: {self}")

    def __str__(self) -> str:
        return f"[{format_utc(self.start_ms)}, {format_utc(self.end_ms)})"


@dataclass(frozen=True, slots=True)
class Candle:
    """A validated record of one interval; volumes are in the base asset unless named *quote*."""

    open_time_ms: int
    open_price: Decimal
    high_price: Decimal
    low_price: Decimal
    close_price: Decimal
    volume: Decimal
    close_time_ms: int
    quote_volume: Decimal
    trade_count: int
    taker_buy_volume: Decimal
    taker_buy_quote_volume: Decimal


class DataType(StrEnum):
    """What an object of the lake holds."""

    KLINES = "klines"
    DEPTH = "depth"


class Lane(StrEnum):
    """For whom something is asked or loaded: the newest candles, a gap's repair, or history asked for."""

    LIVE = "live"
    REPAIR = "repair"
    HISTORY = "history"


class ClockOffset(NamedTuple):
    """The exchange's clock minus ours, and how far that may be off (half the round trip)."""

    offset_ms: int
    error_ms: int


def utc_from_ms(time_ms: int) -> datetime:
    """Return the aware UTC datetime of *time_ms*, exact to the millisecond."""
    seconds, millis = divmod(time_ms, 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=millis * 1000)


def ms_from_utc(moment: datetime) -> int:
    """Return milliseconds since the epoch, microseconds floored; naive datetimes are refused."""
    if moment.tzinfo is None:
        raise ValueError(f"naive datetime {moment!r}: say which time zone it is in")
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return delta.days * DAY_MS + delta.seconds * 1000 + delta.microseconds // 1000


def format_utc(time_ms: int) -> str:
    """Return ISO 8601 with milliseconds and Z, e.g. ``2026-01-09T14:30:00.123Z``."""
    return utc_from_ms(time_ms).strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ms % 1000:03d}Z"
