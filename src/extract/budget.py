"""How much this address may ask of one exchange, and when it may not ask at all.

One row of the warehouse is shared by all threads and processes on an address (``CANDLEHOUSE_EGRESS``): each
request reserves its weight there before it is sent, for a lane, and a 429 or 418, or that the exchange seems
ill as a whole, is written there for all to respect, restarts included. The exchange's own count is followed,
so that other programs on the address are seen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog
from sqlalchemy import Connection

from src.clock import Clock
from src.domain import Lane, format_utc
from src.errors import SourceBlocked, SourceResting, StoreUnavailable
from src.extract.breaker import Breaker, after_answer, is_well
from src.extract.lanes import current_lane
from src.extract.reserving import Moment, Plan, Reservation, Rules
from src.fair_lock import FairLock
from src.warehouse.budgets import CLOSED, HALF_OPEN, OPEN, BudgetRow, in_turn, lock_budget, save_budget
from src.warehouse.engine import Warehouse

# A minute's weight until the exchange has said it: the lowest that Binance ever had.
ASSUMED_LIMIT = 1200
# Counted from the answer's arrival, so it is late already; this is for the exchange's own rounding.
_BLOCK_MARGIN_MS = 250
# While a probe is under way the others wait a little for what it finds: a depth snapshot that is not taken
# now can never be fetched again.
_PROBE_PATIENCE_MS = 5_000
# Shorter waits for a floor to melt are how a busy lane is paced; nobody wants to read of each.
_WORTH_TELLING_MS = 1_000

_DEFAULT_BREAKER = Breaker()

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Block:
    until_ms: int
    reason: str


class Budget:
    """The budget of one exchange and address, for all threads of this process.

    *share* is the part of the exchange's limit that we allow ourselves. *assumed_limit* stands in until
    the exchange's own is known. *on_block* hears of each block.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        exchange: str,
        egress: str,
        share: float,
        clock: Clock,
        assumed_limit: int = ASSUMED_LIMIT,
        breaker: Breaker = _DEFAULT_BREAKER,
        on_block: Callable[[str, int, str], None] = lambda _exchange, _until_ms, _reason: None,
    ) -> None:
        self._on_block = on_block
        self._warehouse = warehouse
        self._exchange = exchange
        self._egress = egress
        self._clock = clock
        self._rules = Rules(exchange, share, assumed_limit, breaker)
        self._exchange_now_ms: Callable[[], int] = clock.now_ms
        self._last_failure = ""
        # Threads take turns at the row, else they would fight each other for the database's lock. Fair
        # ones: news of a block takes a turn or two, in which no thread should get to call twice.
        self._turn = FairLock()
        self._saving = threading.Lock()
        # Guards what follows. A block is known here at once, before the database hears of it.
        self._memory = threading.Lock()
        self._block = _Block(0, "")
        self._block_is_saved = True
        self._seen = Reservation(0, 0)
        self._live = Reservation(0, 0)
        self._row: BudgetRow | None = None

    def follow_clock(self, exchange_now_ms: Callable[[], int]) -> None:
        """Count minutes by that clock: the exchange's, never ahead of the truth."""
        self._exchange_now_ms = exchange_now_ms

    def acquire(self, weight: int, *, is_probe: bool = False) -> Reservation:
        """Reserve *weight* for the present lane, waiting until it fits: into this minute or the next.

        Call it before every single request, and send the request right after it. Raises SourceBlocked
        at once during a block, SourceResting while the breaker is open, and SourcePermanent for a weight
        that no minute could ever take. *is_probe*: the call's last reservation was the probe.
        """
        patient_until_ms, lane = self._clock.steady_ms() + _PROBE_PATIENCE_MS, current_lane()
        while True:
            self._raise_if_blocked()
            with self._turn:
                self._raise_if_blocked()
                plan = self._reserve(weight, lane, is_probe)
            # While this thread waited for the database, another may have been told to stop.
            self._raise_if_blocked()
            if plan.rests_until_ms is not None:
                is_probed = plan.row.breaker_state == HALF_OPEN
                if not is_probed or self._clock.steady_ms() >= patient_until_ms:
                    raise self._resting(plan.row.breaker_failures, plan.rests_until_ms)
            elif plan.wait_ms == 0:
                assert plan.row.minute_start_ms is not None
                return Reservation(weight, plan.row.minute_start_ms, plan.row.breaker_state == HALF_OPEN)
            elif plan.wait_ms >= _WORTH_TELLING_MS:
                wait_s = plan.wait_ms / 1000
                _log.info(
                    "budget used up", exchange=self._exchange, lane=lane.value, weight=weight, wait_s=wait_s
                )
            self._clock.sleep(plan.wait_ms / 1000)

    def answered(self) -> None:
        """Take in that the exchange answered: the breaker closes, and failures are no longer in a row."""
        if self._row is not None and not is_well(self._row):
            self._change_breaker(after_answer)

    def failed(self, reason: str) -> None:
        """Take in that a call, or the probe, went down for *reason*; it may open the breaker."""
        self._last_failure = reason.removeprefix(f"{self._exchange}: ")
        self._change_breaker(lambda row: self._rules.breaker.after_failure(row, self._clock.now_ms()))

    def abandoned(self) -> None:
        """Take in that nobody will hear how the probe went: the next call is one."""
        try:
            self._change(lambda row: self._rules.breaker.after_desertion(row, self._clock.now_ms()))
        except StoreUnavailable as error:
            _log.debug("probe left open", exchange=self._exchange, error=str(error))

    def observe(self, reservation: Reservation, used_weight: int) -> None:
        """Take in the exchange's own count, answered to the request that *reservation* was for.

        It counts only for the minute of the reservation: an answer that comes late says nothing about
        the minute that began meanwhile.
        """
        seen = Reservation(used_weight, reservation.minute_start_ms)
        with self._memory:
            if (seen.minute_start_ms, seen.weight) > (self._seen.minute_start_ms, self._seen.weight):
                self._seen = seen

    def block(self, until_ms: int, reason: str) -> int:
        """Stop all calls of all processes until then (our clock) and a moment longer; return when that ends.

        A block is only ever extended.
        """
        until_ms += _BLOCK_MARGIN_MS
        with self._memory:
            if until_ms <= self._block.until_ms:
                return self._block.until_ms
            self._block, self._block_is_saved = _Block(until_ms, reason), False
        _log.warning("blocked", exchange=self._exchange, until=format_utc(until_ms), reason=reason)
        self._save_block(wait=True)
        self._on_block(self._exchange, until_ms, reason)
        return until_ms

    def set_share(self, share: float) -> None:
        """Allow ourselves another part of the exchange's limit from now on."""
        self._rules = replace(self._rules, share=share)

    def set_breaker(self, breaker: Breaker) -> None:
        """Judge failures by another breaker from now on; what they came to so far stays."""
        self._rules = replace(self._rules, breaker=breaker)

    def set_limit(self, weight_limit: int) -> None:
        """Remember the exchange's limit a minute, as it states it."""
        if self._row is None or self._row.weight_limit != weight_limit:
            self._change(lambda row: replace(row, weight_limit=weight_limit))

    def _raise_if_blocked(self) -> None:
        block = self._block
        if block.until_ms <= self._clock.now_ms():
            return
        if not self._block_is_saved:
            self._save_block(wait=False)
        raise SourceBlocked(self._exchange, block.until_ms, block.reason)

    def _save_block(self, *, wait: bool) -> None:
        """Tell the other processes; when the warehouse is down, the next call tries again."""
        if not self._saving.acquire(blocking=wait):
            return
        try:
            if not self._block_is_saved:
                self._change(lambda row: row)
        except StoreUnavailable as error:
            _log.warning("block not stored yet", exchange=self._exchange, error=str(error))
        finally:
            self._saving.release()

    def _resting(self, failures: int, until_ms: int) -> SourceResting:
        last = f", the last: {self._last_failure}" if self._last_failure else ""
        return SourceResting(self._exchange, until_ms, f"{failures} calls failed in a row{last}")

    def _change_breaker(self, change: Callable[[BudgetRow], BudgetRow]) -> None:
        """Change the shared row and log a new state; while the warehouse is down, what this process knows."""
        states = [CLOSED, CLOSED]

        def noted(row: BudgetRow) -> BudgetRow:
            changed = change(row)
            states[:] = row.breaker_state, changed.breaker_state
            return changed

        try:
            self._change(noted)
        except StoreUnavailable:
            with self._turn:
                if self._row is not None:
                    self._row = noted(self._row)
        self._log_breaker(*states)

    def _log_breaker(self, before: str, after: str) -> None:
        if before == after:
            return
        if after == OPEN:
            rest_s = self._rules.breaker.rest_ms / 1000
            _log.warning(
                "exchange rests", exchange=self._exchange, seconds=rest_s, last_failure=self._last_failure
            )
        else:
            _log.info("exchange works again", exchange=self._exchange)

    def _change(self, change: Callable[[BudgetRow], BudgetRow]) -> None:
        """Write down what the exchange told us; unguarded, since it is true whoever heard it.

        Reservations are guarded: who may not write any more has no business asking the exchange either.
        """

        def work(connection: Connection) -> BudgetRow:
            row = lock_budget(connection, self._exchange, self._egress)
            changed = change(self._with_block(row))
            save_budget(connection, self._exchange, self._egress, changed)
            return changed

        with in_turn(self._warehouse):
            row = self._warehouse.run(work, guarded=False)
        self._learn(row)

    def _reserve(self, weight: int, lane: Lane, is_probe: bool) -> Plan:
        """Reserve in the row, or say how long to wait for that."""
        row = self._row
        wait_ms = self._rules.known_wait_ms(row, weight, lane, self._moment())
        if row is not None and wait_ms:
            return Plan(row, wait_ms)

        def work(connection: Connection) -> Plan:
            row = lock_budget(connection, self._exchange, self._egress)
            plan = self._plan(row, weight, lane, is_probe)
            save_budget(connection, self._exchange, self._egress, plan.row)
            return plan

        try:
            with in_turn(self._warehouse):
                plan = self._warehouse.run(work)
            self._learn(plan.row)
        except StoreUnavailable:
            # Depth cannot be fetched later, so who has read the row once goes on from memory. Who never
            # has might be banned without knowing, and must not call.
            if self._row is None:
                raise
            plan = self._plan(self._row, weight, lane, is_probe)
            self._row = plan.row
        if plan.wait_ms == 0 and lane is Lane.LIVE:
            minute_start_ms = plan.row.minute_start_ms or 0
            self._live = Reservation(self._live.in_minute(minute_start_ms) + weight, minute_start_ms)
        if plan.begins_probe:
            _log.info("exchange tried again", exchange=self._exchange)
        return plan

    def _plan(self, row: BudgetRow, weight: int, lane: Lane, is_probe: bool) -> Plan:
        return self._rules.plan(self._with_block(row), weight, lane, self._moment(), is_probe=is_probe)

    def _moment(self) -> Moment:
        return Moment(self._clock.now_ms(), self._exchange_now_ms(), self._seen, self._live)

    def _with_block(self, row: BudgetRow) -> BudgetRow:
        with self._memory:
            block = self._block
        if block.until_ms <= (row.blocked_until_ms or 0):
            return row
        return replace(row, blocked_until_ms=block.until_ms, block_reason=block.reason)

    def _learn(self, row: BudgetRow) -> None:
        """Keep what the row said, for the moment when nobody can be asked."""
        with self._memory:
            self._row = row
            until_ms = row.blocked_until_ms or 0
            if until_ms > self._block.until_ms:
                self._block = _Block(until_ms, row.block_reason or "no reason given")
            self._block_is_saved = self._block_is_saved or until_ms >= self._block.until_ms
