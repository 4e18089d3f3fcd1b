"""Scenarios: a list of things that go wrong, each at its time, read from a YAML file.

::

    seed: 7                       # optional: the chance of faults; default is the simulator's seed
    steps:
      - at: +30s                  # after the simulator's start; or 2026-01-09T10:00:00Z
        fault: 5xx:status=503,path=klines,seconds=60
      - at: +2m
        market: {kind: hole, minutes: 3, cut: 17.123, restored: +20m}
      - at: +3m
        skew: -90s                # the exchange's clock is wrong by that much until another step says 0s

A step's own offsets (``from``, ``until``, ``restored``) count from its ``at``. Steps go by the time without
skew, what they change in the market by the exchange's clock. Nothing runs in the background: each part of
the simulator knows from the start what holds at which time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from src.simulator.changes import MarketChange, build_change
from src.simulator.faults import Fault, build_fault
from src.simulator.grammar import SpecError, check_keys, find_offset_ms, parse_moment, take_spec


class ScenarioError(ValueError):
    """A scenario cannot be played; the message names the file, the step, and what is accepted."""


@dataclass(frozen=True, slots=True)
class Skew:
    """The exchange's clock minus the time, from a step on."""

    milliseconds: int


Action = Fault | MarketChange | Skew


@dataclass(frozen=True, slots=True)
class Step:
    """What happens at *at_ms*, UTC by the simulator's clock without skew; *name* is for messages."""

    name: str
    at_ms: int
    action: Action


@dataclass(frozen=True, slots=True)
class Scenario:
    """The steps in order of time; *seed* None leaves chance to the simulator's own."""

    steps: tuple[Step, ...]
    seed: int | None = None

    @property
    def ends_at_ms(self) -> int:
        """Return from when on nothing changes by itself, 0 without steps.

        Faults without ``seconds`` go on until their ``count``.
        """
        return max((_end_of(step) for step in self.steps), default=0)


def load_scenario(path: Path, start_ms: int) -> Scenario:
    """Read a scenario that starts at *start_ms*."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ScenarioError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ScenarioError(f"{path}: accepted is a mapping with steps, and perhaps a seed")
    try:
        check_keys("the scenario", map(str, content), ("seed", "steps"))
    except SpecError as error:
        raise ScenarioError(f"{path}: {error}") from error
    seed, entries = content.get("seed"), content.get("steps")
    if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool)):
        raise ScenarioError(f"{path}: seed is {seed!r}, must be a whole number")
    if not isinstance(entries, list) or not entries:
        raise ScenarioError(f"{path}: steps must be a list of at least one step")
    steps = [_parse_step(path, number, entry, start_ms) for number, entry in enumerate(entries, 1)]
    return Scenario(tuple(sorted(steps, key=lambda step: step.at_ms)), seed)


def _parse_step(path: Path, number: int, entry: object, start_ms: int) -> Step:
    name = f"{path} step {number}"
    try:
        if not isinstance(entry, Mapping):
            raise SpecError(f"accepted is a mapping with at and one of {', '.join(_ACTIONS)}")
        check_keys("the step", map(str, entry), ("at", *_ACTIONS))
        chosen = [key for key in _ACTIONS if key in entry]
        if len(chosen) != 1 or "at" not in entry:
            raise SpecError(f"at and exactly one of {', '.join(_ACTIONS)} must be given")
        at_ms = parse_moment("the step", "at", entry["at"], start_ms)
        return Step(name, at_ms, _ACTIONS[chosen[0]](entry[chosen[0]], at_ms))
    except SpecError as error:
        raise ScenarioError(f"{name}: {error}") from error


def _read_fault(value: object, _at_ms: int) -> Fault:
    return build_fault(*take_spec("fault", value))


def _read_change(value: object, at_ms: int) -> MarketChange:
    return build_change(*take_spec("market change", value), at_ms)


def _read_skew(value: object, _at_ms: int) -> Skew:
    milliseconds = find_offset_ms(value)
    if milliseconds is None:
        raise SpecError(f"skew is {value!r}, must be an offset such as +90s or -1h30m; 0s ends it")
    return Skew(milliseconds)


_ACTIONS: dict[str, Callable[[object, int], Action]] = {
    "fault": _read_fault,
    "market": _read_change,
    "skew": _read_skew,
}


def _end_of(step: Step) -> int:
    if isinstance(step.action, MarketChange):
        return step.action.settled_ms
    seconds = step.action.seconds if isinstance(step.action, Fault) else None
    return step.at_ms + round((seconds or 0) * 1000)
