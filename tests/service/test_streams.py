"""The API as it is served, with a scheduler beside it: many streams, two processes, the transcript."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from src.api.live import MOST_STREAMS
from src.settings import PROJECT_ROOT
from src.simulator.config import SimulatorConfig
from src.simulator.simulator import Simulator

_SERVE = ["-P", "-m", "src.cli", "serve"]
_SCHEDULER = [str(PROJECT_ROOT / "scheduler.py")]
_PATIENCE_S = 90.0


@dataclass(frozen=True)
class House:
    """One scheduler, and two processes that serve the API beside it."""

    one: str
    other: str
    data: Path

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {(self.data / 'operator_token').read_text().strip()}"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Run it on an exchange that takes its time for klines, so that fetching can be stopped on the way."""
    data = tmp_path_factory.mktemp("house") / "data"
    simulator = Simulator(SimulatorConfig(faults=("slow:path=klines,delay=0.1",))).serve_in_thread()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CANDLEHOUSE_")},
        "PYTHONPATH": str(PROJECT_ROOT),
        "CANDLEHOUSE_ENV_FILE": os.devnull,
        "CANDLEHOUSE_DATA_DIR": str(data),
        "CANDLEHOUSE_SYMBOLS": "ETHUSDT",
        "CANDLEHOUSE_CYCLE_SECONDS": "2",
        "BINANCE_BASE_URL": simulator.base_url,
    }
    with started(_SCHEDULER, environment), served(environment) as one, served(environment) as other:
        wait_until((data / "operator_token").exists)
        yield House(one, other, data)
    simulator.stop()


@contextmanager
def started(arguments: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE_S)
        finally:
            process.kill()
            process.wait()


@contextmanager
def served(environment: dict[str, str]) -> Iterator[str]:
    """Serve the API and return its address."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with started(_SERVE, {**environment, "CANDLEHOUSE_PORT": str(port)}):
        wait_until(lambda: requests.get(f"{url}/health/ready", timeout=5).ok)
        yield url


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            if is_so():
                return
        except requests.RequestException:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.2)


def get(url: str, path: str) -> Any:
    return requests.get(url + path, timeout=30).json()


def open_stream(url: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").partition(":")
    opened = socket.create_connection((host, int(port)), timeout=30)
    opened.sendall(f"GET /api/events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    assert opened.recv(16).startswith(b"HTTP/1.1 200")
    return opened


def test_transcript_of_the_docs_is_true(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (PROJECT_ROOT / "docs/api.md").read_text()
    [code] = re.findall(r"## A transcript\n.*?```python\n(.*?)```", text, re.DOTALL)
    code = code.replace("http://127.0.0.1:8000", house.one)
    monkeypatch.chdir(house.data.parent)
    said: dict[str, Any] = {}
    exec(code, said)
    assert said["stopped"]["batch"]["state"] == "cancelled"
    assert said["ended"]["batch"]["state"] == "succeeded"
    assert 0 < said["stopped"]["overall_progress_pct"] < said["ended"]["overall_progress_pct"] == 100
    assert said["gaps"] == []
    assert len(said["candles"]) == 3
    again: dict[str, Any] = {}
    try:
        exec(code, again)
    except SystemExit:
        assert again["batch"] is None
    else:
        assert again["ended"]["batch"]["state"] == "succeeded", "little or nothing is missing now"


def test_address_that_is_too_long_is_answered_before_candlehouse_sees_it(house: House) -> None:
    answer = requests.get(f"{house.one}/api/symbols/{'a' * 5_000}", timeout=30)
    assert (answer.status_code, answer.headers["Content-Type"]) == (414, "text/html")


def test_two_processes_beside_one_scheduler_answer_alike(house: House) -> None:
    one, other = house.one, house.other
    for url in (one, other):
        path = f"{url}/api/scheduler/jobs/cycle/disable"
        assert requests.post(path, headers=house.headers, timeout=30).status_code == 200
    wait_until(lambda: get(one, "/api/scheduler/jobs/cycle")["under_way"] is None)
    for path in ("symbols", "klines/ETHUSDT?limit=50", "data-ingestion/runs?job=cycle", "config/settings"):
        assert get(one, f"/api/{path}") == get(other, f"/api/{path}"), path
    assert get(one, "/api/scheduler/leader")["holder"] == get(other, "/api/scheduler/leader")["holder"]
    asked = requests.post(f"{one}/api/quality/check", headers=house.headers, json={}, timeout=30).json()
    wait_until(lambda: get(other, f"/api/data-ingestion/status/{asked['job_id']}")["state"] == "succeeded")


def test_a_hundred_streams_leave_room_for_requests(house: House) -> None:
    with ExitStack() as streams:
        for _ in range(MOST_STREAMS):
            streams.enter_context(open_stream(house.other))
        refused = requests.get(f"{house.other}/api/events", timeout=30)
        assert refused.status_code == 503
        assert "Retry-After" in refused.headers
        for _ in range(20):
            assert requests.get(f"{house.other}/api/symbols", timeout=30).status_code == 200
