"""The watch over the disks: samples, levels, news, and history that waits for room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from src.clock import ManualClock
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Lane
from src.errors import NoRoom, Stopped
from src.extract.room import wait_for_room
from src.jobs.disk_watching import disk_kind
from src.jobs.notifying import Notifier
from src.maintenance.disk_room import DiskGate, measure_room
from src.maintenance.disk_watch import DiskWatch, Level, PlaceReport
from src.maintenance.doctor.forecast import check_forecast
from src.stopping import Stop, stopping_by
from src.warehouse.disk_samples import DiskSample, add_sample, list_samples
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.notifications import list_notifications
from src.warehouse.schema import migrate

GB = 10**9
NOW_MS = 1_767_916_800_000


@dataclass
class FakeDisk:
    """A disk of 1 TB with blocks of a byte."""

    f_bavail: int = 500 * GB
    f_favail: int = 50_000_000
    f_frsize: int = 1
    f_blocks: int = 1000 * GB
    f_files: int = 60_000_000


@dataclass
class Watched:
    """A warehouse, a disk, and who watches it."""

    warehouse: Warehouse
    clock: ManualClock
    disk: FakeDisk
    watch: DiskWatch
    gate: DiskGate

    def look(self) -> dict[str, PlaceReport]:
        return {report.place: report for report in self.watch.look()}

    def run_job(self) -> None:
        notifier = Notifier(self.warehouse, self.clock, lambda: None)
        disk_kind(lambda: self.watch, notifier).execute(None)  # type: ignore[arg-type]

    def news(self) -> list[tuple[str, str, int]]:
        with self.warehouse.read() as connection:
            return [(one.kind, one.severity.value, one.times) for one in list_notifications(connection)]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    warehouse, clock, disk = open_warehouse(f"sqlite:///{tmp_path}/w.db"), ManualClock(NOW_MS), FakeDisk()
    migrate(warehouse)

    def measure(_: Path) -> FakeDisk:
        return disk

    gate = DiskGate([tmp_path], lambda: 2 * GB, measure)
    places = {"lake": tmp_path, "warehouse": None}
    yield Watched(
        warehouse, clock, disk, DiskWatch(warehouse, clock, places, gate, lambda: 14, measure), gate
    )
    warehouse.close()


def test_sample_is_kept_once_an_hour(watched: Watched) -> None:
    for _ in range(13):
        watched.look()
        watched.clock.advance(10 * MINUTE_MS)
    with watched.warehouse.read() as connection:
        samples = list_samples(connection, "lake", 0)
    assert [one.at_ms - NOW_MS for one in samples] == [0, HOUR_MS, 2 * HOUR_MS]
    assert {(one.free_bytes, one.free_inodes) for one in samples} == {(500 * GB, 50_000_000)}
    assert [one.objects for one in samples] == [0, None, None]  # counted seldom


def test_place_on_a_server_has_a_size_and_no_room(watched: Watched) -> None:
    report = watched.look()["warehouse"]
    assert report.level is Level.OK
    assert report.sample.free_bytes is None
    assert (report.sample.used_bytes or 0) > 100_000
    assert report.as_json()["told"].startswith("on a server, whose disk is watched there; ")


@pytest.mark.parametrize(
    ("free", "inodes", "level"),
    [
        (500 * GB, 50_000_000, Level.OK),
        (99 * GB, 50_000_000, Level.LOW),
        (500 * GB, 5_000_000, Level.LOW),
        (2 * GB - 1, 50_000_000, Level.FULL),
        (500 * GB, 199_999, Level.FULL),
    ],
)
def test_level_says_how_a_disk_is_off(watched: Watched, free: int, inodes: int, level: Level) -> None:
    watched.disk.f_bavail, watched.disk.f_favail = free, inodes
    assert watched.look()["lake"].level is level


def test_file_system_without_inodes_has_no_limit_to_them(watched: Watched) -> None:
    watched.disk.f_files = watched.disk.f_favail = 0
    assert watched.look()["lake"].level is Level.OK


def test_disk_that_fills_within_days_is_low_while_most_of_it_is_free(watched: Watched) -> None:
    for hour in range(12):
        watched.disk.f_bavail = (500 - 2 * hour) * GB
        report = watched.look()["lake"]
        watched.clock.advance(HOUR_MS)
    assert report.level is Level.LOW
    assert report.forecast.days_left == pytest.approx(478 / 48, rel=0.01)
    assert "enough for about 10 days at the pace of the last week" in report.told


def test_people_are_told_when_it_gets_worse_once_a_day_and_when_it_is_over(watched: Watched) -> None:
    watched.run_job()
    assert watched.news() == []
    watched.disk.f_bavail = 50 * GB
    for _ in range(5):
        watched.run_job()
    assert watched.news() == [("disk_low", "warning", 1)]
    watched.disk.f_bavail = GB
    watched.run_job()
    assert watched.news() == [("disk_low", "error", 2)]
    watched.disk.f_bavail = 500 * GB
    for _ in range(2):
        watched.run_job()
    assert watched.news() == [("disk_well", "info", 1), ("disk_low", "error", 2)]


def test_history_waits_for_room_and_goes_on_by_itself(watched: Watched) -> None:
    watched.disk.f_bavail = GB
    told: list[str | None] = []

    def hear(text: str | None) -> None:
        told.append(text)
        if len(told) == 3:
            watched.disk.f_bavail = 100 * GB

    wait_for_room(watched.gate.obstacle, Lane.HISTORY, watched.clock, hear)
    assert len(told) == 4
    assert told[-1] is None
    assert (told[0] or "").endswith("1.0 GB free, below 2.0 GB; make room and it goes on by itself")
    assert sum(watched.clock.slept_s) == 15


def test_wait_for_room_ends_when_the_run_is_stopped(watched: Watched) -> None:
    watched.disk.f_bavail, stop = GB, Stop()
    told: list[str | None] = []

    def hear(text: str | None) -> None:
        told.append(text)
        stop.set()

    with stopping_by(stop), pytest.raises(Stopped):
        wait_for_room(watched.gate.obstacle, Lane.HISTORY, watched.clock, hear)
    assert told[-1] is None


@pytest.mark.parametrize(("lane", "on_wait"), [(Lane.REPAIR, print), (Lane.HISTORY, None)])
def test_repairs_give_their_place_back(
    watched: Watched, lane: Lane, on_wait: Callable[[str | None], None] | None
) -> None:
    wait_for_room(watched.gate.obstacle, lane, watched.clock, on_wait)
    watched.disk.f_bavail = GB
    with pytest.raises(NoRoom, match=r"disk of .*: 1.0 GB free, below 2.0 GB"):
        wait_for_room(watched.gate.obstacle, lane, watched.clock, on_wait)


def test_no_reserve_keeps_nobody_waiting(tmp_path: Path) -> None:
    assert DiskGate([tmp_path], lambda: 0, lambda _: FakeDisk(f_bavail=0)).obstacle() is None


def test_doctor_tells_how_long_a_disk_lasts(watched: Watched) -> None:
    assert list(check_forecast(watched.warehouse, 14, watched.clock)) == []

    def keep(hours: int, gigabytes: int) -> None:
        sample = DiskSample("lake", NOW_MS - hours * HOUR_MS, free_bytes=gigabytes * GB)
        watched.warehouse.run(lambda connection: add_sample(connection, sample))

    keep(12, 112)
    (early,) = check_forecast(watched.warehouse, 14, watched.clock)
    assert "six hours" in early.found
    for hours in range(12):
        keep(hours, 100 + hours)
    (found,) = check_forecast(watched.warehouse, 3, watched.clock)
    assert (found.verdict.value, found.check) == ("ok", "lake lasts")
    (found,) = check_forecast(watched.warehouse, 14, watched.clock)
    assert (found.verdict.value, found.numbers["days"]) == ("warning", 4.2)
    watched.clock.advance(30 * DAY_MS)
    assert list(check_forecast(watched.warehouse, 14, watched.clock)) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_gate_closes_on_a_real_disk_that_fills_and_opens_again(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        gate = DiskGate([disk / "data"], lambda: 8_000_000)
        assert gate.obstacle() is None
        (disk / "filler").write_bytes(bytes(12_000_000))
        assert measure_room(disk).free_bytes < 8_000_000
        assert "make room" in (gate.obstacle() or "")
        (disk / "filler").unlink()
        assert gate.obstacle() is None
    finally:
        subprocess.run(["umount", str(disk)], check=True)
