"""What a run has at hand while it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog

from src.clock import Clock
from src.domain import SeriesKey, Window
from src.errors import StoreUnavailable
from src.jobs.progress import Progress
from src.stopping import Stop
from src.warehouse.engine import Warehouse
from src.warehouse.run_progress import add_event
from src.warehouse.runs import RunRow, RunState

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended by itself; *problem* says what went wrong where the state is not succeeded."""

    result: Any = None
    state: RunState = RunState.SUCCEEDED
    problem: str | None = None


@dataclass
class RunContext:
    """One execution of a run. *series* and *window* say what it works on, for an error to name."""

    run: RunRow
    stop: Stop
    clock: Clock
    warehouse: Warehouse
    progress: Progress
    series: SeriesKey | None = field(init=False)
    window: Window | None = field(init=False)

    def __post_init__(self) -> None:
        self.series, self.window = self.run.series, self.run.window

    @property
    def parameters(self) -> dict[str, Any]:
        """What was asked for with the run."""
        return self.run.parameters

    def event(self, kind: str, message: str) -> None:
        """Add to the run's story; a warehouse that is away must not end the run for that."""
        try:
            self.warehouse.run(lambda connection: add_event(connection, self.run.id, kind, message))
        except StoreUnavailable as error:
            log.warning("event not stored", run=self.run.id, kind=kind, error=str(error))


Execute = Callable[[RunContext], Outcome]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of run.

    One that *retries* waits for a store that is away and tries again after an error that may pass; for the
    others their next run does.
    """

    name: str
    execute: Execute
    retries: bool = False
