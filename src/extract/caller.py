"""How an exchange is called: host after host, each time within the budget, under its breaker, and again
where that may help. What an answer means is for the exchange's own code to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from src.clock import Clock
from src.errors import SourceError, Stopped
from src.extract.breaker import SourceDown
from src.extract.budget import Budget
from src.extract.hosts import Hosts
from src.extract.http import HttpAnswer, HttpClient
from src.extract.reserving import Reservation
from src.extract.retry import call_with_retry

T = TypeVar("T")


class Caller:
    """Makes the calls of one exchange; one instance serves all threads.

    A call that goes down is tried at each host, and then, with growing waits, *attempts* - 1 times more.
    """

    def __init__(
        self, hosts: Hosts, http: HttpClient, budget: Budget, clock: Clock, attempts: int = 4
    ) -> None:
        self._hosts = hosts
        self._http = http
        self._budget = budget
        self._clock = clock
        self._attempts = attempts

    def call(
        self,
        path: str,
        params: Mapping[str, str | int],
        weight: int,
        read: Callable[[HttpAnswer, Reservation], T],
    ) -> T:
        """Ask until *read* accepts an answer; it raises SourceDown for what is not the exchange's own.

        A call that goes down counts once for the breaker, and only when it is given up: what another host
        or a later attempt mends was a hiccup.
        """
        attempts = _Attempts(self._hosts, self._http, self._budget)
        try:
            return call_with_retry(
                lambda: attempts.make(path, params, weight, read),
                self._clock,
                self._attempts,
                len(self._hosts),
            )
        except SourceDown as error:
            self._budget.failed(str(error))
            raise
        except Stopped:
            attempts.abandon()
            raise


class _Attempts:
    """The attempts of one call: where the next one goes, and whether they are the breaker's probe."""

    def __init__(self, hosts: Hosts, http: HttpClient, budget: Budget) -> None:
        self._walk = hosts.walk()
        self._http = http
        self._budget = budget
        self._is_probe = False

    def make(
        self,
        path: str,
        params: Mapping[str, str | int],
        weight: int,
        read: Callable[[HttpAnswer, Reservation], T],
    ) -> T:
        call = self._http.prepare(self._walk.next_url() + path, params)
        reservation = self._budget.acquire(weight, is_probe=self._is_probe)
        self._is_probe = reservation.is_probe
        try:
            result = read(self._http.send(call), reservation)
        except SourceDown as error:
            if self._is_probe and self._walk.is_round:
                self._budget.failed(str(error))  # a probe asks each host but once
            raise
        except SourceError:
            self._answered()  # a refusal is an answer, too
            raise
        self._answered()
        return result

    def abandon(self) -> None:
        """Let another call find out what this one was to."""
        if self._is_probe:
            self._budget.abandoned()

    def _answered(self) -> None:
        self._walk.answered()
        self._budget.answered()
