"""Kinds of runs that let things age: ``daily_ageing``, ``weekly_maintenance``, and ``maintenance`` on demand.

A run is a row of steps. What one of them cannot do is told in the end and stops no other; a store that is
away is waited for. All can be run again at any time, and one run at a time does its steps.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.exc import DBAPIError

from src.errors import CandlehouseError, LeadershipLost, RunRevoked, Stopped, StoreUnavailable
from src.jobs.ageing_steps import Step, StepOutcome
from src.jobs.context import Kind, Outcome, RunContext
from src.jobs.job_registry import DAILY_AGEING, WEEKLY_MAINTENANCE
from src.warehouse.runs import RunState

log = structlog.get_logger()

# The kind that is no job: what people ask for by the command of that name.
MAINTENANCE = "maintenance"
_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Ageing:
    """Executes steps; *steps* returns them as the settings are now, thorough ones where that is asked for."""

    steps: Callable[[bool], Sequence[Step]]
    turn: threading.Lock

    def kinds(self) -> dict[str, Kind]:
        """Return the kinds by name; their parameters are as in ``MaintenanceParameters``."""
        return {
            DAILY_AGEING: Kind(DAILY_AGEING, lambda one: self._execute(one, is_thorough=False), retries=True),
            WEEKLY_MAINTENANCE: Kind(
                WEEKLY_MAINTENANCE, lambda one: self._execute(one, is_thorough=True), retries=True
            ),
            MAINTENANCE: Kind(MAINTENANCE, lambda one: self._execute(one, is_thorough=True), retries=True),
        }

    def _execute(self, context: RunContext, *, is_thorough: bool) -> Outcome:
        asked = context.parameters.get("steps") or ()
        steps = [one for one in self.steps(is_thorough) if not asked or one.name in asked]
        if context.parameters.get("dry_run"):
            return Outcome({"dry_run": True, "steps": _plan(steps, context)})
        self._take_turn(context)
        try:
            return self._run(context, steps)
        finally:
            self.turn.release()

    def _run(self, context: RunContext, steps: Sequence[Step]) -> Outcome:
        told: dict[str, Any] = {}
        problems: list[str] = []
        for step in steps:
            context.progress.step(step.name, "running")
            context.progress.start(step.unit, step.amount(), done=0)
            outcome = _attempt(step, context)
            told[step.name] = outcome.result
            if context.stop.is_set():
                raise context.stop.error(f"maintenance at {step.name}")
            if outcome.problem:
                problems.append(f"{step.name}: {outcome.problem}")
            context.progress.finish()
            context.progress.step(step.name, "failed" if outcome.problem else "done")
        result = {"dry_run": False, "freed_bytes": _sum_freed(told), "steps": told}
        if problems:
            return Outcome(result, RunState.PARTLY_FAILED, "; ".join(problems))
        return Outcome(result)

    def _take_turn(self, context: RunContext) -> None:
        while not self.turn.acquire(timeout=_LOOK_S):
            context.progress.waiting("another maintenance to end")
            if context.stop.is_set():
                raise context.stop.error("maintenance")
        context.progress.waiting(None)


def _plan(steps: Sequence[Step], context: RunContext) -> dict[str, Any]:
    context.progress.start("steps", len(steps))
    told = {}
    for step in steps:
        context.progress.step(step.name, "running")
        told[step.name] = step.plan()
        context.progress.step(step.name, "done")
        context.progress.advance(1)
    return told


def _attempt(step: Step, context: RunContext) -> StepOutcome:
    try:
        return step.run(context)
    except (Stopped, StoreUnavailable, LeadershipLost, RunRevoked):
        raise
    except (CandlehouseError, DBAPIError) as error:
        log.error("step of maintenance failed", step=step.name, error=str(error))
        return StepOutcome({}, str(error))


def _sum_freed(told: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the bytes that went from the lake and the warehouse: from SQLite's file, or with partitions."""
    return sum(int(one.get("freed_bytes", 0)) + int(one.get("given_back_bytes", 0)) for one in told.values())
