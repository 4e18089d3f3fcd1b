"""Klines of an exchange's answer to rows ready to be stored: pure, and exact to the last digit.

One bad row makes the answer bad; ``sifting`` then looks at it row by row. What the checks refuse is what
cannot be true (a high below a low) or cannot be stored as it is (too many digits); a candle without trades,
off the grid, or with a close_time cut short is stored as sent. ``plain_klines`` makes the usual answer fast.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from itertools import chain, compress
from operator import le
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from src.domain import Interval
from src.transform.plain_klines import LAST_TIME_MS, KlineColumns, find_plain
from src.warehouse.facts import TextRow
from src.warehouse.types import canonical_decimal

# Binance, GET /api/v3/klines: open time, open, high, low, close, volume, close time, quote volume,
# trades, taker buy base volume, taker buy quote volume, unused.
_BinanceKline = tuple[int, str, str, str, str, str, int, str, int, str, str, str]
_decode = msgspec.json.Decoder(list[_BinanceKline]).decode
NOT_KLINES = "the body is not a list of Binance klines"

# The usual amounts, checked for a whole column at once: they are in the form to store already.
_PRICES = re.compile(r"(?:(?>0|[1-9]\d{0,11}+)\.\d{8}\n)*+", re.ASCII)
_VOLUMES = re.compile(r"(?:(?>0|[1-9]\d{0,21}+)\.\d{8}\n)*+", re.ASCII)
_PRICE_DIGITS, _VOLUME_DIGITS = 20, 30
_MAX_TRADES = 10**18
# Times of 14 digits and more are microseconds (Binance's archives since 2025): 10**14 ms is the year 5138.
FIRST_MICROSECONDS = 10**14
_FIRST_TIME_MS = 0


class BadKline(ValueError):
    """A row that cannot be true or cannot be stored; the message names the row and the value."""


def parse_klines(
    body: bytes, interval: Interval, exchange_time_ms: int
) -> tuple[NDArray[np.int64], list[TextRow]]:
    """Return the open times (UTC ms) and the rows (``CANDLE_COLUMNS``) of the closed candles, oldest first.

    A candle is closed when its interval had ended at *exchange_time_ms*, the exchange's time when the request
    was sent; close_time is no help, since an outage cuts it short. Rows sent twice are taken once.
    """
    columns = find_plain(body) or _find_any(body)
    if columns is None:
        return np.array([], dtype=np.int64), []
    opens, closes, between, behind = columns
    values = zip(_sql_times(opens), between, _sql_times(closes), behind, strict=True)
    rows = list(map("\t".join, values))
    is_closed = _ends(opens, interval) <= exchange_time_ms
    return _distinct(opens[is_closed], list(compress(rows, is_closed)))


def _find_any(body: bytes) -> KlineColumns | None:
    """Take an answer apart value by value; None where it is empty, BadKline where one of them is wrong."""
    try:
        klines = _decode(body)
    except msgspec.DecodeError as error:
        raise BadKline(f"{NOT_KLINES}: {error}") from error
    if not klines:
        return None
    columns = list(zip(*klines, strict=True))
    opens, closes = _times(columns[0]), _times(columns[6])
    amounts = _canonical([*columns[1:6], columns[7], *columns[9:11]])
    trades = _trades(columns[8])
    _check_prices(*amounts[:4])
    between = map("\t".join, zip(*amounts[:5], strict=True))
    behind = map("\t".join, zip(amounts[5], trades, *amounts[6:], strict=True))
    return KlineColumns(opens, closes, list(between), list(behind))


def _times(column: Sequence[int]) -> NDArray[np.int64]:
    try:
        times = np.array(column, dtype=np.int64)
    except OverflowError as error:
        raise BadKline(f"a time is out of range: {error}") from error
    times = np.where(times >= FIRST_MICROSECONDS, times // 1000, times)
    outside = np.flatnonzero((times < _FIRST_TIME_MS) | (times > LAST_TIME_MS))
    if outside.size:
        raise BadKline(f"row {outside[0]}: time {column[outside[0]]} is not between 1970 and 2100")
    return times


def _ends(opens: NDArray[np.int64], interval: Interval) -> NDArray[np.int64]:
    if interval.fixed_ms is not None:
        return opens + interval.fixed_ms
    return np.array([interval.next(int(open_ms)) for open_ms in opens], dtype=np.int64)


def _trades(column: Sequence[int]) -> list[str]:
    if min(column) < 0 or max(column) >= _MAX_TRADES:
        index = next(i for i, count in enumerate(column) if not 0 <= count < _MAX_TRADES)
        raise BadKline(f"row {index}: trade count {column[index]} is out of range")
    return list(map(str, column))


def _sql_times(times_ms: NDArray[np.int64]) -> list[str]:
    texts: list[str] = np.datetime_as_string(times_ms.astype("datetime64[ms]")).tolist()
    return texts


def _canonical(columns: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Return four columns of prices and four of volumes in the form to store, without changing a value."""
    patterns = [(_PRICES, _PRICE_DIGITS)] * 4 + [(_VOLUMES, _VOLUME_DIGITS)] * 4
    return [
        column if _are_canonical(column, pattern) else _rewritten(column, digits)
        for column, (pattern, digits) in zip(columns, patterns, strict=True)
    ]


def _are_canonical(column: Sequence[str], pattern: re.Pattern[str]) -> bool:
    text = "\n".join(column) + "\n"
    # Counted as well: one amount with a newline in it would look like two.
    return text.count("\n") == len(column) and pattern.fullmatch(text) is not None


def _rewritten(column: Sequence[str], digits: int) -> list[str]:
    """Bring amounts of another form (``1.5``, ``1E+21``) into the one to store."""
    return [_amount(index, text, digits) for index, text in enumerate(column)]


def _amount(index: int, text: str, digits: int) -> str:
    try:
        value = Decimal(text)
        if value < 0:
            raise BadKline(f"row {index}: {text} is negative")
        return canonical_decimal(value, digits)
    except InvalidOperation:
        raise BadKline(f"row {index}: {text!r} is not a number") from None
    except BadKline:
        raise
    except ValueError as error:
        raise BadKline(f"row {index}: {error}") from error


def _check_prices(
    opened: Sequence[str], high: Sequence[str], low: Sequence[str], closed: Sequence[str]
) -> None:
    """Refuse rows in which low ≤ open, close ≤ high does not hold, or a price is nought.

    Amounts of one length compare as text as they do as numbers, which is ten times as fast.
    """
    columns = (opened, high, low, closed)
    is_one_length = len(set(map(len, chain(*columns)))) == 1
    as_number: Callable[[str], Any] = str if is_one_length else Decimal
    o, h, l, c = ([*map(as_number, column)] for column in columns)  # noqa: E741 - as the field abbreviates them
    pairs = ((l, o), (l, c), (o, h), (c, h))
    if min(l) > as_number("0.00000000") and all(all(map(le, below, above)) for below, above in pairs):
        return
    for index, row in enumerate(zip(*columns, strict=True)):
        _check_row(index, *row)


def _check_row(index: int, opened: str, high: str, low: str, closed: str) -> None:
    o, h, l, c = map(Decimal, (opened, high, low, closed))  # noqa: E741 - as above
    if l <= 0:
        raise BadKline(f"row {index}: price {low} is not above nought")
    if not (l <= o <= h and l <= c <= h):
        raise BadKline(f"row {index}: open {opened}, close {closed} are not within low {low} and high {high}")


def _distinct(opens: NDArray[np.int64], rows: list[TextRow]) -> tuple[NDArray[np.int64], list[TextRow]]:
    if len(opens) < 2 or bool((np.diff(opens) > 0).all()):
        return opens, rows
    backward = np.flatnonzero(np.diff(opens) < 0)
    if backward.size:
        raise BadKline(f"row {backward[0] + 1}: opens before the row above it")
    is_repeated = np.diff(opens) == 0
    for index in np.flatnonzero(is_repeated):
        if rows[index] != rows[index + 1]:
            raise BadKline(f"row {index + 1}: another candle of {rows[index][:23]} than the row above it")
    first = np.concatenate(([True], ~is_repeated))
    return opens[first], list(compress(rows, first))
