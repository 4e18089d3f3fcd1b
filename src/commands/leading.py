"""Leading while a command works on the stores itself, without runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from src.commands.common import fail
from src.errors import CandlehouseError

if TYPE_CHECKING:
    from src.jobs.leadership import Leadership


@contextmanager
def leading(leadership: Leadership) -> Iterator[None]:
    """Hold the lease, or say who has it and exit with 1; Ctrl-C ends work that can be gone on with."""
    from src.jobs.holder import describe_holder

    if not leadership.try_acquire():
        leader = leadership.find_leader()
        who = describe_holder(leader.holder) if leader else "another process"
        fail(f"{who} works with these stores: stop it (./candlehouse up, scheduler.py), then try again", 1)
    try:
        yield
    except KeyboardInterrupt:
        raise CandlehouseError("stopped. What is done stays done: the same command does the rest") from None
    finally:
        leadership.resign()
