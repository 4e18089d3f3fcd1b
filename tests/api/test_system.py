"""What runs here and how far live fetching has come, over HTTP."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from src.domain import Interval, SeriesKey
from src.version import VERSION
from src.warehouse.watermarks import advance_watermark, note_depth
from tests.api.rig import Api
from tests.builders import DAY_START_MS


def ok(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json


def test_system_tells_versions_and_places_and_no_secret(api: Api) -> None:
    told = ok(api.anybody.get("/api/system"))
    assert told["schema_version"] >= 6
    assert told["version"].startswith(VERSION)
    assert "data_lake" in told["lake"]
    assert "warehouse.db" in told["warehouse"]


def test_extraction_metadata_tell_how_far_live_fetching_has_come(own_api: Api) -> None:
    parts = own_api.parts
    series = SeriesKey("binance", "NEWUSDT", Interval.M1)

    def fetched(connection: Connection) -> None:
        advance_watermark(connection, series, DAY_START_MS, 7, DAY_START_MS + 1)
        note_depth(connection, "binance", "NEWUSDT", DAY_START_MS + 2)

    parts.warehouse.run(fetched)
    told = ok(own_api.anybody.get("/api/extraction/metadata"))["watermarks"]
    rows = {(one["symbol"], one["data_type"], one["interval"]): one for one in told}
    candles, depth = rows["NEWUSDT", "klines", "1m"], rows["NEWUSDT", "depth", None]
    assert (candles["last_open_ms"], candles["record_count"]) == (DAY_START_MS, 7)
    assert (depth["last_fetch_ms"], depth["last_open_ms"], depth["record_count"]) == (
        DAY_START_MS + 2,
        None,
        1,
    )
