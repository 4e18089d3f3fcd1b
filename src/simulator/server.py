"""HTTP and nothing else: sockets in, ``Request`` objects to a handler, ``Answer`` objects out.

Built for speed on loopback: keep-alive, one write per answer, a thread per connection. Clients that go
away are no news.
"""

from __future__ import annotations

import socket
import socketserver
import sys
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from src.simulator.wire import Answer, Request

# An answer and the headers that only its context knows, such as the used weight.
Reply = tuple[Answer, dict[str, str]]
Handle = Callable[[Request], Reply]

_GONE = (ConnectionError, TimeoutError)
_STOP_WAIT_S = 5.0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "candlehouse-simulator"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    server: SimulatorServer

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        answer, headers = self.server.handle(self._read_request(self.rfile.read(length)))
        if answer.sent_share < 1:
            self.close_connection = True
        if answer.sent_share > 0:
            self._send(answer, headers)

    do_POST = do_DELETE = do_PUT = do_GET  # noqa: N815  the parent looks these names up

    def _send(self, answer: Answer, headers: dict[str, str]) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.retry_after_s is not None:
            self.send_header("Retry-After", str(answer.retry_after_s))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body[: int(len(answer.body) * answer.sent_share)])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the parent's name
        """Stay quiet: tests ask the request log."""

    def _read_request(self, body: bytes) -> Request:
        parts = urlsplit(self.path)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        counts = Counter(name for name, _ in pairs)
        address, port = self.client_address[:2]
        return Request(
            method=self.command,
            path=parts.path,
            query=dict(pairs),
            repeated=tuple(name for name, count in counts.items() if count > 1),
            body=body,
            address=str(address),
            port=port,
            user_agent=self.headers.get("User-Agent", ""),
            microseconds=self.headers.get("X-MBX-TIME-UNIT", "").upper() == "MICROSECOND",
        )


class SimulatorServer(ThreadingHTTPServer):
    """Serves until closed; closing also ends the kept-alive connections and their threads."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, host: str, port: int, handle: Handle) -> None:
        self.handle = handle
        self._connections: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer would look up the host's full name, which takes seconds on a machine without DNS.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]  # IPv4 here

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._connections.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), _GONE):
            super().handle_error(request, client_address)

    def close_connections(self) -> None:
        """Cut all connections and wait until their threads have let go of them."""
        with self._changed:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the client was faster
            self._changed.wait_for(lambda: not self._connections, _STOP_WAIT_S)
