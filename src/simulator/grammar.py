"""How a fault or a change of the market is written: ``KIND[:key=value,...]``, or the same as a mapping.

Owns splitting, numbers and moments, and the words in which something wrong is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, ms_from_utc

_UNITS_MS = {"ms": 1, "s": SECOND_MS, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_OFFSET = re.compile(rf"([+-]?)((?:{_PART.pattern})+)")
MOMENTS = "an offset such as +90s or -1h30m, or a time such as 2026-01-09T10:00:00Z"


class SpecError(ValueError):
    """Something is not written as it should be; the message says what is accepted."""


class Bounds(NamedTuple):
    """The type of a number, and its least and greatest value."""

    number_type: type[int | float]
    least: float
    most: float


def split_spec(noun: str, spec: str) -> tuple[str, dict[str, str]]:
    """Take a spec as the command line writes it apart into kind and fields; *noun* says of what."""
    kind, _, rest = spec.partition(":")
    fields: dict[str, str] = {}
    for part in rest.split(",") if rest else []:
        key, equals, value = part.partition("=")
        if not equals or not value:
            raise SpecError(f"{noun} {spec!r}: {part!r} is not written key=value")
        if key.strip() in fields:
            raise SpecError(f"{noun} {spec!r}: {key.strip()} is given twice")
        fields[key.strip()] = value.strip()
    return kind.strip(), fields


def take_spec(noun: str, value: object) -> tuple[str, dict[str, object]]:
    """Return kind and fields of a spec in text, or of a mapping with a ``kind``."""
    if isinstance(value, Mapping):
        fields = {str(key): field for key, field in value.items()}
        return str(fields.pop("kind", "")), fields
    if isinstance(value, str | int) and not isinstance(value, bool):
        kind, texts = split_spec(noun, str(value))
        return kind, dict(texts)
    raise SpecError(f"{noun} {value!r} is neither KIND:key=value,... nor a mapping with a kind")


def check_keys(what: str, fields: Iterable[str], accepted: tuple[str, ...]) -> None:
    if unknown := [key for key in fields if key not in accepted]:
        raise SpecError(f"{what}: unknown {', '.join(unknown)}; accepted are {', '.join(accepted)}")


def parse_number(what: str, key: str, value: object, bounds: Bounds) -> int | float:
    number_type, least, most = bounds
    try:
        number = number_type(str(value))
    except ValueError:
        number = None
    if number is None or not least <= number <= most:
        noun = "a whole number" if number_type is int else "a number"
        raise SpecError(f"{what}: {key} is {value!r}, must be {noun} from {least} to {most}")
    return number


def find_offset_ms(value: object) -> int | None:
    """Return the milliseconds of ``+90s`` or ``-1h30m``, None when *value* is not written like that."""
    match = _OFFSET.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    total = sum(float(number) * _UNITS_MS[unit] for number, unit in _PART.findall(match[2]))
    return round(-total if match[1] == "-" else total)


def parse_moment(what: str, key: str, value: object, origin_ms: int) -> int:
    """Return UTC milliseconds; offsets count from *origin_ms*, and a time must say its zone."""
    offset_ms = find_offset_ms(value)
    if offset_ms is not None:
        return origin_ms + offset_ms
    try:
        # YAML itself makes datetimes of times that are not quoted.
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return ms_from_utc(moment)
    except ValueError:
        raise SpecError(f"{what}: {key} is {str(value)!r}, must be {MOMENTS}") from None
