"""Where in an exchange's answer a candle stands. Pure."""

from __future__ import annotations

import msgspec

from src.transform.klines import FIRST_MICROSECONDS

_decode_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_row = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_time = msgspec.json.Decoder(int).decode


def find_place(body: bytes, open_time_ms: int) -> int | None:
    """Return the number, from 0, of the first row that opens then; None where there is none."""
    try:
        rows = _decode_rows(body)
    except msgspec.DecodeError:
        return None
    return next((number for number, row in enumerate(rows) if _open_ms(row) == open_time_ms), None)


def _open_ms(raw: msgspec.Raw) -> int | None:
    try:
        first = _decode_time(_decode_row(raw)[0])
    except (msgspec.DecodeError, IndexError):
        return None
    return first // 1000 if first >= FIRST_MICROSECONDS else first
