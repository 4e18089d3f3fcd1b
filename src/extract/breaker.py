"""When an exchange as a whole seems ill it is left alone for a while, and then asked by one call.

Pure rules over the budget's row, where the state is kept for all processes. Only SourceDown counts: a block
has rules of its own, and what an exchange refuses or answers wrongly shows that it is there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from src.errors import SourceTransient
from src.warehouse.budgets import CLOSED, HALF_OPEN, OPEN, BudgetRow

# Longer than one request can take: until then a probe that has not reported may still be on its way.
_PROBE_MS = 45_000


class SourceDown(SourceTransient):
    """Nothing that is the exchange's own came back: a timeout, a broken connection, a 5xx, a page of HTML."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """Opens after that many *failures* in a row; after a rest each one probe is let through."""

    failures: int = 5
    rest_ms: int = 60_000

    def rests_until_ms(self, row: BudgetRow, now_ms: int) -> int | None:
        """Return until when nobody (but a probe under way) may call; None when one may."""
        if row.breaker_state == CLOSED or row.breaker_opened_at_ms is None:
            return None
        rest_ms = self.rest_ms if row.breaker_state == OPEN else max(self.rest_ms, _PROBE_MS)
        # A time far ahead was written under a wrong clock.
        is_over = abs(now_ms - row.breaker_opened_at_ms) >= rest_ms
        return None if is_over else row.breaker_opened_at_ms + rest_ms

    def after_admission(self, row: BudgetRow, now_ms: int) -> BudgetRow:
        """Return the row once a call was let through: unless all is well, that call is the probe."""
        if row.breaker_state == CLOSED:
            return row
        return replace(row, breaker_state=HALF_OPEN, breaker_opened_at_ms=now_ms)

    def after_failure(self, row: BudgetRow, now_ms: int) -> BudgetRow:
        """Return the row after a call that went down; one sent before it opened does not prolong the rest."""
        if row.breaker_state == OPEN:
            return row
        failures = row.breaker_failures + 1
        if row.breaker_state == CLOSED and failures < self.failures:
            return replace(row, breaker_failures=failures)
        return replace(row, breaker_state=OPEN, breaker_failures=failures, breaker_opened_at_ms=now_ms)

    def after_desertion(self, row: BudgetRow, now_ms: int) -> BudgetRow:
        """Return the row after the probe was abandoned: the next call is one, without another rest."""
        if row.breaker_state != HALF_OPEN:
            return row
        return replace(row, breaker_state=OPEN, breaker_opened_at_ms=now_ms - self.rest_ms)


def after_answer(row: BudgetRow) -> BudgetRow:
    """Return the row after any answer of the exchange itself, whoever got it: it is well."""
    return replace(row, breaker_state=CLOSED, breaker_failures=0, breaker_opened_at_ms=None)


def is_well(row: BudgetRow) -> bool:
    """Whether an answer would change nothing."""
    return row.breaker_state == CLOSED and row.breaker_failures == 0
