"""Klines of an exchange's answer to rows ready to be stored: pure, and exact to the last digit.

A bad row makes the whole object bad: it is quarantined and loaded again once the cause is mended. What
the checks refuse is what cannot be true (a high below a low) or cannot be stored as it is (too many digits);
a candle without trades, off the grid, or with a close_time cut short is stored as sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from src.domain import Interval
from src.warehouse.facts import TextRow
from src.warehouse.types import canonical_decimal

# Binance, GET /api/v3/klines: open time, open, high, low, close, volume, close time, quote volume,
# trades, taker buy base volume, taker buy quote volume, unused.
_BinanceKline = tuple[int, str, str, str, str, str, int, str, int, str, str, str]
_decode = msgspec.json.Decoder(list[_BinanceKline]).decode

_PRICE = r"(?:0|[1-9]\d{0,11})\.\d{8}"
_VOLUME = r"(?:0|[1-9]\d{0,21})\.\d{8}"
_TRADES = r"\d{1,18}"
# The usual case, checked for all rows of an object at once: amounts already in the form to store.
_CANONICAL = re.compile(
    rf"(?:{_PRICE} {_PRICE} {_PRICE} {_PRICE} {_VOLUME} {_VOLUME} {_TRADES} {_VOLUME} {_VOLUME}\n)*"
)
_PRICE_DIGITS, _VOLUME_DIGITS = 20, 30
_PRICES = slice(1, 5)
# Times of 14 digits and more are microseconds (Binance's archives since 2025): 10**14 ms is the year 5138.
_FIRST_MICROSECONDS = 10**14
_FIRST_TIME_MS, _LAST_TIME_MS = 0, 4_102_444_800_000


class BadKline(ValueError):
    """A row that cannot be true or cannot be stored; the message names the row and the value."""


def parse_klines(
    body: bytes, interval: Interval, exchange_time_ms: int
) -> tuple[NDArray[np.int64], list[TextRow]]:
    """Return the open times (UTC ms) and the rows (``CANDLE_COLUMNS``) of the closed candles, oldest first.

    A candle is closed when its interval had ended at *exchange_time_ms*, the exchange's time when the request
    was sent; close_time is no help, since an outage cuts it short. Rows sent twice are taken once.
    """
    try:
        klines = _decode(body)
    except msgspec.DecodeError as error:
        raise BadKline(f"the body is not a list of Binance klines: {error}") from error
    opens, closes = _times(klines, 0), _times(klines, 6)
    is_closed = _ends(opens, interval) <= exchange_time_ms
    kept = [kline for kline, closed in zip(klines, is_closed, strict=True) if closed]
    return _distinct(opens[is_closed], _rows(kept, opens[is_closed], closes[is_closed]))


def _times(klines: Sequence[_BinanceKline], column: int) -> NDArray[np.int64]:
    try:
        times = np.array([kline[column] for kline in klines], dtype=np.int64)
    except OverflowError as error:
        raise BadKline(f"a time is out of range: {error}") from error
    times = np.where(times >= _FIRST_MICROSECONDS, times // 1000, times)
    outside = np.flatnonzero((times < _FIRST_TIME_MS) | (times > _LAST_TIME_MS))
    if outside.size:
        raise BadKline(f"row {outside[0]}: time {klines[outside[0]][column]} is not between 1970 and 2100")
    return times


def _ends(opens: NDArray[np.int64], interval: Interval) -> NDArray[np.int64]:
    if interval.fixed_ms is not None:
        return opens + interval.fixed_ms
    return np.array([interval.next(int(open_ms)) for open_ms in opens], dtype=np.int64)


def _rows(
    klines: Sequence[_BinanceKline], opens: NDArray[np.int64], closes: NDArray[np.int64]
) -> list[TextRow]:
    amounts: list[TextRow] = [(k[1], k[2], k[3], k[4], k[5], k[7], str(k[8]), k[9], k[10]) for k in klines]
    if not _CANONICAL.fullmatch("".join(" ".join(row) + "\n" for row in amounts)):
        amounts = [_canonical(index, row) for index, row in enumerate(amounts)]
    _check_prices(amounts)
    open_texts, close_texts = _sql_times(opens), _sql_times(closes)
    return [
        (opened, *row[:5], closed, *row[5:])
        for opened, row, closed in zip(open_texts, amounts, close_texts, strict=True)
    ]


def _sql_times(times_ms: NDArray[np.int64]) -> list[str]:
    texts: list[str] = np.datetime_as_string(times_ms.astype("datetime64[ms]")).tolist()
    return texts


def _canonical(index: int, row: Sequence[str]) -> tuple[str, ...]:
    """Bring amounts of another form (``1.5``, ``1E+21``) into the one to store, without changing a value."""
    try:
        prices = [canonical_decimal(_amount(text), _PRICE_DIGITS) for text in row[:4]]
        volume, quote, taker, taker_quote = (
            canonical_decimal(_amount(text), _VOLUME_DIGITS) for text in (row[4], row[5], row[7], row[8])
        )
        trades = int(row[6])
    except (ValueError, InvalidOperation) as error:
        raise BadKline(f"row {index}: {error}") from error
    if not 0 <= trades < 10**18:
        raise BadKline(f"row {index}: trade count {trades} is out of range")
    return (*prices, volume, quote, str(trades), taker, taker_quote)


def _amount(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise BadKline(f"{text!r} is not a number") from None
    if value.is_signed() and value != 0:
        raise BadKline(f"{text} is negative")
    return abs(value)


def _check_prices(rows: Sequence[Sequence[str]]) -> None:
    """Refuse rows in which low ≤ open, close ≤ high does not hold, or a price is nought.

    Rounding to a float never turns a < b into a > b, so floats find every candidate; only where they are
    equal can a difference hide, and such rows are compared as decimals.
    """
    if not rows:
        return
    opened, high, low, closed = np.array([row[:4] for row in rows]).astype(np.float64).T
    body_high, body_low = np.maximum(opened, closed), np.minimum(opened, closed)
    doubtful = (body_high >= high) | (body_low <= low) | (low <= 0)
    for index in np.flatnonzero(doubtful):
        _check_exactly(int(index), rows[int(index)])


def _check_exactly(index: int, row: Sequence[str]) -> None:
    opened, high, low, closed = (Decimal(text) for text in row[:4])
    if low <= 0:
        raise BadKline(f"row {index}: price {low} is not above nought")
    if high < max(opened, closed) or low > min(opened, closed):
        raise BadKline(f"row {index}: open {opened}, close {closed} are not within low {low} and high {high}")


def _distinct(opens: NDArray[np.int64], rows: list[TextRow]) -> tuple[NDArray[np.int64], list[TextRow]]:
    if len(opens) < 2 or bool((np.diff(opens) > 0).all()):
        return opens, rows
    backward = np.flatnonzero(np.diff(opens) < 0)
    if backward.size:
        raise BadKline(f"row {backward[0] + 1}: opens before the row above it")
    for index, (one, other) in enumerate(pairwise(rows)):
        if one[0] == other[0] and one != other:
            raise BadKline(f"row {index + 1}: another candle of {one[0]} than the row above it")
    first = np.concatenate(([True], np.diff(opens) > 0))
    return opens[first], [row for row, keep in zip(rows, first, strict=True) if keep]
