"""Scenarios: reading the file, refusing it with the step's name, and that each step comes at its time."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from src.domain import HOUR_MS, MINUTE_MS, Interval, Window
from src.settings import PROJECT_ROOT
from src.simulator.changes import ChangeKind, parse_change
from src.simulator.config import SimulatorConfig
from src.simulator.faults import FaultKind, parse_fault
from src.simulator.scenario import Scenario, ScenarioError, Skew, load_scenario
from src.simulator.simulator import Simulator
from src.simulator.wire import Answer, Request

# 2026-01-09T14:20:00.123Z
NOW_MS = 1_767_968_400_123
MINUTE = Interval.M1.floor(NOW_MS)
KLINES = Request("GET", "/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "3"})
TIME = Request("GET", "/api/v3/time")


class Hand:
    """A clock in the test's hand."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def hand() -> Hand:
    return Hand()


def write(folder: Path, steps: str, head: str = "") -> Path:
    (path := folder / "day.yaml").write_text(f"{head}\nsteps:\n{steps}", encoding="utf-8")
    return path


def simulator_of(path: Path, hand: Hand) -> Simulator:
    return Simulator(SimulatorConfig(scenario=path, clock=hand))


def ask(simulator: Simulator, request: Request = KLINES) -> Answer:
    return simulator.handle(request)[0]


def test_steps_are_read_in_every_way_of_writing_them(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
  - {at: +1m, fault: 451}
  - at: 2026-01-09T14:20:30Z
    fault: {kind: 5xx, status: 503, path: klines, seconds: 60}
  - at: "2026-01-09T14:20:10Z"
    market: hole:minutes=3,restored=+20m
  - at: +2m
    market: {kind: zero_trades, from: 2026-01-09T14:00:00Z, minutes: 5, symbol: null}
  - {at: +1h, skew: -1m30s}
""",
        "seed: 7",
    )
    scenario = load_scenario(path, NOW_MS)
    assert scenario.seed == 7
    third_ms = MINUTE + 10_000
    assert [(step.at_ms, step.action) for step in scenario.steps] == [
        (third_ms, parse_change("hole:minutes=3,restored=+20m", third_ms)),
        (MINUTE + 30_000, parse_fault("5xx:status=503,path=klines,seconds=60")),
        (NOW_MS + MINUTE_MS, parse_fault("451")),
        (
            NOW_MS + 2 * MINUTE_MS,
            parse_change("zero_trades:from=2026-01-09T14:00:00Z,minutes=5", NOW_MS + 2 * MINUTE_MS),
        ),
        (NOW_MS + HOUR_MS, Skew(-90_000)),
    ]
    assert scenario.ends_at_ms == NOW_MS + HOUR_MS


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("steps: [", "cannot be read"),
        ("- at: +1m", "accepted is a mapping with steps, and perhaps a seed"),
        ("seeds: 1\nsteps: []", "unknown seeds; accepted are seed, steps"),
        ("seed: x\nsteps: []", "seed is 'x', must be a whole number"),
        ("seed: 1", "steps must be a list of at least one step"),
        ("steps: [{at: +1s, fault: 451}, 7]", "step 2: accepted is a mapping with at and one of fault"),
        ("steps: [{at: +1s, fault: 451, skew: 0s}]", "step 1: at and exactly one of fault, market, skew"),
        ("steps: [{fault: 451}]", "step 1: at and exactly one of fault, market, skew must be given"),
        ("steps: [{at: +1s, faults: 451}]", "step 1: the step: unknown faults; accepted are at, fault"),
        ("steps: [{at: 30, fault: 451}]", "step 1: the step: at is '30', must be an offset such as +90s"),
        ("steps: [{at: 2026-01-09 10:00:00, fault: 451}]", "step 1: the step: at is '2026-01-09 10:00:00'"),
        ("steps: [{at: +1s, fault: 430}]", "step 1: unknown fault '430'; known are 429, 418"),
        ("steps: [{at: +1s, fault: [451]}]", "step 1: fault [451] is neither KIND:key=value,... nor"),
        ("steps: [{at: +1s, fault: {delay: 2}}]", "step 1: unknown fault ''"),
        ("steps: [{at: +1s, fault: {kind: slow, path: x}}]", "step 1: fault slow: path 'x' is none of ping"),
        ("steps: [{at: +1s, market: 'hole:minutes=x'}]", "step 1: market change hole: minutes is 'x'"),
        ("steps: [{at: +1s, market: {kind: rain}}]", "step 1: unknown market change 'rain'; known are hole"),
        ("steps: [{at: +1s, skew: 90}]", "step 1: skew is 90, must be an offset such as +90s"),
        ("steps: [{at: +1s, market: 'delisting:symbol=NOPE'}]", "step 1: market change delisting: unknown"),
    ],
)
def test_wrong_scenario_names_file_and_step_and_what_is_accepted(
    tmp_path: Path, content: str, complaint: str
) -> None:
    (path := tmp_path / "day.yaml").write_text(content)
    with pytest.raises(ScenarioError) as caught:
        Simulator(SimulatorConfig(scenario=path))
    assert str(caught.value).startswith(str(path))
    assert complaint in str(caught.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"day\.yaml cannot be read"):
        load_scenario(tmp_path / "day.yaml", NOW_MS)


def test_tape_takes_no_changes_of_the_market(tmp_path: Path) -> None:
    line = "1640995200000,1.5,2.0,1.0,1.25,10.5,1640995259999,12.0,7,3.0,4.0,0"
    (tape := tmp_path / "BTCUSDT-1m-2022-01-01.csv").write_text(line)
    path = write(tmp_path, "  - {at: +1s, fault: 451}\n  - {at: +1s, market: 'hole:minutes=3'}")
    with pytest.raises(ScenarioError, match="step 2: a tape is served untouched"):
        Simulator(SimulatorConfig(tape_files=(tape,), scenario=path))


def test_fault_begins_at_its_time_and_lasts_as_long_as_told(tmp_path: Path, hand: Hand) -> None:
    path = write(tmp_path, "  - {at: +30s, fault: '5xx:status=503,seconds=60'}")
    with simulator_of(path, hand) as simulator:
        seen = []
        for elapsed_ms in (0, 29_999, 30_000, 89_999, 90_000):
            hand.now_ms = NOW_MS + elapsed_ms
            seen.append(ask(simulator).status)
        assert seen == [200, 200, 503, 503, 200]
        assert simulator.scenario.ends_at_ms == NOW_MS + 90_000


def test_skew_moves_time_and_data_but_not_the_steps(tmp_path: Path, hand: Hand) -> None:
    path = write(
        tmp_path, "  - {at: +10s, skew: -10m}\n  - {at: +20s, fault: '451:count=1'}\n  - {at: +30s, skew: 0s}"
    )
    with simulator_of(path, hand) as simulator:
        hand.now_ms = NOW_MS + 10_000
        told = orjson.loads(ask(simulator, TIME).body)["serverTime"]
        assert told == NOW_MS + 10_000 - 10 * MINUTE_MS
        assert orjson.loads(ask(simulator).body)[-1][0] == MINUTE - 10 * MINUTE_MS
        hand.now_ms = NOW_MS + 20_000
        assert [ask(simulator).status for _ in range(2)] == [451, 200]
        hand.now_ms = NOW_MS + 30_000
        assert orjson.loads(ask(simulator, TIME).body)["serverTime"] == hand.now_ms
        assert [entry.at_ms - NOW_MS for entry in simulator.requests] == [
            10_000,
            10_000,
            20_000,
            20_000,
            30_000,
        ]


def test_seed_of_the_scenario_decides_chance(tmp_path: Path, hand: Hand) -> None:
    def statuses(seed: int) -> list[int]:
        path = write(tmp_path, "  - {at: +0s, fault: '5xx:probability=0.5'}", f"seed: {seed}")
        with simulator_of(path, hand) as simulator:
            return [ask(simulator).status for _ in range(40)]

    assert statuses(1) == statuses(1)
    assert statuses(1) != statuses(2)


def test_market_changes_follow_the_clock_and_truth_knows_the_end(tmp_path: Path, hand: Hand) -> None:
    path = write(
        tmp_path,
        "  - {at: +1m, market: 'hole:minutes=2,restored=+10m'}\n"
        "  - {at: +5m, market: 'amended:from=-8m,minutes=1'}",
    )
    with simulator_of(path, hand) as simulator, Simulator(SimulatorConfig(clock=hand)) as plain:
        hand.now_ms = NOW_MS + 4 * MINUTE_MS
        window = Window(MINUTE - 4 * MINUTE_MS, hand.now_ms)
        assert ask(simulator, KLINES).body != ask(plain, KLINES).body
        served, whole = (one.truth("BTCUSDT", Interval.M1, window) for one in (simulator, plain))
        assert served == [row for row in whole if row[0] not in {MINUTE + n * MINUTE_MS for n in (2, 3)}]
        end_ms = simulator.scenario.ends_at_ms
        assert end_ms == NOW_MS + 11 * MINUTE_MS
        served, whole = (one.truth("BTCUSDT", Interval.M1, window, end_ms) for one in (simulator, plain))
        assert [row[0] for row in served] == [row[0] for row in whole]
        differing = [new[0] for new, old in zip(served, whole, strict=True) if new != old]
        assert differing == [MINUTE - 3 * MINUTE_MS]


def test_example_plays_and_the_manual_knows_every_kind() -> None:
    scenario = load_scenario(PROJECT_ROOT / "examples" / "bad-day.yaml", NOW_MS)
    Simulator(SimulatorConfig(scenario=PROJECT_ROOT / "examples" / "bad-day.yaml")).stop()
    assert isinstance(scenario, Scenario)
    manual = (PROJECT_ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
    missing = [kind for kind in (*FaultKind, *ChangeKind) if f"`{kind}" not in manual]
    assert missing == []
