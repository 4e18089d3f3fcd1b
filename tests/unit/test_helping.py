"""Work shared with helping threads: each item once, as who asked for it, and the first error ends it."""

from __future__ import annotations

import threading
from contextvars import ContextVar

import pytest

from src.errors import Stopped
from src.extract.helping import Helpers

_who: ContextVar[str] = ContextVar("who", default="nobody")
_PATIENCE_S = 20


class Meeting:
    """Work that goes on when *guests* threads are at it at once."""

    def __init__(self, guests: int) -> None:
        self._barrier = threading.Barrier(guests)
        self.threads: set[int] = set()

    def __call__(self, _: object) -> None:
        self.threads.add(threading.get_ident())
        self._barrier.wait(_PATIENCE_S)


@pytest.mark.parametrize("most", [0, 1, 3])
def test_each_item_is_done_once(most: int) -> None:
    done: list[int] = []
    Helpers(most).share(done.append, range(100))
    assert sorted(done) == list(range(100))


def test_without_helpers_items_are_done_in_order_by_this_thread() -> None:
    done: list[tuple[int, int]] = []
    Helpers().share(lambda item: done.append((item, threading.get_ident())), range(5))
    assert done == [(item, threading.get_ident()) for item in range(5)]


def test_nothing_to_do_is_done_at_once() -> None:
    Helpers(1).share(pytest.fail, [])


def test_all_work_at_once_and_one_item_takes_no_helper() -> None:
    meeting, alone = Meeting(3), Meeting(1)
    helpers = Helpers(2)
    helpers.share(meeting, range(3))
    assert len(meeting.threads) == 3
    helpers.share(alone, range(1))
    assert alone.threads == {threading.get_ident()}


def test_helpers_are_shared_by_all_and_free_again_afterwards() -> None:
    helpers, inner = Helpers(1), Meeting(1)

    def share_more(_: int) -> None:
        """Both threads are busy here, so whoever wants help now works alone."""
        meeting(None)
        helpers.share(inner, range(2))
        meeting(None)

    meeting = Meeting(2)
    helpers.share(share_more, range(2))
    assert inner.threads == meeting.threads
    again = Meeting(2)
    helpers.share(again, range(2))
    assert len(again.threads) == 2


def test_helpers_work_in_the_name_of_who_they_help() -> None:
    seen: list[str] = []
    meeting = Meeting(2)

    def look(item: int) -> None:
        meeting(item)
        seen.append(_who.get())

    token = _who.set("a run")
    try:
        Helpers(1).share(look, range(2))
    finally:
        _who.reset(token)
    assert seen == ["a run"] * 2


@pytest.mark.parametrize("most", [0, 2])
def test_first_error_is_raised_and_nothing_begins_after_it(most: int) -> None:
    begun: list[int] = []

    def fail(item: int) -> None:
        begun.append(item)
        raise Stopped(f"at {item}")

    with pytest.raises(Stopped, match="at "):
        Helpers(most).share(fail, range(100))
    assert len(begun) <= most + 1


def test_error_of_a_helper_is_raised_when_the_others_have_ended() -> None:
    meeting, ended = Meeting(2), threading.Event()

    def work(_: int) -> None:
        meeting(None)
        if threading.current_thread() is main:
            ended.set()
        else:
            raise ValueError("a helper's")

    main = threading.current_thread()
    with pytest.raises(ValueError, match="a helper's"):
        Helpers(1).share(work, range(2))
    assert ended.is_set()
