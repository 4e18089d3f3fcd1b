"""Prints what became of each fault at the end of a test run."""

from __future__ import annotations

import pytest

from tests.faults.collector import OUTCOMES

# Of a text its end, where what to do stands.
_SAID = 58


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
