"""What Binance means when it refuses: who has to act, and when to come back.

Codes as Binance documents them in "Error codes for Binance"; statuses as in its general API information.
"""

from __future__ import annotations

import re
from typing import Any

from src.errors import SourceError, SourcePermanent
from src.extract.breaker import SourceDown
from src.extract.http import HttpAnswer, excerpt, find_retry_after_s, sane_wait_s
from src.extract.retry import FirewallRefused

_EXCHANGE = "binance"
INVALID_SYMBOL = -1121
ILLEGAL_CHARACTERS = -1100
_TOO_MANY_REQUESTS = -1003
# Disconnected, unexpected answer, timeout, overloaded, shutting down; -1000 is "unknown error".
_TRANSIENT = {-1000, -1001, -1006, -1007, -1008, -1016}

_WHAT_TO_DO = {
    INVALID_SYMBOL: "the exchange knows no such symbol: check the spelling, or stop tracking it",
    ILLEGAL_CHARACTERS: "a symbol is written like BTCUSDT: check the spelling",
    -1102: "the exchange misses a parameter: this version may be too old for it",
    -1120: "the exchange has no such interval: take one of 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M",
    -1127: "the window is too long for the exchange: ask for a shorter one",
}
_MARKET_DATA = "for market data alone set BINANCE_BASE_URL=https://data-api.binance.vision"
_BANNED_UNTIL = re.compile(r"banned until (\d{13})\b")
# By Retry-After's absence: a minute's limit is over in a minute, and the shortest ban lasts two.
_LIMIT_WAIT_S, _BAN_WAIT_S = 60.0, 120.0


class Refused(SourcePermanent):
    """Binance refused for good, with one of its codes."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(_EXCHANGE, message)
        self.code = code


def find_block(answer: HttpAnswer, body: Any, exchange_ahead_ms: int) -> tuple[int, str] | None:
    """Return until when (our clock) and why nobody may call, None when the answer does not say so.

    ``Retry-After`` needs no clock and so goes before the text's "banned until", which is the exchange's.
    """
    code, message = _code_and_message(body)
    if answer.status not in {418, 429} and code != _TOO_MANY_REQUESTS:
        return None
    is_ban = answer.status == 418
    wait_s = find_retry_after_s(answer.headers)
    if wait_s is None and (banned := _BANNED_UNTIL.search(message)):
        wait_s = sane_wait_s((int(banned[1]) - exchange_ahead_ms - answer.received_at_ms) / 1000)
    if wait_s is None:
        wait_s = _BAN_WAIT_S if is_ban else _LIMIT_WAIT_S
    what = "418, address banned" if is_ban else f"{answer.status}, too many requests"
    return answer.received_at_ms + round(wait_s * 1000), what


def find_refusal(answer: HttpAnswer, body: Any, about: str) -> SourceError | None:
    """Return the error that an answer amounts to, None when it is what was asked for.

    *body* is None when it is not complete JSON.
    """
    code, message = _code_and_message(body)
    status = answer.status
    if status == 451:
        return _refused_region(message)
    if status >= 500 or code in _TRANSIENT:
        return _down(f"{about}: status {status}, {message or excerpt(answer.body)}")
    if code is not None and code < 0:
        hint = _WHAT_TO_DO.get(code, "this version asks for something the exchange does not offer (any more)")
        return Refused(f"{about}: {message} ({code}): {hint}", code)
    if body is None:
        return _no_json(answer, about)
    if status != 200:
        said = f"{about}: status {status}, {excerpt(answer.body)}"
        return SourcePermanent(_EXCHANGE, f"{said}: check BINANCE_BASE_URL")
    return None


def _no_json(answer: HttpAnswer, about: str) -> SourceError:
    said = f"{about}: status {answer.status}, {excerpt(answer.body)}"
    if answer.status == 403:
        why = (
            "a firewall refuses this address for now; the next cycle tries again. If it stays so, calls from "
            f"this region or network are not wanted: {_MARKET_DATA}"
        )
        return FirewallRefused(_EXCHANGE, f"{said}: {why}")
    if 300 <= answer.status < 400:
        to = answer.headers.get("Location", "elsewhere")
        return SourcePermanent(_EXCHANGE, f"{about}: redirected to {to}: correct BINANCE_BASE_URL")
    if answer.status in {404, 405, 407, 410}:
        return SourcePermanent(_EXCHANGE, f"{said}: check BINANCE_BASE_URL and the proxy")
    return _down(f"{said} is not complete JSON")


def _refused_region(message: str) -> SourcePermanent:
    return SourcePermanent(
        _EXCHANGE,
        f"refuses calls from this region for good (451, {message or 'no reason given'}): {_MARKET_DATA}",
    )


def _down(message: str) -> SourceDown:
    return SourceDown(_EXCHANGE, message)


def _code_and_message(body: Any) -> tuple[int | None, str]:
    if not isinstance(body, dict) or not isinstance(body.get("code"), int):
        return None, ""
    return body["code"], str(body.get("msg", ""))
