"""Second chances for what is transient, and only for that.

A permanent refusal is never repeated. A block (429, 418), a rest or a firewall's refusal leaves at once as
well: knocking on makes them longer. A cycle leaves it to a later one, a run waits (``src.extract.patience``).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from src.clock import Clock
from src.errors import SourceBlocked, SourceResting, SourceTransient
from src.extract.breaker import SourceDown

T = TypeVar("T")

_LONGEST_WAIT_S = 15.0

_log = structlog.get_logger()


class FirewallRefused(SourceDown):
    """The exchange's firewall (or a proxy on the way) answered instead of the exchange."""


def call_with_retry(call: Callable[[], T], clock: Clock, attempts: int = 4, hosts: int = 1) -> T:
    """Call until it succeeds, at most *attempts* times, waiting up to 1, 2, 4 … 15 s at random between.

    The first attempt asks as many *hosts* one right after the other, since another host needs no patience.
    Waits end with Stopped when this work is asked to stop. The last error is raised as it is.
    """

    def wait_s(state: RetryCallState) -> float:
        rounds = state.attempt_number - hosts
        return 0.0 if rounds < 0 else random.uniform(0, min(2.0**rounds, _LONGEST_WAIT_S))

    def sleep(seconds: float) -> None:
        if seconds:
            clock.sleep(seconds)

    retrying = Retrying(
        retry=retry_if_exception(is_worth_repeating),
        wait=wait_s,
        stop=stop_after_attempt(hosts + attempts - 1),
        sleep=sleep,
        before_sleep=_log_attempt,
        reraise=True,
    )
    return retrying(call)


def is_worth_repeating(error: BaseException) -> bool:
    """Whether the same call may succeed within seconds."""
    leaves_at_once = SourceBlocked | SourceResting | FirewallRefused
    return isinstance(error, SourceTransient) and not isinstance(error, leaves_at_once)


def _log_attempt(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    wait_s = state.next_action.sleep if state.next_action else 0.0
    _log.warning(
        "will retry",
        exchange=getattr(error, "exchange", None),
        error=str(error),
        attempt=state.attempt_number,
        wait_s=round(wait_s, 2),
    )
