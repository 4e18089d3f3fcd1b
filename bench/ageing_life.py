"""A collector's life on a simulated clock: cycles, gaps, ageing each night, maintenance each Sunday."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sqlalchemy import func, select, text

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Lane, SeriesKey, utc_from_ms
from src.extract.gap_fetching import GapFetcher
from src.extract.landing import Landing
from src.jobs.ageing import Ageing
from src.jobs.ageing_steps import Ages, Step, lake_steps, optimise_step, retention_step
from src.jobs.context import Kind, RunContext
from src.jobs.filling import FillGaps
from src.jobs.job_registry import DAILY_AGEING, WEEKLY_MAINTENANCE
from src.jobs.progress import Progress
from src.lake.store import Bucket, ObjectStore
from src.maintenance.data_lake import DataLakeManager
from src.maintenance.evidence import EvidenceCheck
from src.maintenance.reconcile import Reconciler
from src.maintenance.reloading import Reloader
from src.maintenance.retention import Retention
from src.stopping import Stop
from src.transform.manager import TransformManager
from src.warehouse.ageing_tables import object_tombstones
from src.warehouse.optimising import Optimiser
from src.warehouse.runs import NewRun, RunState, create_run, get_run
from src.warehouse.series import set_tracked
from src.warehouse.tables import fact_klines, fact_orderbook, hourly_klines, lake_objects
from tests.run_builders import claim
from tests.service.rig import EverLater, Rig

_SYMBOLS = ("BTCUSDT", "ETHUSDT")
_OUTAGE_MINUTES = 180
_SUNDAY = 6
_PACK_OBJECTS = 20
# A whole week's partition waits for its youngest day.
_PARTITION_DAYS = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """How long it lives, hours between two cycles, and after how many days what goes."""

    days: int
    hours: int
    keep_days: int
    archive_days: int
    delete_days: int

    @property
    def outage_day(self) -> int:
        return self.days // 3

    def __str__(self) -> str:
        return (
            f"{self.days} days, {len(_SYMBOLS)} symbols, a cycle every {self.hours} h; "
            f"facts {self.keep_days} days, archive {self.archive_days}, delete {self.delete_days}"
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """What there was at the end of a day; *inodes* are the folder's, and 0 in S3."""

    day: str
    files: int
    inodes: int
    packs: int
    catalog_rows: int
    tombstones: int
    lake_bytes: int
    facts: int
    depth_rows: int
    warehouse_bytes: int


class Life:
    """Lives through a plan in *folder*, or in the stores given; usable in a ``with`` statement."""

    def __init__(
        self, folder: Path, plan: Plan, url: str | None = None, lake: ObjectStore | None = None
    ) -> None:
        self._folder = folder
        self._plan = plan
        # A short request log: it is the simulator's, and meant to be read by tests.
        self._rig = Rig(folder, warehouse_url=url, lake=lake, log_size=100)
        self._transform = TransformManager(self._rig.warehouse, self._rig.lake, self._rig.clock)
        self._process = self._rig.start()
        self._filling = self._make_filling()
        self._ageing = Ageing(self._list_steps, threading.Lock()).kinds()
        self._began_ms = self._rig.clock.now_ms()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rig.__exit__()

    def days(self) -> Iterator[Sample]:
        """Live; yield what there is at the end of each day."""
        keys = [SeriesKey("binance", symbol, Interval.M1) for symbol in _SYMBOLS]
        self._rig.warehouse.run(lambda connection: set_tracked(connection, keys, tracked=True))
        for symbol in _SYMBOLS:
            hole = f"hole:symbol={symbol},from=+{self._plan.outage_day}d,minutes={_OUTAGE_MINUTES}"
            self._rig.simulator.change_market(hole)
        for _ in range(self._plan.days):
            for _ in range(24 // self._plan.hours):
                self._cycle()
            self._night()
            yield self._look()

    def find_wrong(self) -> Iterator[str]:
        """Name what is not as it must be after all that."""
        now_ms, plan = self._rig.clock.now_ms(), self._plan
        with self._rig.warehouse.read() as connection:
            oldest_ms = connection.execute(select(func.min(fact_klines.c.open_time))).scalar_one()
            hours = select(hourly_klines.c.symbol, func.sum(hourly_klines.c.candle_count))
            counts = connection.execute(hours.group_by(hourly_klines.c.symbol)).all()
        if oldest_ms < now_ms - (plan.keep_days + _PARTITION_DAYS) * DAY_MS:
            yield f"facts of {utc_from_ms(oldest_ms)} are still there"
        # The first fetch reaches back a day from its own time.
        begun_ms = Interval.M1.floor(self._began_ms) + plan.hours * HOUR_MS - DAY_MS
        minutes = (Interval.M1.floor(now_ms) - begun_ms) // MINUTE_MS - _OUTAGE_MINUTES
        for symbol, count in counts:
            if int(count) != minutes:
                yield f"the rollups of {symbol} are of {int(count):,} minutes, not of {minutes:,}"
        report = Reconciler(self._rig.lake, self._rig.warehouse).run(now_ms + DAY_MS * 36_500)
        if not report.is_clean or report.adopted or report.leftovers:
            yield f"lake and catalog differ: {report}"

    def _cycle(self) -> None:
        self._rig.clock.advance(self._plan.hours * HOUR_MS)
        failures = self._process.extraction.run_once().failures
        quarantined = self._transform.load_waiting().quarantined
        if failures or quarantined:
            raise SystemExit(f"a cycle failed: {failures} {quarantined}")

    def _night(self) -> None:
        weekday = utc_from_ms(self._rig.clock.now_ms()).weekday()
        wanted: dict[str, Any] = {"symbols": [], "ids": [], "lookback_days": None, "max_gaps": 2000}
        self._do(self._filling, wanted)
        self._do(self._ageing[WEEKLY_MAINTENANCE if weekday == _SUNDAY else DAILY_AGEING], {})

    def _do(self, kind: Kind, parameters: dict[str, Any]) -> None:
        """Do what a worker does with a run of this kind."""
        warehouse = self._rig.warehouse
        new = NewRun(kind.name, Lane.REPAIR, "manual", "bench", parameters)
        run_id = warehouse.run(lambda c: create_run(c, new))
        claim(warehouse, run_id)
        with warehouse.read() as connection:
            run = get_run(connection, run_id)
        progress = Progress(run.id, run.token, self._rig.clock)
        outcome = kind.execute(RunContext(run, Stop(), self._rig.clock, warehouse, progress))
        if outcome.state is not RunState.SUCCEEDED:
            raise SystemExit(f"{kind.name} at {utc_from_ms(self._rig.clock.now_ms())}: {outcome.problem}")

    def _list_steps(self, is_thorough: bool) -> list[Step]:
        rig, plan = self._rig, self._plan
        manager = DataLakeManager(rig.lake, rig.warehouse, rig.clock, pack_objects=_PACK_OBJECTS)
        retention = Retention(
            rig.warehouse, rig.clock, keep_days=plan.keep_days, keep_depth_days=plan.keep_days
        )
        ages = Ages(plan.archive_days, plan.delete_days)
        steps = [*lake_steps(manager, ages, is_thorough=is_thorough), retention_step(retention)]
        return [*steps, optimise_step(Optimiser(rig.warehouse))] if is_thorough else steps

    def _make_filling(self) -> Kind:
        rig = self._rig
        landing = Landing(rig.lake, rig.warehouse, EverLater(rig.clock))
        fetcher = GapFetcher(self._process.exchange, landing, rig.clock)
        reloader = Reloader(rig.lake, rig.warehouse, rig.clock)
        evidence = EvidenceCheck(rig.lake, rig.warehouse)
        return FillGaps(
            fetcher,
            reloader,
            evidence,
            rig.clock,
            lambda: None,
            list,
            lambda: self._plan.keep_days,
        ).kind()

    def _look(self) -> Sample:
        self._transform.load_waiting()
        stats = [stat for bucket in Bucket for stat in self._rig.lake.list_keys(bucket)]
        tables = (lake_objects, object_tombstones, fact_klines, fact_orderbook)
        with self._rig.warehouse.read() as connection:
            catalog, stones, facts, depth = (
                connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables
            )
        return Sample(
            day=f"{utc_from_ms(self._rig.clock.now_ms()):%Y-%m-%d}",
            files=len(stats),
            inodes=sum(
                len(folders) + len(files) for _, folders, files in os.walk(self._folder / "data_lake")
            ),
            packs=sum(stat.key.startswith("packs/") for stat in stats),
            catalog_rows=catalog,
            tombstones=stones,
            lake_bytes=sum(stat.size_bytes for stat in stats),
            facts=facts,
            depth_rows=depth,
            warehouse_bytes=self._warehouse_bytes(),
        )

    def _warehouse_bytes(self) -> int:
        with self._rig.warehouse.read() as connection:
            if self._rig.warehouse.is_mysql:
                sizes = "SELECT SUM(data_length + index_length) FROM information_schema.tables"
                query = text(f"{sizes} WHERE table_schema = DATABASE()")
                return int(connection.execute(query).scalar_one())
            size, count = (
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("page_size", "page_count")
            )
        return int(size * count)
