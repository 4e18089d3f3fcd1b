"""Real archives through all of it, from exchange to rollups: what comes out is what Binance wrote."""

from __future__ import annotations

import csv
import io
import uuid
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest
from sqlalchemy import Table, select

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Lane, SeriesKey
from src.extract.binance_payloads import parse_klines
from src.extract.exchange import Answer, Request
from src.extract.landing import Landing
from src.settings import load_settings
from src.simulator.config import SimulatorConfig
from src.simulator.simulator import Simulator
from src.warehouse.tables import (
    daily_klines,
    fact_klines,
    fact_klines_coarse,
    fact_orderbook,
    hourly_klines,
    lake_objects,
)
from src.warehouse.watermarks import find_watermark
from src.wiring import App, build
from tests.builders import day_start_ms

# 2026-03-04T12:00:30Z by the simulator's clock: the day on which all tapes are made to end.
_NOON_MS = 1_772_625_630_000
_TODAY_MS = Interval.D1.floor(_NOON_MS)
_MIDNIGHT_MS = _TODAY_MS + DAY_MS
_ARCHIVES = {
    ("BTCUSDT", Interval.M1): (
        "BTCUSDT-1m-2022-01-01.zip",
        "BTCUSDT-1m-2022-01-02.zip",
        "BTCUSDT-1m-2022-01-03.zip",
    ),
    ("SOLUSDT", Interval.M1): ("SOLUSDT-1m-2023-02-14.zip",),
    ("ARBUSDT", Interval.M1): ("ARBUSDT-1m-2023-07-27.zip",),
    ("BTCUSDT", Interval.H1): ("BTCUSDT-1h-2024-12.csv", "BTCUSDT-1h-2025-01.csv"),
}
_AMOUNTS = {
    "open_price": 1,
    "high_price": 2,
    "low_price": 3,
    "close_price": 4,
    "volume": 5,
    "quote_volume": 7,
    "taker_buy_volume": 9,
    "taker_buy_quote_volume": 10,
}
_REQUEST = Request("GET", "http://127.0.0.1/api/v3", {"symbol": "BTCUSDT"}, 2)

Candle = dict[str, Any]

_VOLUMES = ("volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume")


@pytest.fixture(scope="module")
def binance_dir(real_data_dir: Path) -> Path:
    return real_data_dir / "binance"


@pytest.fixture
def simulator(binance_dir: Path) -> Iterator[Simulator]:
    tapes = tuple(binance_dir / name for names in _ARCHIVES.values() for name in names)
    with Simulator(SimulatorConfig(tape_files=tapes, start_at_ms=_NOON_MS)).serve_in_thread() as running:
        yield running


@pytest.fixture(params=["sqlite and folder", "mariadb and s3", "mysql and s3"])
def app(request: pytest.FixtureRequest, simulator: Simulator, tmp_path: Path) -> Iterator[App]:
    """Give the application as its settings build it; it looks back as far as the tapes reach."""
    stores: dict[str, object] = {}
    if request.param != "sqlite and folder":
        stores = _server_settings(request, request.param.split()[0])
    settings = load_settings(
        data_dir=tmp_path,
        binance_base_url=simulator.base_url,
        symbols="BTCUSDT,SOLUSDT,ARBUSDT",
        intervals="1m,1h",
        lookback_days=63,
        **stores,
    )
    built = build(settings)
    built.starter.prepare()
    yield built
    built.extraction.close()
    built.warehouse.close()


def _server_settings(request: pytest.FixtureRequest, engine: str) -> dict[str, object]:
    database, s3 = request.getfixturevalue(f"{engine}_server"), request.getfixturevalue("s3_server")
    name = uuid.uuid4().hex[:12]
    return {
        "mysql_host": database.host,
        "mysql_port": database.port,
        "mysql_user": database.user,
        "mysql_password": database.password,
        "mysql_database": request.getfixturevalue(f"{engine}_database"),
        "minio_endpoint": s3.endpoint,
        "minio_access_key": s3.access_key,
        "minio_secret_key": s3.secret_key,
        "minio_bucket_raw": f"test-{name}-raw",
        "minio_bucket_archive": f"test-{name}-archive",
    }


def run_cycle(app: App) -> None:
    """Extract until all is caught up, then load."""
    app.exchange.measure_clock()
    extracted = app.extraction.run_once(None)
    assert not extracted.failures
    assert not app.transform.load_waiting().quarantined


def read_archive(path: Path) -> list[list[str]]:
    if path.suffix == ".csv":
        text = path.read_text()
    else:
        with zipfile.ZipFile(path) as archive:
            text = archive.read(archive.namelist()[0]).decode()
    return list(csv.reader(io.StringIO(text)))


def archived(folder: Path, symbol: str, interval: Interval) -> dict[int, Candle]:
    """Return the archives' candles by open_time, moved by whole days so that the last day is today."""
    rows = [row for name in _ARCHIVES[symbol, interval] for row in read_archive(folder / name)]
    last_day_ms = _milliseconds(rows[-1][0]) // DAY_MS * DAY_MS
    shift_ms = _TODAY_MS - last_day_ms
    return {_milliseconds(row[0]) + shift_ms: _candle(row, shift_ms) for row in rows}


def _milliseconds(text: str) -> int:
    return int(text[:13])  # microseconds have three digits more


def _candle(row: list[str], shift_ms: int) -> Candle:
    amounts = {name: Decimal(row[column]) for name, column in _AMOUNTS.items()}
    return amounts | {"trade_count": int(row[8]), "close_time": _milliseconds(row[6]) + shift_ms}


def stored(app: App, table: Table, symbol: str, time: str) -> dict[Any, Candle]:
    """Return the rows of *symbol* by their time."""
    names = [time, *_AMOUNTS, "trade_count", *({"close_time", "candle_count"} & set(table.c.keys()))]
    query = select(*[table.c[name] for name in names]).where(table.c.symbol == symbol)
    with app.warehouse.read() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    found = {row.pop(time): row for row in rows}
    assert len(found) == len(rows)
    return found


def rolled_up_by_pandas(candles: dict[int, Candle], length_ms: int) -> dict[int, Candle]:
    """Aggregate in whole units of 0.00000001, which pandas adds without a loss."""
    frame = pd.DataFrame.from_dict(candles, orient="index").sort_index()
    for name in _AMOUNTS:
        frame[name] = [int(amount * 10**8) for amount in frame[name]]
    prices = {"open_price": "first", "high_price": "max", "low_price": "min", "close_price": "last"}
    how = prices | dict.fromkeys((*_VOLUMES, "trade_count"), "sum")
    buckets = frame.astype(dict.fromkeys(how, "int64")).groupby(frame.index // length_ms * length_ms)
    found: dict[int, Candle] = buckets.agg(how).assign(candle_count=buckets.size()).to_dict("index")
    for row in found.values():
        row.update({name: Decimal(row[name]) / 10**8 for name in _AMOUNTS})
    return found


def until_ms(candles: dict[int, Candle], end_ms: int) -> dict[int, Candle]:
    return {open_ms: candle for open_ms, candle in candles.items() if open_ms < end_ms}


def check_everything(app: App, folder: Path, end_ms: int) -> None:
    """Compare facts and rollups with the archives up to *end_ms*, nothing more and nothing less."""
    for symbol in ("BTCUSDT", "SOLUSDT", "ARBUSDT"):
        minutes = until_ms(archived(folder, symbol, Interval.M1), end_ms)
        assert stored(app, fact_klines, symbol, "open_time") == minutes
        assert stored(app, hourly_klines, symbol, "hour_start") == rolled_up_by_pandas(minutes, HOUR_MS)
        days = stored(app, daily_klines, symbol, "date")
        expected_days = rolled_up_by_pandas(minutes, DAY_MS)
        assert {day_start_ms(day): row for day, row in days.items()} == expected_days
    hours = until_ms(archived(folder, "BTCUSDT", Interval.H1), end_ms - end_ms % HOUR_MS)
    assert stored(app, fact_klines_coarse, "BTCUSDT", "open_time") == hours
    with app.warehouse.read() as connection:
        states = set(connection.scalars(select(lake_objects.c.state)))
        coarse = set(connection.scalars(select(fact_klines_coarse.c.symbol)))
    assert (states, coarse) == ({"loaded"}, {"BTCUSDT"})


def test_every_value_is_the_archives(app: App, simulator: Simulator, binance_dir: Path) -> None:
    run_cycle(app)
    check_everything(app, binance_dir, _NOON_MS - _NOON_MS % MINUTE_MS)  # the minute of now is forming
    simulator.clock.set(_MIDNIGHT_MS + 30_000)
    for _ in range(2):  # the second finds nothing new
        run_cycle(app)
        check_everything(app, binance_dir, _MIDNIGHT_MS)


def test_archives_hold_what_they_are_there_for(binance_dir: Path) -> None:
    minutes = {
        symbol: archived(binance_dir, symbol, Interval.M1) for symbol in ("BTCUSDT", "SOLUSDT", "ARBUSDT")
    }
    hours = archived(binance_dir, "BTCUSDT", Interval.H1)
    assert (len(minutes["BTCUSDT"]), len(hours)) == (3 * 1440, (31 + 31) * 24)
    assert set(range(_TODAY_MS, _MIDNIGHT_MS, MINUTE_MS)) - set(minutes["SOLUSDT"]) == {
        _TODAY_MS + (16 * 60 + 39) * MINUTE_MS
    }
    assert max(minutes["ARBUSDT"]) == _TODAY_MS + (3 * 60 + 49) * MINUTE_MS
    assert {len(row[0]) for row in read_archive(binance_dir / "BTCUSDT-1h-2025-01.csv")} == {16}


def land_klines(app: App, series: SeriesKey, body: bytes, exchange_time_ms: int) -> None:
    """Land an answer as extraction does."""
    page = parse_klines(msgspec.json.decode(body), series.interval, exchange_time_ms, None, None)
    assert page.closed
    answer = Answer(body, _REQUEST, exchange_time_ms, exchange_time_ms)
    landing = Landing(app.lake, app.warehouse, app.clock)
    landing.land_klines(series, answer, page.closed, Lane.LIVE, page.closed.first_open_ms)


def test_open_candle_of_a_real_answer_is_left_out(app: App, binance_dir: Path) -> None:
    body = (binance_dir / "http_spot_market_klines.json").read_bytes()
    rows = [[str(cell) for cell in row] for row in msgspec.json.decode(body)]
    still_open = int(rows[-1][0])
    series = SeriesKey("binance", "BTCUSDT", Interval.M1)
    land_klines(app, series, body, exchange_time_ms=still_open + 4_000)
    assert not app.transform.load_waiting().quarantined
    closed = {int(row[0]): _candle(row, 0) for row in rows[:-1]}
    assert len(closed) == 9
    assert stored(app, fact_klines, "BTCUSDT", "open_time") == closed
    assert stored(app, hourly_klines, "BTCUSDT", "hour_start") == rolled_up_by_pandas(closed, HOUR_MS)
    with app.warehouse.read() as connection:
        assert find_watermark(connection, series) == still_open - MINUTE_MS


def test_answer_in_microseconds_is_floored_to_milliseconds(app: App, binance_dir: Path) -> None:
    rows = read_archive(binance_dir / "BTCUSDT-1h-2025-01.csv")
    sent = [[int(row[0]), *row[1:6], int(row[6]), row[7], int(row[8]), *row[9:]] for row in rows]
    series = SeriesKey("binance", "BTCUSDT", Interval.H1)
    land_klines(app, series, msgspec.json.encode(sent), exchange_time_ms=_NOON_MS)
    assert not app.transform.load_waiting().quarantined
    expected = {_milliseconds(row[0]): _candle(row, 0) for row in rows}
    assert stored(app, fact_klines_coarse, "BTCUSDT", "open_time") == expected


def test_real_order_book_is_stored_level_by_level(app: App, binance_dir: Path) -> None:
    body = (binance_dir / "http_spot_market_depth.json").read_bytes()
    Landing(app.lake, app.warehouse, app.clock).land_depth(
        "binance", "BTCUSDT", Answer(body, _REQUEST, _NOON_MS, _NOON_MS)
    )
    assert app.transform.load_waiting().loaded.levels == 20
    book = msgspec.json.decode(body)
    sent = {
        (side, Decimal(price), Decimal(quantity))
        for side in ("bid", "ask")
        for price, quantity in book[f"{side}s"]
    }
    columns = fact_orderbook.c
    with app.warehouse.read() as connection:
        rows = connection.execute(select(columns.side, columns.price, columns.quantity)).all()
        captured = connection.scalars(select(columns.captured_at).distinct()).all()
        assert captured == connection.scalars(select(lake_objects.c.captured_at)).all()
    assert len(rows) == 20
    assert {tuple(row) for row in rows} == sent
