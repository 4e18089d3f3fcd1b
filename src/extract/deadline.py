"""An end to every answer: urllib3's own timeouts begin anew with each byte that comes in.

A server that sends a byte now and then would hold a thread for ever. Here the whole answer, headers and
body, must have come within a time that starts when it is asked for.
"""

from __future__ import annotations

import io
import socket
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from src.clock import SystemClock

# Sockets wait in real time, whatever clock a test holds.
_clock = SystemClock()


class AnswerTooLate(TimeoutError):
    """An answer was not complete in time."""

    def __init__(self, total_s: float) -> None:
        super().__init__(f"no complete answer within {total_s:g} s")


class DeadlineAdapter(HTTPAdapter):
    """Requests' adapter with connections whose answers must be complete within *total_s*."""

    def __init__(self, total_s: float, **options: Any) -> None:
        self._pools = _build_pools(total_s)
        super().__init__(**options)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):  # those have connections of their own
            manager.pool_classes_by_scheme = self._pools
        return manager


def _build_pools(total_s: float) -> dict[str, type[HTTPConnectionPool]]:
    class Response(_BoundedResponse):
        total_ms = round(total_s * 1000)

    class Connection(HTTPConnection):
        response_class = Response

    class SecureConnection(HTTPSConnection):
        response_class = Response

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = SecureConnection

    return {"http": Pool, "https": SecurePool}


class _BoundedResponse(HTTPResponse):
    """The standard library's answer, read through a reader that knows when to stop."""

    total_ms: int

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = io.BufferedReader(_BoundedReader(sock, self.fp.detach(), self.total_ms))


class _BoundedReader(io.RawIOBase):
    """Reads from a socket until its time is over; AnswerTooLate then."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase, total_ms: int) -> None:
        self._sock = sock
        self._raw = raw
        self._total_ms = total_ms
        self._ends_ms = _clock.steady_ms() + total_ms
        self._pause_s = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s = (self._ends_ms - _clock.steady_ms()) / 1000
        if left_s <= 0:
            raise AnswerTooLate(self._total_ms / 1000)
        if self._pause_s is None or left_s < self._pause_s:
            self._sock.settimeout(left_s)
        try:
            return self._raw.readinto(buffer)
        except TimeoutError:
            if self._ends_ms - _clock.steady_ms() > 0:
                raise
        raise AnswerTooLate(self._total_ms / 1000)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()
