"""What runs here and on what, and how far live fetching has come."""

from __future__ import annotations

import platform

from pydantic import Field

from src.api.context import parts, warehouse
from src.api.known import check_exchange
from src.api.routing import Routes
from src.api.schemas import OfExchange, Out
from src.domain import DataType, Interval
from src.version import code_version
from src.warehouse.schema import find_version
from src.warehouse.watermarks import Watermark, list_watermarks
from src.wiring import lake_place, warehouse_place

routes = Routes("system", "What runs here, and how far live fetching has come.")


class SystemOut(Out):
    version: str = Field(description="Of the code, with its commit where it runs from a checkout.")
    python: str
    machine: str = Field(description="Operating system and processor.")
    schema_version: int | None = Field(description="Of the warehouse; null while it has none.")
    exchange: str
    exchange_url: str = Field(description="Where the exchange's API is asked.")
    lake: str = Field(description="Where the raw objects are.")
    warehouse: str = Field(description="Where facts and rollups are.")


@routes.get("/api/system", responses={200: SystemOut})
def system() -> SystemOut:
    """Return versions and places, without any secret."""
    made = parts()
    with warehouse().read() as connection:
        schema = find_version(connection)
    return SystemOut(
        version=code_version(),
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.release()}, {platform.machine()}",
        schema_version=schema,
        exchange=made.exchange.name,
        exchange_url=made.settings.binance_base_url,
        lake=lake_place(made.settings),
        warehouse=warehouse_place(made.settings),
    )


class WatermarkOut(Out):
    symbol: str
    data_type: DataType
    interval: Interval | None = Field(description="Null for depth.")
    last_fetch_ms: int | None = Field(description="When an answer last landed.")
    last_open_ms: int | None = Field(
        description="The watermark: the last closed candle that is safe in the lake; null for depth."
    )
    record_count: int = Field(description="Candles or snapshots that live fetching has landed, ever.")


class WatermarksOut(Out):
    exchange: str
    watermarks: list[WatermarkOut]


@routes.get("/api/extraction/metadata", responses={200: WatermarksOut})
def extraction_metadata(query: OfExchange) -> WatermarksOut:
    """List how far live fetching has come, series by series, and depth by symbol."""
    check_exchange(query.exchange)
    with warehouse().read() as connection:
        rows = list_watermarks(connection, query.exchange)
    return WatermarksOut(exchange=query.exchange, watermarks=list(map(_out, rows)))


def _out(row: Watermark) -> WatermarkOut:
    return WatermarkOut(
        symbol=row.symbol,
        data_type=row.data_type,
        interval=row.interval,
        last_fetch_ms=row.last_fetch_ms,
        last_open_ms=row.last_open_ms,
        record_count=row.record_count,
    )
