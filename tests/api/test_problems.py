"""What the API says when it cannot do as asked: one shape, which programs may rely on."""

from __future__ import annotations

from typing import Any

import pytest

from src import errors
from src.api.problems import MIMETYPE
from src.api.schemas import parse_time
from src.domain import format_utc
from tests.api.rig import Api
from tests.builders import DAY_START_MS


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.mimetype == MIMETYPE
    told: dict[str, Any] = answer.json
    assert list(told) == ["type", "title", "status", "detail", "errors"]
    assert told["status"] == status
    return told


def test_wrong_parameter_is_named_with_what_is_accepted(api: Api) -> None:
    assert problem(api.anybody.get("/api/symbols?limit=0"), 422) == {
        "type": "urn:candlehouse:problem:invalid-request",
        "title": "Invalid request",
        "status": 422,
        "detail": "limit: '0' is not accepted (accepted: greater than or equal to 1)",
        "errors": [
            {
                "field": "limit",
                "message": "'0' is not accepted",
                "accepted": "greater than or equal to 1",
            }
        ],
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=1001", "limit"),
        ("limit=99999999999999999999999", "limit"),
        ("limit=1.5", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("limt=5", "limt"),
        ("all=perhaps", "all"),
        ("exchange=BINANCE", "exchange"),
        ("exchange=binance' OR 1=1 --", "exchange"),
        ("cursor=x", "cursor"),
        ("cursor=Wzk5XQ", "cursor"),
        ("cursor=" + "a" * 501, "cursor"),
        ("cursor=%00%ff", "cursor"),
    ],
)
def test_odd_parameters_are_refused_by_name(api: Api, query: str, field: str) -> None:
    told = problem(api.anybody.get(f"/api/symbols?{query}"), 422)
    assert [error["field"] for error in told["errors"]] == [field]


@pytest.mark.parametrize("time", ["1969-12-31", "9999-06-01", "1700000000"])
def test_times_out_of_range_are_refused_with_the_range(api: Api, time: str) -> None:
    [error] = problem(api.anybody.get(f"/api/klines/BTCUSDT?start={time}"), 422)["errors"]
    assert error["field"] == "start"
    assert "epoch milliseconds; of the years 1970 to 9998" in error["accepted"]


def test_lists_are_named_as_they_are_sent(api: Api) -> None:
    path = "/api/data-ingestion/gaps?symbol=BTCUSDT&symbol=BTC-USDT"
    [error] = problem(api.anybody.get(path), 422)["errors"]
    assert (error["field"], error["message"]) == ("symbol", "'BTC-USDT' is not accepted")


def test_all_wrong_parameters_are_told_at_once(api: Api) -> None:
    told = problem(api.anybody.get("/api/symbols?limit=0&all=x&nonsense=1"), 422)
    assert [error["field"] for error in told["errors"]] == ["limit", "all", "nonsense"]


@pytest.mark.parametrize(
    ("path", "field", "accepted"),
    [
        ("symbols?limt=5", "limt", "exchange, limit, cursor, all"),
        ("symbols?limit=x", "limit", "a whole number"),
        ("symbols?all=perhaps", "all", "true or false"),
        ("symbols?exchange=BINANCE", "exchange", "small letters and digits, 1 to 16, like binance"),
        ("quality?since=x", "since", "a day like 2026-01-31"),
        ("klines/BTC-USDT", "symbol", "letters and digits, 2 to 20, like BTCUSDT"),
        ("klines/stra%C3%9Fe", "symbol", "letters and digits, 2 to 20, like BTCUSDT"),
        ("lineage/BTCUSDT", "time", "Any moment of the candle, like 2026-01-09T14:30Z"),
        ("data-ingestion/runs?kind=A", "kind", "small letters, digits and _, 1 to 48, like fetch_window"),
        (
            "scheduler/preview?schedule=0+3+*+*+*&time_zone=Mars/X",
            "time_zone",
            "UTC and names like Europe/Berlin",
        ),
    ],
)
def test_what_is_accepted_is_told_in_plain_words(api: Api, path: str, field: str, accepted: str) -> None:
    (error,) = problem(api.anybody.get(f"/api/{path}"), 422)["errors"]
    assert (error["field"], set(error["accepted"].split(", "))) == (field, set(accepted.split(", ")))


def test_wrong_schedule_is_blamed_with_what_is_accepted(api: Api) -> None:
    (error,) = problem(api.anybody.get("/api/scheduler/preview?schedule=often"), 422)["errors"]
    assert (error["field"], error["accepted"][:10]) == ("schedule", "every 10s,")
    assert "accepted" not in error["message"]


def test_settings_that_are_not_accepted_are_all_named(api: Api) -> None:
    values = {"depth_levels": "0", "keep_days": "many", "port": "1", "kep_days": "3"}
    answer = api.operator.put("/api/config/settings", json={"values": values})
    errors = problem(answer, 422)["errors"]
    assert [error["field"] for error in errors] == list(values)
    assert errors[0]["message"] == "'0' is not accepted"
    assert errors[0]["accepted"]
    assert "CANDLEHOUSE_PORT" in errors[2]["message"]
    assert "keep_days" in errors[3]["accepted"].split(", ")


def test_small_letters_are_taken_for_capital_ones(api: Api) -> None:
    told = api.anybody.get("/api/klines/btcusdt?limit=1").json
    assert told == api.anybody.get("/api/klines/BTCUSDT?limit=1").json
    assert told["symbol"] == "BTCUSDT"  # type: ignore[index]


@pytest.mark.parametrize(
    ("body", "mimetype", "status"),
    [
        ("{", "application/json", 400),
        ('{"name": NaN}', "application/json", 400),
        ("[]", "application/json", 422),
        ('"text"', "application/json", 422),
        ("null", "application/json", 422),
        ("", "application/json", 422),
        ("name=x", "application/x-www-form-urlencoded", 415),
        ('{"name": "x"}', "text/plain", 415),
        ("x" * 1_000_001, "application/json", 413),
    ],
)
def test_odd_bodies_are_refused(api: Api, body: str, mimetype: str, status: int) -> None:
    problem(api.operator.post("/api/tokens", data=body, content_type=mimetype), status)


def test_unknown_path_and_method_are_problems_too(api: Api) -> None:
    problem(api.anybody.get("/api/nothing"), 404)
    answer = api.operator.delete("/api/symbols")
    problem(answer, 405)
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.NotFound("there is no series x"), 404),
        (errors.ConfigurationError("x: accepted: y"), 422),
        (errors.WarehouseUnavailable("the warehouse is away"), 503),
        (errors.LakeUnavailable("the lake is away"), 503),
        (errors.SourceBlocked("binance", DAY_START_MS, "429"), 503),
        (errors.SourcePermanent("binance", "unknown symbol"), 422),
    ],
)
def test_errors_of_the_project_say_who_has_to_act(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    monkeypatch.setattr("src.api.routes.symbols.list_symbols", _raising(error))
    answer = api.anybody.get("/api/symbols")
    assert problem(answer, status)["detail"] == str(error)
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_unforeseen_error_is_logged_and_not_shown(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import structlog

    monkeypatch.setattr("src.api.routes.symbols.list_symbols", _raising(KeyError("secret-word")))
    with structlog.testing.capture_logs() as logs:
        told = problem(api.anybody.get("/api/symbols"), 500)
    assert "secret-word" not in told["detail"]
    assert "secret-word" in logs[0]["error"]


def _raising(error: Exception) -> Any:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-09", "2026-01-09T00:00:00.000Z"),
        ("2026-01-09T14:30", "2026-01-09T14:30:00.000Z"),
        ("2026-01-09T14:30:00.123456Z", "2026-01-09T14:30:00.123Z"),
        ("2026-01-09T14:30+01:00", "2026-01-09T13:30:00.000Z"),
        ("2026-01-09T14:30 01:00", "2026-01-09T13:30:00.000Z"),
        ("1767968400123", "2026-01-09T14:20:00.123Z"),
        (1767968400123, "2026-01-09T14:20:00.123Z"),
        ("0", "1970-01-01T00:00:00.000Z"),
    ],
)
def test_times_come_in_as_iso_or_milliseconds(text: object, time: str) -> None:
    assert format_utc(parse_time(text)) == time


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "1767968400", "-1", "1e12", "9999-12-31T23:59:59Z", "1969-12-31", "9" * 30, True],
)
def test_what_is_no_time_or_may_be_seconds_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a time that is accepted"):
        parse_time(text)
