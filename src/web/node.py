"""Node.js and npm: whether they are there, what is installed of the web app's packages, running npm."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from src.errors import CandlehouseError

# What Vite needs.
_OLDEST = (20, 19)
_LONGEST_S = 1_800
WHAT_TO_INSTALL = (
    "the web app is built by Node.js 20.19 or newer, with npm: install it (Debian 13: apt install nodejs "
    "npm; macOS: brew install node; others: nodejs.org), then start Candlehouse again; all but the web app "
    "works without"
)


class NoNode(CandlehouseError):
    """Node.js or npm is missing or too old; the message says what to install."""

    def __init__(self, found: str) -> None:
        super().__init__(f"{found}; {WHAT_TO_INSTALL}")


class NpmFailed(CandlehouseError):
    """npm ended with an error, or was ended; *what* it was to do."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} failed: {why}")


def check_node() -> None:
    """Raise NoNode where the web app cannot be built."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise NoNode(f"there is no {program} here")
    told = subprocess.run(["node", "--version"], check=False, capture_output=True, text=True)  # noqa: S607 - from PATH
    version = re.match(r"v(\d+)\.(\d+)\.", told.stdout)
    if version is None or (int(version[1]), int(version[2])) < _OLDEST:
        raise NoNode(f"Node.js here is {told.stdout.strip() or 'broken'}")


def is_installed(root: Path) -> bool:
    """Whether node_modules holds what package-lock.json says, whoever installed it."""
    wanted, held = (
        _packages(root / name) for name in ("package-lock.json", "node_modules/.package-lock.json")
    )
    return bool(held) and all(
        held.get(path, {}).get("version") == about.get("version")
        for path, about in wanted.items()
        # Optional ones are for other machines than this, mostly.
        if path and not about.get("optional")
    )


def _packages(lock: Path) -> dict[str, dict[str, Any]]:
    try:
        found: dict[str, dict[str, Any]] = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    except (OSError, ValueError, KeyError):
        return {}
    return found


def run_npm(
    arguments: list[str],
    root: Path,
    environment: Mapping[str, str],
    say: Callable[[str], None],
    lock: int,
) -> None:
    """Run npm in *root* and *say* each line of it; raises NpmFailed.

    It is gone when this returns or raises, with all it started. Until then it keeps *lock* open.
    """
    started: list[subprocess.Popen[str]] = []
    # It must not keep alive a process that is to end.
    late = threading.Timer(_LONGEST_S, lambda: _end_all(started))
    late.daemon = True
    late.start()
    try:
        # From here on a signal that ends us takes npm along.
        started.append(_start_npm(arguments, root, environment, lock))
        for line in started[0].stdout or ():
            say(line.rstrip("\n"))
        status = started[0].wait()
    finally:
        is_late = not late.is_alive()
        late.cancel()
        _end_all(started)
        for process in started:
            if process.stdout:
                process.stdout.close()
    if status:
        why = f"not done after {_LONGEST_S // 60} minutes" if is_late else f"status {status}"
        raise NpmFailed(f"npm {' '.join(arguments)}", why)


def _start_npm(
    arguments: list[str], root: Path, environment: Mapping[str, str], lock: int
) -> subprocess.Popen[str]:
    # A group of its own, since npm starts others. npm is a script on all systems, so it is looked for.
    return subprocess.Popen(  # noqa: S603 - our own arguments
        [shutil.which("npm") or "npm", *arguments],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=(lock,),
        text=True,
        encoding="utf-8",
        errors="replace",
    )


def _end_all(started: list[subprocess.Popen[str]]) -> None:
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
