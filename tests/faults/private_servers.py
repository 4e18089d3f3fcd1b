"""Servers of a test's own, which it may kill and start again on the same port and data.

How they are found and when they are ready is for ``scripts/servers`` to know.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Literal, Self

import pytest

from src.settings import PROJECT_ROOT
from tests.servers import DatabaseServer, S3Server, parse_server

_READY_WITHIN_S = 60.0


def _load_scripts() -> ModuleType:
    """Import ``scripts/servers``, a program without .py in its name."""
    folder = PROJECT_ROOT / "scripts"
    loader = importlib.machinery.SourceFileLoader("candlehouse_scripts_servers", str(folder / "servers"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(folder))
    try:
        loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = before
    return module


SCRIPTS = _load_scripts()


class PrivateServer:
    """One server process; usable in a ``with`` statement, which starts it and ends it for good."""

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        is_ready: Callable[[], bool],
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._command = [str(part) for part in command]
        self._log = log
        self._is_ready = is_ready
        self._environment = {**os.environ, **(variables or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, again after a kill, and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment
            )
        deadline = time.monotonic() + _READY_WITHIN_S
        while not self._is_ready():
            is_lost = self._process.poll() is not None or time.monotonic() > deadline
            assert not is_lost, f"did not start: {self._log.read_text(errors='replace')[-3000:]}"
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as a power failure would: SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it hang while the block lasts: connections open, and nothing answers."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


@contextmanager
def without_local_infile(name: Literal["mariadb", "mysql"], folder: Path) -> Iterator[DatabaseServer]:
    """Start a server that refuses LOAD DATA LOCAL: that is set for a whole server, which others share."""
    with getattr(SCRIPTS, name)(folder, "--local-infile=0") as variables:
        yield parse_server(*variables.values())


def private_mariadb(folder: Path) -> tuple[PrivateServer, DatabaseServer]:
    """Prepare a MariaDB that survives a kill as it would in earnest; not started yet."""
    install, program = (SCRIPTS.find_program(name) for name in ("mariadb-install-db", "mariadbd"))
    if not install or not program:
        _missing("MariaDB")
    data, port = folder / "mariadb", SCRIPTS.free_port()
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    common = ["--no-defaults", f"--datadir={data}", *as_root]
    subprocess.run(
        [install, *common, "--skip-test-db", "--auth-root-authentication-method=normal"],
        check=True,
        capture_output=True,
    )
    command = [
        program,
        *common,
        f"--socket={folder}/mariadb.sock",
        f"--pid-file={folder}/mariadb.pid",
        "--bind-address=127.0.0.1",
        f"--port={port}",
        "--local-infile=1",
        "--innodb-buffer-pool-size=32M",
        "--innodb-log-file-size=16M",
        "--skip-name-resolve",
    ]
    server = PrivateServer(command, folder / "mariadb.log", lambda: bool(SCRIPTS.greets(port)))
    return server, DatabaseServer("127.0.0.1", port, "root", "")


def private_s3(folder: Path) -> tuple[PrivateServer, S3Server]:
    """Prepare an S3 server; not started yet."""
    program = SCRIPTS.find_s3_program()
    if program is None:
        _missing("S3 server")
    data, address = folder / "s3", f"127.0.0.1:{SCRIPTS.free_port()}"
    data.mkdir()
    user, password = SCRIPTS.USER, SCRIPTS.PASSWORD
    if program.name == "minio":
        health = "/minio/health/live"
        console = f"127.0.0.1:{SCRIPTS.free_port()}"
        command = [program, "server", data, "--address", address, "--console-address", console]
    else:
        health = "/health"
        command = [program, "--quiet", "--keep-alive", "--health", health, "--port", address, "posix", data]
    keys = {
        "MINIO_ROOT_USER": user,
        "MINIO_ROOT_PASSWORD": password,
        "ROOT_ACCESS_KEY": user,
        "ROOT_SECRET_KEY": password,
    }
    server = PrivateServer(command, folder / "s3.log", lambda: bool(SCRIPTS.answers(address, health)), keys)
    return server, S3Server(address, user, password)


def _missing(name: str) -> None:
    reason = f"no {name}: `scripts/servers install` installs it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
