"""The API as a process: served, found busy, started again, ended; and several of them side by side."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from src.api.process import running_api
from src.api.serving import bind
from src.errors import ConfigurationError
from src.settings import PROJECT_ROOT

_READY_S, _END_S = 60.0, 30.0
_SERVE = [sys.executable, "-P", "-m", "src.cli", "serve"]
_PARENT = """
import os, time
from src.api.process import running_api
with running_api(os.environ):
    time.sleep(600)
"""
_WAITRESS = """
from src.api import serving
from src.api.app import create_app
from src.settings import load_settings
settings = load_settings()
serving.run_waitress(lambda: create_app(settings), serving.bind(settings.host, settings.port))
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a data folder and a free port of the test's own."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    return {
        **os.environ,
        "PYTHONPATH": str(PROJECT_ROOT),
        "CANDLEHOUSE_DATA_DIR": str(tmp_path / "data"),
        "CANDLEHOUSE_PORT": str(port),
        "BINANCE_BASE_URL": "http://127.0.0.1:9",
    }


def address(environment: dict[str, str]) -> str:
    return f"http://127.0.0.1:{environment['CANDLEHOUSE_PORT']}"


@contextmanager
def started(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + _READY_S
    while True:
        try:
            assert requests.get(f"{url}/health/ready", timeout=5).json() == {"ok": True}
            return
        except (requests.RequestException, AssertionError):
            assert time.monotonic() < deadline, f"{url} did not become ready"
            time.sleep(0.1)


def wait_until_gone(url: str) -> None:
    deadline = time.monotonic() + _END_S
    while True:
        try:
            requests.get(f"{url}/health/live", timeout=5)
        except requests.RequestException:
            return
        assert time.monotonic() < deadline, f"{url} still answers"
        time.sleep(0.1)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


def test_two_apis_on_one_warehouse_answer_alike_and_the_link_is_shown_once(
    environment: dict[str, str],
) -> None:
    with started(_SERVE, environment) as first:
        link = re.search(r"open (http://\S+/)\?token=(ch_\S+)", first_line(first))
        assert link
        assert link[1] == address(environment) + "/"
        wait_until_ready(address(environment))
        other = {**environment, "CANDLEHOUSE_PORT": "0"}
        with started(_SERVE, other) as second:
            told = first_line(second)
            assert "token=" not in told
            assert "operator_token" in told
            url = re.search(r"http://127\.0\.0\.1:\d+", told)
            assert url
            wait_until_ready(url[0])
            session = requests.Session()
            session.get(link[0].removeprefix("open "), timeout=30, allow_redirects=False)
            made = session.post(f"{address(environment)}/api/tokens", json={"name": "x"}, timeout=30)
            assert made.status_code == 201
            bearer = {"Authorization": f"Bearer {made.json()['token']}"}
            answers = [
                requests.get(f"{each}/api/symbols", headers=bearer, timeout=30)
                for each in (address(environment), url[0])
            ]
            assert [answer.status_code for answer in answers] == [200, 200]
            assert answers[0].content == answers[1].content
            session.delete(f"{address(environment)}/api/tokens/{made.json()['details']['id']}", timeout=30)
            assert requests.get(f"{url[0]}/api/symbols", headers=bearer, timeout=30).status_code == 401
        first.send_signal(signal.SIGTERM)
        assert first.wait(_END_S) == 0


def test_port_that_is_taken_is_told_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"port {port} of .* is taken .*CANDLEHOUSE_PORT"):
            bind("127.0.0.1", port)


def test_address_of_no_machine_of_ours_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be served .*CANDLEHOUSE_HOST"):
        bind("192.0.2.1", 0)


@pytest.mark.parametrize("ignores", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN);"])
def test_process_that_ends_is_started_again_until_its_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ignores: str
) -> None:
    program = f"import os, signal, sys; {ignores} print(os.getpid(), flush=True); sys.stdin.read()"
    monkeypatch.setattr("src.api.process._COMMAND", [sys.executable, "-c", program])
    monkeypatch.setattr("src.api.process._FIRST_WAIT_S", 0.01)
    monkeypatch.setattr("src.api.process._STOP_S", 0.5)
    told = tmp_path / "told"
    with told.open("wb") as output, running_api(os.environ, output):
        os.kill(wait_for_pid(told, 1), signal.SIGKILL)
        second = wait_for_pid(told, 2)
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


def wait_for_pid(told: Path, count: int) -> int:
    """Return the process id in line *count*, counted from 1."""
    deadline = time.monotonic() + _END_S
    while len(lines := told.read_text().splitlines()) < count:
        assert time.monotonic() < deadline, f"{count} processes were not started"
        time.sleep(0.02)
    return int(lines[count - 1])


def test_api_ends_when_its_parent_is_killed(environment: dict[str, str]) -> None:
    with started([sys.executable, "-c", _PARENT], environment):
        wait_until_ready(address(environment))
    wait_until_gone(address(environment))


def test_waitress_serves_the_same(environment: dict[str, str]) -> None:
    with started([sys.executable, "-c", _WAITRESS], environment):
        deadline = time.monotonic() + _READY_S
        while True:
            try:
                answer = requests.get(f"{address(environment)}/api/symbols", timeout=30)
                break
            except requests.ConnectionError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        assert answer.json() == {"symbols": [], "next_cursor": None}
