"""Names of the lake's objects: a key says exchange, symbol, what is inside and when it was captured.

One object has exactly one spelling of its key; any other spelling is refused, so that keys can be
compared as text. No two keys differ only in case: folders of macOS take such names for one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from src.domain import DataType, Interval, utc_from_ms

LAST_TIMESTAMP_MS = 253_402_300_799_999
"""The last millisecond of the year 9999, where the date of a key would outgrow its four digits."""

HOME_EXCHANGE = "binance"  # the only one whose keys start with the date
# No longer than the catalog's columns: a name that does not fit there is none of ours.
_EXCHANGE = re.compile(r"[a-z][a-z0-9-]{0,15}")
_SYMBOL = re.compile(r"[A-Z0-9]+(?:[._-][A-Z0-9]+)*")
_MAX_SYMBOL_LENGTH = 32
_KEY = re.compile(
    r"(?:(?P<exchange>[a-z][^/]*)/)?(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})/"
    r"(?P<symbol>[^/]+)_(?P<part>depth|klines(?:-[0-9]+[a-zA-Z])?)_(?P<timestamp>[0-9]{1,15})\.json"
)
_SHAPE = "[{exchange}/]{date}/{symbol}_{data_type}_{timestamp_ms}.json"


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """Where one object lies; *timestamp_ms* is our clock at capture, *interval* is None for depth."""

    exchange: str
    symbol: str
    data_type: DataType
    interval: Interval | None
    timestamp_ms: int

    def __post_init__(self) -> None:
        if not _EXCHANGE.fullmatch(self.exchange):
            raise ValueError(f"exchange {self.exchange!r} is not 1 to 16 lower-case letters, digits, dashes")
        if len(self.symbol) > _MAX_SYMBOL_LENGTH or not _SYMBOL.fullmatch(self.symbol):
            raise ValueError(f"symbol {self.symbol!r} is not upper-case letters and digits, 32 at most")
        if (self.interval is None) != (self.data_type is DataType.DEPTH):
            raise ValueError(
                f"{self.data_type} with interval {self.interval}: klines have one, depth has none"
            )
        if not 0 <= self.timestamp_ms <= LAST_TIMESTAMP_MS:
            raise ValueError(f"timestamp {self.timestamp_ms} is not milliseconds of the years 1970 to 9999")

    @property
    def date(self) -> str:
        """The UTC date of the timestamp, e.g. ``2026-01-09``."""
        return f"{utc_from_ms(self.timestamp_ms):%Y-%m-%d}"

    @property
    def text(self) -> str:
        """The key as the stores know it, e.g. ``2026-01-09/BTCUSDT_klines_1767968400123.json``."""
        folder = "" if self.exchange == HOME_EXCHANGE else f"{self.exchange}/"
        return f"{folder}{self.date}/{self.symbol}_{self.part}_{self.timestamp_ms}.json"

    @property
    def part(self) -> str:
        """What the key calls its content, e.g. ``klines-1h``."""
        # A bare "klines" means one minute. Were it spelled out, 1m and 1M would be one file on macOS.
        if self.interval is None or self.interval is Interval.M1:
            return self.data_type.value
        return f"{self.data_type.value}-{self.interval.value}"

    def __str__(self) -> str:
        return self.text


def parse_key(text: str) -> ObjectKey:
    """Read a key back, or raise ValueError saying why it is none of ours."""
    match = _KEY.fullmatch(text)
    if match is None:
        raise ValueError(f"key {text!r} is not of the form {_SHAPE}")
    data_type, _, interval = match["part"].partition("-")
    key = ObjectKey(
        exchange=match["exchange"] or HOME_EXCHANGE,
        symbol=match["symbol"],
        data_type=DataType(data_type),
        interval=_parse_interval(data_type, interval),
        timestamp_ms=int(match["timestamp"]),
    )
    if match["date"] != key.date:
        raise ValueError(f"key {text!r} lies under {match['date']}, but its timestamp is of {key.date}")
    if key.text != text:
        raise ValueError(f"key {text!r} must be spelled {key.text!r}")
    return key


def date_prefix(exchange: str, time_ms: int) -> str:
    """Return what all keys of *exchange* captured on that UTC day start with."""
    folder = "" if exchange == HOME_EXCHANGE else f"{exchange}/"
    return f"{folder}{utc_from_ms(time_ms):%Y-%m-%d}/"


def next_key(key: ObjectKey) -> ObjectKey:
    """Return the key one millisecond later, for when *key* is taken."""
    return replace(key, timestamp_ms=key.timestamp_ms + 1)


def _parse_interval(data_type: str, interval: str) -> Interval | None:
    if data_type == DataType.DEPTH.value:
        return None
    return Interval(interval or Interval.M1.value)
