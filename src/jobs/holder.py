"""Who holds a lease: names this process so that others on the machine can tell whether it still lives.

After a kill -9 the next start need not wait for the lease to expire then. Where the system does not say
enough, nobody is taken for dead, and the lease's time decides.
"""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

# A host's name of at most 40, and the rest: in 128 characters, which is what the column takes.
_HOST_LENGTH = 40
_HOLDER = re.compile(
    r"(?P<host>[\w.-]+)/(?P<pid>[1-9]\d{0,8})(/(?P<started>\d+)/(?P<place>[\w-]+/\d+))?", re.ASCII
)
_PROC = Path("/proc")
# Of what follows the command's name in /proc/<pid>/stat: its state, and its start in ticks since boot.
_STATE, _STARTED = 0, 19
_ENDED_STATES = {"Z", "X"}


def name_holder() -> str:
    """Return host and process id and, on Linux, when it started, in which boot and process namespace."""
    host = re.sub(r"[^A-Za-z0-9_.-]", "-", socket.gethostname())[:_HOST_LENGTH] or "-"
    name, started, place = f"{host}/{os.getpid()}", _find_start(os.getpid()), _find_place()
    return f"{name}/{started}/{place}" if started and place else name


def describe_holder(holder: str) -> str:
    """Return e.g. ``process 4711 on host pi``."""
    match = _HOLDER.fullmatch(holder)
    return f"process {match['pid']} on host {match['host']}" if match else holder


def is_dead(holder: str) -> bool:
    """Whether *holder* is known to live no more; False where this process cannot know."""
    match, ours = _HOLDER.fullmatch(holder), _HOLDER.fullmatch(name_holder())
    if not match or not ours or not match["place"]:
        return False
    # Another boot id alone proves nothing: two machines may have one name.
    if (match["host"], match["place"]) != (ours["host"], ours["place"]):
        return False
    pid = int(match["pid"])
    try:
        os.kill(pid, 0)  # sees processes that /proc may hide from us
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    started = _find_start(pid)
    return started is not None and started != match["started"]


def _find_start(pid: int) -> str | None:
    """Return when the process started, empty for one that ended and is only not waited for yet."""
    try:
        # The command's name is in parentheses and may hold any character, these included.
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        return "" if fields[_STATE] in _ENDED_STATES else fields[_STARTED]
    except (OSError, IndexError):
        return None


def _find_place() -> str | None:
    """Return boot id and process namespace, within which a process id means one process."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        namespace = re.sub(r"\D", "", (_PROC / "self/ns/pid").readlink().name)
    except OSError:
        return None
    place = f"{boot}/{namespace}"
    return place if re.fullmatch(r"[\w-]{1,36}/\d{1,20}", place, re.ASCII) else None
