"""Room on a disk: what can be fetched later waits for it, so that live fetching has what is left."""

from __future__ import annotations

from collections.abc import Callable

from src.clock import Clock
from src.domain import Lane
from src.errors import NoRoom

# Says why there is no room, None when there is.
Obstacle = Callable[[], str | None]

_LOOK_S = 5.0


def no_obstacle() -> str | None:
    return None


def wait_for_room(
    obstacle: Obstacle, lane: Lane, clock: Clock, on_wait: Callable[[str | None], None] | None
) -> None:
    """Sleep while there is an obstacle to history; *on_wait* is told of it, and None when it is gone.

    Repairs raise NoRoom instead, as does what tells nobody: the places of their lane are those of the runs
    that make room. Stopped ends the wait.
    """
    if (told := obstacle()) is None:
        return
    if on_wait is None or lane is not Lane.HISTORY:
        raise NoRoom(told)
    try:
        while told is not None:
            on_wait(told)
            clock.sleep(_LOOK_S)
            told = obstacle()
    finally:
        on_wait(None)
