"""The name of a process that holds a lease, and whether it still lives."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.jobs import holder
from src.jobs.holder import describe_holder, is_dead, name_holder

BOOT = "0d3a7c9e-5b1f-4c55-9d6e-aaaaaaaaaaaa"


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a /proc of our own, in which only this process is."""
    monkeypatch.setattr(holder, "_PROC", tmp_path)
    boot = tmp_path / "sys/kernel/random/boot_id"
    boot.parent.mkdir(parents=True)
    boot.write_text(f"{BOOT}\n")
    namespace = tmp_path / "self/ns/pid"
    namespace.parent.mkdir(parents=True)
    namespace.symlink_to("pid:[4026531836]")
    put_process(tmp_path, os.getpid(), started=5000)
    return tmp_path


def put_process(proc: Path, pid: int, started: int, state: str = "S") -> None:
    folder = proc / str(pid)
    folder.mkdir(exist_ok=True)
    before = " ".join("0" * 18)
    (folder / "stat").write_text(f"{pid} (a (python) 3) {state} {before} {started} 4096 77\n")


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def neighbour(pid: int, started: int) -> str:
    """Return the name that another process on this machine would have."""
    host, _, rest = name_holder().partition("/")
    return f"{host}/{pid}/{started}/{rest.split('/', 2)[2]}"


def test_name_says_all_that_tells_a_process_from_others(proc: Path) -> None:
    host, *rest = name_holder().split("/")
    assert host == socket.gethostname()[:40]
    assert rest == [str(os.getpid()), "5000", BOOT, "4026531836"]


def test_long_or_odd_host_name_still_fits_the_column(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "küche/pi " * 20)
    assert name_holder().startswith("k-che-pi-k-che-pi-")
    assert len(name_holder()) <= 128
    assert name_holder().isascii()


def test_holder_is_described_for_people() -> None:
    assert describe_holder(f"pi.local/4711/99/{BOOT}/4026531836") == "process 4711 on host pi.local"
    assert describe_holder("pi/4711") == "process 4711 on host pi"
    assert describe_holder("somebody") == "somebody"


def test_living_process_is_not_dead(child: subprocess.Popen[bytes]) -> None:
    assert not is_dead(name_holder())


@pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="the system has no /proc like Linux'")
def test_killed_process_is_dead_even_before_its_parent_notices() -> None:
    say = "from src.jobs.holder import name_holder; print(name_holder(), flush=True); input()"
    command = [sys.executable, "-c", say]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        name = process.stdout.readline().strip()
        assert describe_holder(name) == f"process {process.pid} on host {socket.gethostname()[:40]}"
        assert not is_dead(name)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead(name), "a zombie"
    assert is_dead(name)


def test_process_that_got_the_id_of_a_dead_one_is_not_taken_for_it(
    proc: Path, child: subprocess.Popen[bytes]
) -> None:
    put_process(proc, child.pid, started=9000)
    assert is_dead(neighbour(child.pid, started=8000))
    assert not is_dead(neighbour(child.pid, started=9000))


def test_process_that_proc_hides_is_not_dead(proc: Path, child: subprocess.Popen[bytes]) -> None:
    assert not is_dead(neighbour(child.pid, started=8000))


@pytest.mark.parametrize(
    "name",
    [
        f"elsewhere/999999999/1/{BOOT}/4026531836",
        f"{{host}}/999999999/1/{BOOT.replace('a', 'b')}/4026531836",
        f"{{host}}/999999999/1/{BOOT}/1",
        "{host}/999999999",
        "somebody",
        "",
    ],
    ids=["another host", "another boot", "another container", "a system without /proc", "odd", "nobody"],
)
def test_nobody_is_dead_of_whom_this_machine_cannot_know(proc: Path, name: str) -> None:
    host = name_holder().partition("/")[0]
    assert not is_dead(name.replace("{host}", host))
    assert is_dead(neighbour(999999999, started=1)), "the same where it can"


def test_without_proc_nobody_is_dead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = neighbour(999999999, started=1)
    monkeypatch.setattr(holder, "_PROC", tmp_path)
    assert name_holder() == f"{socket.gethostname()[:40]}/{os.getpid()}"
    assert not is_dead(name)
