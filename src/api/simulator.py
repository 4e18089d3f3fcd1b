"""The simulator behind ``BINANCE_BASE_URL``, where that is one: its fault dial is passed on."""

from __future__ import annotations

from typing import Any

import requests

from src.api.context import parts
from src.api.problems import Problem, conflict
from src.extract.exchange_kind import is_official

_TIMEOUT_S = 3.0


def find_faults() -> list[dict[str, Any]] | None:
    """Return what is on the dial; None where the exchange is a real one, or nothing answers."""
    try:
        _, told = ask_simulator("GET", "faults")
    except Problem:
        return None
    return told if isinstance(told, list) else None


def ask_simulator(method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    """Return status and JSON of its answer; 409 where there is no simulator."""
    address = parts().settings.binance_base_url.partition(",")[0]
    if is_official(address):
        raise conflict("the exchange is a real one, not the simulator", "no-simulator")
    try:
        answer = requests.request(method, f"{address}/simulator/{path}", json=body, timeout=_TIMEOUT_S)
        told = answer.json()
    except (requests.RequestException, ValueError):
        raise conflict("no simulator answers at BINANCE_BASE_URL", "no-simulator") from None
    if answer.status_code not in (200, 201, 400):
        raise conflict("what answers at BINANCE_BASE_URL is no simulator", "no-simulator")
    return answer.status_code, told
