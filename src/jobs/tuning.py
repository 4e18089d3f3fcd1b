"""Follows the settings that people change while the daemon runs."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from src.errors import CandlehouseError
from src.warehouse.app_settings import read_settings
from src.warehouse.engine import Warehouse

log = structlog.get_logger()

_POLL_S = 1.0


class Tuning:
    """Looks each second what is stored and hands it to *apply* when it is not what it was.

    The first look always does: between the start of the process and it others may have changed something.
    """

    def __init__(
        self, warehouse: Warehouse, apply: Callable[[dict[str, str]], None], stop: threading.Event
    ) -> None:
        self._warehouse = warehouse
        self._apply = apply
        self._stop = stop
        self._seen: dict[str, str] | None = None

    def run(self) -> None:
        """Follow until the stop is set."""
        while True:
            self.look()
            if self._stop.wait(_POLL_S):
                return

    def look(self) -> bool:
        """Look once; return whether something was applied. While the warehouse is away all stays as it is."""
        try:
            with self._warehouse.read() as connection:
                stored = read_settings(connection)
        except (CandlehouseError, SQLAlchemyError) as error:
            log.debug("settings kept", error=str(error))
            return False
        if stored == self._seen:
            return False
        if self._seen is not None:
            log.info("settings changed", names=_changed(self._seen, stored))
        self._apply(stored)
        self._seen = stored
        return True


def _changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Name what differs; values may be secret."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
