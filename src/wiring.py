"""The one place that builds objects from settings."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property

from pydantic import SecretStr

from src.clock import SystemClock
from src.extract.binance import Binance
from src.extract.budget import Budget
from src.extract.http import HttpClient
from src.extract.landing import Landing
from src.extract.manager import ExtractionManager
from src.extract.tracking import Tracking
from src.jobs.daemon import Daemon
from src.jobs.start import Starter
from src.lake.local_store import LocalStore
from src.lake.minio_store import MinioStore
from src.lake.spool import Spool
from src.lake.store import ObjectStore
from src.settings import Settings
from src.transform.manager import TransformManager
from src.warehouse.engine import Warehouse, mysql_url, open_warehouse, sqlite_url


@dataclass(frozen=True)
class App:
    """Everything an entry point may need, each built on first use and then shared."""

    settings: Settings
    stop: threading.Event

    @cached_property
    def clock(self) -> SystemClock:
        return SystemClock(self.stop)

    @cached_property
    def warehouse(self) -> Warehouse:
        return open_warehouse(warehouse_url(self.settings), self.settings.mysql_pool_size)

    @cached_property
    def lake(self) -> ObjectStore:
        settings = self.settings
        if settings.minio_endpoint is None:
            return LocalStore(settings.data_dir / "data_lake")
        return MinioStore(
            settings.minio_endpoint,
            _revealed(settings.minio_access_key),
            _revealed(settings.minio_secret_key),
            settings.minio_bucket_raw,
            settings.minio_bucket_archive,
            secure=settings.minio_secure,
        )

    @cached_property
    def exchange(self) -> Binance:
        settings = self.settings
        http = HttpClient(Binance.name, self.clock)
        budget = Budget(self.warehouse, Binance.name, settings.egress, settings.budget_share, self.clock)
        return Binance(settings.binance_base_url, http, budget, self.clock)

    @cached_property
    def tracking(self) -> Tracking:
        return Tracking(self.exchange, self.warehouse, self.clock)

    @cached_property
    def extraction(self) -> ExtractionManager:
        settings = self.settings
        return ExtractionManager(
            self.exchange,
            self.warehouse,
            Landing(self.lake, self.warehouse, self.clock, Spool(settings.data_dir / "spool")),
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
        )

    @cached_property
    def daemon(self) -> Daemon:
        cycle_seconds = self.settings.cycle_seconds
        return Daemon(self.exchange, self.extraction, self.transform, self.starter, self.clock, cycle_seconds)


def build(settings: Settings) -> App:
    """Return the application; nothing is connected yet."""
    return App(settings, threading.Event())


def warehouse_url(settings: Settings) -> str:
    """Return where the warehouse is: MySQL where MYSQL_HOST is set, else a file in the data folder."""
    if settings.mysql_host is None:
        return sqlite_url(settings.data_dir / "warehouse.db")
    password = _revealed(settings.mysql_password)
    return mysql_url(
        settings.mysql_host, settings.mysql_port, settings.mysql_user or "", password, settings.mysql_database
    )


def _revealed(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()
