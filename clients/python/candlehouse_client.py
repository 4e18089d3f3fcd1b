"""Candlehouse for notebooks: one file to copy, which needs requests and pandas.

    from candlehouse_client import Candlehouse
    house = Candlehouse("http://127.0.0.1:8000")
    prices = house.candles("BTCUSDT", "1h", "2026-01-01", "2026-02-01")

Times are UTC throughout; what has no time zone is taken for UTC. Amounts become floats, or stay exact with
``exact=True``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import requests

# A pandas Timestamp is a datetime, too.
Moment = str | int | datetime
_AMOUNTS = [
    "open",
    "high",
    "low",
    "close",
    "volume",
    "quote_volume",
    "taker_buy_volume",
    "taker_buy_quote_volume",
]
_COLUMNS = [*_AMOUNTS, "trade_count", "complete"]
_PAGE = 5_000


class CandlehouseError(Exception):
    """What the API said it cannot do, with its HTTP *status*; *problem* is all that it said."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or f"HTTP {status}"))
        self.status = status
        self.problem = dict(problem)


class Candlehouse:
    """One Candlehouse at *url*; *token* where reading needs one."""

    def __init__(
        self, url: str, token: str | None = None, exchange: str = "binance", timeout_s: float = 60
    ) -> None:
        self._url = url.rstrip("/")
        self._exchange = exchange
        self._timeout_s = timeout_s
        self._session = requests.Session()
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def candles(
        self,
        symbol: str,
        interval: str = "1m",
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        exact: bool = False,
    ) -> pd.DataFrame:
        """Return closed candles from *start* until *end*, however many; without a start the newest 5,000.

        The index is their open time. ``complete`` is false where a candle within is missing. What is missing
        altogether has no row: see ``gaps``.
        """
        pages = [page["candles"] for page in self._pages(symbol, interval, start, end)]
        rows = [row for page in pages for row in page]
        times = pd.to_datetime([row["open_time_ms"] for row in rows], unit="ms", utc=True)
        frame = pd.DataFrame(rows, columns=_COLUMNS, index=times.rename("open_time"))
        for name in _AMOUNTS:
            frame[name] = frame[name].map(Decimal).astype(object) if exact else frame[name].astype("float64")
        return frame.astype({"trade_count": "int64", "complete": "bool"})

    def gaps(self, symbol: str, interval: str, start: Moment, end: Moment | None = None) -> pd.DataFrame:
        """Return the windows from *start* until *end* that lack candles, and why."""
        found = {
            (gap["start_ms"], gap["end_ms"], gap["interval"]): gap
            for page in self._pages(symbol, interval, start, end)
            for gap in page["gaps"]
        }
        columns = ["start_ms", "end_ms", "interval", "state", "reason", "why", "missing"]
        frame = pd.DataFrame([found[key] for key in sorted(found)], columns=columns)
        for name in ("start", "end"):
            times = frame.pop(f"{name}_ms").astype("int64")
            frame[name] = pd.to_datetime(times, unit="ms", utc=True)
        return frame[["start", "end", *columns[2:]]]

    def order_book(self, symbol: str, levels: int = 20, at: Moment | None = None) -> pd.DataFrame:
        """Return the newest order book, or the last one until *at*: side, price, quantity, cumulative."""
        told = self.get(f"/api/orderbook/{symbol}", levels=levels, at=_ms(at))
        rows = [{"side": side, **level} for side in ("bid", "ask") for level in told[f"{side}s"]]
        frame = pd.DataFrame(rows, columns=["side", "price", "quantity", "cumulative"])
        frame.attrs["captured"] = pd.Timestamp(told["captured_ms"], unit="ms", tz="UTC")
        return frame.astype({"price": "float64", "quantity": "float64", "cumulative": "float64"})

    def symbols(self) -> list[str]:
        """Return the symbols that are tracked."""
        names: list[str] = []
        cursor: str | None = None
        while True:
            page = self.get("/api/symbols", cursor=cursor, limit=1_000)
            names += [one["symbol"] for one in page["symbols"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return names

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON of any path of the API; CandlehouseError where it refuses."""
        given = {name: value for name, value in parameters.items() if value is not None}
        given.setdefault("exchange", self._exchange)
        response = self._session.get(self._url + path, params=given, timeout=self._timeout_s)
        if response.ok:
            return response.json()
        is_problem = response.headers.get("Content-Type", "").startswith("application/problem+json")
        raise CandlehouseError(response.status_code, response.json() if is_problem else {})

    def _pages(
        self, symbol: str, interval: str, start: Moment | None, end: Moment | None
    ) -> Iterator[dict[str, Any]]:
        start_ms, end_ms = _ms(start), _ms(end)
        while True:
            page = self.get(
                f"/api/candlestick/{symbol}",
                interval=interval,
                start=start_ms,
                end=end_ms,
                limit=_PAGE,
                forming="false",
            )
            yield page
            if start_ms is None or not page["has_more"]:
                return
            start_ms = page["candles"][-1]["open_time_ms"] + 1
            if end_ms is not None and start_ms >= end_ms:
                return


def _ms(moment: Moment | None) -> int | None:
    """Return milliseconds since the epoch; a whole number is that already."""
    if moment is None or isinstance(moment, int):
        return moment
    time = pd.Timestamp(moment)
    time = time.tz_localize("UTC") if time.tzinfo is None else time
    return int(time.timestamp() * 1000 + 0.5)
