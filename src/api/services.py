"""Services that one process has one of, since they keep something from one request to the next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

from flask import current_app

from src.api.context import clock, warehouse
from src.services.analytics import AnalyticsService

_ANALYTICS = "candlehouse_analytics"
_DASHBOARDS = "candlehouse_dashboards"
# Long enough for a crowd that asks at once, too short for a person to see.
_LOOKS_MS = 250


def analytics() -> AnalyticsService:
    """Return the one that all threads share."""
    made = current_app.extensions.get(_ANALYTICS)
    if made is None:
        made = current_app.extensions[_ANALYTICS] = AnalyticsService(warehouse(), clock(), _LOOKS_MS)
    found: AnalyticsService = made
    return found


class OneAtATime:
    """Keeps the last body of each key; of many that ask for it at once, one builds it, the others wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[Hashable, bytes]] = {}

    def get(self, key: str, stamp: Hashable, build: Callable[[], bytes]) -> bytes:
        """Return the body of *key* as of *stamp*."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept[0] != stamp:
                kept = self._kept[key] = stamp, build()
            return kept[1]


def dashboards() -> OneAtATime:
    """Return the one that all threads share."""
    found: OneAtATime = current_app.extensions.setdefault(_DASHBOARDS, OneAtATime())
    return found
