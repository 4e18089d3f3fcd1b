"""``./candlehouse demo``: simulator, scheduler and a live view, in a data folder of their own.

The scheduler is the real daemon in a process of its own, told by its environment to collect from the
simulator; the view reads the warehouse as anybody could.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from src.clock import SystemClock
from src.errors import SchemaError
from src.services.status import PipelineStatus, read_status
from src.settings import ENV_FILE_VARIABLE, PROJECT_ROOT, VARIABLES, Settings
from src.simulator.config import SimulatorConfig
from src.simulator.simulator import Simulator
from src.terminal import pipeline_view
from src.warehouse.engine import open_warehouse, sqlite_url
from src.warehouse.schema import check_schema

_CYCLE_SECONDS = 5
_HISTORY_DAYS = 3
_LINES_EVERY_S = 5.0
_STOP_S = 20


def run_demo(settings: Settings, *, fresh: bool, seconds: int | None) -> int:
    """Run until Ctrl-C, or for *seconds*; return the exit status."""
    folder = settings.data_dir / "demo"
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    log_path = folder / "scheduler.log"
    with Simulator(SimulatorConfig()).serve_in_thread() as simulator, log_path.open("ab") as log:
        environment = _environment(settings, folder, simulator.base_url)
        with _scheduler(environment, log) as scheduler:
            view = _View(folder, simulator.base_url, log_path)
            try:
                return view.show(scheduler, seconds)
            except KeyboardInterrupt:
                view.farewell()
                return 0


def _environment(settings: Settings, folder: Path, base_url: str) -> dict[str, str]:
    """Return the daemon's environment: none of the user's own settings reach the demo."""
    ours = {*VARIABLES.values(), *(f"{name}_FILE" for name in VARIABLES.values())}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return kept | {
        "PYTHONPATH": str(PROJECT_ROOT),
        ENV_FILE_VARIABLE: os.devnull,
        "CANDLEHOUSE_DATA_DIR": str(folder),
        "CANDLEHOUSE_CYCLE_SECONDS": str(_CYCLE_SECONDS),
        "CANDLEHOUSE_DEPTH_SECONDS": str(_CYCLE_SECONDS),
        "CANDLEHOUSE_LOOKBACK_DAYS": str(_HISTORY_DAYS),
        "CANDLEHOUSE_LOG": settings.log_level,
        "BINANCE_BASE_URL": base_url,
    }


@contextmanager
def _scheduler(environment: dict[str, str], log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    # A session of its own: Ctrl-C reaches us alone, and we end it in order.
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
        [sys.executable, "-P", str(PROJECT_ROOT / "scheduler.py")],
        env=environment,
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class _View:
    """The live picture: redrawn on a terminal, printed now and then elsewhere."""

    def __init__(self, folder: Path, base_url: str, log_path: Path) -> None:
        self._console = Console()
        self._clock = SystemClock()
        self._warehouse = open_warehouse(sqlite_url(folder / "warehouse.db"))
        self._is_ready = False
        self._folder = folder
        self._base_url = base_url
        self._log_path = log_path

    def show(self, scheduler: subprocess.Popen[bytes], seconds: int | None) -> int:
        end_ms = None if seconds is None else self._clock.steady_ms() + seconds * 1000
        is_live = self._console.is_terminal
        with Live(console=self._console, auto_refresh=False, transient=False) as live:
            while scheduler.poll() is None:
                if is_live:
                    live.update(self._picture(), refresh=True)
                else:
                    self._console.print(self._picture())
                if end_ms is not None and self._clock.steady_ms() >= end_ms:
                    self.farewell()
                    return 0
                self._clock.sleep(1.0 if is_live else _LINES_EVERY_S)
        self._console.print(f"[red]The scheduler ended by itself[/]; its log is {self._log_path}")
        return 1

    def farewell(self) -> None:
        self._console.print(
            f"\nStopped. What was collected is in {self._folder}; the next demo goes on from it."
        )

    def _picture(self) -> RenderableType:
        heading = Text.assemble(
            ("Candlehouse demo", "bold"), f"  simulated exchange at {self._base_url}", style=""
        )
        status = self._find_status()
        body = (
            Text("preparing the stores ...")
            if status is None
            else pipeline_view(status, self._clock.now_ms())
        )
        footer = Text(f"log: {self._log_path}   Ctrl-C ends it", style="dim")
        return Group(heading, Text(), body, footer)

    def _find_status(self) -> PipelineStatus | None:
        """Return the status, None while the daemon has not created the schema yet."""
        try:
            if not self._is_ready:
                check_schema(self._warehouse)
                self._is_ready = True
            return read_status(self._warehouse)
        except SchemaError:
            return None
