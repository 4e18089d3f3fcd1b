"""Waiting until an exchange may be asked again, however long: what a run does where a cycle would give up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from src.clock import Clock
from src.domain import DAY_MS, utc_from_ms
from src.errors import SourceBlocked, SourceResting

T = TypeVar("T")

# Blocks end by the machine's clock, which may be set while we wait: look at it again now and then.
_LOOK_S = 60.0
# Where the time is over already by the time we hear of it, the next call still is not the very next moment.
_LEAST_S = 0.25


def wait_out(
    call: Callable[[], T],
    clock: Clock,
    on_wait: Callable[[str | None], None],
    before_ms: int | None = None,
) -> T:
    """Call until the exchange neither blocks nor rests, sleeping as long as it does.

    *on_wait* is told what is waited for, in words for people, and None when that is over. Stopped ends it.
    What does not end *before_ms*, by our clock, is not waited for but raised.
    """
    while True:
        try:
            return call()
        except (SourceBlocked, SourceResting) as error:
            if before_ms is not None and error.until_ms >= before_ms:
                raise
            on_wait(_describe(error, clock.now_ms()))
            try:
                _sleep_until(error.until_ms, clock)
            finally:
                on_wait(None)


def _sleep_until(until_ms: int, clock: Clock) -> None:
    clock.sleep(_LEAST_S)
    while (left_s := (until_ms - clock.now_ms()) / 1000) > 0:
        clock.sleep(min(left_s, _LOOK_S))


def _describe(error: SourceBlocked | SourceResting, now_ms: int) -> str:
    until = _format_moment(error.until_ms, now_ms)
    if isinstance(error, SourceBlocked):
        return f"{error.exchange} asked us to wait until {until} ({error.reason})"
    return f"{error.exchange} seems down and is left alone until {until} ({error.reason})"


def _format_moment(time_ms: int, now_ms: int) -> str:
    """Return the time of day, with its date unless that is today."""
    is_today = time_ms // DAY_MS == now_ms // DAY_MS
    return f"{utc_from_ms(time_ms):{'%H:%M:%S' if is_today else '%Y-%m-%d %H:%M:%S'}} UTC"
