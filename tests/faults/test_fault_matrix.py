"""Every fault of the dial and every change of the market against the pipeline while it catches up.

When it is over the warehouse holds the exchange's truth, without help, and what was said meanwhile tells
what to do. The table of outcomes stands at the end of the test run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from src.extract.landing import Landing
from src.extract.windows import WindowFetcher
from src.jobs.context import Kind
from src.jobs.refetching import RefetchRecent
from src.simulator.changes import ChangeKind
from src.simulator.faults import FaultKind, parse_fault
from src.warehouse.runs import RunState
from tests.faults.collector import Collector, Rows, collect
from tests.service.rig import EverLater, Rig
from tests.service.test_filling import Filler, execute

_BY_ITSELF = "asks again by itself"
_NOTHING_TO_DO = "nothing needs to be done"
# Long enough for an answer on a busy machine; real time.
_PATIENCE_S = 0.5


class Case(NamedTuple):
    """A fault after the first few answers, and what somebody must be told of it."""

    name: str
    spec: str
    says: str


_FAULTS = (
    Case("429", "429:retry_after=30,after=3", _NOTHING_TO_DO),
    Case("418", "418:retry_after=150,after=3", _NOTHING_TO_DO),
    Case("451", "451:after=3", "BINANCE_BASE_URL=https://data-api.binance.vision"),
    Case("region", "region:after=3", "BINANCE_BASE_URL=https://data-api.binance.vision"),
    Case("5xx", "5xx:status=503,after=3", _BY_ITSELF),
    Case("overloaded (-1008)", "5xx:status=503,code=-1008,after=3", _BY_ITSELF),
    Case("html", "html:after=3", _BY_ITSELF),
    Case("truncated", "truncated:after=3", _BY_ITSELF),
    Case("drop", "drop:after=3", _BY_ITSELF),
    Case("drop in the middle", "drop:share=0.5,after=3", _BY_ITSELF),
    Case("slow, in time", "slow:delay=0.05,after=3", ""),
    Case("slow, too late", "slow:delay=0.8,after=1,count=4,path=klines,symbol=BTCUSDT", _BY_ITSELF),
    Case("half_open", "half_open:delay=0.8,after=1,count=4,path=klines,symbol=BTCUSDT", _BY_ITSELF),
    Case("empty", "empty:after=2", ""),
    Case("duplicate_rows", "duplicate_rows:after=2", _BY_ITSELF),
    Case("microseconds", "microseconds", ""),
)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as made:
        yield made


def test_every_fault_of_the_dial_is_in_the_matrix() -> None:
    assert {parse_fault(case.spec).kind for case in _FAULTS} == set(FaultKind)


@pytest.mark.parametrize("case", _FAULTS, ids=lambda case: case.name)
def test_after_a_fault_the_warehouse_is_the_truth(rig: Rig, case: Case) -> None:
    is_late = "delay=0.8" in case.spec
    collector = collect(rig, patience_s=_PATIENCE_S if is_late else 15)
    rig.simulator.add_fault(case.spec)
    for _ in range(3):
        collector.cycle()
    assert case.says or not collector.said
    rig.simulator.faults.clear()
    collector.heal(case.name, case.says)


@pytest.mark.parametrize("skew_s", [90, -90, 20, -20])
def test_skew_of_the_exchanges_clock_lets_no_forming_candle_in(rig: Rig, skew_s: int) -> None:
    rig.clock.advance(
        40_000
    )  # ten seconds after a minute's turn, so that each skew moves the exchange's minute
    collector = collect(rig)
    collector.cycle()
    for skew_ms in (skew_s * 1000, 0):
        rig.simulator.clock.add_skew(skew_ms)
        for _ in range(3):
            collector.cycle()
            assert not collector.find_unfinal()
    collector.heal(f"skew {skew_s:+} s")


_CHANGES = (
    Case("hole", "hole:from=-3h,minutes=80", ""),
    Case("hole, just now", "hole:from=+1m,minutes=3", ""),
    Case("hole, restored before", "hole:from=-3h,minutes=10,restored=-1h", ""),
    Case("cut", "hole:from=-3h,minutes=80,cut=17.123", ""),
    Case("cut, just now", "hole:from=+2m,minutes=2,cut=17.123", ""),
    Case("zero_trades", "zero_trades:from=-3h,minutes=72", ""),
    Case("zero_trades, just now", "zero_trades:from=+1m,minutes=3", ""),
    Case("amended before", "amended:from=-3h,minutes=5", ""),
    Case("listing in the window", "listing:symbol=ETHUSDT,from=-3h", ""),
    Case("listing to come", "listing:symbol=ETHUSDT,from=+3m", "check the spelling, or stop tracking it"),
    Case("delisting in the window", "delisting:symbol=ETHUSDT,from=-3h", ""),
    Case("delisting, just now", "delisting:symbol=ETHUSDT,from=+2m", ""),
)


def test_every_change_of_the_market_is_in_the_matrix() -> None:
    assert {case.spec.split(":")[0] for case in _CHANGES} == set(ChangeKind)


@pytest.mark.parametrize("case", _CHANGES, ids=lambda case: case.name)
def test_after_a_change_of_the_market_the_warehouse_is_the_truth(rig: Rig, case: Case) -> None:
    collector = collect(rig)
    rig.simulator.change_market(case.spec)
    for _ in range(4):
        collector.cycle()
    collector.heal(case.name, case.says)


def cycle_on(collector: Collector, captured: Rows) -> Rows:
    """Collect on; cycles leave all as it was captured. Return what the exchange shows otherwise by now."""
    for _ in range(4):
        collector.cycle()
    now, last_ms = collector.truth("BTCUSDT"), captured[-1][0]
    newer = [row for row in now if row[0] > last_ms]
    assert len(newer) == 4
    assert collector.held("BTCUSDT") == captured + newer
    assert collector.set_aside() == []
    return [row for row in now if row[0] <= last_ms and row not in captured]


def heal_by(collector: Collector, name: str, kind: Kind, **parameters: Any) -> None:
    """Let a scheduled job do its work; then all is the truth."""
    outcome, _ = execute(collector.rig, kind, **parameters)
    assert outcome.state is RunState.SUCCEEDED
    assert collector.is_whole()
    collector.note(name, 0, f"healed by {kind.name}")


def test_candles_amended_later_are_healed_by_asking_again(rig: Rig) -> None:
    collector = collect(rig)
    collector.cycle()
    captured = collector.held("BTCUSDT")
    assert captured == collector.truth("BTCUSDT")
    rig.simulator.change_market("amended:from=-10m,minutes=2")
    assert len(cycle_on(collector, captured)) == 2
    landing = Landing(rig.lake, rig.warehouse, EverLater(rig.clock))
    fetcher = WindowFetcher(collector.process.exchange, landing, rig.clock)
    heal_by(collector, "amended later", RefetchRecent(fetcher, lambda: _load(rig)).kind(), hours=3)


def test_candles_restored_later_are_healed_by_filling_gaps(rig: Rig) -> None:
    collector = collect(rig)
    rig.simulator.change_market("hole:from=-3h,minutes=10,restored=+3m")
    collector.cycle()
    captured = collector.held("BTCUSDT")
    assert captured == collector.truth("BTCUSDT")
    assert len(cycle_on(collector, captured)) == 10
    heal_by(collector, "restored later", Filler(rig).kind.kind())


def _load(rig: Rig) -> None:
    rig.load()
