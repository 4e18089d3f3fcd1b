"""A lock that serves threads in the order they came; ``threading.Lock`` may serve one twice in a row."""

from __future__ import annotations

import threading
from collections import deque


class FairLock:
    """Use it with ``with``; it is handed from each holder to whoever waits longest."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._is_held = False
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        with self._guard:
            if not self._is_held:
                self._is_held = True
                return
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        mine.acquire()  # until the holder before us releases it

    def __exit__(self, *_: object) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_held = False
