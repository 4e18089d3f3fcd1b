"""What a reservation of weight makes of the budget's row: room now, a wait, or a refusal. Pure rules."""

from __future__ import annotations

from dataclasses import dataclass, replace

from src.domain import MINUTE_MS, Lane
from src.errors import SourcePermanent
from src.extract.breaker import Breaker
from src.extract.minutes import MinuteUse, in_minute, with_weight
from src.warehouse.budgets import CLOSED, HALF_OPEN, OPEN, BudgetRow

# After the turn of a minute, by the exchange's clock as we know it at the least.
_TURN_MARGIN_MS = 50
_PROBE_POLL_MS = 250


@dataclass(frozen=True, slots=True)
class Reservation:
    """Weight set aside in one minute of the exchange; it is never given back.

    A *probe* is the one request that finds out whether the exchange works again.
    """

    weight: int
    minute_start_ms: int
    is_probe: bool = False

    def in_minute(self, minute_start_ms: int) -> int:
        """Return its weight, 0 where it is of another minute."""
        return self.weight if self.minute_start_ms == minute_start_ms else 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a reservation makes of the row; nothing is reserved where there is a wait."""

    row: BudgetRow
    wait_ms: int = 0
    rests_until_ms: int | None = None
    begins_probe: bool = False


@dataclass(frozen=True, slots=True)
class Moment:
    """When it is, by our clock and the exchange's, and what this process alone knows of the minute.

    *seen* is the exchange's own count, *live* what was asked for live here: the row cannot say that, its rest
    may be another program's.
    """

    now_ms: int
    exchange_now_ms: int
    seen: Reservation
    live: Reservation


@dataclass(frozen=True, slots=True)
class Rules:
    """*share* is our part of the exchange's limit; *assumed_limit* stands in until that is known."""

    exchange: str
    share: float
    assumed_limit: int
    breaker: Breaker

    def plan(self, row: BudgetRow, weight: int, lane: Lane, moment: Moment, *, is_probe: bool) -> Plan:
        """Reserve *weight* in *row*, or say how long to wait; SourcePermanent for what no minute takes."""
        if (row.blocked_until_ms or 0) > moment.now_ms:
            return Plan(row, wait_ms=1)  # Nothing is reserved; the caller learns of the block and raises.
        goes_on_probing = is_probe and row.breaker_state == HALF_OPEN
        rests_until_ms = None if goes_on_probing else self.breaker.rests_until_ms(row, moment.now_ms)
        if rests_until_ms is not None:
            return Plan(row, _PROBE_POLL_MS, rests_until_ms)
        row = _in_present_minute(row, moment)
        # A guessed limit must not keep us from ever asking for the real one.
        if row.weight_limit is not None or row.used_weight > 0:
            self._refuse_too_heavy(row, weight)
            if wait_ms := self._wait_ms(row, weight, lane, moment):
                return Plan(row, wait_ms)
        admitted = self.breaker.after_admission(row, moment.now_ms)
        return Plan(with_weight(admitted, weight, lane), begins_probe=row.breaker_state == OPEN)

    def known_wait_ms(self, row: BudgetRow | None, weight: int, lane: Lane, moment: Moment) -> int:
        """Return for how long there is no need to look at the row, by what it said last; 0 for look.

        A minute's use only grows. So threads that wait for a floor to melt, each woken for the same moment,
        do not all lock the row to find that one of them was faster.
        """
        if row is None or row.weight_limit is None or row.breaker_state != CLOSED:
            return 0
        if weight > self._allowed(row):
            return 0
        return self._wait_ms(_in_present_minute(row, moment), weight, lane, moment)

    def _allowed(self, row: BudgetRow) -> int:
        return int((row.weight_limit or self.assumed_limit) * self.share)

    def _refuse_too_heavy(self, row: BudgetRow, weight: int) -> None:
        allowed = self._allowed(row)
        if weight > allowed:
            raise SourcePermanent(
                self.exchange,
                f"a request of weight {weight} exceeds our whole share of {allowed} a minute "
                f"({self.share:g} of {row.weight_limit or self.assumed_limit}): raise "
                "CANDLEHOUSE_BUDGET_SHARE or ask for less at once (depth weighs more from 101 levels on)",
            )

    def _wait_ms(self, row: BudgetRow, weight: int, lane: Lane, moment: Moment) -> int:
        """Return how long until *weight* may fit into the row's minute, or the next one begins."""
        assert row.minute_start_ms is not None
        elapsed_ms = moment.exchange_now_ms - row.minute_start_ms
        live = moment.live.in_minute(row.minute_start_ms)
        spent = {Lane.LIVE: live, Lane.REPAIR: row.repair_weight, Lane.HISTORY: row.history_weight}
        use = MinuteUse(self._allowed(row), row.used_weight, spent)
        wait_ms = use.find_wait_ms(lane, weight, elapsed_ms)
        if wait_ms is None:
            return min(max(0, MINUTE_MS - elapsed_ms), MINUTE_MS) + _TURN_MARGIN_MS
        return min(wait_ms, MINUTE_MS)


def _in_present_minute(row: BudgetRow, moment: Moment) -> BudgetRow:
    row = in_minute(row, moment.exchange_now_ms)
    if row.minute_start_ms == moment.seen.minute_start_ms:
        return replace(row, used_weight=max(row.used_weight, moment.seen.weight))
    return row
