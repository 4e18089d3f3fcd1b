"""Watches the disks: measures the places of lake and warehouse, keeps a sample an hour, looks ahead.

What a server's disk has left nobody here can say; of an S3 lake the catalog tells what it holds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from src.clock import Clock
from src.domain import HOUR_MS
from src.maintenance.disk_forecast import WINDOW_MS, Forecast, forecast
from src.maintenance.disk_room import DiskGate, Measure, Room, measure_room
from src.maintenance.doctor.findings import size_text
from src.warehouse.disk_samples import (
    WAREHOUSE,
    DiskSample,
    add_sample,
    count_catalogued,
    list_samples,
)
from src.warehouse.engine import Warehouse
from src.warehouse.health import read_total_bytes

_SAMPLE_EVERY_MS = HOUR_MS
# The catalog is read from end to end for it.
_COUNT_EVERY_MS = 6 * HOUR_MS
# Less than a tenth is little, unless that is very much.
_FEW_SHARE, _MANY_BYTES = 0.1, 100 * 10**9


class Level(StrEnum):
    """How a place is off: with *full*, history and repairs wait."""

    OK = "ok"
    LOW = "low"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class PlaceReport:
    """One place now; *folder* is None where it lies on a server, of whose disk nothing is known."""

    place: str
    folder: Path | None
    sample: DiskSample
    room: Room | None
    forecast: Forecast
    level: Level
    told: str

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        numbers = {**asdict(self.sample), **asdict(self.forecast)}
        total = {name: getattr(self.room, name, None) for name in ("total_bytes", "total_inodes")}
        return {**numbers, **total, "level": self.level.value, "told": self.told}


class DiskWatch:
    """Looks at *places*, each with its folder here or None; *warn_days* tells what is too soon."""

    def __init__(
        self,
        warehouse: Warehouse,
        clock: Clock,
        places: Mapping[str, Path | None],
        gate: DiskGate,
        warn_days: Callable[[], float],
        measure: Measure = os.statvfs,
    ) -> None:
        self._warehouse = warehouse
        self._clock = clock
        self._places = places
        self._gate = gate
        self._warn_days = warn_days
        self._measure = measure

    def look(self) -> list[PlaceReport]:
        """Measure all places and keep samples that are due."""
        return [self._look_at(place, folder) for place, folder in self._places.items()]

    def _look_at(self, place: str, folder: Path | None) -> PlaceReport:
        now_ms = self._clock.now_ms()
        room = measure_room(folder, self._measure) if folder else None
        with self._warehouse.read() as connection:
            known = list_samples(connection, place, now_ms - WINDOW_MS)
            sample = _sample(connection, place, room, known, now_ms)
        if not known or now_ms - known[-1].at_ms >= _SAMPLE_EVERY_MS:
            self._warehouse.run(lambda connection: add_sample(connection, sample))
        ahead = forecast([*known, sample])
        obstacle = self._gate.obstacle_in(folder) if folder else None
        level = self._judge(room, ahead, obstacle)
        return PlaceReport(place, folder, sample, room, ahead, level, obstacle or _tell(room, sample, ahead))

    def _judge(self, room: Room | None, ahead: Forecast, obstacle: str | None) -> Level:
        if obstacle:
            return Level.FULL
        is_soon = ahead.days_left is not None and ahead.days_left < self._warn_days()
        return Level.LOW if is_soon or (room is not None and _is_little(room)) else Level.OK


def _sample(
    connection: Connection, place: str, room: Room | None, known: list[DiskSample], now_ms: int
) -> DiskSample:
    sample = DiskSample(
        place,
        now_ms,
        free_bytes=room.free_bytes if room else None,
        free_inodes=room.free_inodes if room else None,
    )
    if place == WAREHOUSE:
        return replace(sample, used_bytes=read_total_bytes(connection))
    if any(one.objects is not None and now_ms - one.at_ms < _COUNT_EVERY_MS for one in known):
        return sample
    objects, used = count_catalogued(connection)
    return replace(sample, used_bytes=used, objects=objects)


def _is_little(room: Room) -> bool:
    few_bytes = room.free_bytes < min(_FEW_SHARE * room.total_bytes, _MANY_BYTES)
    return few_bytes or (
        room.free_inodes is not None and room.free_inodes < _FEW_SHARE * (room.total_inodes or 0)
    )


def _tell(room: Room | None, sample: DiskSample, ahead: Forecast) -> str:
    """Say in words how a place is off."""
    if room is None:
        used = "" if sample.used_bytes is None else f"; {size_text(sample.used_bytes)} there by our own count"
        return f"on a server, whose disk is watched there{used}"
    told = f"{size_text(room.free_bytes)} of {size_text(room.total_bytes)} free"
    if room.free_inodes is not None:
        told += f", {room.free_inodes:,} files still fit"
    if ahead.days_left is not None:
        told += f", enough for about {ahead.days_left:.0f} days at the pace of the last week"
    return told
