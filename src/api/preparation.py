"""What must be in order before requests can be answered: the schema, and the operator's token.

A thread of its own sees to it, however long that takes: an upgrade may take minutes, and a server that hangs
says nothing at all. Requests wait a few seconds and are told so; the next one tries again what failed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from flask import Flask, current_app, request

from src.api.context import EXTENSION
from src.api.operator_token import ensure_operator_token
from src.errors import SchemaError, WarehouseUnavailable
from src.settings import Settings
from src.wiring import App, build

View = TypeVar("View", bound=Callable[..., Any])
_EXTENSION = "candlehouse_preparation"
_TURN_S = 5
# For who must answer at once, whether the warehouse does or not.
_GLANCE_S = 2


def answers_anyway(view: View) -> View:
    """Say of a route that it answers while the warehouse is away or hangs, to whoever that may be then."""
    view.answers_anyway = True  # type: ignore[attr-defined]
    return view


def is_answered_anyway() -> bool:
    """Whether the request is for such a route."""
    view = current_app.view_functions.get(request.endpoint or "")
    return getattr(view, "answers_anyway", False)


class _Preparation:
    # Flask names what it calls.
    __name__ = "prepare"

    def __init__(self, settings: Settings, made: App) -> None:
        self._settings = settings
        self._made = made
        self._lock = threading.Lock()
        self._attempt: Future[None] | None = None

    def __call__(self) -> None:
        if not is_answered_anyway():
            self.wait(_TURN_S)

    def wait(self, most_s: float) -> None:
        """Wait until it is done; raise what stood in the way, or that it takes longer than *most_s*."""
        attempt = self._begun()
        try:
            attempt.result(most_s)
        except TimeoutError:
            text = "the warehouse is being prepared, or does not answer: try again"
            raise WarehouseUnavailable(text) from None

    def _begun(self) -> Future[None]:
        """Return the attempt that succeeded or is under way, else a new one."""
        with self._lock:
            attempt = self._attempt
            if attempt is None or (attempt.done() and attempt.exception() is not None):
                attempt = self._attempt = Future()
                threading.Thread(target=self._try, args=(attempt,), name="prepare", daemon=True).start()
            return attempt

    def _try(self, attempt: Future[None]) -> None:
        try:
            self._prepare()
        except Exception as error:  # noqa: BLE001  raised again where it is waited for
            attempt.set_exception(error)
        else:
            attempt.set_result(None)

    def _prepare(self) -> None:
        """Do it without a limit of time."""
        made = build(self._settings) if self._made.answer_s else self._made
        try:
            made.starter.prepare_warehouse()
            ensure_operator_token(self._settings, made.warehouse)
        finally:
            if made is not self._made:
                made.warehouse.close()


def install(app: Flask, settings: Settings) -> None:
    """Have it done before the first request of *app* that needs it."""
    made = app.extensions[_EXTENSION] = _Preparation(settings, app.extensions[EXTENSION])
    app.before_request(made)


def look_prepared() -> None:
    """Wait two seconds at most: for routes that answer in any case, but not rightly without a schema.

    One that is of another version is no obstacle here: they look for themselves.
    """
    made: _Preparation = current_app.extensions[_EXTENSION]
    with suppress(SchemaError):
        made.wait(_GLANCE_S)
