"""Verify: makes days of series again from the lake, in memory, and compares them with the warehouse.

One day of one series at a time. Each result is stored; nothing else is changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import partial

from src.clock import Clock
from src.domain import DAY_MS, Interval, SeriesKey, Window, utc_from_ms
from src.lake.store import ObjectStore
from src.maintenance.comparing import compare_candles, compare_rollups
from src.maintenance.rebuilding import Loss, Part, Rebuilder
from src.maintenance.series_days import SeriesDay
from src.warehouse.candles import digest
from src.warehouse.engine import Warehouse
from src.warehouse.verification import VerifyResult, VerifyState, save_result

# Of a day on which everything is wrong, so many candles are told.
_TOLD_A_DAY = 20
_TOLD = 200
_STATES = {
    Loss.MISSING: VerifyState.MISSING,
    Loss.CHANGED: VerifyState.CHANGED,
    Loss.UNREADABLE: VerifyState.DIFFERS,
    Loss.DELETED: VerifyState.DELETED,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or gone, on a day of a series."""

    series: SeriesKey
    day: date
    state: VerifyState
    what: str


@dataclass(slots=True)
class VerifyReport:
    """What was compared: days by state, and the first findings, faults and deleted objects alike.

    *objects* counts those that are lost, whatever the number of days that they reach over.
    """

    candles: int = 0
    states: Counter[VerifyState] = field(default_factory=Counter)
    objects: Counter[VerifyState] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    findings_total: int = 0
    days: dict[date, bool] = field(default_factory=dict)
    _last_named: set[str] = field(default_factory=set)

    @property
    def faults(self) -> int:
        """How many days of series are not as they should be."""
        return sum(count for state, count in self.states.items() if state.is_fault)

    def reproducible_up_to(self) -> date | None:
        """Return the last day up to which all that was looked at came out the same; None without one."""
        last = None
        for day, is_good in sorted(self.days.items()):
            if not is_good:
                break
            last = day
        return last

    def add(self, series: SeriesKey, result: VerifyResult, findings: list[Finding]) -> None:
        """Count a day."""
        self.candles += result.candles
        self.states[result.state] += 1
        names = {finding.what for finding in findings}
        # An object that reaches over midnight is named once.
        new = [finding for finding in findings if finding.what not in self._last_named]
        self.findings += new[: _TOLD - len(self.findings)]
        self.findings_total += len(new)
        self.objects.update(finding.state for finding in new if finding.state.is_of_objects)
        self._last_named = names
        if result.state is not VerifyState.DELETED:
            self.days[result.day] = self.days.get(result.day, True) and not result.state.is_fault


class Verifier:
    """Compares days of series, and keeps what came out."""

    def __init__(self, lake: ObjectStore, warehouse: Warehouse, clock: Clock) -> None:
        self._rebuilder = Rebuilder(lake, warehouse)
        self._warehouse = warehouse
        self._clock = clock

    def verify(self, days: Iterable[SeriesDay]) -> VerifyReport:
        """Compare these days; *days* may raise to end it between two."""
        report = VerifyReport()
        for one in days:
            part = self._rebuilder.read(one.series, one.window)
            if not (part.held.candles or part.held.rollups or part.held.objects):
                continue
            findings = list_findings(part)
            result = self._describe(part, findings)
            self._warehouse.run(partial(save_result, result=result))
            report.add(one.series.key, result, findings)
        return report

    def _describe(self, part: Part, findings: list[Finding]) -> VerifyResult:
        order = list(VerifyState)
        return VerifyResult(
            series_id=part.series.id,
            day=_day_of(part.window),
            state=min((finding.state for finding in findings), key=order.index, default=VerifyState.SAME),
            candles=len(part.held.candles),
            digest=digest(part.held.candles.values(), part.keys),
            detail="\n".join(finding.what for finding in findings),
            verified_ms=self._clock.now_ms(),
        )


def list_findings(part: Part) -> list[Finding]:
    """List what is wrong with a day: objects first, then candles, then rollups."""
    day, series = _day_of(part.window), part.series.key
    found = [
        Finding(series, day, _STATES[lost.loss], lost.reason)
        for _, lost in sorted({lost.key: lost for lost in part.rebuilt.lost.values()}.items())
    ]
    truth, differences = part.held.candles, []
    if part.rebuilt.lost or not _is_same(part):
        compared = compare_candles(part)
        truth, differences = compared.truth, compared.differences
    if series.interval is Interval.M1:
        differences += compare_rollups(part, truth)
    found += [Finding(series, day, VerifyState.DIFFERS, str(one)) for one in differences[:_TOLD_A_DAY]]
    if len(differences) > _TOLD_A_DAY:
        more = f"and {len(differences) - _TOLD_A_DAY:,} more of this day"
        found.append(Finding(series, day, VerifyState.DIFFERS, more))
    return found


def _is_same(part: Part) -> bool:
    """Whether both sides have one digest: then nothing needs to be looked at candle by candle."""
    ours, theirs = (side.candles.values() for side in (part.held, part.rebuilt))
    return digest(ours, part.keys) == digest(theirs, part.keys)


def _day_of(window: Window) -> date:
    return utc_from_ms(window.start_ms - window.start_ms % DAY_MS).date()
