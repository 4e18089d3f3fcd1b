"""The doctor and whatever else looks without waiting and without making anything."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain

from sqlalchemy.exc import SQLAlchemyError

from src.clock import SystemClock
from src.domain import SeriesKey
from src.errors import CandlehouseError
from src.extract.binance import Binance, find_hosts
from src.extract.http import HttpClient
from src.maintenance.disk_room import DiskGate
from src.maintenance.doctor.checkup import Doctor
from src.maintenance.doctor.disk import check_disk
from src.maintenance.doctor.exchange import ExchangePlace, check_exchange
from src.maintenance.doctor.findings import Check
from src.maintenance.doctor.forecast import check_forecast
from src.maintenance.doctor.growth import Cadence, Homes, check_growth
from src.maintenance.doctor.lake import check_lake
from src.maintenance.doctor.series import check_series
from src.maintenance.doctor.warehouse import check_warehouse
from src.mutable_settings import effective
from src.stopping import Stop
from src.warehouse.app_settings import read_settings
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.health import is_begun
from src.wiring.core import Core
from src.wiring.places import lake_home, sqlite_file, warehouse_place, warehouse_url

# Short, as a person waits for what comes of it.
_PATIENCE_S = 3


def make_doctor(core: Core) -> Doctor:
    """Return the doctor, who makes nothing: a SQLite warehouse that is not there yet is None to it."""
    settings, clock, folder = core.settings, core.clock, core.settings.data_dir
    warehouse = _open_for_checks(core)
    cadence = Cadence(settings.cycle_seconds, settings.depth_seconds, settings.depth_levels)
    hosts = find_hosts(settings.binance_base_url)
    address = ExchangePlace(Binance.name, hosts, settings.egress, settings.budget_share)
    firsts = [SeriesKey(Binance.name, name, i) for name in settings.symbols for i in settings.intervals]
    homes = Homes(folder, lake=settings.minio_endpoint is None, warehouse=settings.mysql_host is None)
    areas: dict[str, Check] = {
        "disk": lambda: chain(
            check_disk(folder, lambda: _make_gate(core, warehouse).obstacle()),
            check_forecast(warehouse, settings.disk_warn_days, clock),
        ),
        "lake": lambda: check_lake(
            lambda: core.lake, lake_home(settings), warehouse, folder / "spool", clock
        ),
        "warehouse": lambda: check_warehouse(warehouse, warehouse_place(settings), clock),
        "exchange": lambda: check_exchange(
            address, warehouse, lambda opened: open_prompt_exchange(core, opened), clock
        ),
        "data": lambda: check_series(warehouse, settings.cycle_seconds, settings.depth_seconds, clock),
        "growth": lambda: check_growth(warehouse, firsts, cadence, homes),
    }
    return Doctor(areas, clock, close=warehouse.close if warehouse else lambda: None)


def _open_for_checks(core: Core) -> Warehouse | None:
    settings = core.settings
    if settings.mysql_host is None and not sqlite_file(settings).is_file():
        return None
    return open_warehouse(warehouse_url(settings), settings.mysql_pool_size, _PATIENCE_S)


def open_prompt_exchange(core: Core, warehouse: Warehouse) -> Binance:
    """Connect one that asks the first host once and raises Stopped where it would have to wait."""
    stopped = Stop()
    stopped.set()
    clock, patience_s = SystemClock(stopped), _PATIENCE_S
    http = HttpClient(
        Binance.name,
        clock,
        connect_timeout_s=patience_s,
        read_timeout_s=patience_s,
        total_timeout_s=2 * patience_s,
    )
    first = find_hosts(core.settings.binance_base_url)[:1]
    return Binance(first, http, core.open_budget(warehouse, clock), clock, attempts=1)


def _make_gate(core: Core, warehouse: Warehouse | None) -> DiskGate:
    """Return the gate as the stored settings have it, the settings alone where these cannot be read."""
    stored: dict[str, str] = {}
    with suppress(CandlehouseError, SQLAlchemyError):
        if warehouse is not None and is_begun(warehouse):
            with warehouse.read() as connection:
                stored = read_settings(connection)
    settings = effective(core.settings, stored)
    return core.make_gate(lambda: settings)
