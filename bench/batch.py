"""A batch of runs at its full size: whether its time left is right, and what a ``kill -9`` costs it.

Each on stores of its own. What is wrong: a time left that is off by more than a fifth, another run than
before the kill, an attempt too many, a finished chunk that is asked for again, a candle that differs.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from src.domain import Interval
from src.warehouse.runs import RunRow, RunState
from tests.faults.batches import START_MS, Batch, asked_windows, find_needless, running_pipeline
from tests.faults.harness import DaemonProcess, Pipeline, eventually

_INTERVALS = (Interval.M1, Interval.H1)
_TOLD_AT, _MOST_OFF = 0.1, 0.2
# It is told once a second, and what was fetched last has yet to be loaded.
_SLACK_S = 3
_KILLED_AT = 0.4
_PATIENCE_S = 900.0


class Size(NamedTuple):
    """How large a batch is, and how many seconds each answer of the exchange takes."""

    symbols: int
    days: int
    delay_s: float


def compare_time_left(variables: Mapping[str, str], size: Size) -> bool:
    """Print the time left that was told at a tenth, and what it took; return whether all is right."""
    with _open_pipeline(variables, size) as pipeline, pipeline.daemon() as daemon:
        batch = _ask(pipeline, daemon, size.days)
        told_s, told_at = batch.wait_for_time_left(_TOLD_AT), time.monotonic()
        batch.wait_until_ended(_PATIENCE_S)
        took_s = time.monotonic() - told_at
        daemon.end()
        off = (told_s - took_s) / took_s
        print(f"  undisturbed: at a tenth {told_s:.1f} s left were told, it took {took_s:.1f} s ({off:+.0%})")
        is_off = abs(told_s - took_s) > _MOST_OFF * took_s + _SLACK_S
        problems = ["the time left was not right"] if is_off else []
        if any(one.status == 429 for one in pipeline.simulator.requests):
            problems.append("the exchange answered 429")
        return _judge(batch, problems)


def kill_and_take_up(variables: Mapping[str, str], size: Size) -> bool:
    """Kill the daemon at two fifths, start another, print what that cost; return whether all is right."""
    with _open_pipeline(variables, size) as pipeline:
        with pipeline.daemon() as daemon:
            batch = _ask(pipeline, daemon, size.days)
            eventually(lambda: batch.done_share() >= _KILLED_AT, "two fifths", _PATIENCE_S)
            daemon.kill()
        killed_at, before, in_flight = time.monotonic(), batch.children(), batch.chunks_in_flight()
        with pipeline.daemon() as daemon:
            batch.wait_until_ended(_PATIENCE_S)
            took_s = time.monotonic() - killed_at
            daemon.end()
        after, asked = batch.children(), asked_windows(pipeline, START_MS)
        print(f"  killed at {_KILLED_AT:.0%}: {_counted(child.state for child in before)}; ", end="")
        print(f"{took_s:.1f} s later: {_counted(child.state for child in after)}")
        print(f"  attempts: {_counted(f'took {child.attempt}' for child in after)}; ", end="")
        twice = len(asked) - len(set(asked))
        print(f"{len(asked)} requests, {twice} of them twice, for {len(in_flight)} chunks in flight")
        return _judge(batch, _find_strangers(before, after) + find_needless(asked, in_flight))


@contextmanager
def _open_pipeline(variables: Mapping[str, str], size: Size) -> Iterator[Pipeline]:
    latency = f"slow:path=klines,delay={size.delay_s}"
    with (
        tempfile.TemporaryDirectory() as folder,
        running_pipeline(Path(folder), size.symbols, dict(variables), latency) as pipeline,
    ):
        yield pipeline


def _ask(pipeline: Pipeline, daemon: DaemonProcess, days: int) -> Batch:
    daemon.wait_for("daemon started")
    return Batch(pipeline, _INTERVALS, days)


def _find_strangers(before: Sequence[RunRow], after: Sequence[RunRow]) -> list[str]:
    """Name the runs that are not those of before, one attempt older where they were at work."""
    expected = {child.id: 2 if child.state is RunState.RUNNING else 1 for child in before}
    found = {child.id: child.attempt for child in after}
    return [
        f"run {run_id}: attempt {found.get(run_id)}, not {expected.get(run_id)}"
        for run_id in sorted(expected.keys() | found.keys())
        if found.get(run_id) != expected.get(run_id)
    ]


def _judge(batch: Batch, problems: list[str]) -> bool:
    """Print and return whether the batch has all candles, and no problem came up on the way."""
    row, differences = batch.row(), batch.find_differences()
    if row.state is not RunState.SUCCEEDED:
        problems.append(f"the batch is {row.state}")
    print(f"  {row.loaded:,} of {row.expected or 0:,} candles loaded, {len(differences)} series differ")
    for problem in (*problems, *(f"{key} differs from the exchange's truth" for key in differences)):
        print(f"  WRONG: {problem}")
    return not problems and not differences


def _counted(names: Iterator[str] | Sequence[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(Counter(map(str, names)).items()))
