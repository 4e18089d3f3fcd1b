"""The doctor: runs the checks of all areas side by side and waits for none of them for ever.

A store that hangs costs its own area's findings and nothing else: each area has a thread that is left
behind when time is up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

import structlog

from src.clock import Clock
from src.errors import CandlehouseError
from src.maintenance.doctor.findings import Check, Finding, Verdict, explain, problem

log = structlog.get_logger()

# What every area has, all together: a person waits for this, perhaps a cron job's timeout too.
DEADLINE_S = 12.0

Report = Mapping[str, Sequence[Finding]]


class Doctor:
    """Examines *areas*, each by a check of its own, and calls *close* when done."""

    def __init__(
        self,
        areas: Mapping[str, Check],
        clock: Clock,
        deadline_s: float = DEADLINE_S,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._areas = areas
        self._clock = clock
        self._deadline_s = deadline_s
        self._close = close

    def examine(self) -> Report:
        """Run all checks; return the findings by area, in the order the areas were given."""
        examinations = [_Examination(area, check) for area, check in self._areas.items()]
        for examination in examinations:
            examination.start()
        end_ms = self._clock.steady_ms() + self._deadline_s * 1000
        for examination in examinations:
            examination.join(max(0.0, (end_ms - self._clock.steady_ms()) / 1000))
        report = {one.area: one.result(self._deadline_s) for one in examinations}
        self._close()
        return report


def is_healthy(report: Report) -> bool:
    """Whether nothing is wrong; warnings are no illness."""
    return all(finding.verdict is not Verdict.PROBLEM for found in report.values() for finding in found)


class _Examination(threading.Thread):
    """One area's check at work."""

    def __init__(self, area: str, check: Check) -> None:
        super().__init__(name=f"doctor-{area}", daemon=True)
        self.area = area
        self._check = check
        self._findings: list[Finding] = []

    def run(self) -> None:
        try:
            for finding in self._check():
                self._findings.append(finding)
        except CandlehouseError as error:
            self._findings.append(problem("answer", explain(error), "mend this, then run the doctor again"))
        except Exception as error:
            # A program's fault in one check must not hide what the others found.
            log.exception("check failed unexpectedly", area=self.area)
            found = f"the check itself failed: {type(error).__name__}: {explain(error)}"
            advice = "the lines above it say where; please report this as a fault of Candlehouse"
            self._findings.append(problem("answer", found, advice))

    def result(self, deadline_s: float) -> list[Finding]:
        findings = list(self._findings)
        if self.is_alive():
            advice = "see whether it is overloaded, or a firewall drops what is sent to it"
            findings.append(problem("answer", f"no answer within {deadline_s:g} s", advice))
        return findings
