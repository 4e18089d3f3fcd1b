"""What steps of ageing tell: how far they are, and of the lake how much they did and what is in the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Progress = Callable[[str, int], None]
"""Hears what is worked on, and how many objects or rows were done since it last heard."""
ShouldStop = Callable[[], bool]
"""Is asked between two transactions."""

_TOLD = 100


class Problem(NamedTuple):
    """An object that was left as it is, and why, for a person to read."""

    key: str
    what: str


class StepPlan(NamedTuple):
    """What a step would do now, of so many kinds and days."""

    objects: int = 0
    size_bytes: int = 0
    days: int = 0

    def as_json(self) -> dict[str, int]:
        """Return it as a part of a run's result."""
        return {"objects": self.objects, "bytes": self.size_bytes}


@dataclass(slots=True)
class StepReport:
    """What a step did to objects; *packs* were made or deleted, *leftovers* are files that a crash had left.

    *freed_bytes* is how much less lies in the lake now. A step that *is_stopped* goes on when run again.
    """

    objects: int = 0
    size_bytes: int = 0
    freed_bytes: int = 0
    packs: int = 0
    leftovers: int = 0
    problems: list[Problem] = field(default_factory=list)
    is_stopped: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return it as a part of a run's result."""
        return {
            "objects": self.objects,
            "bytes": self.size_bytes,
            "freed_bytes": self.freed_bytes,
            "packs": self.packs,
            "leftovers": self.leftovers,
            "problems_total": len(self.problems),
            "problems": [f"{one.key}: {one.what}" for one in self.problems[:_TOLD]],
        }


def tell_nobody(_what: str, _done: int) -> None:
    """Take progress that nobody wants to see."""


def never() -> bool:
    """Go on to the end."""
    return False
