"""Room on this machine's disks: how much there is, and whether there is enough to fetch history."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from src.errors import LakeUnavailable
from src.maintenance.doctor.disk import existing_part
from src.maintenance.doctor.findings import size_text

# What live fetching needs for some days: twenty symbols land 60,000 objects a day, each a file.
_RESERVED_INODES = 200_000


class Measured(Protocol):
    """What ``os.statvfs`` returns, as far as it is looked at."""

    @property
    def f_frsize(self) -> int: ...
    @property
    def f_blocks(self) -> int: ...
    @property
    def f_bavail(self) -> int: ...
    @property
    def f_files(self) -> int: ...
    @property
    def f_favail(self) -> int: ...


Measure = Callable[[Path], Measured]


@dataclass(frozen=True, slots=True)
class Room:
    """A disk's bytes and inodes, free and in total; inodes are None where a file system has no limit."""

    free_bytes: int
    total_bytes: int
    free_inodes: int | None
    total_inodes: int | None


def measure_room(folder: Path, measure: Measure = os.statvfs) -> Room:
    """Measure the disk that *folder* is on, or will be on; LakeUnavailable when it does not answer."""
    try:
        found = measure(existing_part(folder))
    except OSError as error:
        raise LakeUnavailable(f"the disk of {folder} cannot be measured: {error}") from error
    inodes = (found.f_favail, found.f_files) if found.f_files else (None, None)
    return Room(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize, *inodes)


class DiskGate:
    """Says why nothing should be fetched that can wait, as long as a disk of *folders* is nearly full."""

    def __init__(
        self, folders: Sequence[Path], reserve_bytes: Callable[[], float], measure: Measure = os.statvfs
    ) -> None:
        self._folders = folders
        self._reserve_bytes = reserve_bytes
        self._measure = measure

    def obstacle(self) -> str | None:
        """Return why history and repairs have to wait, None when there is room."""
        return next(filter(None, map(self.obstacle_in, self._folders)), None)

    def obstacle_in(self, folder: Path) -> str | None:
        """Return the same for one folder's disk; no reserve keeps nobody waiting."""
        reserve = self._reserve_bytes()
        if reserve <= 0:
            return None
        room = measure_room(folder, self._measure)
        if room.free_bytes < reserve:
            what = f"{size_text(room.free_bytes)} free, below {size_text(reserve)}"
        elif room.free_inodes is not None and room.free_inodes < _reserved_inodes(room):
            what = f"{room.free_inodes:,} files still fit, below {_reserved_inodes(room):,}"
        else:
            return None
        return f"disk of {folder}: {what}; make room and it goes on by itself"


def _reserved_inodes(room: Room) -> int:
    """Return how many inodes to leave: fewer of a small disk, which must not wait for ever."""
    return min(_RESERVED_INODES, (room.total_inodes or 0) // 20)
