"""Results as a table: ratios first, since absolute figures belong to one machine on one day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One line: what was measured, the ratio or figure, what is asked of it, and how it came about."""

    what: str
    figure: str
    wanted: str
    detail: str
    is_met: bool


def as_markdown(results: Sequence[Result]) -> str:
    """Return the results as a Markdown table."""
    lines = ["| measured | result | wanted | met | how |", "|---|---|---|---|---|"]
    lines += [
        f"| {r.what} | {r.figure} | {r.wanted} | {'yes' if r.is_met else '**no**'} | {r.detail} |"
        for r in results
    ]
    return "\n".join(lines)
