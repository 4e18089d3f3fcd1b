"""What passes between the simulator's rooms: requests, answers, and numbers as Binance writes them.

Numbers are integers of some decimal unit until the moment they become text, so no decimal is ever rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import orjson
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Row = list[int | str]

DECIMALS = 8
JSON_TYPE = "application/json;charset=UTF-8"
HTML_TYPE = "text/html"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, already taken apart; *query* holds the last value of a repeated parameter."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    repeated: tuple[str, ...] = ()
    body: bytes = b""
    address: str = "127.0.0.1"
    port: int = 0
    user_agent: str = ""
    microseconds: bool = False

    @property
    def endpoint(self) -> str:
        """Return the last part of the path, e.g. ``klines``: how faults and the log name an endpoint."""
        return self.path.rpartition("/")[2]

    @property
    def client(self) -> str:
        """Return who asks, e.g. ``candlehouse/1 127.0.0.1:40312``."""
        return f"{self.user_agent} {self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; *retry_after_s* becomes the header of that name.

    With a *sent_share* below 1 the connection is closed after that share of the body; 0 sends nothing at all.
    """

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    retry_after_s: int | None = None
    sent_share: float = 1.0


# The connection is closed without an answer.
NO_ANSWER = Answer(0, b"", sent_share=0)


def json_answer(content: object, status: int = 200) -> Answer:
    return Answer(status, orjson.dumps(content))


def error_answer(status: int, code: int, message: str, retry_after_s: int | None = None) -> Answer:
    """Return Binance's error body: ``{"code": -1121, "msg": "Invalid symbol."}``."""
    return Answer(status, orjson.dumps({"code": code, "msg": message}), retry_after_s=retry_after_s)


def decimal_texts(units: Ints, decimals: int) -> list[str]:
    """Write non-negative counts of 10**-decimals as decimals with 8 places, all digits exact."""
    padding = "0" * (DECIMALS - decimals)
    if decimals == 0:
        return list(map(f"%d.{padding}".__mod__, units.tolist()))
    whole, fraction = np.divmod(units, 10**decimals)
    return list(
        map(f"%d.%0{decimals}d{padding}".__mod__, zip(whole.tolist(), fraction.tolist(), strict=True))
    )
