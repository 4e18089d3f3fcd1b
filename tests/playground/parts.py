"""The parts of a playground, each of which can be away for a while and come back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import requests

from src.settings import PROJECT_ROOT
from tests.faults import private_servers

_PATIENCE_S = 120.0
_LOOK_S = 0.1


class Part(Protocol):
    """Something that can be away for a while."""

    @property
    def is_running(self) -> bool: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...


@dataclass
class Program:
    """One of our own programs as a process; *is_ready* says whether it answers."""

    arguments: list[str]
    environment: Mapping[str, str]
    log: Path
    is_ready: Callable[[], bool]
    process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        if self.is_running:
            return
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", *self.arguments],
                cwd=PROJECT_ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us, who end everything in order
                preexec_fn=private_servers.SCRIPTS.die_with_parent,  # noqa: PLW1509 - no threads here
            )
        wait_until(lambda: self.is_ready() or not self.is_running, f"{self.arguments} to answer")
        if not self.is_running:
            sys.exit(f"playground: {self.arguments} ended by itself:\n{self.log.read_text()[-3000:]}")

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None or not self.is_running:
            return
        # The API is two processes; of a kill both shall die.
        os.killpg(self.process.pid, how) if how is signal.SIGKILL else self.process.send_signal(how)
        self.process.wait(_PATIENCE_S)


class Database:
    """A MariaDB of our own as a part."""

    def __init__(self, server: private_servers.PrivateServer) -> None:
        self._server = server
        self.is_running = False

    def start(self) -> None:
        if not self.is_running:
            self._server.start()
        self.is_running = True

    def kill(self) -> None:
        self._server.kill()
        self.is_running = False

    stop = kill


def wait_until(holds: Callable[[], bool], what: str, seconds: float = _PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"playground: waited {seconds:g} s in vain for {what}")
        time.sleep(_LOOK_S)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.RequestException:
        return False


@contextmanager
def stores(folder: Path, *, servers: bool, parts: dict[str, Part]) -> Iterator[dict[str, str]]:
    """Give the settings of the stores: files, or with *servers* a MariaDB and an S3 server of our own."""
    if not servers:
        yield {}
        return
    database, where = private_servers.private_mariadb(folder)
    lake, keys = private_servers.private_s3(folder)
    parts["database"] = Database(database)
    parts["lake"] = Database(lake)
    try:
        for part in parts.values():
            part.start()
        yield where.environment("candlehouse") | keys.environment()
    finally:
        parts["lake"].kill()
        parts["database"].kill()
