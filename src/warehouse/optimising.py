"""Keeps the database quick and small: statistics for its planner, and space that nothing needs any more.

Servers give the space of dropped partitions back themselves, and rebuilding a table would lock it for long:
there is nothing to give back there. Each transaction here is short.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from src.warehouse import dialects
from src.warehouse.engine import Warehouse
from src.warehouse.tables import fact_klines, fact_orderbook, lake_objects, metadata

# From these much goes at once, after which a server's own statistics may be far off for a while.
_AGEING = (fact_klines.name, fact_orderbook.name, lake_objects.name)
# Less than this part of the file is soon filled again: giving it back would be work for nothing.
_WORTH_WHILE = 0.05
_PAGES_A_STEP = 1000


@dataclass(slots=True)
class OptimiseReport:
    """*free_bytes* lie in the database's file unused, now; *given_back_bytes* went back to the disk."""

    analysed: int = 0
    given_back_bytes: int = 0
    free_bytes: int = 0
    is_stopped: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return it as a part of a run's result."""
        return {
            "analysed": self.analysed,
            "given_back_bytes": self.given_back_bytes,
            "free_bytes": self.free_bytes,
        }


@dataclass(frozen=True, slots=True)
class FilePages:
    """The pages of SQLite's file, and those that nothing is in."""

    size: int
    count: int
    free: int

    @property
    def is_worth_while(self) -> bool:
        return self.free > max(_PAGES_A_STEP, self.count * _WORTH_WHILE)


class Optimiser:
    """Does it where it pays."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def plan(self) -> dict[str, Any]:
        """Say what it would do."""
        if self._warehouse.is_mysql:
            return {"analyse": len(_AGEING), "give_back_bytes": 0}
        with self._warehouse.read() as connection:
            pages = _read_pages(connection)
        free = pages.free * pages.size if pages.is_worth_while else 0
        return {"analyse": len(metadata.tables), "give_back_bytes": free}

    def run(self, should_stop: Callable[[], bool] = lambda: False) -> OptimiseReport:
        """Refresh statistics, then give space back step by step."""
        report = OptimiseReport()
        if self._warehouse.is_mysql:
            self._analyse_server(report, should_stop)
        else:
            self._warehouse.run(dialects.refresh_statistics)
            report.analysed = len(metadata.tables)
            self._give_back(report, should_stop)
        return report

    def _analyse_server(self, report: OptimiseReport, should_stop: Callable[[], bool]) -> None:
        for name in _AGEING:
            if should_stop():
                report.is_stopped = True
                return
            self._warehouse.run(lambda connection, name=name: dialects.analyse(connection, name))  # type: ignore[misc]
            report.analysed += 1

    def _give_back(self, report: OptimiseReport, should_stop: Callable[[], bool]) -> None:
        with self._warehouse.read() as connection:
            before = pages = _read_pages(connection)
        while before.is_worth_while and pages.free:
            if should_stop():
                report.is_stopped = True
                break
            was, pages = pages, self._warehouse.run(_give_some_back)
            if pages.free == was.free:  # a file that was made without auto_vacuum keeps what it has
                break
        report.given_back_bytes = (before.count - pages.count) * pages.size
        report.free_bytes = pages.free * pages.size


def _give_some_back(connection: Connection) -> FilePages:
    dialects.give_pages_back(connection, _PAGES_A_STEP)
    return _read_pages(connection)


def _read_pages(connection: Connection) -> FilePages:
    return FilePages(*dialects.read_pages(connection))
