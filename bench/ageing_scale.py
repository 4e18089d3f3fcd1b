"""What 10, 100 and 500 symbols come to once everything has come of age, from sizes that are measured here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from src.domain import DAY_MS, MINUTE_MS, DataType, Interval, SeriesKey
from src.maintenance.data_lake import DataLakeManager
from src.maintenance.doctor.growth import Cadence, Sizes, estimated_sizes, plan_growth
from src.transform.manager import TransformManager
from src.warehouse.packs import iterate_packs
from src.warehouse.series import set_tracked
from src.warehouse.tables import lake_objects
from tests.service.rig import Rig

_SYMBOLS = (10, 100, 500)
_MINUTES = 300
# The settings as they are by default; a day that is not over is there as well.
_ARCHIVE_DAYS, _DELETE_DAYS, _KEEP_DAYS = 7, 30, 90
_CADENCE = Cadence(60, 60, 20)
# In a pack's day and kind of a symbol.
_PACKS_A_DAY = 2


@dataclass(frozen=True, slots=True)
class Measured:
    """Bytes of an object by data type, and how much of it is left in a pack."""

    object_bytes: dict[str, float]
    left_in_packs: float
    objects: int


@dataclass(frozen=True, slots=True)
class Scale:
    """What lies in the stores of so many symbols; files of the lake take whole blocks of a disk."""

    symbols: int
    objects_a_day: int
    files: int
    inodes: int
    catalog_rows: int
    lake_gb: float
    warehouse_gb: float


def measure_sizes(folder: Path) -> Measured:
    """Collect some hours of minutes, pack them, and look how large things are."""
    with Rig(folder, log_size=100) as rig:
        keys = [SeriesKey("binance", symbol, Interval.M1) for symbol in ("BTCUSDT", "ETHUSDT")]
        rig.warehouse.run(lambda connection: set_tracked(connection, keys, tracked=True))
        process, transform = rig.start(), TransformManager(rig.warehouse, rig.lake, rig.clock)
        process.extraction.run_once()
        rig.clock.advance(DAY_MS - rig.clock.now_ms() % DAY_MS)
        process.extraction.run_once()
        for _ in range(_MINUTES):
            rig.clock.advance(MINUTE_MS)
            process.extraction.run_once()
        transform.load_waiting()
        c = lake_objects.c
        # Pages of history come first, and are many times as large.
        query = select(c.data_type, func.avg(c.size_bytes)).where(func.coalesce(c.record_count, 1) <= 1)
        with rig.warehouse.read() as connection:
            sizes = {kind: float(size) for kind, size in connection.execute(query.group_by(c.data_type))}
        rig.clock.advance(2 * DAY_MS)
        report = DataLakeManager(rig.lake, rig.warehouse, rig.clock, pack_objects=100).pack_old_files(1)
        packs = list(iterate_packs(rig.warehouse))
    left = sum(one.size_bytes for one in packs) / sum(one.raw_bytes for one in packs)
    return Measured(sizes, left, report.objects)


def scale(measured: Measured, symbols: int, dialect: str) -> Scale:
    """Return what lies there once everything has come of age."""
    guess = estimated_sizes(dialect, _CADENCE)
    objects = {
        (kind, "1m" if kind == DataType.KLINES else ""): size for kind, size in measured.object_bytes.items()
    }
    sizes = Sizes(guess.candle_row, guess.level_row, guess.catalog_row, guess.levels, objects)
    keys = [SeriesKey("binance", f"S{number}USDT", Interval.M1) for number in range(symbols)]
    day = plan_growth(keys, _CADENCE, sizes)
    raw_days, packed_days = _ARCHIVE_DAYS + 1, _DELETE_DAYS - _ARCHIVE_DAYS
    packs = packed_days * symbols * _PACKS_A_DAY
    files = round(day.objects * raw_days + packs)
    catalog_rows = round(day.objects * (_DELETE_DAYS + 1))
    facts = day.candles * guess.candle_row + day.levels * guess.level_row
    return Scale(
        symbols=symbols,
        objects_a_day=round(day.objects),
        files=files,
        inodes=files + raw_days + packed_days,
        catalog_rows=catalog_rows,
        lake_gb=(day.lake_blocks * raw_days + day.lake_bytes * packed_days * measured.left_in_packs) / 1e9,
        warehouse_gb=(facts * (_KEEP_DAYS + 1) + catalog_rows * guess.catalog_row) / 1e9,
    )


def print_scale(measured: Measured) -> None:
    """Print the table that docs/operations.md shows."""
    kinds = ", ".join(f"{kind} {size:,.0f} bytes" for kind, size in sorted(measured.object_bytes.items()))
    print(f"\nmeasured: {kinds}; of {measured.objects:,} objects {measured.left_in_packs:.1%} left in packs")
    print(f"archive {_ARCHIVE_DAYS}, delete {_DELETE_DAYS}, keep {_KEEP_DAYS} days, cycles of a minute:\n")
    print("| symbols | objects a day | files of the lake | inodes | catalog rows | lake | SQLite | MariaDB |")
    print("|---" * 8 + "|")
    for symbols in _SYMBOLS:
        sqlite, mysql = (scale(measured, symbols, dialect) for dialect in ("sqlite", "mysql"))
        counts = sqlite.symbols, sqlite.objects_a_day, sqlite.files, sqlite.inodes, sqlite.catalog_rows
        gigabytes = sqlite.lake_gb, sqlite.warehouse_gb, mysql.warehouse_gb
        cells = [f"{count:,}" for count in counts] + [f"{size:,.{size < 10:d}f} GB" for size in gigabytes]
        print(f"| {' | '.join(cells)} |")
