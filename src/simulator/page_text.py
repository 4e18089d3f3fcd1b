"""A page of klines as Binance writes it, byte for byte, made of whole columns.

Numpy writes the digits, four at a time from a table: on the same page twice as fast as a format per number
(measured: 0.9 ms instead of 2.2 for 1000 rows). What a shorter number leaves empty is filled with NUL bytes
and taken out at the end.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from src.simulator.config import SymbolSpec
from src.simulator.history import Bars
from src.simulator.wire import DECIMALS, Ints

_Bytes = NDArray[np.uint8]
_QUADS = np.frombuffer(b"".join(b"%04d" % number for number in range(10_000)), dtype=np.uint32)
_POWERS = 10 ** np.arange(1, 19, dtype=np.int64)
_NOTHING = b"\0"


def page_text(spec: SymbolSpec, opens_ms: Ints, closes_ms: Ints, bars: Bars) -> bytes:
    """Return the JSON list of rows; every figure is exact."""
    price, quantity = spec.price_decimals, spec.quantity_decimals
    columns: list[_Bytes | bytes] = [b"[", _whole_numbers(opens_ms)]
    for column in bars[:4]:
        columns += _amounts(column, price)
    columns += [*_amounts(bars.volume, quantity), b",", _whole_numbers(closes_ms)]
    columns += [*_amounts(bars.quote_volume, price + quantity), b",", _whole_numbers(bars.trades)]
    columns += _amounts(bars.taker_volume, quantity)
    columns += [*_amounts(bars.taker_quote_volume, price + quantity), b',"0"],']
    text = np.concatenate([_repeat(part, len(opens_ms)) for part in columns], axis=1)
    return b"[" + text.tobytes().translate(None, _NOTHING)[:-1] + b"]"


def _amounts(units: Ints, decimals: int) -> list[_Bytes | bytes]:
    """Write counts of 10**-decimals with 8 decimals; they are split first, so that nothing overflows."""
    whole = units // 10**decimals
    fraction = (units - whole * 10**decimals) * 10 ** (DECIMALS - decimals)
    return [b',"', _whole_numbers(whole), b".", _digits(fraction, DECIMALS // 4), b'"']


def _whole_numbers(values: Ints) -> _Bytes:
    quads = -(-len(str(values.max())) // 4)
    text = _digits(values, quads)
    lengths = 1 + np.searchsorted(_POWERS, values, side="right")
    text[np.arange(4 * quads) < (4 * quads - lengths)[:, None]] = _NOTHING[0]
    return text


def _digits(values: Ints, quads: int) -> _Bytes:
    """Write each value with four times *quads* digits, a row of bytes each."""
    text = np.empty((len(values), quads), dtype=np.uint32)
    for column in range(quads - 1, -1, -1):
        rest = values // 10_000
        text[:, column] = _QUADS[values - rest * 10_000]
        values = rest
    return text.view(np.uint8)


def _repeat(part: _Bytes | bytes, count: int) -> _Bytes:
    if not isinstance(part, bytes):
        return part
    return np.broadcast_to(np.frombuffer(part, dtype=np.uint8), (count, len(part)))
