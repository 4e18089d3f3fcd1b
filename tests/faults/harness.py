"""A pipeline under test: a simulated exchange, stores of its own, and real daemons as processes.

Shared by the fault tests and the soak, so nothing here knows pytest.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from src.domain import Interval
from src.errors import SchemaError
from src.settings import ENV_FILE_VARIABLE, PROJECT_ROOT, VARIABLES, load_settings
from src.simulator.simulator import Simulator
from src.warehouse.schema import check_schema
from src.warehouse.series import list_series
from src.warehouse.tables import lake_objects
from src.warehouse.watermarks import find_watermark
from src.wiring import App, build

SCHEDULER = (str(PROJECT_ROOT / "scheduler.py"),)
# Enough for a machine that is busy with other things; nothing here takes long by itself.
PATIENCE_S = 60.0


def eventually(holds: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
    """Wait until *holds*; AssertionError with *what* was waited for when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


class DaemonProcess:
    """A running daemon and its log."""

    def __init__(self, process: subprocess.Popen[bytes], log_path: Path) -> None:
        self.process = process
        self._log_path = log_path
        self._read_to = 0
        self._events: list[dict[str, Any]] = []

    def events(self) -> list[dict[str, Any]]:
        """List the log's lines so far; one that a kill cut short is left out."""
        with self._log_path.open("rb") as log:
            log.seek(self._read_to)
            whole, newline, _ = log.read().rpartition(b"\n")
        self._read_to += len(whole + newline)
        self._events += [json.loads(line) for line in whole.splitlines() if line.startswith(b"{")]
        return self._events

    def count(self, event: str) -> int:
        return sum(line["event"] == event for line in self.events())

    def wait_for(self, event: str, times: int = 1) -> None:
        """Wait until the log tells of *event* that often."""
        eventually(lambda: self.count(event) >= times or self._ended(), f"{times} times {event!r} in the log")
        assert self.count(event) >= times, f"ended by itself before {event!r}: {self.tail()}"

    def wait_until_halted(self) -> None:
        """Wait for the line by which ``halting`` says that its moment has come."""
        self.wait_for("halted")

    def end(self, signal_number: int = signal.SIGTERM) -> float:
        """Send the signal, expect exit status 0, and return the seconds it took."""
        started = time.monotonic()
        self.process.send_signal(signal_number)
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # at which Python says where each thread is
            status = self.process.wait(PATIENCE_S)
        assert status == 0, f"exit status {status}: {self.tail()}"
        return time.monotonic() - started

    def kill(self) -> None:
        """End it as a power failure would: SIGKILL."""
        self.process.kill()
        self.process.wait()

    def tail(self) -> str:
        return self._log_path.read_text(errors="replace")[-5000:]

    def _ended(self) -> bool:
        return self.process.poll() is not None


class Pipeline:
    """Stores below *folder* (or where *variables* say), fed by *simulator*, with cycles every second."""

    def __init__(
        self, folder: Path, simulator: Simulator, variables: Mapping[str, str] | None = None
    ) -> None:
        self.simulator = simulator
        self._folder = folder
        self._daemons = 0
        self.variables = {
            "CANDLEHOUSE_DATA_DIR": str(folder / "data"),
            "CANDLEHOUSE_SYMBOLS": ",".join(simulator.symbols),
            "CANDLEHOUSE_CYCLE_SECONDS": "1",
            "CANDLEHOUSE_DEPTH_SECONDS": "1",
            "CANDLEHOUSE_LOG": "debug",
            "BINANCE_BASE_URL": simulator.base_url,
            **(variables or {}),
        }

    @cached_property
    def app(self) -> App:
        """The same stores seen from this process."""
        attributes = {variable: attribute for attribute, variable in VARIABLES.items()}
        return build(
            load_settings(**{attributes[name]: value for name, value in self.variables.items() if value})
        )

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in VARIABLES.values()}
        python = {"PYTHONPATH": str(PROJECT_ROOT), "PYTHONFAULTHANDLER": "1"}
        return kept | self.variables | python | {ENV_FILE_VARIABLE: os.devnull}

    @contextmanager
    def daemon(self, *command: str, **variables: str) -> Iterator[DaemonProcess]:
        """Run ``scheduler.py``, or *command*, as a process; it is gone when the block ends."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._daemons += 1
        path = self._folder / f"daemon-{self._daemons:03d}.log"
        arguments = [sys.executable, *(command or SCHEDULER)]
        with path.open("wb") as log:
            process = subprocess.Popen(
                arguments,
                cwd=PROJECT_ROOT,
                env=self.environment | variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        try:
            yield DaemonProcess(process, path)
        finally:
            process.kill()
            process.wait()

    def run_cli(self, *arguments: str) -> str:
        """Run one command of the command line and return what it prints."""
        command = [sys.executable, "-m", "src.cli", *arguments]
        done = subprocess.run(
            command,
            cwd=PROJECT_ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def wait_until_caught_up(self, daemon: DaemonProcess) -> None:
        """Wait until every candle that is closed by now is loaded, and nothing waits in the lake."""
        last_ms = Interval.M1.floor(self.simulator.clock.now_ms()) - 60_000
        eventually(lambda: self._is_loaded_to(last_ms) or daemon.process.poll() is not None, "caught up")
        assert daemon.process.poll() is None, f"the daemon ended by itself: {daemon.tail()}"

    def finish(self, daemon: DaemonProcess) -> None:
        """End the daemon and load what it left in the lake; all that it landed can be compared then."""
        daemon.end()
        self.run_cli("transform")

    def watermarks(self) -> dict[str, int | None]:
        """Return each tracked symbol's watermark (all series here are of one minute)."""
        with self.app.warehouse.read() as connection:
            keys = [row.key for row in list_series(connection)]
            return {key.symbol: find_watermark(connection, key) for key in keys}

    def has_schema(self) -> bool:
        try:
            check_schema(self.app.warehouse)
        except SchemaError:
            return False
        return True

    def close(self) -> None:
        self.app.warehouse.close()

    def _is_loaded_to(self, last_ms: int) -> bool:
        if not self.has_schema():
            return False
        marks = self.watermarks()
        waiting = select(func.count()).select_from(lake_objects).where(lake_objects.c.state == "landed")
        with self.app.warehouse.read() as connection:
            is_all_loaded = connection.scalar(waiting) == 0
        return is_all_loaded and bool(marks) and all((mark or 0) >= last_ms for mark in marks.values())


def started_from(requests: Sequence[Any], symbol: str) -> list[int]:
    """List where klines of *symbol* were asked from, by the simulator's log, oldest request first."""
    return [
        int(one.query["startTime"])
        for one in requests
        if one.path.endswith("/klines") and one.query.get("symbol") == symbol
    ]
