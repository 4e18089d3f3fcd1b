"""Reading the parameters of a request, and Binance's words for those that are wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson

from src.domain import Interval
from src.simulator.wire import Request

_SYMBOL = re.compile(r"[A-Z0-9_.-]{1,20}")
NUMBER = re.compile(r"[0-9]{1,20}")


class Refusal(Exception):
    """A request that Binance answers 400, with its code and text."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def check_names(request: Request, accepted: tuple[str, ...]) -> None:
    if request.repeated:
        raise Refusal(-1101, f"Duplicate values for parameter '{request.repeated[0]}' detected.")
    if unread := [name for name in request.query if name not in accepted]:
        sent, read = len(request.query), len(request.query) - len(unread)
        message = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
        raise Refusal(-1104, message)


def get_mandatory(query: Mapping[str, str], name: str) -> str:
    value = query.get(name, "")
    if not value:
        raise Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    if name == "symbol":
        _check_characters(name, value, _SYMBOL)
    return value


def _check_characters(name: str, value: str, legal: re.Pattern[str]) -> None:
    if legal.fullmatch(value) is None:
        message = f"Illegal characters found in parameter '{name}'; legal range is '^{legal.pattern}$'."
        raise Refusal(-1100, message)


def find_number(query: Mapping[str, str], name: str) -> int | None:
    if name not in query:
        return None
    _check_characters(name, query[name], NUMBER)
    return int(query[name])


def parse_limit(query: Mapping[str, str], default: int, most: int) -> int:
    limit = find_number(query, "limit")
    if limit == 0:
        raise Refusal(-1130, "Data sent for parameter 'limit' is not valid.")
    return default if limit is None else min(limit, most)


def parse_interval(text: str) -> Interval:
    if text == Interval.S1:
        raise Refusal(
            -1120, "Invalid interval. (The simulator has no 1s candles; its smallest interval is 1m.)"
        )
    if text not in set(Interval):
        raise Refusal(-1120, "Invalid interval.")
    return Interval(text)


def list_wanted_symbols(query: Mapping[str, str]) -> list[str]:
    """Return the symbols asked for by ``symbol=A`` or ``symbols=["A","B"]``; empty means all."""
    if "symbol" in query:
        return [get_mandatory(query, "symbol")]
    if "symbols" not in query:
        return []
    try:
        names = orjson.loads(query["symbols"])
    except orjson.JSONDecodeError:
        names = None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise Refusal(
            -1100, "Illegal characters found in parameter 'symbols'; a JSON list of symbols is legal."
        )
    return names
