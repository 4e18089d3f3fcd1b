"""What can be asked for over HTTP: work is queued as rows, and everything about it can be read again."""

from __future__ import annotations

from datetime import date
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from src.domain import DAY_MS, MINUTE_MS
from src.jobs.leadership import Leadership
from src.maintenance.gaps import detect_gaps
from src.simulator.simulator import Simulator
from src.transform.loader import Loader
from src.warehouse import run_states
from src.warehouse.budgets import BudgetRow, lock_budget, save_budget
from src.warehouse.notifications import News, NewsKind, Severity, notify
from src.warehouse.quality import Finding, FindingKind, save_findings
from src.warehouse.quality import Severity as FindingSeverity
from src.warehouse.run_states import Failure
from src.warehouse.runs import RunState, get_run
from src.warehouse.series import list_series
from src.warehouse.tables import lake_objects
from src.wiring.work import Work
from tests.api.rig import BTC, GAP_MS, Api
from tests.builders import DAY_START_MS

DATA = "/api/data-ingestion"


def ok(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json


def problem(answer: Any, status: int) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json


def finish(api: Api, run_id: int, state: RunState, kind: str = run_states.TRANSIENT) -> None:
    """Let a run begin and end so."""
    warehouse = api.parts.warehouse
    token = warehouse.run(lambda connection: run_states.claim(connection, run_id, "test"))
    assert token
    failure = Failure(kind, {"what": "no"}) if state is RunState.FAILED else None
    warehouse.run(lambda c: run_states.finish(c, run_id, token, state, {"done": 1}, failure))


def keep_for_ever(api: Api) -> None:
    """Let the data of the rig, which are old, be wanted."""
    ok(api.operator.put("/api/config/settings", json={"values": {"keep_days": "0"}}))


# --- fetching on purpose ---


@pytest.mark.parametrize("route", ["plan", "start"])
def test_history_of_an_empty_list_of_symbols_is_refused(api: Api, route: str) -> None:
    """A program whose choice came out empty would fetch everything, and keep it for ever."""
    body = {"symbols": [], "start": DAY_START_MS, "end": DAY_START_MS + DAY_MS}
    [error] = problem(api.operator.post(f"{DATA}/{route}", json=body), 422)["errors"]
    accepted = "one symbol at least; leave the field out for all"
    assert error == {"field": "symbols", "message": "[] is not accepted", "accepted": accepted}


@pytest.mark.parametrize(
    "path",
    [
        "data-ingestion/refresh",
        "data-ingestion/gaps/check",
        "data-ingestion/gaps/fill",
        "verify",
        "replay",
        "coverage/recount",
        "quality/check",
    ],
)
def test_work_on_an_empty_list_of_symbols_is_refused_everywhere(api: Api, path: str) -> None:
    days = {"start": "2026-01-09", "end": "2026-01-10"} if path == "replay" else {}
    [error] = problem(api.operator.post(f"/api/{path}", json={"symbols": [], **days}), 422)["errors"]
    assert (error["field"], error["accepted"]) == (
        "symbols",
        "one symbol at least; leave the field out for all",
    )


def test_history_without_symbols_is_of_all_that_are_tracked(trading_api: Api) -> None:
    body = {"start": DAY_START_MS, "end": DAY_START_MS + DAY_MS}
    with trading_api.parts.warehouse.read() as connection:
        symbols = sorted({row.key.symbol for row in list_series(connection)})
    told = ok(trading_api.operator.post(f"{DATA}/plan", json=body))
    assert sorted(one["symbol"] for one in told["series"]) == symbols


def test_plan_tells_what_is_held_and_what_is_to_fetch(trading_api: Api) -> None:
    body = {"symbols": ["BTCUSDT"], "start": DAY_START_MS, "end": DAY_START_MS + DAY_MS}
    told = ok(trading_api.operator.post(f"{DATA}/plan", json=body))
    [series] = told["series"]
    # Of the day all but the ten minutes of the gap, and the first hour of it is being fetched already.
    assert (series["held"], series["candles"]) == (1_430, 10)
    assert told["total_combinations"] == 1
    assert told["duration_ms"] > 0
    assert ok(trading_api.anybody.get(f"{DATA}/runs"))["runs"][0]["id"] == 1  # nothing was begun


def test_start_queues_a_batch_and_wants_the_history(trading_api: Api) -> None:
    body = {
        "symbols": ["BTCUSDT", "ETHUSDT"],
        "intervals": ["1h"],
        "start": DAY_START_MS - 9 * DAY_MS,
        "end": DAY_START_MS - 2 * DAY_MS,
        "keep_days": 30,
    }
    told = ok(trading_api.operator.post(f"{DATA}/start", json=body), 202)
    assert told["total_combinations"] == 2
    assert told["plan"]["candles"] == 2 * 7 * 24
    assert told["is_led"] is False
    batch = ok(trading_api.anybody.get(f"{DATA}/status-batch/{told['job_id']}"))
    assert [child["symbol"] for child in batch["child_jobs"]] == ["BTCUSDT", "ETHUSDT"]
    assert batch["overall_progress_pct"] == 0
    assert batch["batch"]["requested_by"] == "operator@api"
    with trading_api.parts.warehouse.read() as connection:
        rows = {str(row.key): row for row in list_series(connection, tracked_only=False)}
    assert rows["binance:ETHUSDT:1h"].keep_days == 30
    again = ok(trading_api.operator.post(f"{DATA}/start", json=body | {"keep_days": None}), 202)
    assert again["job_id"] is None  # all of it is under way
    with trading_api.parts.warehouse.read() as connection:
        rows = {str(row.key): row for row in list_series(connection, tracked_only=False)}
    assert rows["binance:ETHUSDT:1h"].keep_days is None  # from now on as the settings say


def test_too_much_history_must_be_meant(trading_api: Api) -> None:
    body = {
        "symbols": ["BTCUSDT"],
        "intervals": ["1s"],
        "start": "2020-01-01",
        "end": "2026-01-01",
        "replace": True,
    }
    told = problem(trading_api.operator.post(f"{DATA}/start", json=body), 422)
    assert told["errors"][0]["field"] == "yes"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"start": "2026-01-02", "end": "2026-01-01"}, "end"),
        ({"start": "2090-01-01"}, "start"),
        ({"start": "2026-01-01", "intervals": ["2m"]}, "intervals"),
        ({"start": "2026-01-01", "symbols": ["btc'; DROP TABLE"]}, "symbols"),
        ({"start": "2026-01-01", "exchange": "kraken"}, "exchange"),
        ({"start": "2026-01-01", "symbol": "BTCUSDT"}, "symbol"),
    ],
)
def test_what_is_wrong_with_a_plan_is_named(own_api: Api, body: dict[str, Any], field: str) -> None:
    told = problem(own_api.operator.post(f"{DATA}/plan", json=body), 422)
    assert [error["field"] for error in told["errors"]] == [field]


def test_exchange_that_is_away_is_no_failure_of_ours(own_api: Api) -> None:
    body = {"symbols": ["DOGEUSDT"], "start": "2026-01-01"}
    answer = own_api.operator.post(f"{DATA}/plan", json=body)
    assert (answer.status_code, answer.json["type"]) == (503, "urn:candlehouse:problem:exchange-unavailable")  # type: ignore[index]
    assert "Retry-After" in answer.headers


def test_refresh_asks_for_what_has_closed_since_the_last_candle(own_api: Api) -> None:
    told = ok(
        own_api.operator.post(f"{DATA}/refresh", json={"symbols": ["BTCUSDT"], "intervals": ["1m"]}), 202
    )
    assert told["series"] == 1
    [run] = ok(own_api.anybody.get(f"{DATA}/status-batch/{told['job_id']}"))["child_jobs"]
    assert run["lane"] == "repair"
    with own_api.parts.warehouse.read() as connection:
        last = next(row for row in list_series(connection) if row.key == BTC).last_open_ms
    assert run["window_start_ms"] == (last or 0) + MINUTE_MS
    told = problem(own_api.operator.post(f"{DATA}/refresh", json={"symbols": ["LUNAUSDT"]}), 422)
    assert told["errors"][0]["field"] == "symbols"


def test_symbols_status_tells_how_complete_each_series_is(own_api: Api) -> None:
    keep_for_ever(own_api)
    rows = ok(own_api.anybody.get(f"{DATA}/symbols-status"))["series"]
    btc = next(row for row in rows if (row["symbol"], row["interval"]) == ("BTCUSDT", "1m"))
    assert (btc["record_count"], btc["oldest_ms"]) == (1_790, DAY_START_MS)
    assert btc["missing_candles"] >= 10
    assert 0 < btc["share"] < 1
    assert btc["last_run"]["kind"] == "fetch_window"
    assert btc["freshness"] == "stale"


# --- runs ---


def test_runs_are_listed_page_by_page_and_narrowed(own_api: Api) -> None:
    runs = ok(own_api.anybody.get(f"{DATA}/runs"))["runs"]
    assert [run["id"] for run in runs] == [1]
    first = ok(own_api.anybody.get(f"{DATA}/runs?all=true&limit=2"))
    rest = ok(own_api.anybody.get(f"{DATA}/runs?all=true&limit=2&cursor={first['next_cursor']}"))
    assert [run["id"] for run in first["runs"] + rest["runs"]] == [3, 2, 1]
    eth = ok(own_api.anybody.get(f"{DATA}/runs?symbol=ETHUSDT&state=queued"))["runs"]
    assert [run["id"] for run in eth] == [3]
    assert ok(own_api.anybody.get(f"{DATA}/runs?state=failed&all=true"))["runs"] == []


def test_runs_are_paused_resumed_and_cancelled(own_api: Api) -> None:
    assert ok(own_api.operator.post(f"{DATA}/pause/1"))["runs"] == 2
    assert ok(own_api.anybody.get(f"{DATA}/status-batch/1"))["counts"]["paused"] == 2
    assert ok(own_api.operator.post(f"{DATA}/resume/2"))["runs"] == 1
    assert ok(own_api.operator.post(f"{DATA}/cancel/1"))["runs"] == 2
    batch = ok(own_api.anybody.get(f"{DATA}/status-batch/1?state=cancelled&limit=1"))
    assert batch["counts"]["cancelled"] == 2
    assert len(batch["child_jobs"]) == 1
    assert batch["next_cursor"]
    problem(own_api.operator.post(f"{DATA}/cancel/1"), 409)
    problem(own_api.operator.post(f"{DATA}/cancel/99"), 404)
    story = [event["message"] for event in ok(own_api.anybody.get(f"{DATA}/status/2"))["events"]]
    assert any("resumed by operator@api" in message for message in story)


def test_failed_runs_are_tried_again(own_api: Api) -> None:
    finish(own_api, 2, RunState.FAILED)
    finish(own_api, 3, RunState.FAILED, run_states.PERMANENT)
    assert ok(own_api.anybody.get(f"{DATA}/status/2"))["error"]["what"] == "no"
    told = ok(own_api.operator.post(f"{DATA}/retry-batch/1", json={}))
    assert (told["retried"], told["permanent"]) == ([2], [3])
    assert "force" in problem(own_api.operator.post(f"{DATA}/retry/3", json={}), 409)["detail"]
    assert ok(own_api.operator.post(f"{DATA}/retry/3", json={"force": True}))["retried"] == [3]
    problem(own_api.operator.post(f"{DATA}/retry-batch/2", json={}), 404)


# --- gaps ---


def test_gaps_are_found_listed_and_asked_for(own_api: Api) -> None:
    assert ok(own_api.operator.post(f"{DATA}/gaps/check", json={}))["open"] == 0  # too old to be wanted
    keep_for_ever(own_api)
    found = ok(own_api.operator.post(f"{DATA}/gaps/check", json={"symbols": ["BTCUSDT"]}))
    assert found["detected"] >= 1
    listed = ok(own_api.anybody.get(f"{DATA}/gaps/BTCUSDT/1m"))["gaps"]
    assert (GAP_MS, GAP_MS + 10 * MINUTE_MS, 10) in [
        (g["start_ms"], g["end_ms"], g["missing"]) for g in listed
    ]
    assert ok(own_api.anybody.get(f"{DATA}/gaps?symbol=ETHUSDT"))["gaps"] == []
    assert ok(own_api.anybody.get(f"{DATA}/gaps/BTCUSDT/1m?recent_days_only=1"))["gaps"] == []
    assert ok(own_api.anybody.get(f"{DATA}/gaps?interval=1h&symbol=BTCUSDT"))["gaps"] == [
        gap for gap in ok(own_api.anybody.get(f"{DATA}/gaps"))["gaps"] if gap["interval"] == "1h"
    ]
    around = {"start": GAP_MS + MINUTE_MS, "end": GAP_MS + 2 * MINUTE_MS}
    [inside] = ok(own_api.anybody.get(f"{DATA}/gaps/BTCUSDT/1m", query_string=around))["gaps"]
    assert inside["start_ms"] == GAP_MS
    before = {"start": DAY_START_MS, "end": GAP_MS}
    assert ok(own_api.anybody.get(f"{DATA}/gaps/BTCUSDT/1m", query_string=before))["gaps"] == []
    problem(own_api.anybody.get(f"{DATA}/gaps/LUNAUSDT/1m"), 404)
    told = ok(own_api.operator.post(f"{DATA}/gaps/fill", json={"ids": [listed[0]["id"]]}), 202)
    with own_api.parts.warehouse.read() as connection:
        run = get_run(connection, told["job_id"])
    assert (run.kind, run.parameters["ids"]) == ("fill_gaps", [listed[0]["id"]])
    problem(own_api.operator.post(f"{DATA}/gaps/fill", json={"ids": [1], "symbols": ["BTCUSDT"]}), 422)
    problem(own_api.operator.post(f"{DATA}/gaps/fill", json={"ids": [1], "intervals": ["1m"]}), 422)
    asked_for = {"ids": [listed[0]["id"], 987_654]}
    refused = problem(own_api.operator.post(f"{DATA}/gaps/fill", json=asked_for), 404)
    assert "no gap 987654;" in refused["detail"]
    problem(own_api.operator.post(f"{DATA}/gaps/fill", json={"symbols": ["NOPE"]}), 422)
    for path in ("gaps", "gaps/BTCUSDT/1m"):
        told = problem(own_api.anybody.get(f"{DATA}/{path}?start=2026-11-29&end=2026-11-01"), 422)
        assert told["errors"][0]["field"] == "end"


def test_gaps_follow_each_other_page_by_page(own_api: Api) -> None:
    own_api.parts.warehouse.run(lambda c: detect_gaps(c, own_api.parts.clock.now_ms()))
    whole = ok(own_api.anybody.get(f"{DATA}/gaps"))["gaps"]
    found, path = [], f"{DATA}/gaps?limit=1"
    page = ok(own_api.anybody.get(path))
    while page["next_cursor"]:
        found += page["gaps"]
        page = ok(own_api.anybody.get(f"{path}&cursor={page['next_cursor']}"))
    assert found + page["gaps"] == whole
    assert len(whole) >= 1


# --- the scheduler ---


@pytest.mark.parametrize(
    ("query", "status", "named"),
    [
        ("runs?kind=fetch", 422, "fetch_window"),
        ("runs?job=nope", 422, "reconcile_lake"),
        ("runs?batch=99999", 404, "99999"),
        ("runs?batch=2", 404, "no batch"),
    ],
)
def test_misspelt_filters_of_runs_are_no_empty_lists(api: Api, query: str, status: int, named: str) -> None:
    told = problem(api.anybody.get(f"{DATA}/{query}"), status)
    assert named in told["detail"]
    problem(api.anybody.get("/api/ingestion/logs?run_id=99999"), 404)
    assert ok(api.anybody.get("/api/ingestion/logs?run_id=2"))["objects"] == []


def test_every_kind_of_run_can_be_asked_for(api: Api) -> None:
    loader = Loader(api.parts.transform, api.parts.warehouse)
    for kind in [*Work(api.parts)._make_kinds(loader), "batch"]:
        ok(api.anybody.get(f"{DATA}/runs?kind={kind}"))


def test_jobs_tell_when_they_run_and_how_they_went(own_api: Api) -> None:
    told = ok(own_api.operator.post("/api/scheduler/jobs/reconcile_lake/trigger", json={}), 202)
    finish(own_api, told["job_id"], RunState.SUCCEEDED)
    jobs = {job["id"]: job for job in ok(own_api.anybody.get("/api/scheduler/jobs"))["jobs"]}
    job = jobs["reconcile_lake"]
    assert (job["in_words"], len(job["next_times_ms"])) == ("daily at 04:30 UTC", 5)
    assert job["last_run"]["state"] == "succeeded"
    assert len(job["durations_ms"]) == 1
    runs = ok(own_api.anybody.get("/api/scheduler/jobs/reconcile_lake/runs"))["runs"]
    assert [run["id"] for run in runs] == [told["job_id"]]
    problem(own_api.anybody.get("/api/scheduler/jobs/nothing/runs"), 404)


def test_a_job_under_way_is_not_doubled(own_api: Api) -> None:
    first = ok(own_api.operator.post("/api/scheduler/jobs/cycle/trigger", json={}), 202)
    second = ok(own_api.operator.post("/api/scheduler/jobs/cycle/trigger", json={}), 202)
    assert (first["is_new"], second["is_new"], second["job_id"]) == (True, False, first["job_id"])
    wrong = {"parameters": {"nonsense": 1}}
    problem(own_api.operator.post("/api/scheduler/jobs/cycle/trigger", json=wrong), 422)


def test_jobs_are_rescheduled_disabled_and_set_back(own_api: Api) -> None:
    path = "/api/scheduler/jobs/reconcile_lake"
    job = ok(
        own_api.operator.post(
            f"{path}/schedule", json={"schedule": "0 2 * * sun", "time_zone": "Europe/Berlin"}
        )
    )
    assert job["in_words"] == "Sundays at 02:00 Europe/Berlin"
    assert (job["is_default"], job["updated_by"]) == (False, "operator@api")
    told = problem(own_api.operator.post(f"{path}/schedule", json={"schedule": "sometimes"}), 422)
    assert told["errors"][0]["field"] == "schedule"
    assert ok(own_api.operator.post(f"{path}/disable"))["next_times_ms"] == []
    assert ok(own_api.operator.post(f"{path}/enable"))["enabled"] is True
    assert ok(own_api.operator.post(f"{path}/schedule", json={}))["is_default"] is True
    changed = ok(own_api.operator.post(f"{path}/parameters", json={"parameters": {"checksums": True}}))
    assert changed["parameters"] == {"checksums": True}


def test_a_schedule_is_previewed(api: Api) -> None:
    told = ok(api.anybody.get("/api/scheduler/preview?schedule=every 15min"))
    times = told["next_times_ms"]
    assert [later - earlier for earlier, later in pairwise(times)] == [15 * MINUTE_MS] * 4
    problem(api.anybody.get("/api/scheduler/preview?schedule=0 0 31 2 *"), 422)


def test_who_leads_is_told(own_api: Api) -> None:
    assert ok(own_api.anybody.get("/api/scheduler/leader"))["is_led"] is False
    leader = Leadership(own_api.parts.warehouse, own_api.parts.clock)
    assert leader.try_acquire()
    told = ok(own_api.anybody.get("/api/scheduler/leader"))
    leader.resign()
    assert told["is_led"]
    assert told["since_ms"] <= told["heartbeat_ms"] < told["until_ms"]


# --- what is tracked, and settings ---


def test_symbols_are_tracked_changed_and_tracked_no_longer(trading_api: Api) -> None:
    operator = trading_api.operator
    added = ok(operator.post("/api/config/symbols", json={"symbols": ["SOLUSDT"], "intervals": ["1m", "1h"]}))
    assert [one["interval"] for one in added["series"] if one["symbol"] == "SOLUSDT"] == ["1h", "1m"]
    changed = ok(operator.ask("PATCH", "/api/config/symbols/SOLUSDT", json={"tier": "TIER1", "keep_days": 0}))
    assert {(one["tier"], one["keep_days"]) for one in changed["series"] if one["symbol"] == "SOLUSDT"} == {
        ("TIER1", 0)
    }
    reset = ok(
        operator.ask("PATCH", "/api/config/symbols/SOLUSDT", json={"keep_days": None, "interval": "1m"})
    )
    kept = {one["interval"]: one["keep_days"] for one in reset["series"] if one["symbol"] == "SOLUSDT"}
    assert kept == {"1h": 0, "1m": None}
    left = ok(operator.delete("/api/config/symbols/SOLUSDT"))
    assert "SOLUSDT" not in [one["symbol"] for one in left["series"]]
    problem(operator.delete("/api/config/symbols/SOLUSDT"), 404)


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("config/symbols", {}),
        ("admin/bootstrap", {}),
        ("data-ingestion/plan", {"start": DAY_START_MS}),
        ("data-ingestion/start", {"start": DAY_START_MS}),
        ("data-ingestion/start", {"start": DAY_START_MS, "replace": True}),
    ],
)
def test_symbol_that_the_exchange_does_not_have_is_named_by_its_field(
    trading_api: Api, path: str, more: Any
) -> None:
    body = {"symbols": ["NOSUCHUSDT"], **more}
    told = problem(trading_api.operator.post(f"/api/{path}", json=body), 422)
    [error] = told["errors"]
    assert (error["field"], error["message"]) == ("symbols", "binance has no NOSUCHUSDT")
    assert "/api/config/exchange-symbols" in error["accepted"]
    assert "CANDLEHOUSE_SYMBOLS" not in told["detail"]


def test_symbols_of_the_exchange_are_searched_and_asked_for_once(
    trading_api: Api, simulator: Simulator
) -> None:
    told = ok(trading_api.anybody.get("/api/config/exchange-symbols?search=sol"))
    assert told["is_complete"]
    assert "SOLUSDT" in [one["symbol"] for one in told["symbols"]]
    asked = len(simulator.requests)
    btc = ok(trading_api.anybody.get("/api/config/exchange-symbols?search=BTC"))["symbols"][0]
    assert (btc["symbol"], btc["tracked"]) == ("BTCUSDT", True)
    assert len(simulator.requests) == asked


def test_symbols_that_are_known_stand_in_while_the_exchange_is_away(api: Api) -> None:
    told = ok(api.anybody.get("/api/config/exchange-symbols?trading=false"))
    assert told["is_complete"] is False
    assert [one["symbol"] for one in told["symbols"]] == ["BTCUSDT", "ETHUSDT", "LUNAUSDT"]


def test_settings_are_changed_together_or_not_at_all(own_api: Api) -> None:
    def values() -> dict[str, Any]:
        return {one["name"]: one for one in ok(own_api.anybody.get("/api/config/settings"))["settings"]}

    def put(given: dict[str, Any]) -> Any:
        return own_api.operator.put("/api/config/settings", json={"values": given})

    ok(put({"depth_levels": "50", "keep_days": "10"}))
    assert (values()["depth_levels"]["value"], values()["depth_levels"]["source"]) == ("50", "app_settings")
    assert "accepted" in problem(put({"keep_days": "20", "depth_levels": "0"}), 422)["detail"]
    assert values()["keep_days"]["value"] == "10"
    ok(put({"depth_levels": None}))
    assert values()["depth_levels"]["source"] == "default"
    problem(put({"port": "1"}), 422)


def test_secrets_in_settings_are_never_told(own_api: Api) -> None:
    secret = "json://somebody:hunter2@127.0.0.1:1/x"
    told = own_api.operator.put("/api/config/settings", json={"values": {"notify_urls": secret}})
    assert ok(told)
    wrong = own_api.operator.put("/api/config/settings", json={"values": {"notify_urls": "hunter2"}})
    audit = own_api.operator.get("/api/audit")
    for answer in (told, wrong, audit, own_api.anybody.get("/api/config/settings")):
        assert "hunter2" not in answer.text


def test_bootstrap_tracks_and_fetches_and_may_be_repeated(trading_api: Api) -> None:
    body = {"symbols": ["SOLUSDT"], "intervals": ["1h"], "history": "30d"}
    told = ok(trading_api.operator.post("/api/admin/bootstrap", json=body), 202)
    assert told["candles"] in (719, 720)
    [run] = ok(trading_api.anybody.get(f"{DATA}/status-batch/{told['job_id']}"))["child_jobs"]
    assert (run["symbol"], run["interval"], run["total"]) == ("SOLUSDT", "1h", told["candles"])
    assert ok(trading_api.operator.post("/api/admin/bootstrap", json=body), 202)["job_id"] is None


# --- looking after the data ---


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("verify", {}, "verify"),
        ("verify", {"start": "2026-01-01", "symbols": ["BTCUSDT"]}, "verify"),
        ("replay", {"start": "2026-01-01", "end": "2026-01-02", "dry_run": True}, "replay"),
        ("maintenance", {"dry_run": True, "steps": ["archive"]}, "maintenance"),
        ("reconcile", {"checksums": True}, "reconcile_lake"),
        ("coverage/recount", {}, "recount_coverage"),
        ("quality/check", {"days": 3}, "check_quality"),
        ("quarantine/retry", None, "transform"),
    ],
)
def test_upkeep_is_queued_as_runs(own_api: Api, path: str, body: Any, kind: str) -> None:
    told = ok(own_api.operator.post(f"/api/{path}", json=body), 202)
    with own_api.parts.warehouse.read() as connection:
        run = get_run(connection, told["job_id"])
    assert (run.kind, run.state, run.requested_by) == (kind, RunState.QUEUED, "operator@api")


REPLAYED = {"start": "2026-01-09", "end": "2026-01-10"}


@pytest.mark.parametrize(
    ("path", "body", "field", "accepted"),
    [
        ("verify", {"symbols": ["BTCUSDT", "NOPE"]}, "symbols", "BTCUSDT, ETHUSDT"),
        ("replay", {**REPLAYED, "symbols": ["LUNAUSDT"]}, "symbols", "BTCUSDT, ETHUSDT"),
        ("replay", {**REPLAYED, "intervals": ["5m"]}, "intervals", "1h, 1m"),
        ("replay", {**REPLAYED, "symbols": ["ETHUSDT"], "intervals": ["1h"]}, "intervals", "1m"),
        ("coverage/recount", {"symbols": ["NOPE"]}, "symbols", "BTCUSDT, ETHUSDT"),
        ("coverage/recount", {"interval": "5m"}, "interval", "1h, 1m"),
        ("quality/check", {"symbols": ["NOPE"]}, "symbols", "BTCUSDT, ETHUSDT"),
        ("data-ingestion/gaps/fill", {"intervals": ["5m"]}, "intervals", "1h, 1m"),
    ],
)
def test_upkeep_of_what_nobody_keeps_is_refused_before_a_run_fails(
    api: Api, path: str, body: Any, field: str, accepted: str
) -> None:
    before = ok(api.anybody.get(f"{DATA}/runs?all=true"))["runs"][0]["id"]
    [error] = problem(api.operator.post(f"/api/{path}", json=body), 422)["errors"]
    assert (error["field"], error["accepted"]) == (field, accepted)
    assert ok(api.anybody.get(f"{DATA}/runs?all=true"))["runs"][0]["id"] == before


def test_upkeep_that_is_a_job_is_not_doubled(own_api: Api) -> None:
    first = ok(own_api.operator.post("/api/reconcile", json={}), 202)["job_id"]
    told = problem(own_api.operator.post("/api/reconcile", json={}), 409)
    assert str(first) in told["detail"]


def test_quarantined_object_is_loaded_again_when_asked(own_api: Api) -> None:
    bad = lake_objects.update().where(lake_objects.c.id == 1).values(state="quarantined", error="odd")
    own_api.parts.warehouse.run(lambda connection: connection.execute(bad))
    assert ok(own_api.anybody.get("/api/quarantine"))["entries"][0]["object"]["id"] == 1
    assert ok(own_api.operator.post("/api/quarantine/1/retry")) == {"ok": True}
    assert ok(own_api.anybody.get("/api/quarantine"))["entries"] == []
    problem(own_api.operator.post("/api/quarantine/1/retry"), 409)
    problem(own_api.operator.post("/api/quarantine/999999/retry"), 404)


def test_finding_is_acknowledged(own_api: Api) -> None:
    day = date(2026, 1, 9)
    odd = Finding(day, FindingKind.PRICE_JUMP, FindingSeverity.WARNING, 1, "up")

    def add(connection: Any) -> None:
        row = next(row for row in list_series(connection) if row.key == BTC)
        save_findings(connection, row, [day], {day: [FindingKind.PRICE_JUMP]}, [odd])

    own_api.parts.warehouse.run(add)
    [finding] = ok(own_api.anybody.get("/api/quality"))["findings"]
    assert ok(own_api.operator.post(f"/api/quality/{finding['id']}/acknowledge")) == {"acknowledged": 1}
    assert ok(own_api.anybody.get("/api/quality"))["findings"] == []
    told = problem(own_api.operator.post("/api/quality/999/acknowledge"), 404)
    assert told["detail"] == "there is no finding 999"


# --- notifications, budget, simulator ---


def test_notifications_are_read_one_by_one_or_all(own_api: Api) -> None:
    for number in range(3):
        news = News(NewsKind.RUN_FAILED, f"job:{number}", Severity.ERROR, f"title {number}", "body")
        own_api.parts.warehouse.run(partial(notify, news=news))
    first = ok(own_api.anybody.get("/api/notifications?limit=2"))
    rest = ok(own_api.anybody.get(f"/api/notifications?limit=2&cursor={first['next_cursor']}"))
    ids = [one["id"] for one in first["notifications"] + rest["notifications"]]
    assert (sorted(ids), first["unread"]) == ([1, 2, 3], 3)
    assert ok(own_api.operator.post("/api/notifications/2/read")) == {"marked": 1}
    assert [
        one["id"] for one in ok(own_api.anybody.get("/api/notifications?unread=true"))["notifications"]
    ] == [3, 1]
    assert ok(own_api.operator.post("/api/notifications/read")) == {"marked": 2}
    problem(own_api.operator.post("/api/notifications/9/read"), 404)


def test_test_message_says_whether_it_went_out(own_api: Api) -> None:
    problem(own_api.operator.post("/api/notifications/test"), 409)
    ok(own_api.operator.put("/api/config/settings", json={"values": {"notify_urls": "json://127.0.0.1:9/x"}}))
    [result] = ok(own_api.operator.post("/api/notifications/test"))["results"]
    assert (result["target"], result["sent"]) == ("target 1 (json://)", False)
    assert result["error"]


def test_rate_limit_tells_weight_lanes_and_bans(own_api: Api) -> None:
    now_ms = own_api.parts.clock.now_ms()
    row = BudgetRow(
        now_ms - 1_000, 3_000, 6_000, now_ms + 60_000, "429", repair_weight=500, history_weight=1_500
    )

    def save(connection: Any) -> None:
        lock_budget(connection, "binance", "default")
        save_budget(connection, "binance", "default", row)

    own_api.parts.warehouse.run(save)
    [limit] = ok(own_api.anybody.get("/api/rate-limit"))["exchanges"]
    assert limit["lanes"] == {"live": 1_000, "repair": 500, "history": 1_500}
    assert (limit["allowed_weight"], limit["used_pct"]) == (4_800, 62.5)
    assert limit["is_blocked"]


def test_fault_dial_of_the_simulator_is_passed_on(trading_api: Api) -> None:
    operator = trading_api.operator
    fault = ok(operator.post("/api/simulator/faults", json={"spec": "429:count=3"}), 201)["id"]
    told = ok(trading_api.anybody.get("/api/simulator/faults"))
    assert told["is_simulator"]
    assert [one["id"] for one in told["faults"]] == [fault]
    assert ok(operator.delete(f"/api/simulator/faults/{fault}")) == {"removed": 1}
    wrong = problem(operator.post("/api/simulator/faults", json={"spec": "nonsense"}), 422)
    assert wrong["errors"][0]["field"] == "spec"
    assert "429:count=3" in wrong["errors"][0]["accepted"]


def test_a_real_exchange_has_no_fault_dial(api: Api) -> None:
    assert ok(api.anybody.get("/api/simulator/faults")) == {"is_simulator": False, "faults": []}
    problem(api.operator.post("/api/simulator/faults", json={"spec": "429"}), 409)


def test_market_of_the_simulator_can_be_changed_and_changed_back(trading_api: Api) -> None:
    operator = trading_api.operator
    spec = "hole:symbol=BTCUSDT,minutes=10,restored=+30m,cut=17.5"
    hole = ok(operator.post("/api/simulator/market", json={"spec": spec}), 201)["id"]
    told = ok(trading_api.anybody.get("/api/simulator/market"))
    assert told["is_changeable"]
    [change] = told["changes"]
    assert (change["id"], change["kind"], change["symbol"], change["cut"]) == (hole, "hole", "BTCUSDT", 17.5)
    assert change["until_ms"] - change["from_ms"] == 10 * MINUTE_MS
    # Offsets count from the moment, and holes begin with a whole minute.
    assert 0 <= change["restored_ms"] - change["at_ms"] - 30 * MINUTE_MS < 1000
    assert ok(operator.delete(f"/api/simulator/market/{hole}")) == {"removed": 1}
    wrong = problem(operator.post("/api/simulator/market", json={"spec": "hole"}), 422)
    assert "either minutes or until" in wrong["detail"]


def test_no_market_is_changed_where_the_exchange_is_a_real_one(api: Api) -> None:
    assert ok(api.anybody.get("/api/simulator/market")) == {"is_changeable": False, "changes": []}
    problem(api.operator.post("/api/simulator/market", json={"spec": "hole:minutes=3"}), 409)
