"""The addresses under which one exchange answers, and which of them is asked next.

The first is preferred. When another one had to help out it is kept for a while, so that not every call has
to find out anew; then one call tries the first again.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import structlog

from src.clock import Clock
from src.extract.http import without_secrets

_FIRST_AGAIN_MS = 600_000

_log = structlog.get_logger()


class Hosts:
    """The base URLs of one exchange, for all threads of this process."""

    def __init__(self, base_urls: Sequence[str], clock: Clock, first_again_ms: int = _FIRST_AGAIN_MS) -> None:
        self._urls = [url.rstrip("/") for url in base_urls]
        self._clock = clock
        self._first_again_ms = first_again_ms
        self._lock = threading.Lock()
        self._kept = self._urls[0]
        self._kept_since_ms = clock.steady_ms()

    def __len__(self) -> int:
        return len(self._urls)

    def walk(self) -> Walk:
        """Begin a call's way at the host that is kept."""
        with self._lock:
            kept = self._kept
            number = self._urls.index(kept)
            urls = self._urls[number:] + self._urls[:number]
            if number and self._clock.steady_ms() - self._kept_since_ms >= self._first_again_ms:
                self._kept_since_ms = self._clock.steady_ms()  # the others need not try it as well
                urls = [self._urls[0], *(url for url in urls if url != self._urls[0])]
        return Walk(self, urls, kept)

    def keep(self, url: str) -> None:
        """Begin with that host from now on."""
        with self._lock:
            if url == self._kept:
                return
            before, self._kept, self._kept_since_ms = self._kept, url, self._clock.steady_ms()
        _log.info("host changed", host=without_secrets(url), before=without_secrets(before))


class Walk:
    """One call's way: each attempt asks the next host, round and round."""

    def __init__(self, hosts: Hosts, urls: Sequence[str], kept: str) -> None:
        self._hosts = hosts
        self._urls = urls
        self._kept = kept
        self._steps = 0

    @property
    def is_round(self) -> bool:
        """Whether every host has been asked."""
        return self._steps >= len(self._urls)

    def next_url(self) -> str:
        url = self._urls[self._steps % len(self._urls)]
        self._steps += 1
        return url

    def answered(self) -> None:
        """Keep the host that was asked last, unless that is where all began."""
        url = self._urls[(self._steps - 1) % len(self._urls)]
        if url != self._kept:
            self._hosts.keep(url)
