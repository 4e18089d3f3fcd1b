"""Envelopes: the body comes back byte for byte, and a broken object says what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.domain import DataType, Interval
from src.lake.envelope import EnvelopeHeader, RequestInfo, decode_envelope, encode_envelope
from src.lake.keys import LAST_TIMESTAMP_MS, ObjectKey
from tests.unit.test_lake_keys import keys

REQUEST = RequestInfo("GET", "https://api.binance.com/api/v3/klines", {"symbol": "BTCUSDT", "limit": 1000}, 2)
KEY = ObjectKey("binance", "BTCUSDT", DataType.KLINES, Interval.M1, 1_767_968_400_123)
HEADER = EnvelopeHeader(KEY, 1_767_968_400_100, REQUEST)

spaces = st.text(" \t\n\r", max_size=3)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """JSON as an exchange may spell it: any spacing, escaped or not."""
    text = json.dumps(
        draw(json_values),
        indent=draw(st.none() | st.integers(0, 2)),
        ensure_ascii=draw(st.booleans()),
    )
    return (draw(spaces) + text + draw(spaces)).encode()


@st.composite
def headers(draw: st.DrawFn) -> EnvelopeHeader:
    params = draw(st.dictionaries(st.text(), st.text() | st.integers(-(2**63), 2**63 - 1), max_size=3))
    request = RequestInfo("GET", draw(st.text()), params, draw(st.integers(0, 6000)))
    return EnvelopeHeader(draw(keys()), draw(st.integers(0, LAST_TIMESTAMP_MS)), request)


@given(headers(), bodies())
def test_header_and_body_come_back_as_they_went_in(header: EnvelopeHeader, body: bytes) -> None:
    content = encode_envelope(header, body)
    envelope = decode_envelope(content)

    assert envelope.header == header
    assert envelope.body == body
    assert json.loads(content)["data"] == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b'[[1767968400000,"0.00000001","9999999999.99999999"]]',
        b"[1.10, 1e2,\n  -0.0, 1E-7 ]\r\n",
        b'"data"',
        b'{"data":{"data":[1]}} ',
        b'{"msg":"\xe5\xb8\x81\xe5\xae\x89 \\u5e01"}',
        b" \n 7\t",
        b'"}"',
        b'{"code":-1121,"msg":"Invalid symbol."}',
    ],
)
def test_the_body_keeps_its_digits_spaces_and_escapes(body: bytes) -> None:
    assert decode_envelope(encode_envelope(HEADER, body)).body == body


def test_the_fields_are_those_of_the_documents_and_data_comes_last() -> None:
    fields = json.loads(encode_envelope(HEADER, b"[]"))

    assert list(fields) == [
        "exchange", "symbol", "type", "interval", "captured_at", "exchange_time_ms", "request", "data"
    ]  # fmt: skip
    assert fields["captured_at"] == "2026-01-09T14:20:00.123Z"
    assert fields["type"] == "klines"
    assert fields["interval"] == "1m"
    assert fields["request"] == {
        "method": "GET",
        "url": "https://api.binance.com/api/v3/klines",
        "params": {"symbol": "BTCUSDT", "limit": 1000},
        "weight": 2,
    }


def test_depth_has_no_interval() -> None:
    key = ObjectKey("binance", "BTCUSDT", DataType.DEPTH, None, KEY.timestamp_ms)

    assert b"interval" not in encode_envelope(EnvelopeHeader(key, 0, REQUEST), b"{}")


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"[1,2", b"[1]x", b"[1][2]", b"NaN", b"[Infinity]", b"<html></html>", b'"\xff"',
        b"\xef\xbb\xbf[]", b"[1,]", b"[01]", b'],"x":[', b"[" * 100_000 + b"]" * 100_000,
    ],
    ids=lambda body: repr(body[:12]),
)  # fmt: skip
def test_a_body_that_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="the body is not JSON"):
        encode_envelope(HEADER, body)


def test_every_truncation_is_noticed() -> None:
    content = encode_envelope(HEADER, b'[[1,"2"]]')

    for length in range(len(content)):
        with pytest.raises(ValueError, match=r"truncated|malformed"):
            decode_envelope(content[:length])


def broken(**changes: Any) -> bytes:
    fields = json.loads(encode_envelope(HEADER, b"[]"))
    fields.update(changes)
    return json.dumps({name: value for name, value in fields.items() if value is not ...}).encode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (broken(symbol=...), "missing required field `symbol`"),
        (broken(data=...), "missing required field `data`"),
        (broken(exchange_time_ms="1"), r"Expected `int`, got `str` - at `\$.exchange_time_ms`"),
        (broken(exchange_time_ms=-1), "exchange_time_ms -1"),
        (broken(type="trades"), r"Invalid enum value 'trades' - at `\$.type`"),
        (broken(interval="7m"), r"Invalid enum value '7m' - at `\$.interval`"),
        (broken(interval=...), "klines with interval None"),
        (broken(type="depth"), "depth with interval 1m"),
        (broken(symbol="../etc"), "symbol '../etc'"),
        (
            broken(captured_at="2026-01-09T14:30:00.123456"),
            "captured_at '2026-01-09T14:30:00.123456' is not like",
        ),
        (broken(captured_at="2026-01-09T14:30:00.123+00:00"), "captured_at"),
        (broken(captured_at="yesterday"), "captured_at 'yesterday'"),
        (broken(request={"method": "GET"}), r"missing required field `url` - at `\$.request`"),
        (b"[]", "Expected `object`, got `array`"),
        (b"", "truncated"),
        (b"<html>", "malformed"),
        (b'{"exchange":"\xff"}', "utf-8"),
        (b'{"data":' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_broken_object_says_what_is_wrong(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        decode_envelope(content)


def test_an_object_that_a_person_reformatted_still_opens() -> None:
    fields = json.loads(encode_envelope(HEADER, b"[[1]]"))
    reordered = {"data": fields.pop("data"), "note": "}", **fields}

    envelope = decode_envelope(json.dumps(reordered, indent=2).encode() + b"\n")

    assert envelope.header == HEADER
    assert json.loads(envelope.body) == [[1]]
