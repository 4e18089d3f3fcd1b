"""Bad rows inside a good answer: kept aside one by one, so that the rest can be loaded."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from src.domain import Interval
from src.transform.klines import NOT_KLINES, BadKline, parse_klines
from src.warehouse.facts import BadRow, TextRow

_decode_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode


@dataclass(slots=True)
class Sifted:
    """The closed candles of an answer, oldest first, and the rows that are none; see ``parse_klines``."""

    open_times_ms: NDArray[np.int64]
    rows: list[TextRow]
    bad: list[BadRow]


def sift_klines(body: bytes, interval: Interval, exchange_time_ms: int) -> Sifted:
    """Parse the whole answer at once; only where something is wrong with it, row by row.

    Raises BadKline for an answer that is no list of rows.
    """
    try:
        return Sifted(*parse_klines(body, interval, exchange_time_ms), [])
    except BadKline:
        return _sift_rows(_raw_rows(body), interval, exchange_time_ms)


def _raw_rows(body: bytes) -> list[bytes]:
    try:
        return [bytes(raw) for raw in _decode_rows(body)]
    except msgspec.DecodeError as error:
        raise BadKline(f"{NOT_KLINES}: {error}") from error


def _sift_rows(raws: list[bytes], interval: Interval, exchange_time_ms: int) -> Sifted:
    times: list[int] = []
    rows: list[TextRow] = []
    bad: list[BadRow] = []
    for number, raw in enumerate(raws):
        try:
            opens, parsed = parse_klines(b"[" + raw + b"]", interval, exchange_time_ms)
            if not parsed or _is_repeated(int(opens[0]), parsed[0], times, rows):
                continue  # still forming, or sent twice
        except BadKline as error:
            if not _is_forming(raw, interval, exchange_time_ms):
                bad.append(BadRow(number, _reason(error, number), raw.decode("utf-8", "backslashreplace")))
            continue
        times.append(int(opens[0]))
        rows.append(parsed[0])
    return Sifted(np.array(times, dtype=np.int64), rows, bad)


def _reason(error: BadKline, number: int) -> str:
    """Return what is wrong with row *number*, which was parsed as the only one of its answer."""
    text = str(error).removeprefix("row 0: ")
    return text.replace(NOT_KLINES, "not a Binance kline").replace("`$[0]", f"`$[{number}]")


def _is_repeated(open_ms: int, row: TextRow, times: list[int], rows: list[TextRow]) -> bool:
    """Whether the row above says the same; BadKline where it contradicts that or goes back in time."""
    if not times or open_ms > times[-1]:
        return False
    if open_ms < times[-1]:
        raise BadKline("opens before a row above it")
    if row != rows[-1]:
        raise BadKline(f"another candle of {row[:23]} than the row above it")
    return True


def _is_forming(raw: bytes, interval: Interval, exchange_time_ms: int) -> bool:
    """Whether a row that cannot be read is of a candle that would not be a fact yet anyway."""
    try:
        open_ms = msgspec.json.decode(raw, type=list)[0]
        return isinstance(open_ms, int) and interval.next(open_ms) > exchange_time_ms
    except (msgspec.DecodeError, IndexError, ValueError, OverflowError, OSError):
        return False
