"""Columns that hold the same value on both engines: amounts to the last digit, times to the millisecond."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Dialect
from sqlalchemy.dialects import mysql, sqlite

from src.warehouse.sessions import _compare_decimals, _DecimalSum
from src.warehouse.types import ExactDecimal, UtcDate, UtcMs, canonical_decimal, code, sql_time

T0 = 1_767_968_400_123  # 2026-01-09T14:20:00.123Z
MYSQL: Dialect = mysql.dialect()
SQLITE: Dialect = sqlite.dialect()


def of_units(units: int) -> Decimal:
    """Return so many 0.00000001, whatever precision arithmetic has."""
    return Decimal(f"{units}E-8")


amounts = st.integers(-(10**20) + 1, 10**20 - 1).map(of_units)


# --- amounts ---


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0.00000000"),
        ("-0", "0.00000000"),
        ("0E-30", "0.00000000"),
        ("0E+30", "0.00000000"),
        ("42500", "42500.00000000"),
        ("1E-8", "0.00000001"),
        ("-0.00000001", "-0.00000001"),
        ("1E+11", "100000000000.00000000"),
        ("999999999999.99999999", "999999999999.99999999"),
        ("-999999999999.99999999", "-999999999999.99999999"),
        ("1.2500000000000000000000000000000000000", "1.25000000"),
    ],
)
def test_amount_has_one_form(value: str, text: str) -> None:
    assert canonical_decimal(Decimal(value), 20) == text


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("1000000000000", r"1000000000000 does not fit DECIMAL\(20,8\)"),
        ("-1000000000000", "does not fit"),
        ("1E+12", "does not fit"),
        ("1E+999999", "does not fit"),
        ("999999999999.999999999", "999999999999.999999999 "),
        ("0.000000001", "more than 8 decimals"),
        ("1E-999999", "more than 8 decimals"),
        ("1.0000000000000000000000000001", "more than 8 decimals"),
        ("0.12345678000000000000000000000000000000001", "more than 8 decimals"),
        ("NaN", "NaN is not a number that can be stored"),
        ("-Infinity", "-Infinity is not a number that can be stored"),
        ("sNaN", "sNaN is not a number that can be stored"),
    ],
)
def test_amount_that_would_change_is_refused(value: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        canonical_decimal(Decimal(value), 20)


@pytest.mark.parametrize("precision", [20, 30, 38])
def test_each_column_takes_amounts_up_to_its_very_end(precision: int) -> None:
    largest = of_units(10**precision - 1)
    text = "9" * (precision - 8) + "." + "9" * 8
    assert canonical_decimal(largest, precision) == text
    assert canonical_decimal(largest.copy_negate(), precision) == f"-{text}"
    with pytest.raises(ValueError, match="does not fit"):
        canonical_decimal(of_units(10**precision), precision)


@given(amounts)
def test_text_of_an_amount_is_that_amount(value: Decimal) -> None:
    text = canonical_decimal(value, 20)
    assert Decimal(text) == value
    assert len(text.partition(".")[2]) == 8


@given(amounts, amounts)
def test_equal_amounts_are_equal_text(one: Decimal, other: Decimal) -> None:
    texts = canonical_decimal(one, 20), canonical_decimal(other.normalize(), 20)
    assert (texts[0] == texts[1]) == (one == other)


@pytest.mark.parametrize("dialect", [MYSQL, SQLITE])
def test_amount_comes_back_as_it_went_in(dialect: Dialect) -> None:
    column = ExactDecimal(30)
    sent = Decimal("9999999999999999999999.99999999")
    bound = column.process_bind_param(sent, dialect)
    assert bound == "9999999999999999999999.99999999"
    back = column.process_result_value(bound, dialect)
    assert (back, type(back)) == (sent, Decimal)
    assert column.process_bind_param(None, dialect) is None
    assert column.process_result_value(None, dialect) is None


def test_column_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="does not fit DECIMAL"):
        ExactDecimal(20).process_bind_param(Decimal("1E+12"), SQLITE)


# --- what SQLite lacks: comparing and adding such text ---


@given(amounts, amounts)
def test_collation_orders_text_as_numbers(one: Decimal, other: Decimal) -> None:
    found = _compare_decimals(canonical_decimal(one, 20), canonical_decimal(other, 20))
    assert found == (one > other) - (one < other)


@given(st.lists(st.none() | st.integers(-(10**30) + 1, 10**30 - 1)))
def test_sum_is_exact_at_any_size(units: list[int | None]) -> None:
    total = _DecimalSum()
    for unit in units:
        total.step(None if unit is None else canonical_decimal(of_units(unit), 30))
    present = [unit for unit in units if unit is not None]
    expected = canonical_decimal(of_units(sum(present)), 60) if present else None
    assert total.finalize() == expected


# --- times and codes ---


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000"),
        (T0, "2026-01-09T14:20:00.123"),
        (T0 + 59_876, "2026-01-09T14:20:59.999"),
        (-1, "1969-12-31T23:59:59.999"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999"),
    ],
)
def test_time_is_text_that_both_engines_take(time_ms: int, text: str) -> None:
    assert sql_time(time_ms) == text


@given(st.integers(0, 253_402_300_799_999))
def test_time_comes_back_as_it_went_in(time_ms: int) -> None:
    column = UtcMs()
    bound = column.process_bind_param(time_ms, SQLITE)
    assert column.process_result_value(bound, SQLITE) == time_ms
    # mysql-connector gives datetimes without a zone; sessions run in UTC.
    from_mysql = datetime.fromisoformat(bound)
    assert column.process_result_value(from_mysql, MYSQL) == time_ms


@given(st.integers(0, 10**13), st.integers(0, 10**13))
def test_text_of_times_sorts_as_they_do(one: int, other: int) -> None:
    assert (sql_time(one) < sql_time(other)) == (one < other)


@pytest.mark.parametrize("dialect", [MYSQL, SQLITE])
def test_day_comes_back_as_it_went_in(dialect: Dialect) -> None:
    day = date(2024, 2, 29)
    assert UtcDate().process_bind_param(day, dialect) == "2024-02-29"
    for stored in ("2024-02-29", day):
        assert UtcDate().process_result_value(stored, dialect) == day


@pytest.mark.parametrize("column", [UtcMs(), UtcDate()])
def test_nothing_stays_nothing(column: Any) -> None:
    assert column.process_bind_param(None, SQLITE) is None
    assert column.process_result_value(None, SQLITE) is None


@pytest.mark.parametrize(
    ("column", "on_mysql"),
    [
        (UtcMs(), "DATETIME(3)"),
        (UtcDate(), "DATE"),
        (ExactDecimal(20), "DECIMAL(20, 8)"),
        (code(4), "VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin"),
    ],
)
def test_mysql_has_types_of_its_own_for_each(column: Any, on_mysql: str) -> None:
    assert column.dialect_impl(MYSQL).compile(dialect=MYSQL) == on_mysql
