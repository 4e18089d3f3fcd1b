"""Column types that hold the same value in MySQL and in SQLite.

Times go in and come out as UTC milliseconds, amounts as ``Decimal``. MySQL stores them as DATETIME(3) and
DECIMAL. SQLite has neither: there both are text of fixed form, so that equal values are equal text, and
amounts carry the collation ``decimal`` (registered by ``dialects``) because text would sort 9 after 10.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any

from sqlalchemy import Dialect, String, Text, types
from sqlalchemy.dialects import mysql

from src.domain import DAY_MS, utc_from_ms

DECIMAL_COLLATION = "decimal"
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  UTC, like all that the sessions give
_UTC_TEXT = "%Y-%m-%dT%H:%M:%S"


def sql_time(time_ms: int) -> str:
    """Return the text both engines take for a time: ``2026-01-09T14:30:00.123``, UTC."""
    return utc_from_ms(time_ms).strftime(_UTC_TEXT) + f".{time_ms % 1000:03d}"


class UtcMs(types.TypeDecorator[int]):
    """UTC milliseconds since the epoch in Python; DATETIME(3) or text in the database."""

    impl = types.TEXT
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        return dialect.type_descriptor(mysql.DATETIME(fsp=3) if dialect.name == "mysql" else types.TEXT())

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Any:
        return None if value is None else sql_time(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        if value is None:
            return None
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        # Both naive: ten times as fast as with a time zone, and there are millions of them.
        since = moment - _EPOCH
        return since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000


class UtcDate(types.TypeDecorator[date]):
    """A UTC calendar day; DATE or ISO text in the database."""

    impl = types.TEXT
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        return dialect.type_descriptor(mysql.DATE() if dialect.name == "mysql" else types.TEXT())

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:
        return None if value is None else value.isoformat()

    def process_result_value(self, value: Any, dialect: Dialect) -> date | None:
        return date.fromisoformat(value) if isinstance(value, str) else value


class ExactDecimal(types.TypeDecorator[Decimal]):
    """An amount with 8 decimals that is refused, never rounded, when it does not fit."""

    impl = types.TEXT
    cache_ok = True
    scale = 8

    def __init__(self, precision: int) -> None:
        super().__init__()
        self.precision = precision

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.DECIMAL(self.precision, self.scale))
        return dialect.type_descriptor(types.TEXT(collation=DECIMAL_COLLATION))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else canonical_decimal(value, self.precision)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


_UNIT = Decimal(1).scaleb(-ExactDecimal.scale)


def canonical_decimal(value: Decimal, precision: int) -> str:
    """Return *value* with exactly 8 decimals, e.g. ``42500.00000000``; ValueError when it would change."""
    if not value.is_finite():
        raise ValueError(f"{value} is not a number that can be stored")
    try:
        exact = value.quantize(_UNIT, context=Context(prec=precision, traps=[InvalidOperation, Inexact]))
    except InvalidOperation:
        raise ValueError(f"{value} does not fit DECIMAL({precision},{ExactDecimal.scale})") from None
    except Inexact:
        raise ValueError(f"{value} has more than {ExactDecimal.scale} decimals") from None
    # Minus nought is nought: equal amounts must be equal text.
    return f"{exact or exact.copy_abs():f}"


def code(length: int) -> types.TypeEngine[str]:
    """Return the type of identifiers: ASCII and case-sensitive, so that ``1m`` is not ``1M``."""
    return String(length).with_variant(mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql")


def prose() -> types.TypeEngine[str]:
    """Return the type of text written for people."""
    return Text().with_variant(mysql.TEXT(charset="utf8mb4", collation="utf8mb4_bin"), "mysql")
