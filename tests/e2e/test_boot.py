"""The unit of ``./candlehouse service`` under a real systemd: started, killed, started again, stopped.

A systemd of one's own, in namespaces where the machine looks booted by systemd, and with a home of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.settings import PROJECT_ROOT
from tests.faults.harness import eventually

_SYSTEMD = Path("/lib/systemd/systemd")
_UNIT, _PORT = "candlehouse.service", "8000"
_START_S = 90.0
# In the namespace all ports are free, and nothing is outside.
_GROUND = """
set -eu
ip link set lo up
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system "$XDG_RUNTIME_DIR"
chmod 700 "$XDG_RUNTIME_DIR"
cd "$0"
"$1" -P -m src.cli service
mkdir -p "$HOME/.config/systemd/user/candlehouse.service.d"
cat > "$HOME/.config/systemd/user/candlehouse.service.d/test.conf" <<END
[Service]
Environment=CANDLEHOUSE_ENV_FILE=/dev/null CANDLEHOUSE_DATA_DIR=$HOME/data CANDLEHOUSE_WEB_BUILD=false
Environment=BINANCE_BASE_URL=http://127.0.0.1:9
StandardOutput=append:$HOME/log
StandardError=inherit
END
echo $$ > "$HOME/pid"
exec /lib/systemd/systemd --user --unit=default.target
"""


class Machine:
    """A user's systemd that runs, and commands given to it."""

    def __init__(self, home: Path, process: subprocess.Popen[bytes], environment: dict[str, str]) -> None:
        self.home = home
        self._process = process
        self._environment = environment

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run *command* where that systemd is."""
        where = ["nsenter", f"--target={self._process.pid}", "--mount", "--net", f"--wd={PROJECT_ROOT}"]
        return subprocess.run(
            [*where, *command],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )

    def control(self, *words: str) -> str:
        return self.run("systemctl", "--user", *words).stdout.strip()

    def answers(self) -> bool:
        return self.run(sys.executable, "scripts/answers.py", _PORT, "/health/live").returncode == 0

    def main_pid(self) -> str:
        return self.control("show", "--property=MainPID", "--value", _UNIT)

    def log(self) -> str:
        path = self.home / "log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else "no log"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    if sys.platform != "linux" or os.geteuid() or not _SYSTEMD.exists() or not shutil.which("ip"):
        pytest.skip("needs systemd and iproute2, on Linux as root")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "XDG_RUNTIME_DIR": "/run/user/0",
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    command = ["unshare", "--mount", "--net", "bash", "-c", _GROUND, str(PROJECT_ROOT), sys.executable]
    with (tmp_path / "systemd.log").open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    made = Machine(tmp_path, process, environment)
    try:
        eventually(
            lambda: process.poll() is not None or made.control("is-active", "default.target") == "active",
            "a user's systemd",
        )
        if process.poll() is not None:
            pytest.skip(f"no systemd of one's own here: {(tmp_path / 'systemd.log').read_text()[-300:]}")
        yield made
    finally:
        print(made.log())  # noqa: T201 - shown when the test failed
        made.control("stop", _UNIT)
        process.terminate()
        process.wait(30)


@pytest.mark.timeout(300)
def test_all_parts_run_come_back_after_a_crash_and_end_in_order(machine: Machine) -> None:
    machine.control("enable", "--now", _UNIT)
    assert machine.control("is-enabled", _UNIT) == "enabled"
    eventually(machine.answers, "the API", _START_S)
    first = machine.main_pid()
    machine.run("kill", "-9", first)
    eventually(lambda: machine.main_pid() not in ("0", first), "another process in place of the killed one")
    eventually(machine.answers, "the API again", _START_S)
    machine.control("stop", _UNIT)
    assert machine.control("show", "--property=Result", "--value", _UNIT) == "success"
    assert machine.control("is-active", _UNIT) == "inactive"
    assert not machine.answers()
    assert '"daemon stopped"' in machine.log()
