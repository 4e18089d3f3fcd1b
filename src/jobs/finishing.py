"""How runs that fetch come to their end: what landed is loaded first, then is told what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from src.jobs.context import Outcome, RunContext
from src.warehouse.catalog import LoadedCount, count_loaded
from src.warehouse.runs import RunState

_LOAD_LOOK_S = 0.5
_TOLD = 3


def wait_until_loaded(context: RunContext, wake_loader: Callable[[], None]) -> LoadedCount:
    """Wait until nothing that the run has landed waits to be loaded; its step is ``load``."""
    context.progress.step("load", "running")
    while True:
        with context.warehouse.read() as connection:
            count = count_loaded(connection, context.run.id)
        context.progress.loaded(count.candles_loaded)
        if not count.landed:
            context.progress.step("load", "done")
            return count
        wake_loader()
        context.clock.sleep(_LOAD_LOOK_S)


def judge(result: Any, failures: Mapping[str, str], quarantined: Iterable[str] = ()) -> Outcome:
    """Say how a run went: what fails for one symbol stops no other."""
    problems = [f"{what}: {error}" for what, error in sorted(failures.items())]
    problems += [f"quarantined: {key}" for key in quarantined]
    if not problems:
        return Outcome(result)
    more = f" (and {len(problems) - _TOLD} more)" if len(problems) > _TOLD else ""
    return Outcome(result, RunState.PARTLY_FAILED, "; ".join(problems[:_TOLD]) + more)
