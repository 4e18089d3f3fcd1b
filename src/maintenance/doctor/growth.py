"""How much what is tracked adds: rows a day, gigabytes a month, and how long the disk will last.

Sizes are averages of what is in the stores, as soon as there is enough of it. Until then they are those of
a trial of 2026-11-22: 5 simulated symbols, 30 days of minutes and 250 live cycles with 20 levels of depth,
in SQLite 3.40 and MariaDB 10.11.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from src.domain import DAY_MS, HOUR_MS, DataType, Interval, Lane, SeriesKey
from src.errors import CandlehouseError
from src.maintenance.doctor.disk import existing_part
from src.maintenance.doctor.findings import Finding, ok, problem, size_text, warning
from src.warehouse.engine import Warehouse
from src.warehouse.health import is_begun, read_sizes
from src.warehouse.series import list_series
from src.warehouse.tables import fact_klines, fact_orderbook, lake_objects

_DAYS_A_MONTH = 30
_MONTH_MS = _DAYS_A_MONTH * DAY_MS

# From the trial. An envelope takes 440 bytes, a kline in it 165, a level 27.
_ENVELOPE, _KLINE, _LEVEL = 440, 165, 27
_CANDLE_ROW = 250
_LEVEL_ROW = {"sqlite": 110, "mysql": 290}
_CATALOG_ROW = {"sqlite": 460, "mysql": 810}

# Fewer rows say little: MySQL's tables and partitions begin with empty pages.
_ENOUGH_ROWS = 10_000
_ENOUGH_OBJECTS = 50
_NEWEST_OBJECTS = 5_000
# A file takes whole blocks of its disk.
_BLOCK = 4_096


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often and how much is fetched."""

    cycle_seconds: int
    depth_seconds: int
    depth_levels: int

    @property
    def snapshots_a_day(self) -> float:
        """A snapshot is taken in the first cycle in which it is due."""
        cycles = max(1, -(-self.depth_seconds // self.cycle_seconds))
        return 86_400 / (cycles * self.cycle_seconds)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of rows and of objects by data type and interval; *measured* names what is no estimate."""

    candle_row: float
    level_row: float
    catalog_row: float
    levels: float
    objects: Mapping[tuple[str, str], float] = field(default_factory=dict)
    measured: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Growth:
    """What a day adds. *lake_blocks* is what the lake's bytes take as files."""

    candles: float
    levels: float
    objects: float
    lake_bytes: float
    lake_blocks: float
    warehouse_bytes: float


@dataclass(frozen=True, slots=True)
class Homes:
    """What of the two stores lies on the disk of *folder*."""

    folder: Path
    lake: bool
    warehouse: bool


def check_growth(
    warehouse: Warehouse | None, first_series: Sequence[SeriesKey], cadence: Cadence, homes: Homes
) -> Iterator[Finding]:
    """Tell the growth of what is tracked, or of *first_series* as long as nothing is."""
    dialect = warehouse.engine.dialect.name if warehouse else "sqlite"
    keys, sizes = first_series, estimated_sizes(dialect, cadence)
    about = "CANDLEHOUSE_SYMBOLS, once started"
    try:
        if warehouse is not None and is_begun(warehouse):
            with warehouse.read() as connection:
                keys = [row.key for row in list_series(connection)]
                sizes = _measured_sizes(connection, keys, sizes)
            about = f"{len(keys)} tracked series"
    except (CandlehouseError, SQLAlchemyError):
        about = "CANDLEHOUSE_SYMBOLS, as the warehouse cannot be read"
    growth = plan_growth(keys, cadence, sizes)
    yield from _tell(growth, about, sizes)
    yield _judge_room(growth, homes)


def estimated_sizes(dialect: str, cadence: Cadence) -> Sizes:
    """Return the trial's sizes for that database."""
    return Sizes(_CANDLE_ROW, _LEVEL_ROW[dialect], _CATALOG_ROW[dialect], 2 * cadence.depth_levels)


def plan_growth(keys: Sequence[SeriesKey], cadence: Cadence, sizes: Sizes) -> Growth:
    """Add up what a day brings of *keys*, and of the depth of their symbols."""
    candles = levels = objects = lake_bytes = lake_blocks = 0.0
    for key in keys:
        in_a_day = DAY_MS / _length_ms(key.interval)
        pages = min(in_a_day, 86_400 / cadence.cycle_seconds)
        # The forming candle rides along in the raw answer.
        guess = _ENVELOPE + _KLINE * (in_a_day / pages + 1)
        size = sizes.objects.get((DataType.KLINES.value, key.interval.value), guess)
        candles, objects = candles + in_a_day, objects + pages
        lake_bytes, lake_blocks = lake_bytes + pages * size, lake_blocks + pages * _in_blocks(size)
    snapshots = cadence.snapshots_a_day * len({(key.exchange, key.symbol) for key in keys})
    size = sizes.objects.get((DataType.DEPTH.value, ""), _ENVELOPE + _LEVEL * sizes.levels)
    levels, objects = snapshots * sizes.levels, objects + snapshots
    lake_bytes, lake_blocks = lake_bytes + snapshots * size, lake_blocks + snapshots * _in_blocks(size)
    # Rollups are left out: 25 rows a day and symbol.
    rows = candles * sizes.candle_row + levels * sizes.level_row + objects * sizes.catalog_row
    return Growth(candles, levels, objects, lake_bytes, lake_blocks, rows)


def _length_ms(interval: Interval) -> int:
    return interval.fixed_ms or _MONTH_MS


def _in_blocks(size: float) -> float:
    return -(-size // _BLOCK) * _BLOCK


def _measured_sizes(connection: Connection, keys: Sequence[SeriesKey], guess: Sizes) -> Sizes:
    """Replace what can be measured in *guess*."""
    tables = read_sizes(connection, [table.name for table in (fact_klines, fact_orderbook, lake_objects)])
    rows = {name: t.size_bytes / t.rows for name, t in tables.items() if t.rows >= _ENOUGH_ROWS}
    objects = _average_objects(connection)
    levels = _average_levels(connection, keys)
    named = {
        "objects": objects,
        "levels a snapshot": levels,
        "candle rows": rows.get(fact_klines.name),
        "level rows": rows.get(fact_orderbook.name),
        "catalog rows": rows.get(lake_objects.name),
    }
    return Sizes(
        candle_row=rows.get(fact_klines.name, guess.candle_row),
        level_row=rows.get(fact_orderbook.name, guess.level_row),
        catalog_row=rows.get(lake_objects.name, guess.catalog_row),
        levels=levels or guess.levels,
        objects=objects,
        measured=tuple(name for name, value in named.items() if value),
    )


def _average_objects(connection: Connection) -> dict[tuple[str, str], float]:
    """Average the newest objects that were fetched live; pages of history are many times as large."""
    c = lake_objects.c
    columns = (c.data_type, c.interval_code, c.lane, c.size_bytes)
    newest = select(*columns).order_by(c.id.desc()).limit(_NEWEST_OBJECTS).subquery()
    query = (
        select(newest.c.data_type, newest.c.interval_code, func.avg(newest.c.size_bytes))
        .where(newest.c.lane == Lane.LIVE.value)
        .group_by(newest.c.data_type, newest.c.interval_code)
        .having(func.count() >= _ENOUGH_OBJECTS)
    )
    return {(kind, code): float(size) for kind, code, size in connection.execute(query)}


def _average_levels(connection: Connection, keys: Sequence[SeriesKey]) -> float | None:
    """Average the snapshots of each symbol's last hour: thin books have fewer levels than asked for."""
    c = fact_orderbook.c
    levels = snapshots = 0
    for exchange, symbol in sorted({(key.exchange, key.symbol) for key in keys}):
        of_symbol = (c.exchange == exchange, c.symbol == symbol)
        last_ms = connection.execute(select(func.max(c.captured_at)).where(*of_symbol)).scalar()
        if last_ms is not None:
            counts = select(func.count(), func.count(c.captured_at.distinct()))
            recent = connection.execute(counts.where(*of_symbol, c.captured_at > last_ms - HOUR_MS)).one()
            levels, snapshots = levels + recent[0], snapshots + recent[1]
    return levels / snapshots if snapshots else None


def _tell(growth: Growth, about: str, sizes: Sizes) -> Iterator[Finding]:
    source = f"measured: {', '.join(sizes.measured)}; else" if sizes.measured else "all"
    yield ok("basis", f"{about}; {source} estimated from a trial")
    rows = f"{growth.candles:,.0f} candles and {growth.levels:,.0f} order-book levels"
    yield ok("rows a day", rows, candles=round(growth.candles), levels=round(growth.levels))
    lake_month = growth.lake_bytes * _DAYS_A_MONTH
    average = growth.lake_bytes / growth.objects if growth.objects else 0
    lake = f"{size_text(lake_month)}, {growth.objects:,.0f} objects a day of {size_text(average)}"
    yield ok("lake a month", lake, gigabytes=round(lake_month / 1e9, 3), objects_a_day=round(growth.objects))
    month = growth.warehouse_bytes * _DAYS_A_MONTH
    found = (
        f"{size_text(month)}, a candle takes {sizes.candle_row:.0f} bytes, a level {sizes.level_row:.0f}, "
        f"an object's row {sizes.catalog_row:.0f}"
    )
    yield ok("warehouse a month", found, gigabytes=round(month / 1e9, 3))


def _judge_room(growth: Growth, homes: Homes) -> Finding:
    a_day = growth.lake_blocks * homes.lake + growth.warehouse_bytes * homes.warehouse
    if a_day <= 0:
        return ok("disk lasts", "nothing of this grows on this machine's disk")
    days = shutil.disk_usage(existing_part(homes.folder)).free / a_day
    where = f"a day takes {size_text(a_day)} of the data folder's disk"
    where += ", each object in whole blocks" if homes.lake else ""
    found = f"{_lasting(days)}; {where}"
    if days >= 2 * _DAYS_A_MONTH:
        return ok("disk lasts", found, days=round(days))
    judge = problem if days < 2 else warning
    return judge("disk lasts", found, "get a larger disk, or track fewer symbols or levels", days=round(days))


def _lasting(days: float) -> str:
    if days < 2 * _DAYS_A_MONTH:
        return f"about {days:.0f} days"
    months = days / _DAYS_A_MONTH
    return f"about {months:.0f} months" if months < 24 else f"about {months / 12:.0f} years"
