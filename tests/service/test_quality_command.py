"""``quality`` and ``symbols tier`` on the command line, and the run that looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from src.clock import SystemClock
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Lane, SeriesKey
from src.jobs.job_registry import CHECK_QUALITY, build_jobs
from src.jobs.quality import last_days, quality_kind
from src.jobs.worker import Worker
from src.lake.local_store import LocalStore
from src.stopping import Stop
from src.warehouse.engine import Warehouse, open_warehouse
from src.warehouse.runs import NewRun, RunRow, RunState, create_run
from src.warehouse.series import set_tracked
from src.warehouse.tables import series
from tests.builders import DAY_START_MS, make_kline, make_object, open_pipeline, read_table
from tests.faults.harness import eventually
from tests.run_builders import read
from tests.unit.test_cli import environment, fail, succeed, succeed_json  # noqa: F401  environment is a fixture

pytestmark = pytest.mark.usefixtures("environment")

BTC, ETH = (SeriesKey("binance", symbol, Interval.M1) for symbol in ("BTCUSDT", "ETHUSDT"))
NOW_MS = DAY_START_MS + 12 * HOUR_MS


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """Return the warehouse that the commands work on: two symbols, one with a jump and an hour's silence."""
    url = f"sqlite:///{tmp_path}/data/warehouse.db"
    with open_pipeline(url, LocalStore(tmp_path / "data_lake")) as pipeline:
        pipeline.warehouse.run(lambda c: set_tracked(c, [BTC, ETH], tracked=True))
        odd = [make_kline(DAY_START_MS + minute * MINUTE_MS) for minute in range(719)]
        odd[:70] = [one._replace(volume="0.00000000") for one in odd[:70]]
        odd[300] = odd[300]._replace(high_price="200.00000000", close_price="150.00000000")
        pipeline.land(make_object("BTCUSDT", odd, NOW_MS), make_object("ETHUSDT", odd[100:200], NOW_MS))
        pipeline.load()
    opened = open_warehouse(url)
    yield opened
    opened.close()


class Noon(SystemClock):
    """A clock that waits for real and always says noon of that day."""

    def now_ms(self) -> int:
        return NOW_MS


def check(warehouse: Warehouse, **parameters: Any) -> RunRow:
    """Have a worker do a run of the job with these parameters, at noon."""
    spec = build_jobs(lambda: 60)[CHECK_QUALITY]
    chosen = spec.parameters(**parameters).model_dump(mode="json")
    new = NewRun(spec.kind, Lane.REPAIR.value, "manual", "anna@pi", chosen)
    run_id = warehouse.run(lambda connection: create_run(connection, new))
    stop, kind = Stop(), quality_kind()
    worker = Worker(warehouse, Noon(stop), {kind.name: kind}, "here", stop)
    worker.start()
    try:
        eventually(lambda: read(warehouse, run_id).state.is_end, "the check has ended")
    finally:
        worker.stop()
    return read(warehouse, run_id)


def found(*arguments: str) -> list[tuple[str, str, int]]:
    rows = succeed_json("quality", "list", *arguments)
    return [(row["symbol"], row["kind"], row["count"]) for row in rows]


def test_run_looks_at_every_tracked_series_and_says_what_it_found(warehouse: Warehouse) -> None:
    run = check(warehouse)
    assert (run.state, run.done, run.total) == (RunState.SUCCEEDED, 2, 2)
    assert run.result == {
        "series": 2,
        "days": 2,
        "findings": {"price_jump": 1, "zero_volume": 1},
    }
    assert found() == [("BTCUSDT", "price_jump", 2), ("BTCUSDT", "zero_volume", 70)]


def test_run_of_one_symbol_looks_at_that_alone(warehouse: Warehouse) -> None:
    assert check(warehouse, symbols=["ETHUSDT"], days=1).result["series"] == 1
    assert {symbol for symbol, _, _ in found()} <= {"ETHUSDT"}


def test_list_is_narrowed_and_what_was_seen_is_left_out(warehouse: Warehouse) -> None:
    check(warehouse)
    assert found("--severity", "warning", "--symbols", "btcusdt") == [("BTCUSDT", "price_jump", 2)]
    assert found("--since", "2026-01-10") == []
    ids = [str(row["id"]) for row in succeed_json("quality", "list")]
    assert succeed("quality", "ack", *ids[:1]) == "1 finding acknowledged\n"
    assert len(found()) == len(ids) - 1
    assert len(found("--all")) == len(ids)
    text = succeed("quality", "list", "--all")
    assert "close by +43% at most: 05:00, 05:01" in " ".join(text.split())


def test_nothing_found_is_said() -> None:
    succeed("migrate")
    assert succeed("quality", "list") == "no findings\n"
    assert "no finding 7" in fail(1, "quality", "ack", "7")
    assert "--severity bad: accepted are error, warning, info" in fail(
        2, "quality", "list", "--severity", "bad"
    )


def test_last_days_end_with_today() -> None:
    two = last_days(NOW_MS, 2)
    assert (two.start_ms, two.end_ms) == (DAY_START_MS - DAY_MS, DAY_START_MS + DAY_MS)


def test_tier_is_given_to_all_series_of_a_symbol(warehouse: Warehouse) -> None:
    assert succeed("symbols", "tier", "btcusdt", "tier1") == "BTCUSDT: TIER1\n"
    tiers = {row["symbol"]: row["tier"] for row in read_table(warehouse, series)}
    assert tiers == {"BTCUSDT": "TIER1", "ETHUSDT": "TIER4"}
    assert "not tracked: NOPEUSDT" in fail(1, "symbols", "tier", "BTCUSDT", "NOPEUSDT", "TIER2")
    fail(2, "symbols", "tier", "BTCUSDT", "TIER5")
