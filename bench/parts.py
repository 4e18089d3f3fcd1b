"""What the benchmarks share: a database of their own, and objects landed in a lake in memory."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import make_url

from src.clock import SystemClock
from src.domain import DataType, Interval, Lane, Window
from src.lake.envelope import EnvelopeHeader, RequestInfo, encode_envelope
from src.lake.keys import ObjectKey
from src.lake.local_store import LocalStore
from src.lake.store import Bucket
from src.simulator.config import SimulatorConfig, extra_symbols
from src.simulator.simulator import Simulator
from src.transform.manager import TransformManager
from src.warehouse.catalog import NewObject, record_landed
from src.warehouse.engine import Warehouse, create_database, open_warehouse
from src.warehouse.schema import migrate

# As src.wiring sets it for every process of the pipeline.
sys.setswitchinterval(0.001)

START_MS = 1_640_995_200_000  # 2022-01-01
CAPTURED_MS = 1_700_000_000_000
CANDLES_AN_OBJECT = 1000
PAGE_MS = CANDLES_AN_OBJECT * 60_000
SERVER_VARIABLE = "CANDLEHOUSE_TEST_MARIADB_URL"


@dataclass(frozen=True)
class House:
    """A warehouse, a lake, and a simulator whose candles lie in it."""

    warehouse: Warehouse
    lake: LocalStore
    simulator: Simulator
    url: str
    lake_folder: Path

    def transform(self) -> TransformManager:
        return TransformManager(self.warehouse, self.lake, SystemClock())


@contextmanager
def house(name: str, symbols: int) -> Iterator[House]:
    """Give an empty database and lake that are gone afterwards."""
    server = os.environ.get(SERVER_VARIABLE)
    if not server:
        raise SystemExit(f"{SERVER_VARIABLE} is not set: run `make bench`, which starts the servers")
    url = make_url(server.replace("mysql://", "mysql+mysqlconnector://"))._replace(database=f"bench_{name}")
    create_database(url)
    warehouse = open_warehouse(url.render_as_string(hide_password=False))
    migrate(warehouse)
    folder = Path(tempfile.mkdtemp(prefix="candlehouse-bench-", dir=memory_folder()))
    simulator = Simulator(SimulatorConfig(symbols=extra_symbols(symbols)))
    try:
        lake = LocalStore(folder)
        lake.ensure_buckets()
        yield House(warehouse, lake, simulator, url.render_as_string(hide_password=False), folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with warehouse.write() as connection:
            connection.exec_driver_sql(f"DROP DATABASE bench_{name}")
        warehouse.close()


def memory_folder() -> str | None:
    """Return a folder that lies in memory, None where there is none."""
    # The lake's fsync would measure the disk, not the loading.
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def land_pages(parts: House, symbol: str, pages: Sequence[int]) -> None:
    """Put pages of 1000 one-minute candles into lake and catalog, as extraction would."""
    for page in pages:
        start_ms = START_MS + page * PAGE_MS
        rows = parts.simulator.truth(symbol, Interval.M1, Window(start_ms, start_ms + PAGE_MS))
        land_rows(parts, symbol, rows, CAPTURED_MS + page)


def land_rows(parts: House, symbol: str, rows: Sequence[Sequence[Any]], captured_ms: int) -> None:
    """Put one answer with these klines into lake and catalog."""
    key = ObjectKey("binance", symbol, DataType.KLINES, Interval.M1, captured_ms)
    request = RequestInfo("GET", "https://api.binance.com/api/v3/klines", {"symbol": symbol}, 2)
    content = encode_envelope(EnvelopeHeader(key, captured_ms, request), orjson.dumps(rows))
    parts.lake.put_new(Bucket.RAW, key.text, content)
    landed = NewObject(
        key=key.text,
        exchange=key.exchange,
        symbol=key.symbol,
        data_type=key.data_type,
        interval=key.interval,
        captured_at_ms=captured_ms,
        exchange_time_ms=captured_ms,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        lane=Lane.HISTORY,
        first_open_ms=rows[0][0],
        last_open_ms=rows[-1][0],
        record_count=len(rows),
    )
    parts.warehouse.run(lambda connection: record_landed(connection, landed))


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds *work* took."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
