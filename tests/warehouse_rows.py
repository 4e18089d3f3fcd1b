"""Rows for every table of the warehouse, with all that is hard to copy, and with NULL where that may be."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, String, Table, Text

from src.domain import DAY_MS
from src.warehouse.engine import Warehouse
from src.warehouse.types import ExactDecimal, UtcDate, UtcMs
from tests.builders import DAY_START_MS

HARD_TEXT = "é – 蜡烛 🕯\n\ttab \\ back\\\\slash 'one' \"two\" %s ? :name \\N NULL \0 end"
_STEP_MS = DAY_MS // 3 + 7


def fill_table(warehouse: Warehouse, table: Table, count: int) -> None:
    """Put *count* rows into *table*, every third with NULL wherever that may be."""
    rows = [
        {column.name: _value(column, number) for column in table.columns} for number in range(1, count + 1)
    ]
    with warehouse.write() as connection:
        connection.execute(table.insert(), rows)


def _value(column: Column[Any], number: int) -> Any:  # noqa: PLR0911  one for each kind
    if column.nullable and number % 3 == 0:
        return None
    kind = column.type
    match kind:
        case UtcMs():
            return DAY_START_MS - number * _STEP_MS
        case UtcDate():
            return date(2026, 1, 9) - timedelta(days=number)
        case ExactDecimal():
            return _amount(kind.precision, number)
        case Boolean():
            return number % 2 == 0
        case Double():
            return 1 / 3 * number
        case Integer():  # BigInteger is one
            large = 2**53 + 1 if isinstance(kind, BigInteger) and not column.primary_key else 0
            return large + number
        case Text():
            return f"{number} {HARD_TEXT}"
        case String():
            return f"V{number}"[: kind.length]
    raise NotImplementedError(f"{column} is of a kind that no row was ever made for")


def _amount(precision: int, number: int) -> Decimal:
    """Return the largest, the smallest and others that a float would change."""
    most = Decimal("9" * (precision - 8) + ".99999999")
    return (most, Decimal("0.00000001"), Decimal(0), Decimal(f"{number}.10000001"))[number % 4]
