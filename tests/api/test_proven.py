"""What proof has found, over HTTP: compared days, amended candles."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import date, timedelta
from functools import partial
from typing import Any

import orjson
import pytest

from src.domain import DAY_MS, MINUTE_MS, utc_from_ms
from src.lake.local_store import LocalStore
from src.settings import Settings
from src.warehouse.series import list_series
from src.warehouse.verification import VerifyResult, VerifyState, save_result
from src.wiring import warehouse_url
from tests.api.rig import BTC, END_MS, Api, minutes
from tests.builders import DAY_START_MS, make_object, open_pipeline

FIRST_DAY = utc_from_ms(DAY_START_MS).date()


def told(api: Api, path: str) -> Any:
    answer = api.anybody.get(f"/api/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json


def verified(api: Api, day: date, state: VerifyState, verified_ms: int) -> None:
    with api.parts.warehouse.read() as connection:
        series = next(row for row in list_series(connection) if row.key == BTC)
    result = VerifyResult(series.id, day, state, 1440, None, "told", verified_ms)
    api.parts.warehouse.run(partial(save_result, result=result))


def amend(settings: Settings, count: int) -> None:
    """Load other closes of the first *count* minutes."""
    amended = [one._replace(close_price="39999.00000000") for one in minutes(DAY_START_MS, END_MS)[:count]]
    lake = LocalStore(settings.data_dir / "data_lake")
    with open_pipeline(warehouse_url(settings), lake) as pipeline:
        pipeline.land(make_object(BTC.symbol, amended, END_MS + DAY_MS))
        assert not pipeline.load().quarantined


def test_days_are_told_as_they_compared_last_and_faults_can_be_picked(own_api: Api) -> None:
    for number in range(3):
        day = FIRST_DAY + timedelta(days=number)
        verified(own_api, day, VerifyState.SAME, END_MS + number)
    verified(own_api, FIRST_DAY, VerifyState.DIFFERS, END_MS + DAY_MS)

    whole = told(own_api, "verify/results")
    days = [(one["symbol"], one["interval"], one["day"], one["is_fault"]) for one in whole["results"]]
    assert days == [
        ("BTCUSDT", "1m", "2026-01-09", True),
        ("BTCUSDT", "1m", "2026-01-11", False),
        ("BTCUSDT", "1m", "2026-01-10", False),
    ]
    counts = {one["state"]: (one["days"], one["last_ms"]) for one in whole["counts"]}
    assert counts == {"differs": (1, END_MS + DAY_MS), "same": (2, END_MS + 2)}
    [fault] = told(own_api, "verify/results?state=differs")["results"]
    assert fault["detail"] == "told"
    assert told(own_api, "verify/results?symbol=ETHUSDT")["results"] == []


@pytest.mark.parametrize("path", ["verify/results", "restatements"])
def test_pages_of_what_was_found_at_once_follow_each_other(own_api: Api, path: str) -> None:
    for number in range(3):
        verified(own_api, FIRST_DAY + timedelta(days=number), VerifyState.SAME, END_MS)
    amend(own_api.parts.settings, 3)
    name = "results" if path == "verify/results" else "restatements"
    whole = told(own_api, path)[name]
    found, page = [], told(own_api, f"{path}?limit=1")
    while page["next_cursor"]:
        found += page[name]
        page = told(own_api, f"{path}?limit=1&cursor={page['next_cursor']}")
    assert found + page[name] == whole
    assert len(whole) == 3


def test_amended_candles_are_told_as_they_were(own_api: Api) -> None:
    assert told(own_api, "restatements")["restatements"] == []
    amend(own_api.parts.settings, 1)
    [one] = told(own_api, "restatements?symbol=BTCUSDT")["restatements"]
    assert (one["symbol"], one["interval"], one["open_time_ms"]) == ("BTCUSDT", "1m", DAY_START_MS)
    assert (one["close_price"], one["known_from_ms"]) == ("40001.00000000", END_MS + 1_000)
    assert (one["replaced_ms"], one["replaced_by"] > one["object_id"]) == (END_MS + DAY_MS, True)
    assert told(own_api, "restatements?symbol=ETHUSDT")["restatements"] == []


def test_a_cursor_of_no_day_is_refused(own_api: Api) -> None:
    for number in range(2):
        verified(own_api, FIRST_DAY + timedelta(days=number), VerifyState.SAME, END_MS + number * MINUTE_MS)
    cursor = told(own_api, "verify/results?limit=1")["next_cursor"]
    values = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    cursor = urlsafe_b64encode(orjson.dumps([*values[:-1], "no"])).decode().rstrip("=")
    restated = own_api.anybody.get(f"/api/verify/results?cursor={cursor}")
    assert restated.status_code == 422
    assert restated.json is not None
    assert restated.json["errors"][0]["field"] == "cursor"
