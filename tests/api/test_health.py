"""How everything is doing, and what Prometheus reads of it."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from src.domain import MINUTE_MS
from src.freshness import Freshness
from src.jobs.leadership import Leadership
from src.services.health import Status, judge_disk, judge_exchange, judge_runs, judge_series
from src.services.status import SeriesStatus
from src.warehouse import run_states
from src.warehouse.budgets import OPEN, BudgetRow
from src.warehouse.dialects import later
from src.warehouse.homes import S3, LakeHome, save_home
from src.warehouse.run_outcomes import RunOutcomes
from src.warehouse.run_states import Failure
from src.warehouse.run_tables import leases, runs
from src.warehouse.runs import RunState
from tests.api.rig import BTC, END_MS, Api


def components(api: Api) -> dict[str, Any]:
    told: Any = api.anybody.get("/api/health").json
    return {one["name"]: one for one in told["components"]} | {"all": told["status"]}


def end(api: Api, run_id: int, state: RunState) -> None:
    warehouse = api.parts.warehouse
    token = warehouse.run(lambda connection: run_states.claim(connection, run_id, "test"))
    assert token
    failure = Failure(run_states.PERMANENT, {"what": "no"}) if state is RunState.FAILED else None
    warehouse.run(lambda c: run_states.finish(c, run_id, token, state, None, failure))


def test_without_a_leader_it_is_down_and_says_what_to_do(own_api: Api) -> None:
    told = components(own_api)
    assert (told["all"], told["scheduler"]["status"]) == ("down", "down")
    assert "candlehouse up" in told["scheduler"]["advice"]
    leader = Leadership(own_api.parts.warehouse, own_api.parts.clock)
    assert leader.try_acquire()
    led = components(own_api)
    leader.resign()
    assert led["scheduler"]["status"] == "healthy"
    assert led["scheduler"]["numbers"]["heartbeat_ms"] >= led["scheduler"]["numbers"]["since_ms"] - 1


def test_leader_that_shows_no_life_is_told_before_its_lease_is_over(own_api: Api) -> None:
    leader = Leadership(own_api.parts.warehouse, own_api.parts.clock)
    assert leader.try_acquire()
    # As it is twelve seconds after the last sign of life: eight of the lease's twenty are left.
    left = leases.update().values(expires_at=later(8, own_api.parts.warehouse.engine))
    own_api.parts.warehouse.run(lambda connection: connection.execute(left))
    told = components(own_api)["scheduler"]
    leader.resign()
    assert told["status"] == "degraded"
    assert "no sign of life for 12 s" in told["found"]


def test_every_component_that_is_not_well_says_what_to_do(own_api: Api) -> None:
    end(own_api, 2, RunState.FAILED)
    for told in (own_api.anybody.get(f"/api/{path}").json for path in ("health", "data-ingestion/health")):
        names = [one["name"] for one in told["components"]]  # type: ignore[index]
        assert {"warehouse", "lake", "scheduler", "series", "runs", "stuck runs", "disk"} <= set(names)
        for one in told["components"]:  # type: ignore[index]
            assert bool(one["advice"]) is (one["status"] != "healthy"), one


def test_lake_that_is_gone_is_noticed(own_api: Api) -> None:
    assert components(own_api)["lake"]["status"] == "healthy"
    shutil.rmtree(own_api.parts.settings.data_dir / "data_lake")
    assert components(own_api)["lake"]["status"] == "degraded"


def test_lake_that_was_moved_away_from_a_running_process_is_noticed(own_api: Api) -> None:
    moved = LakeHome(S3, "http://127.0.0.1:9, buckets raw and archive")
    own_api.parts.warehouse.run(lambda connection: save_home(connection, moved))
    told = components(own_api)["lake"]
    assert told["status"] == "degraded"
    assert f"the lake was moved to {moved.place}" in told["found"]


def test_doctor_can_be_asked_again_and_again(trading_api: Api) -> None:
    for _ in range(2):
        told: Any = trading_api.operator.post("/api/doctor").json
        assert {"disk", "lake", "warehouse", "exchange", "data"} <= {one["area"] for one in told["findings"]}
        reachable = [one for one in told["findings"] if one["check"] == "reachable"]
        assert [one["verdict"] for one in reachable if one["area"] == "exchange"] == ["ok"]


def test_failed_runs_count_from_a_tenth_on(own_api: Api) -> None:
    end(own_api, 2, RunState.SUCCEEDED)
    assert components(own_api)["runs"]["status"] == "healthy"
    end(own_api, 3, RunState.FAILED)
    told = components(own_api)["runs"]
    assert (told["status"], told["numbers"]["total"], told["numbers"]["failed"]) == ("degraded", 2, 1)


@pytest.mark.parametrize(
    ("failed", "status"), [(0, Status.HEALTHY), (1, Status.DEGRADED), (2, Status.DEGRADED)]
)
def test_failure_rate_is_judged(failed: int, status: Status) -> None:
    outcomes = {RunState.SUCCEEDED: RunOutcomes(9, 900), RunState.FAILED: RunOutcomes(failed, 0)}
    assert judge_runs(outcomes).status is status
    assert judge_runs({RunState.SUCCEEDED: RunOutcomes(10, 1_000)}).numbers["average_ms"] == 100


def test_nothing_that_ran_is_no_failure() -> None:
    assert judge_runs({}).status is Status.HEALTHY


def test_runs_that_show_no_life_are_stuck(own_api: Api) -> None:
    warehouse, long_ago = own_api.parts.warehouse, own_api.parts.clock.now_ms() - 10 * MINUTE_MS
    warehouse.run(lambda connection: run_states.claim(connection, 2, "test"))
    assert components(own_api)["stuck runs"]["status"] == "healthy"
    silent = runs.update().where(runs.c.id == 2).values(heartbeat_at=long_ago)
    warehouse.run(lambda connection: connection.execute(silent))
    told = components(own_api)["stuck runs"]
    assert (told["status"], told["numbers"]["silent"]) == ("degraded", [2])


def test_ban_and_open_breaker_are_told() -> None:
    now_ms = END_MS
    well = judge_exchange("binance", "default", BudgetRow(weight_limit=6_000), now_ms)
    banned = judge_exchange("binance", "default", BudgetRow(blocked_until_ms=now_ms + 1), now_ms)
    over = judge_exchange("binance", "default", BudgetRow(blocked_until_ms=now_ms), now_ms)
    resting = judge_exchange("binance", "default", BudgetRow(breaker_state=OPEN), now_ms)
    found = [one.status for one in (well, banned, over, resting)]
    assert found == [Status.HEALTHY, Status.DEGRADED, Status.HEALTHY, Status.DEGRADED]


def test_stale_series_are_named_and_halted_ones_are_not() -> None:
    stale = SeriesStatus(BTC, 1, 0, None, None)
    halted = SeriesStatus(BTC, 1, 0, None, None, status="BREAK")
    assert "BTCUSDT 1m" in judge_series([stale], END_MS).advice
    assert judge_series([], END_MS).status is Status.HEALTHY  # nobody has begun
    told = judge_series([halted], END_MS)
    assert (told.status, told.numbers[Freshness.STALE.value], told.numbers["halted"]) == (
        Status.HEALTHY,
        0,
        1,
    )


def test_disk_is_judged_by_what_was_seen_last() -> None:
    well = {"lake": {"level": "ok", "told": "3 GB free"}}
    full = {"lake": {"level": "full", "told": "3 MB free"}}
    assert judge_disk(None, END_MS).status is Status.HEALTHY
    assert judge_disk((END_MS, well), END_MS).status is Status.HEALTHY
    assert judge_disk((END_MS, full), END_MS).status is Status.DEGRADED
    assert judge_disk((END_MS - 3 * 3_600_000, well), END_MS).status is Status.DEGRADED


def read_metrics(api: Api) -> dict[str, dict[tuple[str, ...], float]]:
    answer = api.viewer.get("/metrics")
    assert answer.status_code == 200
    return {
        family.name: {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value
            for sample in family.samples
        }
        for family in text_string_to_metric_families(answer.text)
    }


def test_metrics_tell_what_the_warehouse_knows(own_api: Api) -> None:
    end(own_api, 2, RunState.SUCCEEDED)
    told = read_metrics(own_api)
    assert told["candlehouse_warehouse_up"] == {(): 1}
    assert told["candlehouse_series_candles"][("binance", "1m", "ETHUSDT")] == 120
    assert told["candlehouse_series_lag_seconds"][("binance", "1m", "BTCUSDT")] > 0
    assert told["candlehouse_runs_day"] == {("fetch_window", "succeeded"): 1}
    assert told["candlehouse_runs_open"] == {("queued",): 1}
    assert told["candlehouse_candles"][("held",)] == 1_790 + 120 + 36
    assert told["candlehouse_leader"] == {(): 0}
    assert told["candlehouse_pool_connections"][("most",)] > 0


def test_metrics_tell_how_long_requests_took_by_route(own_api: Api) -> None:
    own_api.anybody.get("/api/klines/BTCUSDT")
    own_api.anybody.get("/api/klines/NOSUCHUSDT")
    own_api.anybody.get("/no/such/path")
    text = own_api.viewer.get("/metrics").text
    for status in ("200", "404"):
        labels = f'method="GET",route="/api/klines/<symbol>",status="{status}"'
        assert f"candlehouse_http_request_seconds_count{{{labels}}} 1.0" in text
    assert 'route="unknown"' in text
    assert "/no/such/path" not in text
