"""What a check says: what was looked at, whether it is well, and what to do if it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy.exc import DBAPIError

Number = int | float | str | bool | None


class Verdict(StrEnum):
    """Warnings ask for a look; only problems make the exit status 1."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. *advice* says what to do; *numbers* are for programs."""

    check: str
    verdict: Verdict
    found: str
    advice: str = ""
    numbers: Mapping[str, Number] = field(default_factory=dict)


# Yields what it finds one by one, so that what came before a hang is not lost with it.
Check = Callable[[], Iterable[Finding]]


def ok(check: str, found: str, advice: str = "", **numbers: Number) -> Finding:
    return Finding(check, Verdict.OK, found, advice, numbers)


def warning(check: str, found: str, advice: str, **numbers: Number) -> Finding:
    return Finding(check, Verdict.WARNING, found, advice, numbers)


def problem(check: str, found: str, advice: str, **numbers: Number) -> Finding:
    return Finding(check, Verdict.PROBLEM, found, advice, numbers)


def explain(error: Exception) -> str:
    """Return what an error says; of a database's error its own words, without our statement around it."""
    return str(error.orig if isinstance(error, DBAPIError) else error) or type(error).__name__


def size_text(size_bytes: float) -> str:
    """Return a size as disks are sold: ``1.4 GB``, ``310 kB``."""
    for unit, name in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size_bytes >= unit:
            return f"{size_bytes / unit:.{0 if size_bytes >= 100 * unit else 1}f} {name}"
    return f"{size_bytes:.0f} B"
