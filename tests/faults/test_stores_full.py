"""Disks that fill up: what is said tells what to do, and once there is room all comes home by itself."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from src.lake.local_store import LocalStore
from src.lake.store import Bucket
from src.warehouse.engine import open_warehouse, sqlite_url
from src.warehouse.schema import migrate
from src.warehouse.tables import lake_objects
from tests.faults.collector import collect
from tests.service.rig import Rig

SmallDisk = Callable[[int], Path]


@pytest.fixture
def small_disk() -> Iterator[SmallDisk]:
    """Give a disk of so many bytes, in memory.

    It is not below ``tmp_path``: one that a killed run left mounted there stops pytest from tidying up.
    """
    folder = Path(tempfile.mkdtemp(prefix="candlehouse-small-disk-"))

    def mount(size_bytes: int) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            pytest.skip(f"no small disk here: {error}")
        if done.returncode:
            pytest.skip(f"no small disk here, which takes root's right to mount: {done.stderr.strip()}")
        return folder

    yield mount
    if folder.is_mount():
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()


@contextmanager
def full(disk: Path, left_bytes: int) -> Iterator[None]:
    """Fill the disk with somebody else's file, but for *left_bytes*."""
    filler = disk / "somebody else's"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    filler.write_bytes(bytes(max(0, free - left_bytes)))
    yield
    filler.unlink()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as made:
        yield made


def test_full_disk_under_the_lake(rig: Rig, small_disk: SmallDisk) -> None:
    disk = small_disk(4_000_000)
    rig.lake = LocalStore(disk / "data_lake")
    rig.lake.ensure_buckets()
    collector = collect(rig)
    with full(disk, left_bytes=200_000):  # room for one page
        for _ in range(4):
            collector.cycle()
        assert not collector.is_whole()
    collector.heal("lake's disk full", "candles are fetched when it is back", "make room on that disk")


@pytest.mark.parametrize("left_bytes", [0, 40_000], ids=["from the start", "while it works"])
def test_full_disk_under_the_warehouse(rig: Rig, small_disk: SmallDisk, left_bytes: int) -> None:
    disk = small_disk(8_000_000)
    rig.warehouse.close()
    rig.warehouse = open_warehouse(sqlite_url(disk / "warehouse.db"))
    migrate(rig.warehouse)
    collector = collect(rig)
    with full(disk, left_bytes):
        for _ in range(4):
            collector.cycle()
        assert not collector.is_whole()
    collector.heal("warehouse's disk full", "free some on its disk, and it goes on by itself")
    catalogued = {row.object_key for row in rig.rows(lake_objects)}
    assert {stat.key for stat in rig.lake.list_keys(Bucket.RAW)} == catalogued
