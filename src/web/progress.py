"""How far a build is: told by who builds, read by who serves a page meanwhile; and that only one builds."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from enum import StrEnum

from src.web.place import WebPlace

_TAIL_BYTES = 3_000


class Step(StrEnum):
    """What goes on; *nothing* where nobody builds and nobody has failed."""

    NOTHING = "nothing"
    INSTALLING = "installing"
    BUILDING = "building"
    FAILED = "failed"
    NO_NODE = "no-node"

    @property
    def is_under_way(self) -> bool:
        return self in (Step.INSTALLING, Step.BUILDING)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a build stands; *said* is what went wrong, for a person."""

    step: Step
    said: str = ""


def tell(place: WebPlace, step: Step, said: str = "") -> None:
    """Leave word for ``read``, whole or not at all."""
    draft = place.work / f"progress.{os.getpid()}"
    draft.write_text(json.dumps(asdict(Progress(step, said))), encoding="utf-8")
    draft.replace(place.work / "progress.json")


def read(place: WebPlace) -> Progress:
    """Return how far it is; a build whose process is gone is none."""
    try:
        told = json.loads((place.work / "progress.json").read_text(encoding="utf-8"))
        found = Progress(Step(told["step"]), told["said"])
    except (OSError, ValueError, KeyError):
        return Progress(Step.NOTHING)
    return Progress(Step.NOTHING) if found.step.is_under_way and not is_under_way(place) else found


def read_tail(place: WebPlace) -> str:
    """Return the end of what npm said, empty where it said nothing."""
    try:
        content = place.log.read_bytes()[-_TAIL_BYTES:]
    except OSError:
        return ""
    return content.decode("utf-8", "replace").strip()


@contextmanager
def alone(place: WebPlace) -> Iterator[int]:
    """Let one process on this machine build at a time; give the lock's descriptor.

    Who inherits the descriptor holds the lock, too.
    """
    place.work.mkdir(exist_ok=True)
    descriptor = os.open(place.work / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def is_under_way(place: WebPlace) -> bool:
    """Whether some process builds right now."""
    with suppress(OSError):
        descriptor = os.open(place.work / "lock", os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False
