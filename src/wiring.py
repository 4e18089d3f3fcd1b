"""The one place that builds objects from settings."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from src.clock import Clock, SystemClock
from src.domain import Lane, SeriesKey
from src.errors import CandlehouseError
from src.extract.binance import Binance, find_hosts
from src.extract.breaker import Breaker
from src.extract.budget import Budget
from src.extract.gap_fetching import GapFetcher
from src.extract.helping import Helpers
from src.extract.http import HttpClient
from src.extract.landing import Landing
from src.extract.manager import ExtractionManager
from src.extract.tracking import Tracking
from src.extract.windows import WindowFetcher
from src.jobs.ageing import Ageing
from src.jobs.ageing_steps import (
    Ages,
    Step,
    housekeeping_step,
    lake_steps,
    optimise_step,
    recount_step,
    retention_step,
)
from src.jobs.asking import MANUAL, job_run
from src.jobs.background import Background, send_news
from src.jobs.context import Kind
from src.jobs.daemon import Daemon, Part
from src.jobs.disk_watching import disk_kind
from src.jobs.end_news import tell_of_ends
from src.jobs.fetching import FetchWindow
from src.jobs.filling import FillGaps
from src.jobs.firing import Firing
from src.jobs.job_registry import JobSpec, build_jobs
from src.jobs.kinds import Cycle, work_kinds
from src.jobs.leadership import Leadership
from src.jobs.notifying import Notifier
from src.jobs.proving import proof_kinds
from src.jobs.quality import quality_kind
from src.jobs.recounting import recount_kind
from src.jobs.refetching import RefetchRecent
from src.jobs.scheduling import JobScheduler
from src.jobs.start import Starter
from src.jobs.tuning import Tuning
from src.jobs.worker import Worker
from src.lake.local_store import LocalStore
from src.lake.spool import Spool
from src.lake.store import ObjectStore
from src.maintenance.data_lake import DataLakeManager
from src.maintenance.disk_room import DiskGate
from src.maintenance.disk_watch import DiskWatch
from src.maintenance.doctor.checkup import Doctor
from src.maintenance.doctor.disk import check_disk
from src.maintenance.doctor.exchange import ExchangePlace, check_exchange
from src.maintenance.doctor.findings import Check
from src.maintenance.doctor.forecast import check_forecast
from src.maintenance.doctor.growth import Cadence, Homes, check_growth
from src.maintenance.doctor.lake import check_lake
from src.maintenance.doctor.series import check_series
from src.maintenance.doctor.warehouse import check_warehouse
from src.maintenance.evidence import EvidenceCheck
from src.maintenance.housekeeping import Housekeeping
from src.maintenance.outages import Outage, read_outages
from src.maintenance.reconcile import Reconciler
from src.maintenance.reloading import Reloader
from src.maintenance.replay import Replayer
from src.maintenance.retention import Retention
from src.maintenance.verify import Verifier
from src.mutable_settings import effective
from src.settings import VARIABLES, Settings
from src.stopping import Stop
from src.transform.loader import Loader
from src.transform.manager import TransformManager
from src.warehouse.app_settings import read_settings
from src.warehouse.disk_samples import LAKE, WAREHOUSE
from src.warehouse.engine import Warehouse, mysql_url, open_warehouse, sqlite_url
from src.warehouse.health import is_begun
from src.warehouse.homes import FOLDER, S3, LakeHome
from src.warehouse.optimising import Optimiser
from src.warehouse.runs import NewRun

_SQLITE_FILE, _LAKE_FOLDER = "warehouse.db", "data_lake"
# Short, as a person waits for what comes of it.
_CHECK_PATIENCE_S = 3
# Twice that at most: a session that was there is asked first, then another one is tried.
_GLANCES, _GLANCE_S = 2, 2

_SWITCH_S = 0.001
# What one run alone has at once, beside its own thread; all runs share them. An exchange's answer takes a
# fifth of a second, and each page a wait for the disk.
_HELPERS = 3


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
class App:
    """Everything an entry point may need, each built on first use and then shared."""

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
            return LocalStore(settings.data_dir / _LAKE_FOLDER)
        # Its SDK takes a fifth of the time in which every command starts.
        from src.lake.minio_store import MinioStore  # noqa: PLC0415

        return MinioStore(
            settings.minio_endpoint,
            _revealed(settings.minio_access_key),
            _revealed(settings.minio_secret_key),
            settings.minio_bucket_raw,
            settings.minio_bucket_archive,
            secure=settings.minio_secure,
        )

    @cached_property
    def budget(self) -> Budget:
        return self._open_budget(self.warehouse, self.clock, self.notifier.blocked)

    def _open_budget(self, warehouse: Warehouse, clock: Clock, on_block: OnBlock = _tell_nobody) -> Budget:
        settings = self.live.settings
        return Budget(
            warehouse,
            Binance.name,
            settings.egress,
            settings.budget_share,
            clock,
            breaker=_make_breaker(settings),
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
            "disk": lambda: chain(
                check_disk(folder, lambda: self._disk_gate_for_checks(warehouse).obstacle()),
                check_forecast(warehouse, settings.disk_warn_days, clock),
            ),
            "lake": lambda: check_lake(
                lambda: self.lake, lake_home(settings), warehouse, folder / "spool", clock
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
        stopped = Stop()
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
        return Binance(first, http, self._open_budget(warehouse, clock), clock, attempts=1)

    @cached_property
    def prompt_exchange(self) -> Binance:
        """The exchange for who must not be kept waiting: Stopped where its budget would make them."""
        return self._open_exchange_for_checks(self.warehouse)

    @cached_property
    def prompt_tracking(self) -> Tracking:
        return Tracking(self.prompt_exchange, self.warehouse, self.clock)

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
        return Notifier(self.warehouse, self.clock, lambda: _revealed(self.live.settings.notify_urls) or None)

    @cached_property
    def disk_gate(self) -> DiskGate:
        """What keeps history and repairs waiting while a disk that the stores are on is nearly full."""
        return self._make_gate(lambda: self.live.settings)

    def _disk_gate_for_checks(self, warehouse: Warehouse | None) -> DiskGate:
        """Return the gate as the stored settings have it, the settings alone where these cannot be read."""
        stored: dict[str, str] = {}
        with suppress(CandlehouseError, SQLAlchemyError):
            if warehouse is not None and is_begun(warehouse):
                with warehouse.read() as connection:
                    stored = read_settings(connection)
        settings = effective(self.settings, stored)
        return self._make_gate(lambda: settings)

    def _make_gate(self, settings: Callable[[], Settings]) -> DiskGate:
        folder = self.settings.data_dir
        folders = [folder, folder / _LAKE_FOLDER] if self.settings.minio_endpoint is None else [folder]
        return DiskGate(folders, lambda: settings().disk_reserve_gb * 10**9)

    @cached_property
    def disk_watch(self) -> DiskWatch:
        settings = self.settings
        lake = None if settings.minio_endpoint else settings.data_dir / _LAKE_FOLDER
        places = {LAKE: lake, WAREHOUSE: None if settings.mysql_host else settings.data_dir}
        return DiskWatch(
            self.warehouse, self.clock, places, self.disk_gate, lambda: self.live.settings.disk_warn_days
        )

    def new_run(self, kind: str, requested_by: str, parameters: Mapping[str, Any]) -> NewRun:
        """Describe a run of *kind* that somebody asks for."""
        if kind in self.jobs:
            return job_run(self.jobs[kind], MANUAL, requested_by, parameters)
        return NewRun(kind, Lane.LIVE, MANUAL, requested_by, parameters)

    def make_worker(self, *, loads: bool = True, only: int | None = None, stop: Stop | None = None) -> Worker:
        """Return what executes runs while this process leads, by the settings as they are stored.

        With *loads* all that lands is loaded.
        """
        loader = Loader(self.transform, self.warehouse)
        fetcher = WindowFetcher(
            self.exchange, self.landing, self.clock, self.disk_gate.obstacle, Helpers(_HELPERS)
        )
        fetching = FetchWindow(fetcher, loader.wake).kind()
        refetching = RefetchRecent(fetcher, loader.wake, self._keep_days).kind()
        single = [
            fetching,
            refetching,
            self._make_filling(loader),
            recount_kind(self._read_outages, self._keep_days),
            quality_kind(),
            disk_kind(lambda: self.disk_watch, self.notifier),
        ]
        ageing = Ageing(self._list_ageing_steps, self._ageing_turn).kinds()
        verifier = Verifier(self.lake, self.warehouse, self.clock)
        proofs = proof_kinds(verifier, Replayer(self.lake, self.warehouse, self.clock))
        reconciler = Reconciler(self.lake, self.warehouse)
        kinds = work_kinds(self.cycle, self.extraction, self.transform, self.tracking, reconciler, self.clock)
        worker = Worker(
            self.warehouse,
            self.clock,
            {**kinds, **proofs, **ageing, **{kind.name: kind for kind in single}},
            self.leadership.holder,
            stop or self.stop,
            services={"loader": loader.run} if loads else {},
            on_end=tell_of_ends(self.warehouse, self.notifier),
            only=only,
        )
        with self.warehouse.read() as connection:
            stored = read_settings(connection)
        self._tune(self.live.take(stored), worker)
        return worker

    @cached_property
    def _ageing_turn(self) -> threading.Lock:
        """Whose turn it is to maintain, in this process."""
        return threading.Lock()

    def _list_ageing_steps(self, is_thorough: bool) -> list[Step]:
        """Return the steps of maintenance as the settings are now: each day's, or all and thorough ones."""
        settings, warehouse, clock = self.live.settings, self.warehouse, self.clock
        manager = DataLakeManager(self.lake, warehouse, clock, pack_objects=settings.pack_objects)
        keeping = {"keep_days": settings.keep_days, "keep_depth_days": settings.keep_depth_days}
        steps = [
            *lake_steps(manager, Ages(settings.archive_days, settings.delete_days), is_thorough=is_thorough),
            retention_step(Retention(warehouse, clock, **keeping)),
        ]
        if is_thorough:
            steps += [
                housekeeping_step(Housekeeping(warehouse, clock, days=settings.housekeeping_days)),
                optimise_step(Optimiser(warehouse)),
                recount_step(recount_kind(self._read_outages, self._keep_days)),
            ]
        return steps

    def _make_filling(self, loader: Loader) -> Kind:
        fetcher = GapFetcher(self.exchange, self.landing, self.clock, self.disk_gate.obstacle)
        reloader = Reloader(self.lake, self.warehouse, self.clock)
        evidence = EvidenceCheck(self.lake, self.warehouse)
        return FillGaps(
            fetcher, reloader, evidence, self.clock, loader.wake, self._read_outages, self._keep_days
        ).kind()

    def _keep_days(self) -> int:
        return self.live.settings.keep_days

    def _read_outages(self) -> list[Outage]:
        return read_outages(self.settings.data_dir / "outages.yaml")

    @cached_property
    def daemon(self) -> Daemon:
        return Daemon(
            self.leadership, self.starter, self._make_parts, self.extraction.close, self.clock, self.stop
        )

    def _make_parts(self, term: Stop) -> list[Part]:
        """Return what works for one term of leading, in the order in which it starts."""
        worker = self.make_worker(stop=term)
        firing = Firing(self.warehouse, worker, self.cycle, term)

        def apply(stored: dict[str, str]) -> None:
            self._tune(self.live.take(stored), worker)

        scheduler = JobScheduler(
            self.warehouse, self.jobs, firing.enqueue, self.exchange.clock_offset, self.clock
        )
        tuning = Background("tuning", Tuning(self.warehouse, apply, term).run, term)
        news = Background("news", lambda: send_news(self.notifier, term), term)
        return [worker, tuning, news, scheduler]

    def _tune(self, settings: Settings, worker: Worker) -> None:
        """Let these settings take effect."""
        self.extraction.tune(
            lookback_days=settings.lookback_days,
            depth_levels=settings.depth_levels,
            depth_seconds=settings.depth_seconds,
        )
        self.budget.set_share(settings.budget_share)
        self.budget.set_breaker(_make_breaker(settings))
        worker.dispatcher.slots = settings.run_slots


def build(settings: Settings, answer_s: int | None = None) -> App:
    """Return the application; nothing is connected yet."""
    # Python's usual 5 ms: each answer of the database would wait that long for threads that parse.
    sys.setswitchinterval(_SWITCH_S)
    return App(settings, Stop(), answer_s)


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


def sqlite_file(settings: Settings) -> Path:
    """Return where the warehouse is while it is a file."""
    return settings.data_dir / _SQLITE_FILE


def lake_folder(settings: Settings) -> Path:
    """Return where the lake is while it is a folder."""
    return settings.data_dir / _LAKE_FOLDER


def lake_home(settings: Settings) -> LakeHome:
    """Say which lake these settings mean."""
    return LakeHome(FOLDER if settings.minio_endpoint is None else S3, lake_place(settings))


def warehouse_place(settings: Settings) -> str:
    """Say where the warehouse is, without its password."""
    if settings.mysql_host is None:
        return f"the file {settings.data_dir / _SQLITE_FILE}"
    server = f"{settings.mysql_user}@{settings.mysql_host}:{settings.mysql_port}"
    return f"{server}, database {settings.mysql_database}"


def _make_breaker(settings: Settings) -> Breaker:
    return Breaker(settings.breaker_failures, settings.breaker_seconds * 1000)


def _revealed(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()
