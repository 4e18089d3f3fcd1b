"""Runs of ``verify`` and ``replay`` over what a simulated exchange gave: what they do, tell and report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Lane, SeriesKey
from src.errors import NotFound, Stopped
from src.jobs.context import Outcome, RunContext
from src.jobs.job_registry import VERIFY_SAMPLE, build_jobs
from src.jobs.progress import Progress
from src.jobs.proving import REPLAY, VERIFY, proof_kinds
from src.maintenance.replay import Replayer
from src.maintenance.verify import Verifier
from src.stopping import Stop
from src.warehouse.ledger_tables import coverage_ranges, verify_results
from src.warehouse.runs import NewRun, RunState, create_run, get_run
from src.warehouse.series import set_tracked
from src.warehouse.tables import daily_klines, fact_klines, fact_klines_coarse, hourly_klines, lake_objects
from tests.builders import read_table
from tests.run_builders import claim
from tests.service.rig import BTC, NOW_MS, Rig

ETH_HOURS = SeriesKey("binance", "ETHUSDT", Interval.H1)
_FACTS = (fact_klines, fact_klines_coarse, hourly_klines, daily_klines, coverage_ranges)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """Return a rig that holds two days of minutes and of hours."""
    with Rig(tmp_path) as made:
        made.warehouse.run(lambda connection: set_tracked(connection, [BTC, ETH_HOURS], tracked=True))
        assert made.start(lookback_days=2).extraction.run_once().failures == {}
        made.load()
        yield made


def execute(rig: Rig, kind: str, **parameters: Any) -> tuple[Outcome, Progress]:
    return execute_until(Stop(), rig, kind, parameters)


def execute_until(stop: Stop, rig: Rig, kind: str, parameters: dict[str, Any]) -> tuple[Outcome, Progress]:
    run_id = rig.warehouse.run(
        lambda c: create_run(c, NewRun(kind, Lane.REPAIR, "manual", "anna", parameters))
    )
    claim(rig.warehouse, run_id)
    with rig.warehouse.read() as connection:
        run = get_run(connection, run_id)
    progress = Progress(run.id, run.token, rig.clock)
    kinds = proof_kinds(
        Verifier(rig.lake, rig.warehouse, rig.clock), Replayer(rig.lake, rig.warehouse, rig.clock)
    )
    context = RunContext(run, stop, rig.clock, rig.warehouse, progress)
    return kinds[kind].execute(context), progress


def everything(rig: Rig) -> list[list[dict[str, Any]]]:
    return [
        [
            {name: row[name] for name in row if name != "verified_at"}
            for row in read_table(rig.warehouse, table)
        ]
        for table in _FACTS
    ]


def test_all_that_was_collected_can_be_made_again(rig: Rig) -> None:
    outcome, progress = execute(rig, VERIFY)
    assert (outcome.state, outcome.problem) == (RunState.SUCCEEDED, None)
    held = sum(len(rig.rows(table)) for table in (fact_klines, fact_klines_coarse))
    assert (outcome.result["days"], outcome.result["candles"]) == (6, held)
    assert outcome.result["reproducible_up_to"] == "2026-01-09"
    assert len(rig.rows(verify_results)) == 6
    told = progress.snapshot()
    assert (told["unit"], told["done"], told["total"]) == ("days", 6, 6)


def test_sample_takes_so_many_days_and_each_seed_its_own(rig: Rig) -> None:
    days = set()
    for seed in range(5):
        outcome, _ = execute(rig, VERIFY_SAMPLE, sample=2, seed=seed)
        assert outcome.result["days"] == 2
        days |= {(row.series_id, row.date) for row in rig.rows(verify_results)}
    assert len(days) > 2
    assert execute(rig, VERIFY_SAMPLE, sample=100)[0].result["days"] == 6


def test_what_differs_is_named_in_the_result_and_the_problem(rig: Rig) -> None:
    with rig.warehouse.write() as connection:
        at = Interval.M1.floor(NOW_MS) - HOUR_MS
        connection.execute(
            fact_klines.update().where(fact_klines.c.open_time == at).values(trade_count=10**9)
        )
    outcome, _ = execute(rig, VERIFY)
    assert outcome.state is RunState.PARTLY_FAILED
    (finding,) = outcome.result["findings"]
    assert (finding["series"], finding["date"], finding["state"]) == (str(BTC), "2026-01-09", "differs")
    assert finding["what"].startswith("2026-01-09T13:20:00.000Z: trade_count 1000000000 in the warehouse, ")
    assert outcome.result["reproducible_up_to"] == "2026-01-08"
    assert str(outcome.problem).startswith("1 of 6 days are not what the lake gives; the first finding: ")
    assert finding["what"] in str(outcome.problem)


def test_symbols_intervals_and_window_narrow_what_is_compared(rig: Rig) -> None:
    assert execute(rig, VERIFY, symbols=["ETHUSDT"])[0].result["candles"] == len(rig.rows(fact_klines_coarse))
    start_ms = NOW_MS - NOW_MS % DAY_MS
    window = {"start_ms": start_ms, "end_ms": start_ms + 1}
    assert execute(rig, VERIFY, intervals=["1m"], **window)[0].result["days"] == 1
    with pytest.raises(NotFound, match="no such series"):
        execute(rig, VERIFY, symbols=["DOGEUSDT"])


def test_replay_of_a_spoilt_window_restores_it_and_a_dry_run_does_not(rig: Rig) -> None:
    truth = everything(rig)
    first_ms = Interval.M1.floor(NOW_MS) - 6 * HOUR_MS
    spoilt_ms = first_ms + 30 * MINUTE_MS
    with rig.warehouse.write() as connection:
        c = fact_klines.c
        connection.execute(fact_klines.delete().where(c.open_time >= first_ms, c.open_time < spoilt_ms))
        connection.execute(fact_klines.update().where(c.open_time >= spoilt_ms).values(trade_count=0))
    spoilt = everything(rig)
    window = {"start_ms": first_ms, "end_ms": NOW_MS}
    planned, _ = execute(rig, REPLAY, dry_run=True, **window)
    assert everything(rig) == spoilt
    done, _ = execute(rig, REPLAY, **window)
    assert done.result == planned.result
    assert (done.state, done.result["inserted"]) == (RunState.SUCCEEDED, 30)
    assert done.result["faults"] == 0
    assert everything(rig) == truth
    assert execute(rig, VERIFY)[0].state is RunState.SUCCEEDED


def test_replay_says_which_days_had_to_be_left(rig: Rig) -> None:
    truth = everything(rig)
    with rig.warehouse.write() as connection:
        connection.execute(lake_objects.update().values(state="deleted"))
    outcome, _ = execute(rig, REPLAY)
    assert everything(rig) == truth
    assert (outcome.state, outcome.result["refused_days"], outcome.result["faults"]) == (
        RunState.PARTLY_FAILED,
        6,
        6,
    )
    assert all(one["refused"] and "was deleted" in one["reasons"][0] for one in outcome.result["troubles"])
    assert str(outcome.problem).startswith("6 days were left as they are, 0 merged into")


@pytest.mark.parametrize("kind", [VERIFY, REPLAY])
def test_run_that_is_asked_to_stop_ends_between_two_days(rig: Rig, kind: str) -> None:
    stop = Stop()
    stop.set("cancel")
    with pytest.raises(Stopped, match=f"a run of {kind} was ended"):
        execute_until(stop, rig, kind, {})


def test_sample_is_verified_every_night() -> None:
    spec = build_jobs(lambda: 60)[VERIFY_SAMPLE]
    assert spec.default().in_words() == "daily at 05:15 UTC"
    assert spec.parameters().model_dump() == {"sample": 20}
