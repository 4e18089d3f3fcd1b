"""An API over a lake and warehouse with some data in them, and clients that ask it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, make_url
from werkzeug.test import TestResponse

from src.api.app import create_app
from src.api.operator_token import ensure_operator_token
from src.api.routing import VALIDATE
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, SeriesKey, Window
from src.jobs.asking import ask_fetch
from src.lake.local_store import LocalStore
from src.settings import Settings, load_settings
from src.warehouse import tokens
from src.warehouse.series import ensure_series, want_from
from src.warehouse.symbols import SymbolRow, upsert_symbols
from src.warehouse.tables import latest
from src.warehouse.tokens import NewToken
from src.web.place import FRONTEND, WebPlace
from src.wiring import App, build, warehouse_url
from tests.builders import DAY_START_MS, Kline, Pipeline, make_depth, make_kline, make_object, open_pipeline

BTC = SeriesKey("binance", "BTCUSDT", Interval.M1)
ETH = SeriesKey("binance", "ETHUSDT", Interval.M1)
# BTCUSDT has a day and six hours of minutes, of which ten are missing; ETHUSDT the first two hours.
GAP_MS = DAY_START_MS + 10 * HOUR_MS
END_MS = DAY_START_MS + DAY_MS + 6 * HOUR_MS


@dataclass
class Client:
    """Asks one API with one token; *headers* go with each request."""

    flask: FlaskClient
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **named: Any) -> TestResponse:
        return self.ask("GET", path, **named)

    def post(self, path: str, **named: Any) -> TestResponse:
        return self.ask("POST", path, **named)

    def delete(self, path: str, **named: Any) -> TestResponse:
        return self.ask("DELETE", path, **named)

    def put(self, path: str, **named: Any) -> TestResponse:
        return self.ask("PUT", path, **named)

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **named: Any
    ) -> TestResponse:
        return self.flask.open(path, method=method, headers={**self.headers, **(headers or {})}, **named)


@dataclass
class Api:
    """One API with its parts; ``viewer`` and ``operator`` have tokens, ``anybody`` has none."""

    app: Flask
    parts: App
    operator_secret: str
    viewer_secret: str

    @property
    def anybody(self) -> Client:
        return Client(self.app.test_client(use_cookies=False))

    @property
    def viewer(self) -> Client:
        return self.bearing(self.viewer_secret)

    @property
    def operator(self) -> Client:
        return self.bearing(self.operator_secret)

    @property
    def browser(self) -> Client:
        """A client that keeps cookies."""
        return Client(self.app.test_client())

    def bearing(self, secret: str) -> Client:
        return Client(self.app.test_client(use_cookies=False), {"Authorization": f"Bearer {secret}"})


@contextmanager
def open_api(settings: Settings, place: WebPlace = FRONTEND) -> Iterator[Api]:
    """Give the API of *settings*; its answers are checked against what is documented."""
    parts = build(settings)
    try:
        app = create_app(settings, parts, place)
        app.config[VALIDATE] = True
        parts.starter.prepare_warehouse()
        operator, viewer = ensure_operator_token(settings, parts.warehouse).secret, tokens.make_secret()
        parts.warehouse.run(
            lambda connection: tokens.add_token(connection, NewToken("eve", "viewer", "test"), viewer)
        )
        yield Api(app, parts, operator or "", viewer)
    finally:
        parts.warehouse.close()
        parts.glance.close()


def settings_for(folder: Path, mysql: str | None = None, **changes: object) -> Settings:
    """Return settings with all data in *folder*; *mysql* is SQLAlchemy's URL of a server's database."""
    if mysql is not None:
        url = make_url(mysql)
        changes |= {"mysql_host": url.host, "mysql_port": url.port, "mysql_user": url.username}
        changes |= {"mysql_password": url.password or "", "mysql_database": url.database}
    nobody = {"binance_base_url": "http://127.0.0.1:9"}
    return load_settings(data_dir=str(folder), **{**nobody, **changes})


def fill(settings: Settings) -> None:
    """Load the data that tests of the API ask about."""
    lake = LocalStore(settings.data_dir / "data_lake")
    with open_pipeline(warehouse_url(settings), lake) as pipeline:
        pipeline.warehouse.run(_describe)
        _load(pipeline)
        # Run 1 is a batch, 2 and 3 are its runs; nobody executes them.
        ask_fetch(pipeline.warehouse, [BTC, ETH], Window(DAY_START_MS, DAY_START_MS + HOUR_MS), "rig")


def minutes(start_ms: int, end_ms: int) -> list[Kline]:
    """Return klines of a price that rises by one each minute since ``DAY_START_MS``."""
    return [_minute(open_ms) for open_ms in range(start_ms, end_ms, MINUTE_MS)]


def _minute(open_ms: int) -> Kline:
    price = 40_000 + (open_ms - DAY_START_MS) // MINUTE_MS
    high, low, close = f"{price + 5}.00000000", f"{price - 5}.00000000", f"{price + 1}.00000000"
    return make_kline(
        open_ms, open_price=f"{price}.00000000", high_price=high, low_price=low, close_price=close
    )


def _load(pipeline: Pipeline) -> None:
    after = GAP_MS + 10 * MINUTE_MS
    objects = [
        make_object(BTC.symbol, minutes(DAY_START_MS, GAP_MS), END_MS + 1_000),
        make_object(BTC.symbol, minutes(after, after + 1_000 * MINUTE_MS), END_MS + 1_001),
        make_object(BTC.symbol, minutes(after + 1_000 * MINUTE_MS, END_MS), END_MS + 1_002),
        make_object(ETH.symbol, minutes(DAY_START_MS, DAY_START_MS + 2 * HOUR_MS), END_MS + 1_003),
        make_object(
            BTC.symbol,
            [make_kline(DAY_START_MS + at * HOUR_MS, Interval.H1) for at in range(-24, 12)],
            END_MS + 1_004,
            interval=Interval.H1,
        ),
    ]
    for at_ms in (END_MS - 60_000, END_MS):
        bids = [(f"{41_800 - step}.00000000", "2.00000000") for step in range(5)]
        asks = [(f"{41_801 + step}.00000000", "1.00000000") for step in range(5)]
        objects.append(make_depth(BTC.symbol, bids, asks, at_ms))
    pipeline.land(*objects)
    pipeline.load()


def _describe(connection: Connection) -> None:
    steps = (Decimal("0.01"), Decimal("0.00001"))
    names = [("BTCUSDT", "BTC", "TRADING"), ("ETHUSDT", "ETH", "TRADING"), ("LUNAUSDT", "LUNA", "BREAK")]
    rows = [SymbolRow("binance", name, status, base, "USDT", *steps) for name, base, status in names]
    upsert_symbols(connection, rows, END_MS)
    ensure_series(connection, [BTC, ETH], tracked=True)
    for key in (BTC, ETH):
        want_from(connection, key, DAY_START_MS)
    forming = _minute(END_MS)._asdict()
    forming = {name: value for name, value in forming.items() if name not in ("unused", "open_time")}
    amounts = {name: Decimal(value) if isinstance(value, str) else value for name, value in forming.items()}
    connection.execute(
        latest.insert().values(
            exchange=BTC.exchange,
            symbol=BTC.symbol,
            interval_code=BTC.interval.value,
            open_time=END_MS,
            exchange_time=END_MS + 30_000,
            **amounts,
        )
    )
