"""Threads that help with parts of one task: few for a whole process, so that one run alone is fetched faster
and many runs at once are not.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import copy_context
from typing import Generic, TypeVar

T = TypeVar("T")


class Helpers:
    """Up to *most* threads for all who share it; with none, everybody works alone."""

    def __init__(self, most: int = 0) -> None:
        self._free = threading.Semaphore(most)

    def share(self, work: Callable[[T], object], items: Iterable[T]) -> None:
        """Do *work* with each item, in any order, on this thread and on helpers that are free meanwhile.

        They are stopped by what stops this thread, and may write what it may. Once one fails no item is begun
        any more; that error is raised when those under way have ended.
        """
        shared = _Shared(work, items)
        helpers: list[threading.Thread] = []
        while shared.left:
            while shared.left > 1 and self._free.acquire(blocking=False):
                helpers.append(self._start(shared))
            shared.do_next()
        for helper in helpers:
            helper.join()
        if shared.error:
            raise shared.error

    def _start(self, shared: _Shared[T]) -> threading.Thread:
        # Like the thread that it helps: one that hangs must not keep the process alive.
        name = f"{threading.current_thread().name}-helper"
        helper = threading.Thread(
            target=copy_context().run, args=(self._help, shared), name=name, daemon=True
        )
        helper.start()
        return helper

    def _help(self, shared: _Shared[T]) -> None:
        try:
            while shared.left:
                shared.do_next()
        finally:
            self._free.release()


class _Shared(Generic[T]):
    """The items that nobody has begun, and the first error."""

    def __init__(self, work: Callable[[T], object], items: Iterable[T]) -> None:
        self._work = work
        self._items = deque(items)
        self.error: BaseException | None = None

    @property
    def left(self) -> int:
        return len(self._items)

    def do_next(self) -> None:
        try:
            item = self._items.popleft()
        except IndexError:
            return  # another thread was faster
        try:
            self._work(item)
        except BaseException as error:  # noqa: BLE001  raised again where it belongs
            self.error = self.error or error
            self._items.clear()
