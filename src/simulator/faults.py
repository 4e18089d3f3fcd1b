"""Faults: how they are written and whom they meet. What then becomes of the answer stands in ``acting.py``.

A fault is written ``KIND[:key=value,...]``, for instance::

    429:retry_after=2,count=3          the next three calls are answered 429
    5xx:status=503,path=klines         every klines call fails
    slow:delay=1.5,probability=0.1     every tenth answer comes late
    html:status=403,symbol=BTCUSDT     a firewall's page for one symbol
    drop:share=0.5,count=2             two answers break off in the middle of their body
    half_open:delay=20,path=depth      depth calls are accepted and never answered; closed after 20 s

Where it applies: ``path`` (ping, time, exchangeInfo, klines, depth), ``symbol``, ``client`` (part of the
User-Agent and address as the request log shows them). How often: ``count`` (times), ``after`` (matching
calls let through first), ``seconds`` (by the simulator's clock, from when it was set), ``probability``.
Without these it applies always.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from src.simulator.grammar import Bounds, SpecError, check_keys, parse_number, split_spec
from src.simulator.wire import Request

ENDPOINTS = ("ping", "time", "exchangeInfo", "klines", "depth")


class FaultKind(StrEnum):
    TOO_MANY_REQUESTS = "too_many_requests"
    BANNED = "banned"
    RESTRICTED = "restricted"
    REGION = "region"
    SERVER_ERROR = "server_error"
    HTML_BODY = "html_body"
    TRUNCATED_JSON = "truncated_json"
    SLOW = "slow"
    DROP = "drop"
    HALF_OPEN = "half_open"
    EMPTY = "empty"
    DUPLICATE_ROWS = "duplicate_rows"
    MICROSECONDS = "microseconds"


@dataclass(frozen=True, slots=True)
class Fault:
    """One setting of the dial; *retry_after* and *delay* are seconds.

    What stands below *probability* matters to its own kinds alone.
    """

    kind: FaultKind
    path: str | None = None
    symbol: str | None = None
    client: str | None = None
    count: int | None = None
    after: int = 0
    seconds: float | None = None
    probability: float = 1.0
    retry_after: int = 1
    status: int = 500
    code: int = -1000
    delay: float = 1.0
    share: float = 0.0
    rows: int = 3

    def concerns(self, request: Request) -> bool:
        return (
            self.path in {None, request.endpoint}
            and self.symbol in {None, request.query.get("symbol")}
            and (self.client is None or self.client in request.client)
            and request.endpoint in _PATHS.get(self.kind, (request.endpoint,))
        )


_SHORT_KINDS = {
    "429": FaultKind.TOO_MANY_REQUESTS,
    "418": FaultKind.BANNED,
    "451": FaultKind.RESTRICTED,
    "5xx": FaultKind.SERVER_ERROR,
    "html": FaultKind.HTML_BODY,
    "truncated": FaultKind.TRUNCATED_JSON,
}
_EVERY_KEY = ("path", "symbol", "client", "count", "after", "seconds", "probability")
_OWN_KEYS: dict[FaultKind, tuple[str, ...]] = {
    FaultKind.TOO_MANY_REQUESTS: ("retry_after",),
    FaultKind.BANNED: ("retry_after",),
    FaultKind.REGION: ("status",),
    FaultKind.SERVER_ERROR: ("status", "code"),
    FaultKind.HTML_BODY: ("status",),
    FaultKind.SLOW: ("delay",),
    FaultKind.DROP: ("share",),
    FaultKind.HALF_OPEN: ("delay",),
    FaultKind.DUPLICATE_ROWS: ("rows",),
}
# Kinds that change what only these endpoints answer.
_PATHS: dict[FaultKind, tuple[str, ...]] = {
    FaultKind.EMPTY: ("klines", "depth"),
    FaultKind.DUPLICATE_ROWS: ("klines",),
    FaultKind.MICROSECONDS: ("time", "klines"),
}
_DEFAULTS: dict[FaultKind, dict[str, int]] = {
    FaultKind.BANNED: {"retry_after": 120},
    FaultKind.HTML_BODY: {"status": 502},
    FaultKind.REGION: {"status": 403},
    FaultKind.HALF_OPEN: {"delay": 60},
}
_NUMBERS: dict[str, Bounds] = {
    "count": Bounds(int, 1, 10**9),
    "after": Bounds(int, 0, 10**9),
    "seconds": Bounds(float, 0, 10**9),
    "probability": Bounds(float, 0, 1),
    "retry_after": Bounds(int, 0, 10**9),
    "status": Bounds(int, 400, 599),
    "code": Bounds(int, -9999, 0),
    "delay": Bounds(float, 0, 3600),
    "share": Bounds(float, 0, 0.999),
    "rows": Bounds(int, 1, 1000),
}


def parse_fault(spec: str) -> Fault:
    """Read a fault as the command line writes it; the grammar stands at the top of this file."""
    kind, fields = split_spec("fault", spec)
    return build_fault(kind, fields)


def build_fault(kind_name: str, fields: Mapping[str, object]) -> Fault:
    """Check a fault's parts, as they come from a spec, from JSON or from YAML."""
    kind = _parse_kind(kind_name)
    check_keys(f"fault {kind}", fields, (*_EVERY_KEY, *_OWN_KEYS.get(kind, ())))
    values = {key: _parse_value(kind, key, value) for key, value in fields.items() if value is not None}
    return Fault(kind, **{**_DEFAULTS.get(kind, {}), **values})  # type: ignore[arg-type]  # checked by _parse_value


def _parse_kind(name: str) -> FaultKind:
    if name in _SHORT_KINDS:
        return _SHORT_KINDS[name]
    if name in set(FaultKind):
        return FaultKind(name)
    known = ", ".join([*_SHORT_KINDS, *FaultKind])
    raise SpecError(f"unknown fault {name!r}; known are {known}")


def _parse_value(kind: FaultKind, key: str, value: object) -> str | int | float:
    if key in _NUMBERS:
        return parse_number(f"fault {kind}", key, value, _NUMBERS[key])
    if key != "path":
        return str(value)
    endpoint, accepted = str(value).rpartition("/")[2], _PATHS.get(kind, ENDPOINTS)
    if endpoint not in accepted:
        raise SpecError(f"fault {kind}: path {value!r} is none of {', '.join(accepted)}")
    return endpoint


def describe_fault(fault: Fault) -> dict[str, object]:
    """Return the settings that mean something for this kind."""
    meaningful = ("kind", *_EVERY_KEY, *_OWN_KEYS.get(fault.kind, ()))
    return {key: value for key, value in asdict(fault).items() if key in meaningful}
