"""Starts and ends the parts of the demo.

The scheduler is the real daemon in a process of its own, told by its environment to collect from the
simulator; the view reads the warehouse as anybody could.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from src.api.process import running_api
from src.demo.view import View
from src.settings import ENV_FILE_VARIABLE, PROJECT_ROOT, VARIABLES, Settings
from src.simulator.config import SimulatorConfig
from src.simulator.simulator import Simulator

_CYCLE_SECONDS = 5
_HISTORY_DAYS = 3
_STOP_S = 20


def run_demo(settings: Settings, *, fresh: bool, seconds: int | None) -> int:
    """Run until Ctrl-C or the key q, or for *seconds*; return the exit status."""
    folder = settings.data_dir / "demo"
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    with running_demo(settings, folder) as (view, scheduler):
        try:
            return view.show(scheduler, seconds)
        except KeyboardInterrupt:
            view.farewell()
            return 0


@contextmanager
def running_demo(settings: Settings, folder: Path) -> Iterator[tuple[View, subprocess.Popen[bytes]]]:
    """Start simulator and scheduler with their data in *folder*; both are ended in order afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    log_path = folder / "scheduler.log"
    with Simulator(SimulatorConfig()).serve_in_thread() as simulator, log_path.open("ab") as log:
        environment = _environment(settings, folder, simulator.base_url)
        # A log of its own, beside the scheduler's, in which the view looks for what happens.
        with (
            (folder / "api.log").open("ab") as api_log,
            running_api(environment, api_log),
            _scheduler(environment, log) as scheduler,
        ):
            yield View(folder, simulator, log_path, _link(environment)), scheduler


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
        # A fault of the demo lasts some seconds: nobody should wait a minute for what comes after it.
        "CANDLEHOUSE_BREAKER_SECONDS": str(2 * _CYCLE_SECONDS),
        "CANDLEHOUSE_LOG": settings.log_level,
        "BINANCE_BASE_URL": base_url,
        "CANDLEHOUSE_PORT": str(_free_port(settings.port)),
        "CANDLEHOUSE_TOKEN": secrets.token_urlsafe(16),
    }


def _free_port(wanted: int) -> int:
    """Return the port that is set, or another one where a Candlehouse that is not the demo has it."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", wanted))
        except OSError:
            one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _link(environment: dict[str, str]) -> str:
    return f"http://127.0.0.1:{environment['CANDLEHOUSE_PORT']}/?token={environment['CANDLEHOUSE_TOKEN']}"


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
