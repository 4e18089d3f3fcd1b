"""What the simulator was asked, for tests: a ring of the newest requests to the exchange's own paths."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass

from src.simulator.wire import Answer, Request


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request; *n* counts answers from 1, *at_ms* is the simulator's clock when the request arrived.

    *at_ms* leaves skew out, so that the time between two entries is what it is; *status* is 0 for no answer.
    """

    n: int
    at_ms: int
    method: str
    path: str
    query: dict[str, str]
    status: int
    weight: int
    client: str
    retry_after_s: int | None


class RequestLog:
    """Remembers the newest *size* requests; an entry is there before its answer leaves."""

    def __init__(self, size: int) -> None:
        self._entries: deque[LoggedRequest] = deque(maxlen=size)
        self._last_n = 0
        self._lock = threading.Lock()

    def append(self, request: Request, answer: Answer, at_ms: int, weight: int) -> None:
        with self._lock:
            self._last_n += 1
            self._entries.append(
                LoggedRequest(
                    self._last_n,
                    at_ms,
                    request.method,
                    request.path,
                    dict(request.query),
                    answer.status,
                    weight,
                    request.client,
                    answer.retry_after_s,
                )
            )

    def since(self, n: int = 0) -> list[LoggedRequest]:
        """List entries after number *n*, oldest first; *n* goes on rising after a clear."""
        with self._lock:
            return [entry for entry in self._entries if entry.n > n]

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def describe(self, since: int = 0) -> list[dict[str, object]]:
        return [asdict(entry) for entry in self.since(since)]
