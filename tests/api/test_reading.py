"""What the routes that read answer: values compared with what was loaded, and clear refusals."""

from __future__ import annotations

import io
import math
from itertools import pairwise
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import csv, ipc, parquet

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, format_utc
from src.lake.store import Bucket
from src.services.coverage import TOO_OLD
from tests.api.rig import END_MS, GAP_MS, Api
from tests.builders import DAY_START_MS

GAPS_PATH = "data-ingestion/gaps/BTCUSDT/1m"
SYMBOL_PATHS = ["klines", "candlestick", "orderbook", "statistics", "indicators", "export", "lineage"]
CANDLE_PATHS = ["klines", "candlestick", "indicators", "export"]
INJECTIONS = [
    "BTCUSDT'--",
    "' OR 1=1",
    'BTC";DROP TABLE series',
    "BTC%00USDT",
    "%",
    "_",
    "A" * 200,
]


def get(api: Api, path: str, **query: Any) -> Any:
    response = api.anybody.get(f"/api/{path}", query_string=query)
    assert response.status_code == 200, response.text
    return orjson.loads(response.data)


def problem(api: Api, path: str, **query: Any) -> Any:
    """Ask for what cannot be answered, and return the problem after looking at its shape."""
    response = api.anybody.get(f"/api/{path}", query_string=query)
    assert response.mimetype == "application/problem+json"
    told = orjson.loads(response.data)
    assert set(told) == {"type", "title", "status", "detail", "errors"}
    assert told["status"] == response.status_code
    assert 400 <= response.status_code < 500
    return told


def read_file(kind: str, body: bytes) -> Any:
    """Return the table in a Parquet file or an Arrow stream."""
    return parquet.read_table(io.BytesIO(body)) if kind == "parquet" else ipc.open_stream(body).read_all()


def test_klines_are_what_was_loaded(api: Api) -> None:
    told = get(api, "klines/BTCUSDT", start=DAY_START_MS, limit=3)
    assert [one["open_time_ms"] for one in told["candles"]] == [
        DAY_START_MS + at * MINUTE_MS for at in range(3)
    ]
    assert told["candles"][1]["open"] == "40001.00000000"
    assert (told["has_more"], told["candles"][0]["trade_count"], told["candles"][0]["complete"]) == (
        True,
        7,
        True,
    )


def test_defaults_are_500_klines_200_bars_and_100_indicator_values(api: Api) -> None:
    assert len(get(api, "klines/BTCUSDT")["candles"]) == 500
    assert len(get(api, "candlestick/BTCUSDT")["candles"]) == 200
    assert len(get(api, "indicators/BTCUSDT")["open_time_ms"]) == 100
    assert len(get(api, "orderbook/BTCUSDT")["bids"]) == 5


def test_times_come_in_as_iso_or_milliseconds(api: Api) -> None:
    by_number = get(api, "klines/BTCUSDT", start=DAY_START_MS, end=DAY_START_MS + HOUR_MS)
    by_text = get(api, "klines/BTCUSDT", start="2026-01-09", end="2026-01-09T02:00+01:00")
    assert by_text == by_number
    assert len(by_text["candles"]) == 60


def test_pages_of_candles_touch(api: Api) -> None:
    seen: list[int] = []
    start: Any = DAY_START_MS
    while True:
        told = get(
            api, "candlestick/BTCUSDT", interval="15m", start=start, end=END_MS, limit=50, forming="false"
        )
        seen += [one["open_time_ms"] for one in told["candles"]]
        if not told["has_more"]:
            break
        start = seen[-1] + 1
    assert {late - early for early, late in pairwise(seen)} == {15 * MINUTE_MS}
    assert len(seen) == (END_MS - DAY_START_MS) // (15 * MINUTE_MS)


def test_a_gap_is_told_of_between_the_bars(api: Api) -> None:
    told = get(api, "candlestick/BTCUSDT", start=GAP_MS - 5 * MINUTE_MS, end=GAP_MS + 15 * MINUTE_MS)
    assert len(told["candles"]) == 10
    (gap,) = told["gaps"]
    assert (gap["start_ms"], gap["end_ms"]) == (GAP_MS, GAP_MS + 10 * MINUTE_MS)
    assert gap["why"]


def test_an_unchanged_chart_is_not_sent_again(api: Api) -> None:
    path = "/api/candlestick/BTCUSDT?start=2026-01-09&end=2026-01-10"
    first = api.anybody.get(path)
    again = api.anybody.get(path, headers={"If-None-Match": first.headers["ETag"]})
    other = api.anybody.get(f"{path}&interval=5m", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data, other.status_code) == (304, b"", 200)
    assert "no-cache" in first.headers["Cache-Control"]


def test_an_order_book_adds_depth_up(api: Api) -> None:
    told = get(api, "orderbook/BTCUSDT", levels=3, at=END_MS - 1)
    assert told["captured"] == format_utc(END_MS - 60_000)
    assert [one["cumulative"] for one in told["bids"]] == ["2.00000000", "4.00000000", "6.00000000"]
    assert (told["spread"], told["imbalance"]) == ("1.00000000", pytest.approx(1 / 3))


def test_indicators_stand_beside_their_candles(api: Api) -> None:
    names = [
        "rsi",
        "macd:5:35:5",
        "bollinger:20:2.5",
        "sma:3",
        "ema",
        "atr",
        "obv",
        "vwap",
        "volume_profile:10",
    ]
    told = get(api, "indicators/BTCUSDT", names=names, start=DAY_START_MS, limit=60)
    assert told["open_time_ms"][0] == DAY_START_MS
    assert {len(values) for values in told["values"].values()} == {60}
    assert told["values"]["sma:3"][:3] == [None, None, pytest.approx(40_002)]
    assert told["values"]["rsi"][14] == 100
    assert set(told["values"]) >= {"macd:5:35:5.signal", "bollinger:20:2.5.upper", "obv"}
    assert math.isclose(sum(one["volume"] for one in told["volume_profile"]["bins"]), 60 * 12.5)


def test_indicators_are_warmed_up_by_candles_before_the_first(api: Api) -> None:
    told = get(api, "indicators/BTCUSDT", names=["sma:50", "rsi"], limit=10)
    assert None not in told["values"]["sma:50"] + told["values"]["rsi"]


def test_statistics_know_the_price_that_was_seen_last(api: Api) -> None:
    day = get(api, "statistics/BTCUSDT")["day"]
    assert (day["price_at_ms"], day["price"].split(".")[1]) == (END_MS + 30_000, "00000000")


def test_the_dashboard_has_a_card_for_each_tracked_symbol(api: Api) -> None:
    told = get(api, "dashboard/metrics")
    assert [card["symbol"] for card in told["symbols"]] == ["BTCUSDT", "ETHUSDT"]
    assert told["symbols"][0]["day"]["price"] == get(api, "statistics/BTCUSDT")["day"]["price"]


def test_the_pipeline_tells_what_is_held_and_waits(api: Api) -> None:
    told = get(api, "pipeline/status")
    assert told["candles_held"] > 1_000
    assert (told["waiting"], told["leader"], told["series"]) == ([], None, 2)


def test_logs_are_paged_and_filtered(api: Api) -> None:
    whole = get(api, "ingestion/logs")["objects"]
    seen: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = get(api, "ingestion/logs", limit=2, **cursor)
        seen += page["objects"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == whole
    assert {one["symbol"] for one in get(api, "ingestion/logs", symbol="ETHUSDT")["objects"]} == {"ETHUSDT"}
    assert {one["data_type"] for one in get(api, "ingestion/logs", data_type="depth")["objects"]} == {"depth"}
    assert get(api, "ingestion/logs", state="landed")["objects"] == []


def test_storage_tells_sizes(api: Api) -> None:
    told = get(api, "storage/health")
    assert [place["place"] for place in told["places"]] == ["lake", "warehouse"]
    assert told["server"]["kind"] == "SQLite"
    assert told["server"]["size_bytes"] > 0


def test_coverage_counts_days_for_a_heatmap(api: Api) -> None:
    told = get(
        api,
        "coverage",
        symbol="BTCUSDT",
        interval="1m",
        windows="true",
        days_from="2026-01-08",
        days_until=END_MS,
    )
    (series,) = told["series"]
    assert series["held"][0] == {
        "start_ms": DAY_START_MS,
        "end_ms": GAP_MS,
        "candles": 600,
        "source": "api",
        "verified_ms": None,
    }
    # So long ago that it may age out: it is held, and not wanted any more.
    assert TOO_OLD in {one["reason"] for one in series["not_wanted"]}
    days = {one["day"]: (one["wanted"], one["held"]) for one in series["days"]}
    assert days == {"2026-01-08": (0, 0), "2026-01-09": (0, 1430), "2026-01-10": (0, 360)}
    by_days = get(api, "coverage", symbol="BTCUSDT", interval="1m", days_from="2026-01-09")["series"][0]
    assert (by_days["held"], by_days["not_wanted"]) == (None, series["not_wanted"])


def test_lineage_leads_from_a_candle_to_its_object(api: Api) -> None:
    told = get(api, "lineage/BTCUSDT", time="2026-01-09T00:01:30Z")
    assert told["open_time"] == "2026-01-09T00:01:00.000Z"
    assert (told["object"]["row"], told["object"]["problem"]) == (1, None)
    assert told["candle"]["open_price"] == "40001.00000000"
    absent = get(api, "lineage/BTCUSDT", time=GAP_MS)
    assert (absent["candle"], absent["object"]) == (None, None)
    assert absent["why_not"]


def test_an_object_and_the_answer_in_it_can_be_opened(api: Api) -> None:
    source = get(api, "lineage/BTCUSDT", time="2026-01-09T00:01:30Z")["object"]
    told = get(api, "objects", key=source["key"])
    assert {name: told[name] for name in source} == {**source, "row": None}
    assert (told["symbol"], told["data_type"], told["interval"]) == ("BTCUSDT", "klines", "1m")
    assert get(api, "objects", id=source["id"]) == told
    assert get(api, "objects/answer", id=source["id"])[1][1] == "40001.00000000"


def test_an_object_that_cannot_be_opened_is_told_with_why(api: Api) -> None:
    key = get(api, "lineage/ETHUSDT", time="2026-01-09T00:01:30Z")["object"]["key"]
    lake = api.parts.lake
    content = lake.get(Bucket.RAW, key)
    lake.delete(Bucket.RAW, key)
    try:
        assert "restore it from a backup" in get(api, "objects", key=key)["problem"]
        told = problem(api, "objects/answer", key=key)
        assert (told["status"], "restore it from a backup" in told["detail"]) == (404, True)
    finally:
        lake.put_new(Bucket.RAW, key, content)


@pytest.mark.parametrize("path", ["objects", "objects/answer"])
def test_an_object_is_named_by_key_or_number(api: Api, path: str) -> None:
    for query in ({}, {"key": "2026-01-09/x.json", "id": 1}, {"key": ""}, {"key": "clé"}, {"id": 0}):
        assert problem(api, path, **query)["status"] == 422, query
    for query in ({"key": "2026-01-09/x.json"}, {"id": 10**9}):
        assert problem(api, path, **query)["status"] == 404, query


def test_files_hold_the_candles_exactly(api: Api) -> None:
    query = "start=2026-01-09&end=2026-01-10&interval=5m"
    told = get(api, "candlestick/BTCUSDT", start="2026-01-09", end="2026-01-10", interval="5m", limit=5000)
    exact = [one["volume"] for one in told["candles"]]
    for kind in ("parquet", "arrow"):
        table = read_file(kind, api.anybody.get(f"/api/export/BTCUSDT?{query}&format={kind}").data)
        assert table.column("volume").cast(pa.string()).to_pylist() == exact
        assert table.column("open_time")[0].as_py().isoformat() == "2026-01-09T00:00:00+00:00"
    response = api.anybody.get(f"/api/export/BTCUSDT?{query}")
    lines = response.text.splitlines()
    assert lines[0] == ",".join(["open_time", *list(told["candles"][0])[1:]])
    assert [line.split(",")[5] for line in lines[1:]] == exact
    assert csv.read_csv(io.BytesIO(response.data)).num_rows == len(exact)
    assert response.headers["Content-Disposition"] == 'attachment; filename="BTCUSDT-5m.csv"'


def test_a_file_of_many_pieces_lacks_none(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.services.export._ROWS_A_PIECE", 100)
    for kind in ("csv", "parquet", "arrow"):
        body = api.anybody.get(f"/api/export/BTCUSDT?format={kind}").data
        if kind == "csv":
            times = [line.split(",")[0] for line in body.decode().splitlines()[1:]]
        else:
            table = read_file(kind, body)
            times = [str(one) for one in table.column("open_time")]
        assert len(set(times)) == len(times) == (END_MS - DAY_START_MS) // MINUTE_MS - 10


def test_a_file_of_nothing_is_a_file(api: Api) -> None:
    query = "start=2030-01-01"
    assert len(api.anybody.get(f"/api/export/BTCUSDT?{query}").text.splitlines()) == 1
    body = api.anybody.get(f"/api/export/BTCUSDT?{query}&format=parquet").data
    assert parquet.read_table(io.BytesIO(body)).num_rows == 0


@pytest.mark.parametrize("path", SYMBOL_PATHS)
def test_an_unknown_symbol_is_not_found(api: Api, path: str) -> None:
    told = problem(api, f"{path}/NOSUCHUSDT", **({"time": DAY_START_MS} if path == "lineage" else {}))
    assert told["status"] == 404
    assert "NOSUCHUSDT" in told["detail"]


@pytest.mark.parametrize("path", SYMBOL_PATHS)
@pytest.mark.parametrize("symbol", INJECTIONS)
def test_what_is_no_symbol_is_refused(api: Api, path: str, symbol: str) -> None:
    query = {"time": DAY_START_MS} if path == "lineage" else {}
    assert problem(api, f"{path}/{symbol}", **query)["status"] in (404, 422)


def test_days_that_end_before_they_start_are_refused(api: Api) -> None:
    for query in ({"days_until": "2026-01-09"}, {"days_until": 0}):
        told = problem(api, "coverage", days_from="2026-01-10", **query)
        assert (told["status"], told["errors"][0]["field"]) == (422, "days_from")
    assert problem(api, "coverage", days_from="2999-01-01")["status"] == 422
    assert get(api, "coverage", days_from="2026-01-10", days_until="2026-01-10")["series"]


def test_more_days_than_are_listed_are_refused_and_not_cut_off(api: Api) -> None:
    query = {"days_from": "2026-01-01", "days_until": "2999-01-01"}
    [error] = problem(api, "coverage", **query)["errors"]
    assert (error["field"], error["accepted"]) == ("days_from", "3,660 days at most")
    query = {"days_from": "2015-12-25", "days_until": "2026-01-01", "interval": "1h"}
    [series] = get(api, "coverage", **query)["series"]
    assert len(series["days"]) == 3_660


@pytest.mark.parametrize("path", [*(f"{path}/BTCUSDT" for path in SYMBOL_PATHS), GAPS_PATH])
def test_an_unknown_exchange_is_refused_with_those_there_are(api: Api, path: str) -> None:
    query = {"time": DAY_START_MS} if path.startswith("lineage") else {}
    told = problem(api, path, exchange="kraken", **query)
    assert told["status"] == 422
    assert told["errors"] == [
        {"field": "exchange", "message": "'kraken' is not known here", "accepted": "binance"}
    ]


def test_candles_that_a_chart_can_make_are_pointed_to(api: Api) -> None:
    told = problem(api, "klines/ETHUSDT", interval="1h")
    assert told["status"] == 404
    assert told["detail"].endswith("/api/candlestick/ETHUSDT?interval=1h makes them")
    assert get(api, "candlestick/ETHUSDT", interval="1h")["candles"]
    assert "makes them" not in problem(api, "klines/ETHUSDT", interval="1s")["detail"]


@pytest.mark.parametrize("path", CANDLE_PATHS)
def test_a_window_that_ends_before_it_starts_is_refused(api: Api, path: str) -> None:
    told = problem(api, f"{path}/BTCUSDT", start="2026-01-10", end="2026-01-09")
    assert [error["field"] for error in told["errors"]] == ["end"]


@pytest.mark.parametrize("path", ["klines", "candlestick", "indicators"])
@pytest.mark.parametrize("limit", ["0", "-1", "5001", str(10**30), "many", "1.5", ""])
def test_a_limit_that_is_none_is_refused(api: Api, path: str, limit: str) -> None:
    told = problem(api, f"{path}/BTCUSDT", limit=limit)
    assert [error["field"] for error in told["errors"]] == ["limit"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"interval": "7m"}, "interval"),
        ({"interval": "1'; DROP"}, "interval"),
        ({"start": "yesterday"}, "start"),
        ({"start": "1767916800"}, "start"),
        ({"end": "9999-99-99"}, "end"),
        ({"exchange": "b'; --"}, "exchange"),
        ({"limt": "5"}, "limt"),
    ],
)
def test_what_is_not_accepted_is_named(api: Api, query: dict[str, str], field: str) -> None:
    told = problem(api, "candlestick/BTCUSDT", **query)
    assert [error["field"] for error in told["errors"]] == [field]
    assert told["status"] == 422


@pytest.mark.parametrize(
    "name",
    [
        "nope",
        "rsi:0",
        "rsi:x",
        "rsi:14:3",
        "macd:26:12:9",
        "sma:501",
        "bollinger:20",
        "sma:1.5",
        "sma:-1",
        "rsi:²",
    ],
)
def test_an_indicator_that_is_none_is_refused(api: Api, name: str) -> None:
    assert [error["field"] for error in problem(api, "indicators/BTCUSDT", names=name)["errors"]] == ["names"]


@pytest.mark.parametrize("path", ["ingestion/logs", "quarantine", "quality"])
def test_a_cursor_that_is_none_is_refused(api: Api, path: str) -> None:
    assert problem(api, path, cursor="bm9uc2Vuc2U")["status"] == 422


def test_a_cursor_of_another_list_is_refused(api: Api) -> None:
    cursor = get(api, "ingestion/logs", limit=1)["next_cursor"]
    [error] = problem(api, "data-ingestion/runs", cursor=cursor)["errors"]
    assert (error["field"], error["message"]) == ("cursor", "is none of this route")


def test_indicators_with_commas_between_are_told_how_several_are_named(api: Api) -> None:
    [error] = problem(api, "indicators/BTCUSDT", names="rsi,macd")["errors"]
    assert error["accepted"].endswith("several as names=rsi&names=macd")


_texts = st.one_of(
    st.text(max_size=20),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(["", "null", "NaN", "1e9", "' --"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(
        [f"{path}/BTCUSDT" for path in SYMBOL_PATHS] + ["coverage", "quality", "ingestion/logs"]
    ),
    query=st.dictionaries(
        st.sampled_from(
            [
                "interval",
                "start",
                "end",
                "limit",
                "levels",
                "at",
                "names",
                "time",
                "symbol",
                "since",
                "cursor",
            ]
        ),
        st.one_of(_texts, st.sampled_from([*Interval, DAY_START_MS, END_MS, "2026-01-09", 1, 5000])),
        max_size=4,
    ),
)
def test_whatever_is_asked_the_answer_is_what_was_documented(
    api: Api, path: str, query: dict[str, Any]
) -> None:
    response = api.anybody.get(f"/api/{path}", query_string=query)
    assert response.status_code in (200, 404, 422)
    if response.status_code != 200:
        assert orjson.loads(response.data)["detail"]


def test_a_day_before_anything_was_kept_is_empty(api: Api) -> None:
    told = get(api, "candlestick/BTCUSDT", start=DAY_START_MS - 9 * DAY_MS, end=DAY_START_MS - 8 * DAY_MS)
    assert (told["candles"], told["forming"], told["gaps"]) == ([], None, [])
