"""The API as a process beside the daemon: started again when it ends, ended with us however we end.

Nothing that happens in it can harm the collecting of data.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO

import structlog

from src.settings import PROJECT_ROOT

log = structlog.get_logger()

_COMMAND = [sys.executable, "-P", "-m", "src.cli", "serve", "--with-parent"]
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 30.0
_STOP_S = 10.0


@contextmanager
def running_api(environment: Mapping[str, str], output: IO[bytes] | None = None) -> Iterator[None]:
    """Keep the API running while the block lasts; what it prints goes to *output*, else where ours does."""
    keeper = _Keeper(environment, output)
    thread = threading.Thread(target=keeper.run, name="api", daemon=True)
    thread.start()
    try:
        yield
    finally:
        keeper.end()
        thread.join(_STOP_S)


def end_with_parent() -> None:
    """End when whoever started us is gone, however that ended: its end of our stdin is closed then."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


class _Keeper:
    def __init__(self, environment: Mapping[str, str], output: IO[bytes] | None) -> None:
        self._environment = {**environment, "PYTHONPATH": str(PROJECT_ROOT)}
        self._output = output
        self._is_over = threading.Event()
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        wait_s = _FIRST_WAIT_S
        while process := self._start():
            status = process.wait()
            _close(process)
            if self._is_over.wait(0):
                return
            log.error("the API ended and is started again", status=status, in_s=wait_s)
            self._is_over.wait(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def _start(self) -> subprocess.Popen[bytes] | None:
        with self._guard:
            if self._is_over.is_set():
                return None
            # A session of its own: Ctrl-C reaches us alone. Its stdin ends when we do, and then so does it.
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and program
                _COMMAND,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=self._output,
                stderr=self._output,
                start_new_session=True,
            )
            return self._process

    def end(self) -> None:
        """End it, and wait until it is gone."""
        self._is_over.set()
        with self._guard:
            process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _close(process)


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
