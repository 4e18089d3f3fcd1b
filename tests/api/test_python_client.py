"""The Python client against an API that is served over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal

import pandas as pd
import pytest
from werkzeug.serving import make_server

from clients.python import candlehouse_client
from clients.python.candlehouse_client import Candlehouse, CandlehouseError
from src.domain import MINUTE_MS
from tests.api.rig import END_MS, GAP_MS, Api
from tests.builders import DAY_START_MS


@pytest.fixture(scope="module")
def url(api: Api) -> Iterator[str]:
    """Serve the API on a free port."""
    server = make_server("127.0.0.1", 0, api.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_candles_are_a_frame_with_an_index_in_utc(url: str) -> None:
    frame = Candlehouse(url).candles("BTCUSDT", "1h", "2026-01-09", "2026-01-09T03:00")
    assert str(frame.index.dtype) == "datetime64[ms, UTC]" or str(frame.index.tz) == "UTC"
    assert [*frame.index] == [*pd.date_range("2026-01-09", periods=3, freq="h", tz="UTC")]
    assert frame["open"].tolist() == [40_000.0, 40_060.0, 40_120.0]
    assert frame["trade_count"].dtype == "int64"


def test_pages_are_put_together(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candlehouse_client, "_PAGE", 100)
    frame = Candlehouse(url).candles("BTCUSDT", "1m", DAY_START_MS, END_MS)
    assert len(frame) == (END_MS - DAY_START_MS) // MINUTE_MS - 10
    assert frame.index.is_monotonic_increasing
    assert frame.index.is_unique
    assert len(Candlehouse(url).candles("BTCUSDT")) == 100


def test_amounts_can_stay_exact(url: str) -> None:
    frame = Candlehouse(url).candles("BTCUSDT", start="2026-01-09", end="2026-01-09T00:01", exact=True)
    assert frame["volume"].tolist() == [Decimal("12.50000000")]


def test_nothing_is_an_empty_frame_of_the_same_columns(url: str) -> None:
    house = Candlehouse(url)
    empty, full = (house.candles("BTCUSDT", "1h", day, f"{day}T05") for day in ("2030-01-01", "2026-01-09"))
    assert empty.empty
    assert empty.dtypes.to_dict() == full.dtypes.to_dict()
    assert str(empty.index.tz) == "UTC"


def test_gaps_say_why(url: str) -> None:
    frame = Candlehouse(url).gaps("BTCUSDT", "1m", "2026-01-09T09:00", "2026-01-09T11:00")
    (gap,) = frame.to_dict("records")
    assert gap["start"] == pd.Timestamp(GAP_MS, unit="ms", tz="UTC")
    assert gap["why"]
    assert Candlehouse(url).gaps("BTCUSDT", "1m", "2026-01-09T00:00", "2026-01-09T01:00").empty


def test_an_order_book_is_a_frame(url: str) -> None:
    frame = Candlehouse(url).order_book("BTCUSDT", levels=2)
    assert frame["side"].tolist() == ["bid", "bid", "ask", "ask"]
    assert frame["cumulative"].tolist() == [2.0, 4.0, 1.0, 2.0]
    assert frame.attrs["captured"] == pd.Timestamp(END_MS, unit="ms", tz="UTC")


def test_symbols_are_listed(url: str) -> None:
    assert Candlehouse(url).symbols() == ["BTCUSDT", "ETHUSDT"]


def test_a_refusal_says_what_the_api_says(url: str) -> None:
    with pytest.raises(CandlehouseError, match="nothing is kept of NOSUCHUSDT") as caught:
        Candlehouse(url).candles("NOSUCHUSDT")
    assert caught.value.status == 404


def test_a_token_is_sent(url: str) -> None:
    with pytest.raises(CandlehouseError) as caught:
        Candlehouse(url, token="ch_wrong").symbols()
    assert caught.value.status == 401
