"""The content of an object: the exchange's answer byte for byte, inside a JSON header that explains it.

The answer is never re-serialised: what ``decode_envelope`` hands back is what the exchange sent, so a
replay years later reads the same digits. Whether the answer makes sense is not judged here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from src.domain import DataType, Interval, format_utc, ms_from_utc
from src.lake.keys import LAST_TIMESTAMP_MS, ObjectKey

_JSON_SPACE = b" \t\n\r"


class RequestInfo(msgspec.Struct, frozen=True):
    """What was asked, for people who wonder; *weight* is what it cost of the exchange's limit."""

    method: str
    url: str
    params: dict[str, str | int]
    weight: int


@dataclass(frozen=True, slots=True)
class EnvelopeHeader:
    """What is known about an answer besides itself.

    *exchange_time_ms* is the least the exchange's clock can have shown when the request was sent (our
    clock plus offset minus its error): it decides which candles were closed, then and at every replay.
    """

    key: ObjectKey
    exchange_time_ms: int
    request: RequestInfo


@dataclass(frozen=True, slots=True)
class Envelope:
    """An object taken apart; *body* is the exchange's answer, byte for byte."""

    header: EnvelopeHeader
    body: bytes


class _Wire(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The fields as they are spelled in the file, in this order."""

    exchange: str
    symbol: str
    type: DataType
    interval: Interval | None = None
    captured_at: str
    exchange_time_ms: int
    request: RequestInfo
    data: msgspec.Raw  # stays last: decode_envelope finds the spaces around the body there


# Made once, at import: two threads that decode the type for the first time at once crash the interpreter,
# since msgspec then looks into its enums in both.
_decode_wire = msgspec.json.Decoder(_Wire).decode


def encode_envelope(header: EnvelopeHeader, body: bytes) -> bytes:
    """Return the content of an object; a body that is not JSON makes none, and raises ValueError."""
    try:
        _check_utf8(body)
        msgspec.json.decode(body, type=msgspec.Raw)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the body is not JSON: {error}") from error
    key = header.key
    wire = _Wire(
        exchange=key.exchange,
        symbol=key.symbol,
        type=key.data_type,
        interval=key.interval,
        captured_at=format_utc(key.timestamp_ms),
        exchange_time_ms=header.exchange_time_ms,
        request=header.request,
        data=msgspec.Raw(body),
    )
    return msgspec.json.encode(wire)


def decode_envelope(content: bytes) -> Envelope:
    """Take an object apart, or raise ValueError naming what is wrong with it.

    Compare ``header.key`` with the key it was found under: a renamed object still opens.
    """
    try:
        _check_utf8(content)
        wire = _decode_wire(content)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error
    if not 0 <= wire.exchange_time_ms <= LAST_TIMESTAMP_MS:
        raise ValueError(f"exchange_time_ms {wire.exchange_time_ms} is not of the years 1970 to 9999")
    header = EnvelopeHeader(_key_of(wire), wire.exchange_time_ms, wire.request)
    return Envelope(header, _with_spaces(content, bytes(wire.data)))


def _check_utf8(content: bytes) -> None:
    # msgspec does not look into the strings of a Raw field.
    if not content.isascii():
        content.decode("utf-8")


def _key_of(wire: _Wire) -> ObjectKey:
    captured_at_ms = _parse_captured_at(wire.captured_at)
    return ObjectKey(wire.exchange, wire.symbol, wire.type, wire.interval, captured_at_ms)


def _parse_captured_at(text: str) -> int:
    problem = f"captured_at {text!r} is not like 2026-01-09T14:30:00.123Z"
    try:
        captured_at_ms = ms_from_utc(datetime.fromisoformat(text))
    except ValueError as error:
        raise ValueError(problem) from error
    if format_utc(captured_at_ms) != text:
        raise ValueError(problem)
    return captured_at_ms


def _with_spaces(content: bytes, body: bytes) -> bytes:
    """Give *body* back the white space around it, which the decoder drops."""
    end = content.rindex(b"}")
    start = len(content[:end].rstrip(_JSON_SPACE)) - len(body)
    while content[start - 1] in _JSON_SPACE:
        start -= 1
    found = content[start:end]
    return found if found.strip(_JSON_SPACE) == body else body
