"""What all that works is made of: stores, exchange, extraction and loading, from the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from src.clock import Clock, SystemClock
from src.domain import Lane
from src.extract.binance import Binance, find_hosts
from src.extract.breaker import Breaker
from src.extract.budget import Budget
from src.extract.http import HttpClient
from src.extract.landing import Landing
from src.extract.manager import ExtractionManager
from src.extract.tracking import Tracking
from src.jobs.asking import MANUAL, job_run
from src.jobs.job_registry import JobSpec, build_jobs
from src.jobs.kinds import Cycle
from src.jobs.leadership import Leadership
from src.jobs.notifying import Notifier
from src.jobs.start import Starter
from src.lake.local_store import LocalStore
from src.lake.spool import Spool
from src.lake.store import ObjectStore
from src.maintenance.disk_room import DiskGate
from src.maintenance.disk_watch import DiskWatch
from src.mutable_settings import effective
from src.settings import VARIABLES, Settings
from src.stopping import Stop
from src.transform.manager import TransformManager
from src.warehouse.disk_samples import LAKE, WAREHOUSE
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.runs import NewRun
from src.wiring.places import lake_folder, lake_home, revealed, warehouse_url

# Twice that at most: a session that was there is asked first, then another one is tried.
_GLANCES, _GLANCE_S = 2, 2

OnBlock = Callable[[str, int, str], None]


def _tell_nobody(_exchange: str, _until_ms: int, _reason: str) -> None:
    pass


class Live:
    """The settings as they are at the moment: what people stored in the warehouse laid over the defaults."""

    def __init__(self, settings: Settings) -> None:
        self._base = settings
        self.settings = settings

    def take(self, stored: Mapping[str, str]) -> Settings:
        """Let *stored* hold from now on; return the settings that it makes."""
        self.settings = effective(self._base, stored)
        return self.settings


@dataclass(frozen=True)
class Core:
    """What all that works is made of, each built on first use and then shared."""

    settings: Settings
    stop: Stop
    answer_s: int | None = None
    """For how long the warehouse is waited for at most, in a process that serves others meanwhile."""

    @cached_property
    def clock(self) -> SystemClock:
        return SystemClock(self.stop)

    @cached_property
    def warehouse(self) -> Warehouse:
        settings = self.settings
        return open_warehouse(warehouse_url(settings), settings.mysql_pool_size, answer_s=self.answer_s)

    @cached_property
    def glance(self) -> Warehouse:
        """The same warehouse, for who must answer at once even where it hangs, which SQLite cannot."""
        if self.settings.mysql_host is None:
            return self.warehouse
        return open_warehouse(warehouse_url(self.settings), _GLANCES, _GLANCE_S)

    @cached_property
    def lake(self) -> ObjectStore:
        settings = self.settings
        if settings.minio_endpoint is None:
            return LocalStore(lake_folder(settings))
        # Its SDK takes a fifth of the time in which every command starts.
        from src.lake.minio_store import MinioStore  # noqa: PLC0415

        return MinioStore(
            settings.minio_endpoint,
            revealed(settings.minio_access_key),
            revealed(settings.minio_secret_key),
            settings.minio_bucket_raw,
            settings.minio_bucket_archive,
            secure=settings.minio_secure,
        )

    @cached_property
    def budget(self) -> Budget:
        return self.open_budget(self.warehouse, self.clock, self.notifier.blocked)

    def open_budget(self, warehouse: Warehouse, clock: Clock, on_block: OnBlock = _tell_nobody) -> Budget:
        """Return the exchange's budget, kept in *warehouse*; *on_block* is told of each wait."""
        settings = self.live.settings
        return Budget(
            warehouse,
            Binance.name,
            settings.egress,
            settings.budget_share,
            clock,
            breaker=make_breaker(settings),
            on_block=on_block,
        )

    @cached_property
    def exchange(self) -> Binance:
        hosts = find_hosts(self.settings.binance_base_url)
        return Binance(hosts, HttpClient(Binance.name, self.clock, stop=self.stop), self.budget, self.clock)

    @cached_property
    def tracking(self) -> Tracking:
        return Tracking(self.exchange, self.warehouse, self.clock)

    @cached_property
    def landing(self) -> Landing:
        return Landing(self.lake, self.warehouse, self.clock, Spool(self.settings.data_dir / "spool"))

    @cached_property
    def extraction(self) -> ExtractionManager:
        settings = self.live.settings
        return ExtractionManager(
            self.exchange,
            self.warehouse,
            self.landing,
            self.clock,
            lookback_days=settings.lookback_days,
            depth_levels=settings.depth_levels,
            depth_seconds=settings.depth_seconds,
        )

    @cached_property
    def transform(self) -> TransformManager:
        return TransformManager(self.warehouse, self.lake, self.clock)

    @cached_property
    def starter(self) -> Starter:
        settings = self.settings
        return Starter(
            self.warehouse,
            self.lake,
            self.exchange,
            self.tracking,
            self.clock,
            settings.symbols,
            settings.intervals,
            lake_home(settings),
            find_hosts(settings.binance_base_url)[0],
        )

    @cached_property
    def leadership(self) -> Leadership:
        return Leadership(self.warehouse, self.clock)

    @cached_property
    def jobs(self) -> dict[str, JobSpec]:
        """The jobs there are, by id."""
        locked = VARIABLES["cycle_seconds"] if "cycle_seconds" in self.settings.locked else None
        return build_jobs(lambda: self.live.settings.cycle_seconds, locked)

    @cached_property
    def live(self) -> Live:
        return Live(self.settings)

    @cached_property
    def cycle(self) -> Cycle:
        return Cycle(self.extraction, self.transform, self.clock, lambda: self.live.settings.cycle_seconds)

    @cached_property
    def notifier(self) -> Notifier:
        return Notifier(self.warehouse, self.clock, lambda: revealed(self.live.settings.notify_urls) or None)

    @cached_property
    def disk_gate(self) -> DiskGate:
        """What keeps history and repairs waiting while a disk that the stores are on is nearly full."""
        return self.make_gate(lambda: self.live.settings)

    def make_gate(self, settings: Callable[[], Settings]) -> DiskGate:
        """Return a gate that goes by what *settings* says at the moment."""
        folder, is_folder = self.settings.data_dir, self.settings.minio_endpoint is None
        folders = [folder, lake_folder(self.settings)] if is_folder else [folder]
        return DiskGate(folders, lambda: settings().disk_reserve_gb * 10**9)

    @cached_property
    def disk_watch(self) -> DiskWatch:
        settings = self.settings
        lake = None if settings.minio_endpoint else lake_folder(settings)
        places = {LAKE: lake, WAREHOUSE: None if settings.mysql_host else settings.data_dir}
        return DiskWatch(
            self.warehouse, self.clock, places, self.disk_gate, lambda: self.live.settings.disk_warn_days
        )

    def new_run(self, kind: str, requested_by: str, parameters: Mapping[str, Any]) -> NewRun:
        """Describe a run of *kind* that somebody asks for."""
        if kind in self.jobs:
            return job_run(self.jobs[kind], MANUAL, requested_by, parameters)
        return NewRun(kind, Lane.LIVE, MANUAL, requested_by, parameters)


def make_breaker(settings: Settings) -> Breaker:
    """Return a breaker as the settings have it."""
    return Breaker(settings.breaker_failures, settings.breaker_seconds * 1000)
