"""Which symbols there are, over HTTP."""

from __future__ import annotations

import pytest

from tests.api.rig import END_MS, Api
from tests.builders import DAY_START_MS


def test_symbols_tell_what_is_tracked_and_held(api: Api) -> None:
    answer = api.anybody.get("/api/symbols")
    assert answer.status_code == 200
    btc, eth = answer.json["symbols"]  # type: ignore[index]
    assert (btc["symbol"], eth["symbol"]) == ("BTCUSDT", "ETHUSDT")
    assert btc["last_price"] == "41801.00000000"
    assert btc["priced_ms"] == END_MS + 30_000
    assert [series["interval"] for series in btc["series"]] == ["1m", "1h"]
    assert eth["series"][0]["candles"] == 120
    assert eth["series"][0]["first_open_ms"] == DAY_START_MS


def test_all_symbols_of_the_exchange_are_listed_when_asked_for(api: Api) -> None:
    names = [one["symbol"] for one in api.anybody.get("/api/symbols?all=true").json["symbols"]]  # type: ignore[index]
    assert names == ["BTCUSDT", "ETHUSDT", "LUNAUSDT"]


def test_pages_follow_each_other_to_the_end(api: Api) -> None:
    names, path = [], "/api/symbols?all=true&limit=1"
    answer = api.anybody.get(path).json
    while answer is not None:
        names += [one["symbol"] for one in answer["symbols"]]
        cursor = answer["next_cursor"]
        answer = api.anybody.get(f"{path}&cursor={cursor}").json if cursor else None
    assert names == ["BTCUSDT", "ETHUSDT", "LUNAUSDT"]


@pytest.mark.parametrize(
    "path",
    [
        "symbols",
        "dashboard/metrics",
        "coverage",
        "config/symbols",
        "quarantine",
        "ingestion/logs",
        "data-ingestion/gaps",
        "data-ingestion/symbols-status",
    ],
)
def test_unknown_exchange_is_refused_with_those_that_are_known(api: Api, path: str) -> None:
    answer = api.anybody.get(f"/api/{path}?exchange=kraken")
    assert (answer.status_code, answer.json["errors"]) == (  # type: ignore[index]
        422,
        [{"field": "exchange", "message": "'kraken' is not known here", "accepted": "binance"}],
    )


@pytest.mark.parametrize(
    "path",
    [
        "coverage",
        "quality",
        "ingestion/logs",
        "data-ingestion/runs",
        "data-ingestion/gaps",
        "data-ingestion/symbols-status",
    ],
)
def test_unknown_symbol_is_not_answered_like_one_without_data(api: Api, path: str) -> None:
    answer = api.anybody.get(f"/api/{path}?symbol=NOPE")
    assert (answer.status_code, "NOPE" in answer.json["detail"]) == (404, True)  # type: ignore[index]
    for known in ("BTCUSDT", "btcusdt"):
        assert api.anybody.get(f"/api/{path}?symbol={known}").status_code == 200
