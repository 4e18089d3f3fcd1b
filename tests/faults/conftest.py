"""Prints what became of each fault at the end of a test run."""

from __future__ import annotations

import pytest

from tests.faults.collector import OUTCOMES

_WIDTH = 108


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not OUTCOMES:
        return
    terminalreporter.section("fault × outcome: all held is the exchange's truth")
    terminalreporter.write_line(f"{'fault':22} {'refused':>7} {'healed in':>9} {'candles':>7}  what was said")
    for one in OUTCOMES:
        cycles = f"{one.cycles} cycle" + ("s" if one.cycles != 1 else "")
        line = f"{one.fault:22} {one.refused:7} {cycles:>9} {one.candles:7,}  {one.said or '-'}"
        terminalreporter.write_line(line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…")
