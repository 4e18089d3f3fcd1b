"""For whom this thread asks: the lane that its requests' weight is counted in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from src.domain import Lane

_present: ContextVar[Lane] = ContextVar("lane", default=Lane.LIVE)


@contextmanager
def in_lane(lane: Lane) -> Iterator[None]:
    """Let this thread ask for *lane* while the block lasts."""
    token = _present.set(lane)
    try:
        yield
    finally:
        _present.reset(token)


def current_lane() -> Lane:
    """Return the lane that this thread asks for: live, unless it said otherwise."""
    return _present.get()
