"""Stopping and starting parts, and asking the warehouse, over HTTP."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from sqlalchemy import text

from src.warehouse.engine import Warehouse
from tests.playground.parts import Part


class Control(HTTPServer):
    """Stops and starts parts, and asks the warehouse; one request at a time, in the main thread.

    In the main thread because the programs die with the thread that started them.
    """

    def __init__(self, parts: dict[str, Part], warehouse: Warehouse) -> None:
        super().__init__(("127.0.0.1", 0), ControlHandler)
        self.parts = parts
        self.warehouse = warehouse


class ControlHandler(BaseHTTPRequestHandler):
    server: Control

    def do_GET(self) -> None:
        if self.path == "/parts":
            return self._tell_parts()
        return self._answer(404, f"there is no {self.path}")

    def do_POST(self) -> None:
        if "Origin" in self.headers:  # a page that somebody has open is not who may do this
            return self._answer(403, "not from a page")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        match self.path.strip("/").split("/"):
            case ["sql"]:
                return self._answer(200, self._ask(json.loads(body)["sql"]))
            case ["parts", name, ("start" | "stop" | "kill") as what] if name in self.server.parts:
                getattr(self.server.parts[name], what)()
                return self._tell_parts()
        return self._answer(404, f"there is no {self.path}")

    def _tell_parts(self) -> None:
        self._answer(200, {name: part.is_running for name, part in self.server.parts.items()})

    def _ask(self, sql: str) -> list[dict[str, Any]]:
        with self.server.warehouse.read() as connection:
            return [dict(row) for row in connection.execute(text(sql)).mappings()]

    def _answer(self, status: int, value: object) -> None:
        content = json.dumps(value, default=str).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass
