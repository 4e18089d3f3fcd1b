"""Who answers at an address: an exchange, or the simulator, whose candles must not get among real ones."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from urllib.parse import urlsplit

import requests

_OFFICIAL = (".binance.com", ".binance.us", ".binance.vision")
_TIMEOUT_S = 3.0


class ExchangeKind(StrEnum):
    """Real, by its own address or through somebody's proxy; or our simulator."""

    REAL = "real"
    SIMULATOR = "simulator"


def is_official(address: str) -> bool:
    """Whether this is an address of the exchange itself."""
    return (urlsplit(address).hostname or "").endswith(_OFFICIAL)


def find_kind(address: str) -> ExchangeKind | None:
    """Say who answers at *address*; None where nobody does, or nothing that tells."""
    if is_official(address):
        return ExchangeKind.REAL
    try:
        answer = requests.get(f"{address}/simulator/clock", timeout=_TIMEOUT_S, allow_redirects=False)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return ExchangeKind.REAL
        told = answer.json()
    except (requests.RequestException, ValueError):
        return None
    return ExchangeKind.SIMULATOR if isinstance(told, dict) and "now_ms" in told else None
