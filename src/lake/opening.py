"""Opens any object of the lake: ours, and those of pipelines that wrote the same layout before us.

An earlier pipeline's file is ``{date}/{symbol}_{klines|depth}_{timestamp_ms}.json`` with symbol, type,
interval and data, and a ``captured_at`` without a time zone. That is not trusted: the key's timestamp, which
is UTC, stands for the time of capture and of the exchange. Its folder may be named after a local date.
docs/dropped-in-files.md tells people.
"""

from __future__ import annotations

import re

import msgspec

from src.domain import DataType, Interval
from src.lake.envelope import Envelope, EnvelopeHeader, RequestInfo, decode_envelope
from src.lake.keys import HOME_EXCHANGE, ObjectKey, parse_key

_FOREIGN_KEY = re.compile(
    r"\d{4}-\d{2}-\d{2}/(?P<symbol>[^/]+)_(?P<type>klines|depth)_(?P<timestamp>\d{1,15})\.json"
)
_UNKNOWN_REQUEST = RequestInfo("GET", "unknown: written by an earlier pipeline", {}, 0)


class _Foreign(msgspec.Struct):
    symbol: str
    type: DataType
    data: msgspec.Raw
    interval: Interval | None = None
    exchange: str = HOME_EXCHANGE


# Made at import, see ``envelope``.
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_foreign = msgspec.json.Decoder(_Foreign).decode


def open_object(text: str, content: bytes) -> Envelope:
    """Take the object under key *text* apart; ValueError says what is wrong with it or its name."""
    try:
        envelope = decode_envelope(content)
    except ValueError:
        if _is_foreign(content):
            return _open_foreign(text, content)
        raise
    if envelope.header.key.text != text:
        inside = envelope.header.key.text
        raise ValueError(f"it says inside that it is {inside}: it was renamed or copied by hand")
    return envelope


def key_of(text: str, content: bytes) -> ObjectKey:
    """Return what the object under *text* is, readable or not; ValueError for a name without a meaning."""
    try:
        return open_object(text, content).header.key
    except ValueError:
        return parse_key(text)


def may_be_object(text: str) -> bool:
    """Whether an object can have this name; what has another is never adopted, whatever it holds."""
    try:
        parse_key(text)
    except ValueError:
        return _FOREIGN_KEY.fullmatch(text) is not None
    return True


def _is_foreign(content: bytes) -> bool:
    """Whether an earlier pipeline wrote it: readable, and without what ours always say."""
    try:
        fields = _decode_fields(content)
    except (msgspec.DecodeError, RecursionError):
        return False
    has = fields.keys()
    return {"symbol", "type", "data"} <= has and not {"request", "exchange_time_ms"} & has


def _open_foreign(text: str, content: bytes) -> Envelope:
    match = _FOREIGN_KEY.fullmatch(text)
    if match is None:
        raise ValueError(f"key {text!r} is not like 2026-01-09/BTCUSDT_klines_1767968400123.json")
    foreign = _decode_foreign(content)
    if (foreign.symbol, foreign.type.value) != (match["symbol"], match["type"]):
        raise ValueError(f"it holds {foreign.type.value} of {foreign.symbol}, its key says otherwise")
    if foreign.exchange.lower() != HOME_EXCHANGE:
        raise ValueError(f"it is of {foreign.exchange}, but lies where objects of {HOME_EXCHANGE} do")
    is_depth = foreign.type is DataType.DEPTH
    interval = None if is_depth else foreign.interval or Interval.M1
    key = ObjectKey(HOME_EXCHANGE, foreign.symbol, foreign.type, interval, int(match["timestamp"]))
    header = EnvelopeHeader(key, key.timestamp_ms, _UNKNOWN_REQUEST)
    return Envelope(header, bytes(foreign.data))
