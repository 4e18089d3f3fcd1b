"""What must be in order before the first cycle: schema, buckets, leftovers of a crash, series to track."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import structlog

from src.clock import Clock
from src.domain import Interval
from src.extract.exchange import Exchange
from src.extract.tracking import Tracking
from src.lake.store import ObjectStore
from src.maintenance.adopting import adopt_orphans
from src.maintenance.exchange_home import settle_exchange
from src.maintenance.lake_home import settle_home
from src.maintenance.warehouse_home import check_copy
from src.warehouse.bulk import sweep_leftovers
from src.warehouse.coverage import rewrite_coverage
from src.warehouse.engine import Warehouse, create_database
from src.warehouse.homes import LakeHome
from src.warehouse.schema import migrate
from src.warehouse.series import list_uncounted

log = structlog.get_logger()


class Starter:
    """Brings both stores into the state that everything else takes for granted. Safe to repeat."""

    def __init__(
        self,
        warehouse: Warehouse,
        lake: ObjectStore,
        exchange: Exchange,
        tracking: Tracking,
        clock: Clock,
        symbols: Sequence[str],
        intervals: Sequence[Interval],
        home: LakeHome,
        exchange_address: str,
    ) -> None:
        self._warehouse = warehouse
        self._lake = lake
        self._exchange = exchange
        self._tracking = tracking
        self._clock = clock
        self._symbols = symbols
        self._intervals = intervals
        self._home = home
        self._exchange_address = exchange_address

    def prepare(self) -> None:
        """Create or upgrade the stores, adopt orphans, and begin with the settings' symbols."""
        self.prepare_warehouse()
        settle_home(self._warehouse, self._lake, self._home)
        settle_exchange(self._warehouse, self._exchange.name, self._exchange_address)
        sweep_leftovers()
        self._lake.ensure_buckets()
        adopted = adopt_orphans(self._lake, self._warehouse, self._exchange.name, self._clock.now_ms())
        if adopted:
            log.info("orphans adopted", objects=len(adopted))
        self._tracking.seed(self._symbols, self._intervals)

    def prepare_warehouse(self) -> list[str]:
        """Create or upgrade the schema; return what was done."""
        create_database(self._warehouse.engine.url)
        done = migrate(self._warehouse)
        for step in done:
            log.info("schema", step=step)
        if problem := check_copy(self._warehouse):
            log.warning("warehouse was moved away", problem=problem)
        self._fill_coverage()
        return done

    def _fill_coverage(self) -> None:
        """Count what is held of series that were loaded before there was a ledger of it; each is for good."""
        with self._warehouse.read() as connection:
            uncounted = list_uncounted(connection)
        for number, row in enumerate(uncounted, 1):
            self._warehouse.run(partial(rewrite_coverage, row=row))
            log.info("coverage counted", series=str(row.key), done=number, of=len(uncounted))
