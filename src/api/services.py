"""Services that one process has one of, since they keep something from one request to the next."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from flask import current_app

from src.api.context import clock, warehouse
from src.clock import Clock
from src.services.analytics import AnalyticsService

_ANALYTICS = "candlehouse_analytics"
_DASHBOARDS = "candlehouse_dashboards"
# Long enough for a crowd that asks at once, too short for a person to see.
_LOOKS_MS = 250
# Prices move every few seconds; so many pages may ask at once.
_FRESH_MS, _STALE_MS = 1_000, 3_000


def analytics() -> AnalyticsService:
    """Return the one that all threads share."""
    made = current_app.extensions.get(_ANALYTICS)
    if made is None:
        made = current_app.extensions[_ANALYTICS] = AnalyticsService(warehouse(), clock(), _LOOKS_MS)
    found: AnalyticsService = made
    return found


@dataclass(frozen=True, slots=True)
class Kept:
    """A body as it was made at *made_ms*, UTC."""

    made_ms: int
    body: bytes


class OneAtATime:
    """Keeps the last body of each key, and makes one anew that is *fresh_ms* old, for whoever asks first.

    The others get the last one meanwhile; they wait only where there is none, or it is *stale_ms* old.
    """

    def __init__(self, clock: Clock, fresh_ms: int, stale_ms: int) -> None:
        self._clock = clock
        self._fresh_ms = fresh_ms
        self._stale_ms = stale_ms
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._kept: dict[str, Kept] = {}

    def get(self, key: str, build: Callable[[int], bytes]) -> Kept:
        """Return the body of *key*, which *build* makes as of a time in UTC ms."""
        if (kept := self._find(key, self._fresh_ms)) is not None:
            return kept
        stale, lock = self._find(key, self._stale_ms), self._locks[key]
        if not lock.acquire(blocking=stale is None) and stale is not None:
            return stale
        try:
            # Whoever had to wait takes what was made meanwhile, however long that took.
            within_ms = self._stale_ms if stale is None else self._fresh_ms
            return self._find(key, within_ms) or self._make(key, build)
        finally:
            lock.release()

    def _find(self, key: str, within_ms: int) -> Kept | None:
        kept = self._kept.get(key)
        # By the clock on the wall, which may be set back: then it is as if it were too old.
        return kept if kept and 0 <= self._clock.now_ms() - kept.made_ms < within_ms else None

    def _make(self, key: str, build: Callable[[int], bytes]) -> Kept:
        now_ms = self._clock.now_ms()
        made = self._kept[key] = Kept(now_ms, build(now_ms))
        return made


def dashboards() -> OneAtATime:
    """Return the one that all threads share."""
    made = current_app.extensions.get(_DASHBOARDS)
    if made is None:
        made = current_app.extensions.setdefault(_DASHBOARDS, OneAtATime(clock(), _FRESH_MS, _STALE_MS))
    found: OneAtATime = made
    return found
