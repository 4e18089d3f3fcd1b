"""Room for data: bytes and files that still fit on the disk of the data folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from src.maintenance.doctor.findings import Finding, ok, problem, size_text, warning

# Below the first, a load or SQLite's log may fail at any moment; below the second it is time to act.
_LEAST_BYTES, _FEW_BYTES = 500_000_000, 5_000_000_000
# An object is a file: twenty symbols land some 60,000 a day.
_LEAST_FILES, _FEW_FILES = 10_000, 500_000

_MAKE_ROOM = "make room, or move the data folder (CANDLEHOUSE_DATA_DIR) to a larger disk"
_OR_LESS = ", or let less of it be reserved (CANDLEHOUSE_DISK_RESERVE_GB)"
_MAKE_FILES = (
    "every object of the lake is a file: put the lake into MinIO (MINIO_ENDPOINT), or the data folder on a "
    "file system with more inodes"
)


def check_disk(folder: Path, obstacle: Callable[[], str | None] = lambda: None) -> Iterator[Finding]:
    """Look at the disk that *folder* is on, or will be on; *obstacle* says why history waits for room."""
    place = existing_part(folder)
    if not os.access(place, os.W_OK):
        advice = "give this user the right to write there, or set CANDLEHOUSE_DATA_DIR to another folder"
        yield problem("data folder", f"{place} cannot be written", advice)
    elif place == folder:
        yield ok("data folder", str(folder))
    else:
        found = f"{folder} is not there yet: nothing has been started here"
        yield ok("data folder", found, "./candlehouse up makes it and starts to collect")
    room = os.statvfs(place)
    yield _judge_bytes(room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize, obstacle())
    yield _judge_files(room.f_favail, room.f_files)


def existing_part(folder: Path) -> Path:
    """Return *folder*, or the nearest folder above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def _judge_bytes(free: int, total: int, obstacle: str | None) -> Finding:
    found = f"{size_text(free)} of {size_text(total)} free"
    if obstacle:
        found = f"{found}; history and repairs wait: {obstacle}"
    elif free >= _FEW_BYTES:
        return ok("room", found, free_bytes=free)
    judge = problem if free < _LEAST_BYTES else warning
    advice = f"{_MAKE_ROOM}{_OR_LESS if obstacle else ''}"
    return judge("room", found, advice, free_bytes=free)


def _judge_files(free: int, total: int) -> Finding:
    if not total:  # btrfs and others make inodes as they go
        return ok("files", "this file system sets no limit to their number")
    found = f"{free:,} of {total:,} inodes free"
    if free >= _FEW_FILES:
        return ok("files", found, free_inodes=free)
    judge = problem if free < _LEAST_FILES else warning
    return judge("files", found, _MAKE_FILES, free_inodes=free)
