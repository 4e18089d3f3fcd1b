"""Faults: how they are written, for whom they are meant, and what an answer looks like when one happens.

A fault is written ``KIND[:key=value,...]``, for instance::

    429:retry_after=2,count=3          the next three calls are answered 429
    5xx:status=503,path=klines         every klines call fails
    slow:delay=1.5,probability=0.1     every tenth answer comes late
    html:status=403,symbol=BTCUSDT     a firewall's page for one symbol

Where it applies: ``path`` (ping, time, exchangeInfo, klines, depth), ``symbol``. How often: ``count``
(times), ``after`` (matching calls let through first), ``seconds`` (by the simulator's clock, from when it
was set), ``probability``. Without these it applies always.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from src.simulator.wire import HTML_TYPE, Answer, Request, error_answer

ENDPOINTS = ("ping", "time", "exchangeInfo", "klines", "depth")


class FaultKind(StrEnum):
    TOO_MANY_REQUESTS = "too_many_requests"
    BANNED = "banned"
    RESTRICTED = "restricted"
    SERVER_ERROR = "server_error"
    HTML_BODY = "html_body"
    TRUNCATED_JSON = "truncated_json"
    SLOW = "slow"


class FaultError(ValueError):
    """A fault is not written as it should be; the message says what is accepted."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One setting of the dial; *retry_after* and *delay* are seconds, and matter to their own kinds alone."""

    kind: FaultKind
    path: str | None = None
    symbol: str | None = None
    count: int | None = None
    after: int = 0
    seconds: float | None = None
    probability: float = 1.0
    retry_after: int = 1
    status: int = 500
    code: int = -1000
    delay: float = 1.0

    def concerns(self, request: Request) -> bool:
        return self.path in {None, request.endpoint} and self.symbol in {None, request.query.get("symbol")}


_SHORT_KINDS = {
    "429": FaultKind.TOO_MANY_REQUESTS,
    "418": FaultKind.BANNED,
    "451": FaultKind.RESTRICTED,
    "5xx": FaultKind.SERVER_ERROR,
    "html": FaultKind.HTML_BODY,
    "truncated": FaultKind.TRUNCATED_JSON,
}
_EVERY_KEY = ("path", "symbol", "count", "after", "seconds", "probability")
_OWN_KEYS: dict[FaultKind, tuple[str, ...]] = {
    FaultKind.TOO_MANY_REQUESTS: ("retry_after",),
    FaultKind.BANNED: ("retry_after",),
    FaultKind.RESTRICTED: (),
    FaultKind.SERVER_ERROR: ("status", "code"),
    FaultKind.HTML_BODY: ("status",),
    FaultKind.TRUNCATED_JSON: (),
    FaultKind.SLOW: ("delay",),
}
_DEFAULTS: dict[FaultKind, dict[str, int]] = {
    FaultKind.BANNED: {"retry_after": 120},
    FaultKind.HTML_BODY: {"status": 502},
}
# Per key: its type, and the least and the greatest value.
_NUMBERS: dict[str, tuple[type[int | float], float, float]] = {
    "count": (int, 1, 10**9),
    "after": (int, 0, 10**9),
    "seconds": (float, 0, 10**9),
    "probability": (float, 0, 1),
    "retry_after": (int, 0, 10**9),
    "status": (int, 400, 599),
    "code": (int, -9999, 0),
    "delay": (float, 0, 3600),
}


def parse_fault(spec: str) -> Fault:
    """Read a fault as the command line writes it; the grammar stands at the top of this file."""
    kind, _, rest = spec.partition(":")
    fields: dict[str, str] = {}
    for part in rest.split(",") if rest else []:
        key, equals, value = part.partition("=")
        if not equals or not value:
            raise FaultError(f"fault {spec!r}: {part!r} is not written key=value")
        if key.strip() in fields:
            raise FaultError(f"fault {spec!r}: {key.strip()} is given twice")
        fields[key.strip()] = value.strip()
    return build_fault(kind.strip(), fields)


def build_fault(kind_name: str, fields: Mapping[str, object]) -> Fault:
    """Check a fault's parts, as they come from a spec or from JSON."""
    kind = _parse_kind(kind_name)
    accepted = (*_EVERY_KEY, *_OWN_KEYS[kind])
    if unknown := [key for key in fields if key not in accepted]:
        raise FaultError(f"fault {kind}: unknown {', '.join(unknown)}; accepted are {', '.join(accepted)}")
    values = {key: _parse_value(kind, key, value) for key, value in fields.items() if value is not None}
    return Fault(kind, **{**_DEFAULTS.get(kind, {}), **values})  # type: ignore[arg-type]  # checked by _parse_value


def _parse_kind(name: str) -> FaultKind:
    if name in _SHORT_KINDS:
        return _SHORT_KINDS[name]
    if name in set(FaultKind):
        return FaultKind(name)
    known = ", ".join([*_SHORT_KINDS, *FaultKind])
    raise FaultError(f"unknown fault {name!r}; known are {known}")


def _parse_value(kind: FaultKind, key: str, value: object) -> str | int | float:
    if key == "path":
        endpoint = str(value).rpartition("/")[2]
        if endpoint not in ENDPOINTS:
            raise FaultError(f"fault {kind}: path {value!r} is none of {', '.join(ENDPOINTS)}")
        return endpoint
    if key == "symbol":
        return str(value)
    number_type, least, most = _NUMBERS[key]
    try:
        number = number_type(str(value))
    except ValueError:
        number = None
    if number is None or not least <= number <= most:
        noun = "a whole number" if number_type is int else "a number"
        raise FaultError(f"fault {kind}: {key} is {value!r}, must be {noun} from {least} to {most}")
    return number


def describe_fault(fault: Fault) -> dict[str, object]:
    """Return the settings that mean something for this kind."""
    meaningful = ("kind", *_EVERY_KEY, *_OWN_KEYS[fault.kind])
    return {key: value for key, value in asdict(fault).items() if key in meaningful}


def act_out(
    fault: Fault, honest: Callable[[], Answer], wait: Callable[[float], object], now_ms: int
) -> Answer:
    """Return the answer as *fault* has it; *honest* gives the true one, *wait* sleeps seconds."""
    if fault.kind is FaultKind.SLOW:
        # The answer is computed before the wait, as when the network is slow: whoever judges by the time
        # of arrival takes a forming candle for a closed one.
        answer = honest()
        wait(fault.delay)
        return answer
    if fault.kind is FaultKind.TRUNCATED_JSON:
        answer = honest()
        return replace(answer, body=answer.body[: len(answer.body) // 2])
    return _failure(fault, now_ms)


def _failure(fault: Fault, now_ms: int) -> Answer:
    match fault.kind:
        case FaultKind.TOO_MANY_REQUESTS:
            return error_answer(429, -1003, "Too many requests queued.", fault.retry_after)
        case FaultKind.BANNED:
            message = f"Way too many requests; IP banned until {now_ms + fault.retry_after * 1000}."
            return error_answer(418, -1003, message, fault.retry_after)
        case FaultKind.RESTRICTED:
            return error_answer(451, 0, "Service unavailable from a restricted location (simulated).")
        case FaultKind.HTML_BODY:
            page = f"<html><head><title>{fault.status}</title></head><body>{fault.status}</body></html>\n"
            return Answer(fault.status, page.encode(), HTML_TYPE)
        case _:
            return error_answer(fault.status, fault.code, _SERVER_MESSAGES.get(fault.code, "Internal error."))


_SERVER_MESSAGES = {
    -1000: "An unknown error occurred while processing the request.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1008: "Server is currently overloaded with other requests. Please try again in a few minutes.",
}
