"""Klines of an answer to rows to store: nothing is changed on the way, and nothing false is stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.domain import DAY_MS, MINUTE_MS, Interval, format_utc, ms_from_utc, utc_from_ms
from src.transform.klines import BadKline, parse_klines
from src.warehouse.facts import CANDLE_COLUMNS
from tests.builders import DAY_START_MS as T0
from tests.builders import Kline, make_kline, random_kline

LATER = T0 + 365 * DAY_MS


def changed(open_ms: int, changes: Mapping[str, Any]) -> Kline:
    return make_kline(open_ms, **changes)


def body_of(*klines: Any) -> bytes:
    return msgspec.json.encode(klines)


def parse(
    *klines: Any, interval: Interval = Interval.M1, exchange_time_ms: int = LATER
) -> list[dict[str, str]]:
    """Return the rows by column; their open times must be those that come beside them."""
    times, rows = parse_klines(body_of(*klines), interval, exchange_time_ms)
    named = [dict(zip(CANDLE_COLUMNS, row.split("\t"), strict=True)) for row in rows]
    assert [sql_time(int(time)) for time in times] == [row["open_time"] for row in named]
    return named


def sql_time(time_ms: int) -> str:
    return format_utc(time_ms).removesuffix("Z")


def refusal(*klines: Any, interval: Interval = Interval.M1) -> str:
    with pytest.raises(BadKline) as caught:
        parse_klines(body_of(*klines), interval, LATER)
    return str(caught.value)


# --- what is stored ---


def test_row_is_stored_as_it_was_sent() -> None:
    sent = make_kline(T0)
    assert parse(sent) == [
        {
            "open_time": "2026-01-09T00:00:00.000",
            "open_price": "100.00000000",
            "high_price": "110.00000000",
            "low_price": "90.00000000",
            "close_price": "105.00000000",
            "volume": "12.50000000",
            "close_time": "2026-01-09T00:00:59.999",
            "quote_volume": "1250.00000000",
            "trade_count": "7",
            "taker_buy_volume": "5.00000000",
            "taker_buy_quote_volume": "500.00000000",
        }
    ]


def test_empty_answer_holds_no_candle() -> None:
    times, rows = parse_klines(b"[]", Interval.M1, LATER)
    assert (len(times), rows) == (0, [])


def test_real_answer_is_read_to_the_last_digit(real_data_dir: Path) -> None:
    body = (real_data_dir / "binance" / "http_spot_market_klines.json").read_bytes()
    sent = msgspec.json.decode(body)
    step_ms = sent[1][0] - sent[0][0]
    [interval] = [one for one in Interval if one.fixed_ms == step_ms]
    last_open_ms = sent[-1][0]
    times, rows = parse_klines(body, interval, last_open_ms + step_ms - 1)
    assert [int(time) for time in times] == [row[0] for row in sent[:-1]]
    for row, text in zip(sent, rows, strict=False):
        values = text.split("\t")
        assert ms_of(values[0]) == row[0]
        assert ms_of(values[6]) == row[6]
        assert values[1:6] + values[7:8] == row[1:6] + row[7:8]
        assert values[8:] == [str(row[8]), *row[9:11]]
    _, with_the_last = parse_klines(body, interval, last_open_ms + step_ms)
    assert len(with_the_last) == len(sent)


def ms_of(text: str) -> int:
    return ms_from_utc(datetime.fromisoformat(text + "+00:00"))


@pytest.mark.parametrize("seed", range(5))
def test_any_amount_in_range_comes_out_as_it_went_in(seed: int) -> None:
    random = Random(seed)
    sent = [random_kline(random, T0 + n * MINUTE_MS) for n in range(50)]
    for kline, row in zip(sent, parse(*sent), strict=True):
        assert {name: row[name] for name in row if "time" not in name} == {
            name: str(value) for name, value in kline._asdict().items() if name in row and "time" not in name
        }


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("1.5", "1.50000000"),
        ("7", "7.00000000"),
        ("1E+2", "100.00000000"),
        ("1e-8", "0.00000001"),
        ("+3.10", "3.10000000"),
        ("0012.5", "12.50000000"),
        ("1.500000000000", "1.50000000"),
        ("999999999999.99999999", "999999999999.99999999"),
    ],
)
def test_price_of_another_form_keeps_its_value(sent: str, stored: str) -> None:
    prices = dict.fromkeys(("open_price", "high_price", "low_price", "close_price"), sent)
    [row] = parse(changed(T0, prices))
    assert {row[name] for name in prices} == {stored}


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("1E+21", "1000000000000000000000.00000000"),
        ("9999999999999999999999.99999999", "9999999999999999999999.99999999"),
        # Thirty digits, written in a way that has to be rewritten: more than Python keeps by default.
        ("1234567890123456789012.1234567", "1234567890123456789012.12345670"),
        ("0", "0.00000000"),
        ("-0.0", "0.00000000"),
        ("-0.00000000", "0.00000000"),
    ],
)
def test_volume_of_another_form_keeps_its_value(sent: str, stored: str) -> None:
    [row] = parse(make_kline(T0, volume=sent, taker_buy_quote_volume=sent))
    assert (row["volume"], row["taker_buy_quote_volume"]) == (stored, stored)


def test_one_row_of_another_form_leaves_the_others_as_they_are() -> None:
    rows = parse(make_kline(T0), make_kline(T0 + MINUTE_MS, volume="3"), make_kline(T0 + 2 * MINUTE_MS))
    assert [row["volume"] for row in rows] == ["12.50000000", "3.00000000", "12.50000000"]


def test_microseconds_are_floored_to_milliseconds() -> None:
    sent = make_kline(T0 * 1000, close_time=T0 * 1000 + 59_999_999)
    [row] = parse(sent)
    assert (row["open_time"], row["close_time"]) == ("2026-01-09T00:00:00.000", "2026-01-09T00:00:59.999")


def test_candle_without_a_trade_is_stored() -> None:
    nothing = dict.fromkeys(
        ("volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume"), "0.00000000"
    )
    flat = dict.fromkeys(("open_price", "high_price", "low_price", "close_price"), "42.00000000")
    [row] = parse(changed(T0, {"trade_count": 0, **nothing, **flat}))
    assert (row["trade_count"], row["volume"], row["close_price"]) == ("0", "0.00000000", "42.00000000")


def test_off_grid_candle_is_stored_where_it_opened() -> None:
    [row] = parse(make_kline(T0 + 17_345))
    assert row["open_time"] == "2026-01-09T00:00:17.345"


def test_hole_between_candles_stays_a_hole() -> None:
    assert len(parse(make_kline(T0), make_kline(T0 + 80 * MINUTE_MS))) == 2


# --- closed or forming ---


@pytest.mark.parametrize("interval", list(Interval))
def test_candle_is_forming_until_the_exchange_is_past_its_interval(interval: Interval) -> None:
    opens = interval.floor(T0)
    for behind_ms, count in ((-1, 0), (0, 1), (1, 1)):
        end_ms = interval.next(opens)
        found = parse(make_kline(opens, interval), interval=interval, exchange_time_ms=end_ms + behind_ms)
        assert len(found) == count


def test_close_time_says_nothing_about_being_closed() -> None:
    cut_short = make_kline(T0, close_time=T0 + 20_000)
    assert parse(cut_short, exchange_time_ms=T0 + 59_999) == []
    [row] = parse(cut_short, exchange_time_ms=T0 + MINUTE_MS)
    assert row["close_time"] == "2026-01-09T00:00:20.000"


def test_two_forming_candles_are_both_dropped() -> None:
    """Around the turn of a minute the exchange may show the next one before we may call the last closed."""
    rows = [make_kline(T0 + n * MINUTE_MS) for n in range(3)]
    assert len(parse(*rows, exchange_time_ms=T0 + 2 * MINUTE_MS - 1)) == 1


def test_off_grid_month_is_closed_when_a_month_has_passed() -> None:
    """It opens on the 31st, and there is no 31st of February."""
    opens = ms_from_utc(utc_from_ms(T0).replace(day=31))
    ends = ms_from_utc(utc_from_ms(T0).replace(month=2, day=28))
    kline = make_kline(opens, Interval.MO1)
    assert parse(kline, interval=Interval.MO1, exchange_time_ms=ends - 1) == []
    assert len(parse(kline, interval=Interval.MO1, exchange_time_ms=ends)) == 1


# --- sent twice, or out of order ---


def test_candle_sent_twice_alike_is_taken_once() -> None:
    first, second = make_kline(T0), make_kline(T0 + MINUTE_MS)
    assert parse(first, first, second, second, second) == parse(first, second)


def test_candle_sent_twice_in_two_forms_of_one_value_is_taken_once() -> None:
    assert len(parse(make_kline(T0, volume="12.5"), make_kline(T0, volume="12.50"))) == 1


def test_two_different_candles_of_one_minute_are_refused() -> None:
    told = refusal(make_kline(T0 - MINUTE_MS), make_kline(T0), make_kline(T0, trade_count=8))
    assert told == "row 2: another candle of 2026-01-09T00:00:00.000 than the row above it"


def test_candle_that_opens_before_the_one_above_is_refused() -> None:
    told = refusal(make_kline(T0), make_kline(T0 + MINUTE_MS), make_kline(T0))
    assert told == "row 2: opens before the row above it"


# --- what is refused, and what the message names ---

PRICE_COLUMNS = ["open_price", "high_price", "low_price", "close_price"]
VOLUME_COLUMNS = ["volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume"]


@pytest.mark.parametrize("column", [*PRICE_COLUMNS, *VOLUME_COLUMNS])
@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("-1.00000000", "-1.00000000 is negative"),
        ("-1E-9", "-1E-9 is negative"),
        ("NaN", "NaN"),
        ("sNaN", "sNaN"),
        ("Infinity", "Infinity is not a number that can be stored"),
        ("", "'' is not a number"),
        ("12,5", "'12,5' is not a number"),
        ("0x10", "'0x10' is not a number"),
        ("null", "'null' is not a number"),
        ("1.123456789", "1.123456789 has more than 8 decimals"),
        ("1E-9", "1E-9 has more than 8 decimals"),
        # More digits than any arithmetic keeps by default: must not be rounded to something that fits.
        ("1.0000000000000000000000000000000001", "has more than 8 decimals"),
        ("1E-999999", "1E-999999 has more than 8 decimals"),
        ("1E+999999", "1E+999999 does not fit DECIMAL("),
        ("99999999999999999999999.0", "99999999999999999999999.0 does not fit DECIMAL("),
        ("1.00000000\t2.00000000", "is not a number"),
        ("1.00000000\n2.00000000", "is not a number"),
    ],
)
def test_amount_that_cannot_be_stored_is_named(column: str, value: str, told: str) -> None:
    message = refusal(make_kline(T0), changed(T0 + MINUTE_MS, {column: value}))
    assert message.startswith("row 1: ")
    assert told in message


@pytest.mark.parametrize("column", PRICE_COLUMNS)
@pytest.mark.parametrize("value", ["1000000000000.00000000", "1E+12", "9999999999999.1"])
def test_price_with_13_digits_before_the_point_is_refused(column: str, value: str) -> None:
    message = refusal(changed(T0, {column: value}))
    assert message.startswith("row 0: ")
    assert "does not fit DECIMAL(20,8)" in message


@pytest.mark.parametrize("column", VOLUME_COLUMNS)
def test_volume_with_23_digits_before_the_point_is_refused(column: str) -> None:
    assert "does not fit DECIMAL(30,8)" in refusal(changed(T0, {column: "1E+22"}))


@pytest.mark.parametrize("nought", ["0.00000000", "0", "0E-30", "-0"])
def test_price_of_nought_is_refused(nought: str) -> None:
    prices = dict.fromkeys(PRICE_COLUMNS, nought)
    assert "row 1: price 0.00000000 is not above nought" in refusal(make_kline(T0), changed(T0 + 1, prices))
    assert "is not above nought" in refusal(make_kline(T0, low_price=nought))


@pytest.mark.parametrize(
    "changes",
    [
        {"high_price": "89.00000000", "low_price": "110.00000000"},
        {"open_price": "110.00000001"},
        {"open_price": "89.99999999"},
        {"close_price": "110.00000001"},
        {"close_price": "89.99999999"},
        {"close_price": "9.00000000"},  # as text it would lie between them
        {"high_price": "9.00000000"},
        # Too close for a float to tell apart.
        {"close_price": "900000000000.00000002", "high_price": "900000000000.00000001"},
    ],
)
def test_open_and_close_must_lie_within_low_and_high(changes: dict[str, str]) -> None:
    wrong = changed(T0 + MINUTE_MS, changes)
    message = refusal(make_kline(T0), wrong)
    assert message == (
        f"row 1: open {wrong.open_price}, close {wrong.close_price} are not within "
        f"low {wrong.low_price} and high {wrong.high_price}"
    )


def test_prices_of_different_lengths_are_compared_as_numbers() -> None:
    [row] = parse(make_kline(T0, low_price="9.00000000", high_price="1000.00000000"))
    assert (row["low_price"], row["high_price"]) == ("9.00000000", "1000.00000000")


@pytest.mark.parametrize("count", [-1, 10**18, 10**30])
def test_trade_count_out_of_range_is_refused(count: int) -> None:
    assert str(count) in refusal(make_kline(T0), make_kline(T0 + MINUTE_MS, trade_count=count))


@pytest.mark.parametrize("column", ["open_time", "close_time"])
@pytest.mark.parametrize("time", [-1, 4_102_444_800_001, 10**16, 10**30])
def test_time_out_of_range_is_refused(column: str, time: int) -> None:
    message = refusal(make_kline(T0), changed(T0 + MINUTE_MS, {column: time}))
    assert "time" in message or "integer" in message.lower()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"{}",
        b'{"code":-1121,"msg":"Invalid symbol."}',
        b"<html></html>",
        b"[[1,2,3]]",
        b"[1]",
        body_of(make_kline(T0))[:-1],
        body_of(make_kline(T0)[:11]),
        body_of((*make_kline(T0), "0")),
        body_of(make_kline(T0, open_price=1.5)),
        body_of(make_kline(T0, open_price=None)),
        body_of(make_kline(T0, trade_count="7")),
        body_of(make_kline(T0, trade_count=7.5)),
        body_of(make_kline(T0, open_time=str(T0))),
    ],
)
def test_body_that_is_no_list_of_klines_is_refused(body: bytes) -> None:
    with pytest.raises(BadKline, match="the body is not a list of Binance klines"):
        parse_klines(body, Interval.M1, LATER)


@given(st.lists(st.text(max_size=30), min_size=8, max_size=8))
def test_whatever_an_amount_says_it_is_stored_exactly_or_refused(texts: list[str]) -> None:
    """No other error leaves the parser: one object would stop all the others."""
    sent = changed(T0, dict(zip([*PRICE_COLUMNS, *VOLUME_COLUMNS], texts, strict=True)))
    try:
        [row] = parse(sent)
    except BadKline:
        return
    for name in [*PRICE_COLUMNS, *VOLUME_COLUMNS]:
        assert Decimal(row[name]) == Decimal(getattr(sent, name))


@given(
    st.lists(st.integers(0, 30), max_size=12),
    st.integers(0, 31),
)
def test_times_that_come_out_are_closed_ascending_and_were_sent(minutes: list[int], closed: int) -> None:
    sent = [make_kline(T0 + minute * MINUTE_MS) for minute in minutes]
    kept = [kline for kline in sent if kline.open_time + MINUTE_MS <= T0 + closed * MINUTE_MS]
    try:
        rows = parse(*sent, exchange_time_ms=T0 + closed * MINUTE_MS)
    except BadKline:
        assert kept != sorted(kept, key=lambda kline: kline.open_time)
        return
    assert [row["open_time"] for row in rows] == [sql_time(t) for t in sorted({k.open_time for k in kept})]


def test_builder_and_parser_agree_on_the_columns() -> None:
    assert set(Kline._fields) - {"unused"} == set(CANDLE_COLUMNS)
