"""Asking work to stop: the process as a whole, or one run of it.

Work stops where it waits (``src.clock``) and where it asks the network; what it asked for then is
abandoned. What is half done in a store is finished or rolled back as always, never cut off.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import TypeVar
from weakref import WeakSet

from src.errors import Stopped

T = TypeVar("T")

_present: ContextVar[Stop | None] = ContextVar("stop", default=None)


class Stop(threading.Event):
    """Set once, for good, and with a reason; setting *parent* sets this one for the same reason."""

    def __init__(self, parent: Stop | None = None) -> None:
        super().__init__()
        self.reason: str | None = None
        self._guard = threading.Lock()
        self._callbacks: dict[object, Callable[[], None]] = {}
        # Weak: a daemon's own stop outlives the runs of months.
        self._children: WeakSet[Stop] = WeakSet()
        if parent is not None:
            parent.adopt(self)

    def set(self, reason: str = "shutdown") -> None:
        """Stop all who wait for this; only the first reason counts."""
        with self._guard:
            if self.is_set():
                return
            self.reason = reason
            super().set()
            callbacks, children = list(self._callbacks.values()), list(self._children)
        for callback in callbacks:
            callback()
        for child in children:
            child.set(reason)

    def on_set(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call *callback* when this is set, at once if it is; return what takes it off again."""
        key = object()
        with self._guard:
            is_late = self.is_set()
            if not is_late:
                self._callbacks[key] = callback
        if is_late:
            callback()
        return lambda: self._forget(key)

    def adopt(self, child: Stop) -> None:
        """Set *child* as well when this is set, or at once if it is."""
        with self._guard:
            self._children.add(child)
        if self.is_set():
            child.set(self.reason or "shutdown")

    def error(self, what: str) -> Stopped:
        """Return the error that says *what* came to an end by this."""
        return Stopped(f"{what} was ended: asked to stop ({self.reason})")

    def _forget(self, key: object) -> None:
        with self._guard:
            self._callbacks.pop(key, None)


@contextmanager
def stopping_by(stop: Stop) -> Iterator[None]:
    """Let *stop* end the waits and requests of this thread while the block lasts."""
    token = _present.set(stop)
    try:
        yield
    finally:
        _present.reset(token)


def current_stop() -> Stop | None:
    """Return what stops this thread's work; None where nothing but the process's end does."""
    return _present.get()


def run_abandonable(work: Callable[[], T], stop: Stop | None) -> T:
    """Run *work*, or raise Stopped as soon as *stop* is set and leave its thread behind.

    Only for work that ends by itself some time and changes nothing: nobody looks at what it finds then.
    """
    if stop is None:
        return work()
    if stop.is_set():
        raise stop.error("a request")
    outcome: Future[T] = Future()
    is_over = threading.Event()

    def fulfil() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001  raised again below, where it belongs
            outcome.set_exception(error)
        is_over.set()

    forget = stop.on_set(is_over.set)
    name = f"{threading.current_thread().name}-request"
    try:
        threading.Thread(target=copy_context().run, args=(fulfil,), name=name, daemon=True).start()
        is_over.wait()
    finally:
        forget()
    if outcome.done():
        return outcome.result()
    raise stop.error("a request")
