"""Leadership: of all processes that share a warehouse one executes runs, by a lease that it renews.

While it leads, every write transaction of its warehouse ends with a look at the lease's token. A leader that
was frozen and finds another token cannot write, until it leads again or resigns.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from src.clock import Clock
from src.errors import CandlehouseError, LeadershipLost, StoreUnavailable
from src.jobs.holder import describe_holder, is_dead, name_holder
from src.warehouse.database_errors import is_repeatable
from src.warehouse.engine import Warehouse
from src.warehouse.leases import Lease, acquire, check_token, find_lease, release, renew

log = structlog.get_logger()

LEADER = "leader"

# A lease outlives the sessions of a holder that froze, which the server ends after 15 s of silence (see the
# warehouse's engine), even when it was due to be renewed just then. Whoever stands by leads 21 s after the
# leader's death at the latest; after a second where it can see that the leader is dead.
_TTL_S = 20.0
TTL_MS = round(1000 * _TTL_S)
_RENEW_S = 3.0
_POLL_S = 1.0
# With a renewal under way when we resign: its database may not answer.
_PATIENCE_S = 5.0


@dataclass(eq=False, slots=True)
class _Term:
    """A lease in our hands, from when it is taken until it is lost or given back."""

    lease: Lease
    thread: threading.Thread | None = None
    awake: threading.Event = field(default_factory=threading.Event)
    is_over: bool = False


class Leadership:
    """Takes the lease of who leads and keeps it.

    *on_lost* is called, by the thread that renews, once another process has taken the lease.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        clock: Clock,
        holder: str | None = None,
        ttl_s: float = _TTL_S,
        *,
        renew_s: float = _RENEW_S,
        poll_s: float = _POLL_S,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        self.holder = holder or name_holder()
        self._warehouse = warehouse
        self._clock = clock
        self._ttl_s = ttl_s
        self._renew_s = renew_s
        self._poll_s = poll_s
        self.on_lost = on_lost
        self._term: _Term | None = None

    @property
    def is_leading(self) -> bool:
        """Whether this process leads as far as it has heard; what is written asks the warehouse itself."""
        return self._term is not None and not self._term.is_over

    def find_leader(self) -> Lease | None:
        """Return the lease of whoever leads, maybe this process; None when nobody does."""
        found = self._find()
        return found if found and not found.is_expired and not is_dead(found.holder) else None

    def try_acquire(self) -> bool:
        """Lead if nobody does; return whether this process leads now.

        Commands lead for as long as they work, and have other things to tell.
        """
        return self._try_acquire(log.debug)

    def _try_acquire(self, tell: Callable[..., Any]) -> bool:
        if self.is_leading:
            return True
        found = self._find()
        dead = found.holder if found and is_dead(found.holder) else None
        if found and not found.is_expired and dead is None:
            return False
        lease = self._acquire(dead)
        if lease:
            self._begin(lease)
            former = describe_holder(found.holder) if found and found.holder else None
            tell("leading", token=lease.token, before=former)
        return lease is not None

    def wait_until_leading(self) -> None:
        """Stand by until the lease is free, and take it; Stopped when the process is to end first."""
        told = None
        while obstacle := self._try_or_say_why_not():
            if obstacle != told:
                log.info("standing by", behind=obstacle)
                told = obstacle
            self._clock.sleep(self._poll_s)

    def resign(self) -> None:
        """Let another process lead at once. Call it when nothing of this one writes any more."""
        term, self._term = self._term, None
        if term is None:
            return
        self._end(term)
        self._warehouse.guard = None
        try:
            self._warehouse.run(lambda connection: release(connection, term.lease), guarded=False)
        except (StoreUnavailable, DBAPIError) as error:
            log.info("lease not given back, it expires by itself", error=str(error))

    def _find(self) -> Lease | None:
        with self._warehouse.read() as connection:
            return find_lease(connection, LEADER)

    def _acquire(self, dead_holder: str | None) -> Lease | None:
        try:
            with self._warehouse.write(guarded=False) as connection:
                return acquire(connection, LEADER, self.holder, self._ttl_s, dead_holder)
        except DBAPIError as error:
            # Somebody is taking it this moment, or was frozen while writing.
            if is_repeatable(error):
                return None
            raise

    def _try_or_say_why_not(self) -> str | None:
        try:
            if self._try_acquire(log.info):
                return None
            leader = self.find_leader()
            return describe_holder(leader.holder) if leader else "whoever is taking the lease"
        except StoreUnavailable as error:
            return str(error)

    def _begin(self, lease: Lease) -> None:
        term = self._term = _Term(lease)
        self._warehouse.guard = lambda: partial(_check, term)
        term.thread = threading.Thread(target=self._keep, args=(term,), name="lease", daemon=True)
        term.thread.start()

    def _end(self, term: _Term) -> None:
        term.is_over = True
        term.awake.set()
        if term.thread and term.thread is not threading.current_thread():
            term.thread.join(_PATIENCE_S)

    def _keep(self, term: _Term) -> None:
        """Renew until the term is over; a warehouse that is away is waited for."""
        problem = None
        while not term.is_over:
            term.awake.wait(self._renew_s)
            term.awake.clear()
            if not term.is_over:
                before, problem = problem, self._renew(term)
                _tell(before, problem)

    def _renew(self, term: _Term) -> str | None:
        """Renew, or end the term that was lost; return why neither is possible now."""
        try:
            self._warehouse.keep_alive()
            is_ours = self._warehouse.run(
                lambda connection: renew(connection, term.lease, self._ttl_s), guarded=False
            )
        except (CandlehouseError, DBAPIError) as error:
            return str(error)
        if not is_ours:
            self._lose(term)
        return None

    def _lose(self, term: _Term) -> None:
        term.is_over = True
        log.error("leadership lost", token=term.lease.token)
        self.on_lost()


def _check(term: _Term, connection: Connection) -> None:
    try:
        check_token(connection, LEADER, term.lease.token)
    except LeadershipLost:
        term.awake.set()  # the thread that renews looks now, and tells
        raise


def _tell(before: str | None, problem: str | None) -> None:
    if problem and not before:
        log.warning("lease not renewed", error=problem)
    elif before and not problem:
        log.info("lease renewed again")
