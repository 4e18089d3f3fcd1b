"""The table of what became of each fault, printed at the end of a test run.

Tests in worker processes (pytest-xdist) hand their lines to the process that prints.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

# Of a text its end, where what to do stands.
_SAID = 58


class Outcome(NamedTuple):
    """One line of the table; *refused* are requests that were not answered with 200."""

    fault: str
    refused: int
    cycles: int
    candles: int
    said: str


OUTCOMES: list[Outcome] = []


def pytest_sessionfinish(session: pytest.Session) -> None:
    handed_over: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if handed_over is not None:
        handed_over["outcomes"] = [list(one) for one in OUTCOMES]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    output = getattr(node, "workeroutput", {})  # a worker that crashed has none
    OUTCOMES.extend(Outcome(*one) for one in output.get("outcomes", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not OUTCOMES:
        return
    terminalreporter.section("fault × outcome: what is held is the exchange's truth")
    terminalreporter.write_line(
        f"{'fault':26} {'not 200':>7} {'healed in':>9} {'candles':>7}  what was said ends"
    )
    for one in OUTCOMES:
        cycles = f"{one.cycles} cycle{'s'[: one.cycles > 1]}" if one.cycles else "-"
        said = one.said if len(one.said) <= _SAID else "…" + one.said[1 - _SAID :]
        terminalreporter.write_line(
            f"{one.fault:26} {one.refused:7} {cycles:>9} {one.candles:7,}  {said or '-'}"
        )
