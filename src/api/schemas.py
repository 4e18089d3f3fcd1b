"""What the schemas of all routes are made of: strict models, and the kinds of values that many of them take.

Times come in as ISO 8601 or epoch milliseconds and leave as epoch milliseconds under a name that ends in
``_ms``; what is one thing, and not a row of many, also says them in ISO 8601. All of them are UTC. Amounts
leave as decimal strings, exactly as they are kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from src.api.problems import invalid
from src.domain import Interval, ms_from_utc

# The last millisecond of the year 9998: there is room left for the longest interval.
_LAST_MS = 253_370_764_799_999
# A number below it, a day of 1973 in milliseconds, is likely to be seconds.
_FIRST_NUMBER = 100_000_000_000
_NUMBER = re.compile(r"0|[0-9]{9,18}")
_LOST_PLUS = re.compile(r"(T[0-9:.]+) ([0-9]{2}:?[0-9]{2})$")
_TIME = (
    "ISO 8601 like 2026-01-31T14:30Z or 2026-01-31 (UTC unless it says otherwise), or epoch milliseconds; "
    "of the years 1970 to 9998"
)


class In(BaseModel):
    """Base of what comes in: what is not named is refused, so that a misspelt parameter is not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Out(BaseModel):
    """Base of what goes out: all fields are always there, those with a default included."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


def parameter(default: Any = ..., *, about: str, example: Any = None, **bounds: Any) -> Any:
    """Describe a field; a test asks each route with the *example* of its fields, which should give 200."""
    extra = {} if example is None else {"example": example}
    return Field(default, description=about, json_schema_extra=extra, **bounds)


def parse_time(value: object) -> int:
    """Return UTC milliseconds of an ISO 8601 time, or of a number of them."""
    text = str(value).strip()
    try:
        time_ms = _from_number(text) if _NUMBER.fullmatch(text) else _from_iso(text)
    except (ValueError, OverflowError):
        time_ms = -1
    if isinstance(value, bool) or not 0 <= time_ms <= _LAST_MS:
        raise PydanticCustomError(
            "time", "{value} is not a time that is accepted", {"value": repr(text[:64]), "accepted": _TIME}
        )
    return time_ms


def _from_number(text: str) -> int:
    time_ms = int(text)
    # Seconds would pass for a day of 1970.
    return time_ms if time_ms >= _FIRST_NUMBER or time_ms == 0 else -1


def _from_iso(text: str) -> int:
    # The + of an offset that was not escaped in a query arrives as a blank.
    moment = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text))
    return ms_from_utc(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


_A_TIME = {
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "integer", "minimum": _FIRST_NUMBER}],
    "description": _TIME,
}
TimeMs = Annotated[int, BeforeValidator(parse_time), WithJsonSchema(_A_TIME)]
"""A time in a request, UTC milliseconds for the route."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a kind of name is spelled; *accepted* is the pattern in words."""

    pattern: str
    accepted: str

    def check(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise PydanticCustomError("spelling", "is not spelled so", {"accepted": self.accepted})
        return text

    @property
    def schema(self) -> WithJsonSchema:
        return WithJsonSchema({"type": "string", "pattern": f"^{self.pattern}$"})


def _capitals(value: object) -> object:
    # As the commands do; of other alphabets a letter can become two.
    return value.upper() if isinstance(value, str) and value.isascii() else value


_SYMBOL = Spelling("[A-Z0-9]{2,20}", "letters and digits, 2 to 20, like BTCUSDT")
_EXCHANGE = Spelling("[a-z0-9]{1,16}", "small letters and digits, 1 to 16, like binance")
_CODE = Spelling("[a-z0-9_]{1,48}", "small letters, digits and _, 1 to 48, like fetch_window")
SymbolName = Annotated[str, BeforeValidator(_capitals), AfterValidator(_SYMBOL.check), _SYMBOL.schema]
"""A symbol as the exchange spells it; small letters are taken for capital ones."""
ExchangeName = Annotated[str, AfterValidator(_EXCHANGE.check), _EXCHANGE.schema]
CodeName = Annotated[str, AfterValidator(_CODE.check), _CODE.schema]
"""A kind of run, or a job."""
IntervalName = Interval
_MOST_SYMBOLS = 500


def _refuse_none(value: object) -> object:
    """Refuse a list of nothing: a program whose choice came out empty would get all."""
    if value == []:
        accepted = "one symbol at least; leave the field out for all"
        raise PydanticCustomError("none_named", "names none", {"accepted": accepted})
    return value


NamedSymbols = Annotated[
    list[SymbolName], Field(min_length=1, max_length=_MOST_SYMBOLS), BeforeValidator(_refuse_none)
]
"""Symbols of a body, which may be left out for all: empty for the route then."""


def named_symbols(about: str, otherwise: str = "all that are tracked") -> Any:
    """Describe such a field."""
    return Field(default_factory=list, description=f"{about}; {otherwise} where the field is left out.")


def check_window(start_ms: int | None, end_ms: int | None) -> None:
    """Refuse a window that ends before it starts: nothing would be in it."""
    if start_ms is not None and end_ms is not None and end_ms <= start_ms:
        raise invalid("end", "does not come after start", "a time after start")


class OfExchange(In):
    """Query of a route about symbols."""

    exchange: ExchangeName = parameter("binance", about="The exchange.")


class OfSymbol(In):
    """Path of a route about one symbol."""

    symbol: SymbolName = parameter(about="A symbol as the exchange spells it.", example="BTCUSDT")


class OfId(In):
    """Path of a route about one thing that has a number."""

    id: int = parameter(about="Its number.", example=1, ge=1, le=2**63 - 1)


class Done(Out):
    """Says that something was done which has nothing to tell."""

    ok: bool = True
