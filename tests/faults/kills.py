"""Kills a daemon again and again while it catches up, then lets it finish and compares all it holds.

Shared by the fault test, which kills a few times, and the soak, which kills fifty times.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from src.domain import DAY_MS, HOUR_MS
from src.lake.local_store import LocalStore
from tests.faults.halting import MOMENTS, Phase
from tests.faults.harness import DaemonProcess, Pipeline
from tests.faults.truth import Comparison, compare, list_unfounded_watermarks

# Three halts of each kind, then one kill at a random time: of five kills or more, a fifth and more each.
_ORDER = (*(Phase.WRITING, Phase.BETWEEN, Phase.LOADING) * 3, Phase.ANYWHERE)
# Between two starts the exchange's clock moves on so far, which is what there is to catch up. A series whose
# first page was lost in the first crashes still reaches back to where it all began.
_AWAY_MS = DAY_MS + 5 * HOUR_MS
_LOOKBACK = {"CANDLEHOUSE_LOOKBACK_DAYS": "8"}


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill a daemon in *phase*: when *moment* comes for the *nth* time, or after *seconds* of life."""

    phase: Phase
    moment: str = ""
    nth: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Outcome:
    """What a series of kills came to; *seen* counts the phases that the logs show kills in."""

    aimed: Counter[Phase] = field(default_factory=Counter)
    seen: Counter[Phase] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    comparison: Comparison = field(default_factory=Comparison)

    @property
    def differences(self) -> list[str]:
        return self.problems + self.comparison.differences


def plan_kills(count: int, seed: int) -> Iterator[Kill]:
    """Spread *count* kills over the phases and their moments."""
    chance = random.Random(seed)
    moments = {phase: cycle(names) for phase, names in MOMENTS.items()}
    for phase in islice(cycle(_ORDER), count):
        if phase is Phase.ANYWHERE:
            yield Kill(phase, seconds=chance.uniform(0.5, 2.5))
        else:
            yield Kill(phase, next(moments[phase]), nth=chance.randint(1, 3))


def kill_repeatedly(
    pipeline: Pipeline, count: int, seed: int = 1, tell: Callable[[str], object] = str
) -> Outcome:
    """Kill *count* daemons, one after the other on the same stores, let the last one finish, and compare."""
    outcome = Outcome()
    began_ms = pipeline.simulator.clock.now_ms()
    for number, kill in enumerate(plan_kills(count, seed), 1):
        phases = _kill_one(pipeline, kill)
        outcome.aimed[kill.phase] += 1
        outcome.seen.update(phases)
        outcome.problems += _list_problems(pipeline, number, kill, phases)
        tell(f"kill {number} of {count}: {kill.phase.value}{kill.moment and ', ' + kill.moment}")
        pipeline.simulator.clock.advance(_AWAY_MS)
    with pipeline.daemon(**_LOOKBACK) as daemon:
        pipeline.wait_until_caught_up(daemon)
        pipeline.finish(daemon)
    outcome.comparison = compare(pipeline, began_ms)
    return outcome


def _kill_one(pipeline: Pipeline, kill: Kill) -> set[Phase]:
    """Start a daemon, kill it, and return the phases that its log shows it in."""
    if kill.phase is Phase.ANYWHERE:
        with pipeline.daemon(**_LOOKBACK) as daemon:
            time.sleep(kill.seconds)
            daemon.kill()
            return phases_shown(daemon)
    with pipeline.daemon("-m", "tests.faults.halting", kill.moment, str(kill.nth), **_LOOKBACK) as daemon:
        daemon.wait_for("halted")
        daemon.kill()
        return phases_shown(daemon)


def phases_shown(daemon: DaemonProcess) -> set[Phase]:
    """Tell from the log alone what the daemon was in the middle of when it died."""
    keys: dict[str, set[Any]] = {}
    for line in daemon.events():
        keys.setdefault(line["event"], set()).add(line.get("key"))
    writing, written, catalogued = (
        keys.get(f"object {step}", set()) for step in ("writing", "written", "catalogued")
    )
    shown = {Phase.WRITING: writing - written, Phase.BETWEEN: written - catalogued}
    phases = {phase for phase, unfinished in shown.items() if unfinished}
    if daemon.count("slice loading") > daemon.count("slice loaded"):
        phases.add(Phase.LOADING)
    return phases


def _list_problems(pipeline: Pipeline, number: int, kill: Kill, phases: set[Phase]) -> list[str]:
    """List what is already wrong while the daemon lies dead."""
    problems = [] if kill.phase in {*phases, Phase.ANYWHERE} else [f"the log does not show {kill.phase}"]
    if pipeline.has_schema():
        problems += list_unfounded_watermarks(pipeline)
    return [f"after kill {number}: {problem}" for problem in problems]


def list_half_written(pipeline: Pipeline) -> list[Path]:
    """List the unfinished files that killed writers left in a folder lake; an S3 lake has none."""
    if not isinstance(pipeline.app.lake, LocalStore):
        return []
    return sorted(Path(pipeline.variables["CANDLEHOUSE_DATA_DIR"]).rglob("*.tmp/*.tmp"))
