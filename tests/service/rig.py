"""The pipeline wired by hand around a simulated exchange, all of it on one clock that a test holds."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Table, select

from src.clock import ManualClock
from src.domain import Interval, SeriesKey, Window
from src.extract.binance import Binance
from src.extract.budget import Budget
from src.extract.http import HttpClient
from src.extract.landing import Landing
from src.extract.manager import ExtractionManager
from src.extract.tracking import Tracking
from src.lake.local_store import LocalStore
from src.lake.store import ObjectStore
from src.simulator.config import SimulatorConfig
from src.simulator.simulator import Simulator
from src.transform.manager import TransformManager, TransformReport
from src.warehouse.engine import Warehouse, open_warehouse, sqlite_url
from src.warehouse.schema import migrate
from src.warehouse.tables import lake_objects
from src.warehouse.watermarks import find_watermark

# Half past a minute: 2026-01-09T14:20:30Z.
NOW_MS = 1_767_968_430_000

BTC = SeriesKey("binance", "BTCUSDT", Interval.M1)


class EverLater:
    """A clock that never shows one time twice, so that no two objects want one key."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._last_ms = 0
        self._lock = threading.Lock()

    def now_ms(self) -> int:
        with self._lock:
            self._last_ms = max(self._last_ms + 1, self._clock.now_ms())
            return self._last_ms

    def steady_ms(self) -> int:
        return self._clock.steady_ms()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


class Process:
    """What one process has of its own: its idea of the exchange's time, and its threads."""

    def __init__(self, rig: Rig, lookback_days: int, depth_seconds: int, patience_s: float) -> None:
        http = HttpClient(Binance.name, rig.clock, read_timeout_s=patience_s)
        budget = Budget(rig.warehouse, Binance.name, "default", 0.8, rig.clock)
        self.exchange = Binance(rig.simulator.base_url, http, budget, rig.clock)
        self.tracking = Tracking(self.exchange, rig.warehouse, rig.clock)
        self.extraction = ExtractionManager(
            self.exchange,
            rig.warehouse,
            Landing(rig.lake, rig.warehouse, EverLater(rig.clock)),
            rig.clock,
            lookback_days=lookback_days,
            depth_seconds=depth_seconds,
            workers=2,
        )


class Rig:
    """One exchange, lake and warehouse, the latter two in *folder* by default; for a ``with`` statement."""

    def __init__(
        self,
        folder: Path,
        *,
        warehouse_url: str | None = None,
        lake: ObjectStore | None = None,
        **config: Any,
    ) -> None:
        self.clock = ManualClock(NOW_MS)
        self.simulator = Simulator(SimulatorConfig(clock=self.clock.now_ms, **config)).serve_in_thread()
        self.warehouse: Warehouse = open_warehouse(warehouse_url or sqlite_url(folder / "warehouse.db"))
        self.lake = lake or LocalStore(folder / "data_lake")
        self.lake.ensure_buckets()
        migrate(self.warehouse)
        self._started: list[Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            process.extraction.close()
        self.warehouse.close()
        self.simulator.stop()

    def start(self, *, lookback_days: int = 1, depth_seconds: int = 60, patience_s: float = 15.0) -> Process:
        """Return what a newly started process would have; *patience_s* is real time, for an answer."""
        self._started.append(Process(self, lookback_days, depth_seconds, patience_s))
        return self._started[-1]

    def load(self) -> TransformReport:
        return TransformManager(self.warehouse, self.lake, self.clock).load_waiting()

    def truth(
        self, symbol: str, start_ms: int, end_ms: int, interval: Interval = Interval.M1
    ) -> list[list[Any]]:
        """Return the exchange's own rows of a window."""
        return [list(row) for row in self.simulator.truth(symbol, interval, Window(start_ms, end_ms))]

    def asked(self, path: str) -> list[dict[str, str]]:
        """Return the parameters of the requests for *path* since the last ``clear_requests``."""
        return [one.query for one in self.simulator.requests if one.path.endswith(path)]

    def rows(self, table: Table) -> list[Any]:
        """Return all rows by primary key."""
        with self.warehouse.read() as connection:
            return list(connection.execute(select(table).order_by(*table.primary_key)))

    def objects(self, data_type: str) -> list[Any]:
        """Return the catalog's rows of a type, oldest first."""
        return [row for row in self.rows(lake_objects) if row.data_type == data_type]

    def watermark(self, series: SeriesKey = BTC) -> int | None:
        with self.warehouse.read() as connection:
            return find_watermark(connection, series)
