"""The steps of maintenance, each under the name by which people may ask for it alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from src.jobs.context import Kind, RunContext
from src.maintenance.ageing_report import Progress, ShouldStop, StepPlan, StepReport
from src.maintenance.data_lake import LOOK_BACK_DAYS, DataLakeManager
from src.maintenance.housekeeping import Housekeeping
from src.maintenance.retention import Retention
from src.warehouse.optimising import Optimiser

DAILY_STEPS = ("pack", "archive", "cleanup", "retention")
ALL_STEPS = (*DAILY_STEPS, "housekeeping", "optimise", "recount")


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What a step did, for the run's result, and what it could not do."""

    result: dict[str, Any]
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """*plan* says what *run* would do now; *run* ends between two transactions when it has to stop.

    While it runs it counts *unit*, of as many as *amount* returns right before, None where nobody knows.
    """

    name: str
    unit: str
    plan: Callable[[], dict[str, Any]]
    run: Callable[[RunContext], StepOutcome]
    amount: Callable[[], int | None] = lambda: None


@dataclass(frozen=True, slots=True)
class Ages:
    """Days after which objects are archived, and deleted; 0 for never."""

    archive_days: int
    delete_days: int


Work = Callable[[Progress, ShouldStop], StepReport]


def lake_steps(manager: DataLakeManager, ages: Ages, *, is_thorough: bool) -> list[Step]:
    """Return the steps that age the lake; *is_thorough* looks at all days that lie in the archive."""
    look_back = None if is_thorough else LOOK_BACK_DAYS
    days, delete_days = ages.archive_days, ages.delete_days

    def step(name: str, plan: Callable[[], StepPlan], work: Work) -> Step:
        return Step(
            name,
            "objects",
            lambda: plan().as_json(),
            lambda one: _judge(work(_telling(one), one.stop.is_set)),
            lambda: plan().objects,
        )

    return [
        step(
            "pack",
            lambda: manager.plan_packing(days, look_back),
            lambda p, s: manager.pack_old_files(days, look_back, p, s),
        ),
        step(
            "archive",
            lambda: manager.plan_archiving(days),
            lambda p, s: manager.archive_old_files(days, p, s),
        ),
        step(
            "cleanup",
            lambda: manager.plan_cleanup(delete_days, look_back),
            lambda p, s: manager.cleanup_old_archives(delete_days, look_back, p, s),
        ),
    ]


def retention_step(retention: Retention) -> Step:
    """Return the step that ages out facts."""
    return Step(
        "retention",
        "rows",
        lambda: retention.plan().as_json(),
        lambda one: StepOutcome(retention.run(_telling(one), one.stop.is_set).as_json()),
        lambda: retention.plan().work,
    )


def housekeeping_step(housekeeping: Housekeeping) -> Step:
    """Return the step that deletes old rows of all other tables."""
    return Step(
        "housekeeping",
        "rows",
        lambda: {"rows": housekeeping.plan()},
        lambda one: StepOutcome(housekeeping.run(_telling(one), one.stop.is_set).as_json()),
        lambda: sum(housekeeping.plan().values()),
    )


def optimise_step(optimiser: Optimiser) -> Step:
    """Return the step that keeps the database quick and small."""
    return Step(
        "optimise",
        "tables",
        optimiser.plan,
        lambda one: StepOutcome(optimiser.run(one.stop.is_set).as_json()),
    )


def recount_step(recount: Kind) -> Step:
    """Return the step that does what the job of that name does for all series."""

    def run(context: RunContext) -> StepOutcome:
        outcome = recount.execute(context)
        return StepOutcome(outcome.result, outcome.problem)

    return Step("recount", "series", lambda: {"series": "all"}, run)


def _telling(context: RunContext) -> Progress:
    return lambda _what, done: context.progress.advance(done)


def _judge(report: StepReport) -> StepOutcome:
    if not report.problems:
        return StepOutcome(report.as_json())
    first = report.problems[0]
    what = f"{len(report.problems)} objects were left as they are, the first: {first.key}: {first.what}"
    return StepOutcome(report.as_json(), what)
