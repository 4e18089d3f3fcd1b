"""What executes runs while a process leads: worker, scheduler, and what tunes them."""

from __future__ import annotations

import threading

from src.extract.gap_fetching import GapFetcher
from src.extract.helping import Helpers
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
from src.jobs.background import Background, send_news
from src.jobs.context import Kind
from src.jobs.daemon import Part
from src.jobs.disk_watching import disk_kind
from src.jobs.end_news import tell_of_ends
from src.jobs.fetching import FetchWindow
from src.jobs.filling import FillGaps
from src.jobs.firing import Firing
from src.jobs.kinds import work_kinds
from src.jobs.proving import proof_kinds
from src.jobs.quality import quality_kind
from src.jobs.recounting import recount_kind
from src.jobs.refetching import RefetchRecent
from src.jobs.scheduling import JobScheduler
from src.jobs.tuning import Tuning
from src.jobs.worker import Worker
from src.maintenance.ageing_clock import AgeingClock
from src.maintenance.data_lake import DataLakeManager
from src.maintenance.evidence import EvidenceCheck
from src.maintenance.housekeeping import Housekeeping
from src.maintenance.lake_home import check_home
from src.maintenance.outages import Outage, read_outages
from src.maintenance.reconcile import Reconciler
from src.maintenance.reloading import Reloader
from src.maintenance.replay import Replayer
from src.maintenance.retention import Retention
from src.maintenance.verify import Verifier
from src.settings import Settings
from src.stopping import Stop
from src.transform.loader import Loader
from src.warehouse.app_settings import read_settings
from src.warehouse.optimising import Optimiser
from src.wiring.core import Core, make_breaker
from src.wiring.places import lake_home

# What one run alone has at once, beside its own thread; all runs share them. An exchange's answer takes a
# fifth of a second, and each page a wait for the disk.
_HELPERS = 3


class Work:
    """Makes what works, by the settings as they are stored; one for a process."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._ageing_turn = threading.Lock()

    def make_worker(self, *, loads: bool = True, only: int | None = None, stop: Stop | None = None) -> Worker:
        """Return what executes runs while this process leads, by the settings as they are stored.

        With *loads* all that lands is loaded. Raises ConfigurationError or LakeUnavailable where the catalog
        describes another lake than the settings.
        """
        core = self._core
        check_home(core.warehouse, core.lake, lake_home(core.settings))
        loader = Loader(core.transform, core.warehouse)
        worker = Worker(
            core.warehouse,
            core.clock,
            self._make_kinds(loader),
            core.leadership.holder,
            stop or core.stop,
            services={"loader": loader.run} if loads else {},
            on_end=tell_of_ends(core.warehouse, core.notifier),
            only=only,
        )
        with core.warehouse.read() as connection:
            stored = read_settings(connection)
        self._tune(core.live.take(stored), worker)
        return worker

    def _make_kinds(self, loader: Loader) -> dict[str, Kind]:
        """Return all kinds of runs by name."""
        core = self._core
        lake, warehouse, clock = core.lake, core.warehouse, core.clock
        obstacle = core.disk_gate.obstacle
        fetcher = WindowFetcher(core.exchange, core.landing, clock, obstacle, Helpers(_HELPERS))
        filler = self._make_filler(loader)
        single = [
            FetchWindow(fetcher, loader.wake, lambda context, key: filler.detect(context, [key])).kind(),
            RefetchRecent(fetcher, loader.wake, self._keep_days).kind(),
            filler.kind(),
            recount_kind(self._read_outages, self._keep_days),
            quality_kind(),
            disk_kind(lambda: core.disk_watch, core.notifier),
        ]
        reconciler = Reconciler(lake, warehouse)
        return {
            **work_kinds(core.cycle, core.extraction, core.transform, core.tracking, reconciler, clock),
            **proof_kinds(Verifier(lake, warehouse, clock), Replayer(lake, warehouse, clock)),
            **Ageing(self._list_ageing_steps, self._ageing_turn).kinds(),
            **{kind.name: kind for kind in single},
        }

    def _list_ageing_steps(self, is_thorough: bool) -> list[Step]:
        """Return the steps of maintenance as the settings are now: each day's, or all and thorough ones."""
        core, settings = self._core, self._core.live.settings
        warehouse = core.warehouse
        clock = AgeingClock(core.clock, warehouse)
        manager = DataLakeManager(core.lake, warehouse, clock, pack_objects=settings.pack_objects)
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

    def _make_filler(self, loader: Loader) -> FillGaps:
        core = self._core
        fetcher = GapFetcher(core.exchange, core.landing, core.clock, core.disk_gate.obstacle)
        reloader = Reloader(core.lake, core.warehouse, core.clock)
        evidence = EvidenceCheck(core.lake, core.warehouse)
        return FillGaps(
            fetcher, reloader, evidence, core.clock, loader.wake, self._read_outages, self._keep_days
        )

    def _keep_days(self) -> int:
        return self._core.live.settings.keep_days

    def _read_outages(self) -> list[Outage]:
        return read_outages(self._core.settings.data_dir / "outages.yaml")

    def make_parts(self, term: Stop) -> list[Part]:
        """Return what works for one term of leading, in the order in which it starts."""
        core = self._core
        worker = self.make_worker(stop=term)
        firing = Firing(core.warehouse, worker, core.cycle, term)

        def apply(stored: dict[str, str]) -> None:
            self._tune(core.live.take(stored), worker)

        scheduler = JobScheduler(
            core.warehouse,
            core.jobs,
            firing.enqueue,
            core.exchange.clock_offset,
            core.clock,
        )
        tuning = Background("tuning", Tuning(core.warehouse, apply, term).run, term)
        news = Background("news", lambda: send_news(core.notifier, term), term)
        return [worker, tuning, news, scheduler]

    def _tune(self, settings: Settings, worker: Worker) -> None:
        """Let these settings take effect."""
        core = self._core
        core.extraction.tune(
            lookback_days=settings.lookback_days,
            depth_levels=settings.depth_levels,
            depth_seconds=settings.depth_seconds,
        )
        core.budget.set_share(settings.budget_share)
        core.budget.set_breaker(make_breaker(settings))
        worker.dispatcher.slots = settings.run_slots
