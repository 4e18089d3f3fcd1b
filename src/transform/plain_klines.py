"""Klines in their usual form, checked and taken apart as a whole: half the work of looking at each value.

An answer without its digits shows whether it has that form: no white space, times in milliseconds, amounts
with 8 decimals. Whatever else arrives, right or wrong, is left to ``klines``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_ROW = b'[,".",".",".",".",".",,".",,".",".",""]'
_TABS, _DROPPED = bytes.maketrans(b",", b"\t"), b'"[]'
# A mark is a character of ``_ROW``. These stand before and after each whole number: open time, close time,
# trades, and of open, high, low, close, volume, quote volume and both taker volumes what precedes the point.
_BEFORE = np.array([0, 21, 26, 2, 6, 10, 14, 18, 23, 28, 32])
_AFTER = np.array([1, 22, 27, 3, 7, 11, 15, 19, 24, 29, 33])
_POINTS = _AFTER[3:]
_UNUSED = 36
# What is between the times, and between close time and the unused field, begins and ends with these commas.
_PIECES = ((1, 21), (22, 35))
_DROPPED_BEFORE = np.cumsum([mark in _DROPPED for mark in _ROW])
# Prices are compared as integers of 64 bits, which have room for 18 digits; longer ones are not usual.
_LEAST_DIGITS = np.array([13, 13, *[1] * 9])
_MOST_DIGITS = np.array([13, 13, 18, *[10] * 4, *[22] * 4])
_DECIMALS = 8
# 2100-01-01: no candle opens or closes later.
LAST_TIME_MS = 4_102_444_800_000


class KlineColumns(NamedTuple):
    """An answer taken apart: times in UTC ms, and what lies between them, and behind, as it is stored."""

    opens_ms: NDArray[np.int64]
    closes_ms: NDArray[np.int64]
    between: Sequence[str]
    behind: Sequence[str]


def find_plain(body: bytes) -> KlineColumns | None:
    """Take an answer apart that has the usual form and in which no number is wrong; None for any other."""
    form = body.translate(None, b"0123456789")
    count = len(form) // (len(_ROW) + 1)
    if not count or form != b"[" + b",".join([_ROW] * count) + b"]":
        return None
    digits = np.frombuffer(body, dtype=np.uint8) - ord("0")
    # Where the marks of each row are; behind its last stands a comma, or the answer's bracket.
    marks = np.flatnonzero(digits > 9)[1:].reshape(count, len(_ROW) + 1)
    if not (_are_to_be_stored(digits, marks) and _are_prices_true(digits, marks)):
        return None
    opens, closes = _values(digits, marks[:, _BEFORE[:2]], marks[:, _AFTER[:2]]).T
    if max(opens.max(), closes.max()) > LAST_TIME_MS:
        return None
    return KlineColumns(opens, closes, *_texts(body, marks))


def _texts(body: bytes, marks: NDArray[np.int64]) -> Iterator[list[str]]:
    """Yield the columns ``between`` and ``behind``: the answer's own text with tabs for commas."""
    text = body.translate(_TABS, _DROPPED).decode("ascii")
    dropped = 1 + np.arange(len(marks)) * _DROPPED_BEFORE[-1]
    for begin, end in _PIECES:
        begins = marks[:, begin] + 1 - dropped - _DROPPED_BEFORE[begin]
        ends = marks[:, end] - dropped - _DROPPED_BEFORE[end]
        yield [text[first:last] for first, last in zip(begins.tolist(), ends.tolist(), strict=True)]


def _are_to_be_stored(digits: NDArray[np.uint8], marks: NDArray[np.int64]) -> bool:
    """Whether every number has the digits it may have, and no nought in front that it does not need."""
    before, after = marks[:, _BEFORE], marks[:, _AFTER]
    lengths = after - before - 1
    fits = (lengths >= _LEAST_DIGITS) & (lengths <= _MOST_DIGITS)
    begins_well = (lengths == 1) | (digits[before + 1] > 0)
    decimals = marks[:, _POINTS + 1] - marks[:, _POINTS] - 1
    unused = marks[:, _UNUSED + 1] - marks[:, _UNUSED] - 1
    # Else there are digits where none belong, between a bracket and a comma.
    is_all = len(digits) == 1 + marks.size + lengths.sum() + decimals.sum() + unused.sum()
    return bool(is_all and fits.all() and begins_well.all() and (decimals == _DECIMALS).all())


def _are_prices_true(digits: NDArray[np.uint8], marks: NDArray[np.int64]) -> bool:
    """Whether 0 < low ≤ open, close ≤ high in every row."""
    points = _POINTS[:4]
    whole = _values(digits, marks[:, points - 1], marks[:, points])
    decimals = _values(digits, marks[:, points], marks[:, points + 1])
    opened, high, low, closed = (whole * 10**_DECIMALS + decimals).T
    least, most = np.minimum(opened, closed), np.maximum(opened, closed)
    return bool(((low > 0) & (low <= least) & (most <= high)).all())


def _values(
    digits: NDArray[np.uint8], before: NDArray[np.int64], after: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the whole numbers that stand between these marks."""
    values = np.zeros(before.shape, dtype=np.int64)
    for distance in range(int((after - before).max()) - 1, 0, -1):
        at = after - distance
        values = values * 10 + np.where(at > before, digits[at], 0)
    return values
