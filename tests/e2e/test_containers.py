"""What docker-compose.yml says, run without containers: see scripts/compose_natively.py."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from src.settings import PROJECT_ROOT

_TOLD = (
    "mysql: healthy",
    "scheduler: healthy",
    "simulator: healthy",
    "api: healthy",
    "api: refuses who has no token",
    "api: has the simulator's 60 candles, to the last digit",
    "api: the doctor finds nothing wrong",
    "scheduler: ended",
)


@pytest.mark.timeout(600)
@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root on Linux makes namespaces"
)
@pytest.mark.usefixtures("s3_server")  # tells that servers are installed; the script starts its own
def test_the_demo_of_the_compose_file_collects_and_ends_in_order() -> None:
    command = [sys.executable, "scripts/compose_natively.py"]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False, timeout=580)
    assert done.returncode == 0, done.stdout + done.stderr
    for line in _TOLD:
        assert line in done.stdout
