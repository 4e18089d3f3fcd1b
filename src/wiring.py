"""The one place that builds objects from settings."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from pydantic import SecretStr

from src.clock import Clock, SystemClock
from src.domain import SeriesKey
from src.extract.binance import Binance, find_hosts
from src.extract.breaker import Breaker
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
from src.maintenance.doctor.checkup import Doctor
from src.maintenance.doctor.disk import check_disk
from src.maintenance.doctor.exchange import ExchangePlace, check_exchange
from src.maintenance.doctor.findings import Check
from src.maintenance.doctor.growth import Cadence, Homes, check_growth
from src.maintenance.doctor.lake import check_lake
from src.maintenance.doctor.series import check_series
from src.maintenance.doctor.warehouse import check_warehouse
from src.settings import Settings
from src.transform.manager import TransformManager
from src.warehouse.engine import Warehouse, mysql_url, open_warehouse, sqlite_url

_SQLITE_FILE, _LAKE_FOLDER = "warehouse.db", "data_lake"
# Short, as a person waits for what comes of it.
_CHECK_PATIENCE_S = 3


_SWITCH_S = 0.001


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
            return LocalStore(settings.data_dir / _LAKE_FOLDER)
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
        hosts = find_hosts(self.settings.binance_base_url)
        return self._open_exchange(hosts, self.warehouse, HttpClient(Binance.name, self.clock), self.clock)

    def _open_exchange(
        self,
        hosts: Sequence[str],
        warehouse: Warehouse,
        http: HttpClient,
        clock: Clock,
        attempts: int = 4,
    ) -> Binance:
        settings = self.settings
        breaker = Breaker(settings.breaker_failures, settings.breaker_seconds * 1000)
        budget = Budget(
            warehouse, Binance.name, settings.egress, settings.budget_share, clock, breaker=breaker
        )
        return Binance(hosts, http, budget, clock, attempts)

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
    def doctor(self) -> Doctor:
        """The doctor, who makes nothing: a SQLite warehouse that is not there yet is None to it."""
        settings, clock, folder = self.settings, self.clock, self.settings.data_dir
        warehouse = self._open_for_checks()
        cadence = Cadence(settings.cycle_seconds, settings.depth_seconds, settings.depth_levels)
        hosts = find_hosts(settings.binance_base_url)
        address = ExchangePlace(Binance.name, hosts, settings.egress, settings.budget_share)
        firsts = [SeriesKey(Binance.name, name, i) for name in settings.symbols for i in settings.intervals]
        homes = Homes(folder, lake=settings.minio_endpoint is None, warehouse=settings.mysql_host is None)
        areas: dict[str, Check] = {
            "disk": lambda: check_disk(folder),
            "lake": lambda: check_lake(
                lambda: self.lake, lake_place(settings), warehouse, folder / "spool", clock
            ),
            "warehouse": lambda: check_warehouse(warehouse, warehouse_place(settings), clock),
            "exchange": lambda: check_exchange(address, warehouse, self._open_exchange_for_checks, clock),
            "data": lambda: check_series(warehouse, settings.cycle_seconds, settings.depth_seconds, clock),
            "growth": lambda: check_growth(warehouse, firsts, cadence, homes),
        }
        return Doctor(areas, clock, close=warehouse.close if warehouse else lambda: None)

    def _open_for_checks(self) -> Warehouse | None:
        settings = self.settings
        if settings.mysql_host is None and not (settings.data_dir / _SQLITE_FILE).is_file():
            return None
        return open_warehouse(warehouse_url(settings), settings.mysql_pool_size, _CHECK_PATIENCE_S)

    def _open_exchange_for_checks(self, warehouse: Warehouse) -> Binance:
        """Connect one that asks the first host once and raises Stopped where it would have to wait."""
        stopped = threading.Event()
        stopped.set()
        clock, patience_s = SystemClock(stopped), _CHECK_PATIENCE_S
        http = HttpClient(
            Binance.name,
            clock,
            connect_timeout_s=patience_s,
            read_timeout_s=patience_s,
            total_timeout_s=2 * patience_s,
        )
        first = find_hosts(self.settings.binance_base_url)[:1]
        return self._open_exchange(first, warehouse, http, clock, attempts=1)

    @cached_property
    def daemon(self) -> Daemon:
        cycle_seconds = self.settings.cycle_seconds
        return Daemon(self.exchange, self.extraction, self.transform, self.starter, self.clock, cycle_seconds)


def build(settings: Settings) -> App:
    """Return the application; nothing is connected yet."""
    # Python's usual 5 ms: each answer of the database would wait that long for threads that parse.
    sys.setswitchinterval(_SWITCH_S)
    return App(settings, threading.Event())


def warehouse_url(settings: Settings) -> str:
    """Return where the warehouse is: MySQL where MYSQL_HOST is set, else a file in the data folder."""
    if settings.mysql_host is None:
        return sqlite_url(settings.data_dir / _SQLITE_FILE)
    password = _revealed(settings.mysql_password)
    return mysql_url(
        settings.mysql_host, settings.mysql_port, settings.mysql_user or "", password, settings.mysql_database
    )


def lake_place(settings: Settings) -> str:
    """Say where the lake is, without its keys."""
    if settings.minio_endpoint is None:
        return f"the folder {settings.data_dir / _LAKE_FOLDER}"
    scheme = "https" if settings.minio_secure else "http"
    buckets = f"{settings.minio_bucket_raw} and {settings.minio_bucket_archive}"
    return f"{scheme}://{settings.minio_endpoint}, buckets {buckets}"


def warehouse_place(settings: Settings) -> str:
    """Say where the warehouse is, without its password."""
    if settings.mysql_host is None:
        return f"the file {settings.data_dir / _SQLITE_FILE}"
    server = f"{settings.mysql_user}@{settings.mysql_host}:{settings.mysql_port}"
    return f"{server}, database {settings.mysql_database}"


def _revealed(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()
