"""Loops on threads of their own, for one term of leading."""

from __future__ import annotations

import threading
from collections.abc import Callable

from src.errors import Stopped
from src.jobs.notifying import Notifier
from src.stopping import Stop, stopping_by

_PATIENCE_S = 10.0
_NEWS_EVERY_S = 2.0


class Background:
    """A loop that ends by *stop*, which is set before the part is asked to end."""

    def __init__(self, name: str, loop: Callable[[], object], stop: Stop) -> None:
        self._stop = stop
        self._loop = loop
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Wait for the loop's end; one that hangs in a request of its own is left behind."""
        self._stop.set()
        self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        try:
            with stopping_by(self._stop):
                self._loop()
        except Stopped:
            pass


def send_news(notifier: Notifier, stop: Stop) -> None:
    """Send what is due every few seconds until *stop*."""
    while not stop.wait(_NEWS_EVERY_S):
        notifier.send_due()
