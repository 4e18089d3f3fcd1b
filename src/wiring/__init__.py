"""The one place that builds objects from settings: `core` what all is made of, `work` what executes runs,
`checks` what looks only, `places` where the stores are.
"""

from __future__ import annotations

import sys
from functools import cached_property

from src.extract.binance import Binance
from src.extract.tracking import Tracking
from src.jobs.daemon import Daemon
from src.jobs.worker import Worker
from src.maintenance.doctor.checkup import Doctor
from src.settings import Settings
from src.stopping import Stop
from src.wiring.checks import make_doctor, open_prompt_exchange
from src.wiring.core import Core
from src.wiring.places import (
    lake_folder,
    lake_home,
    lake_place,
    sqlite_file,
    warehouse_place,
    warehouse_url,
)
from src.wiring.work import Work

__all__ = [
    "App",
    "build",
    "lake_folder",
    "lake_home",
    "lake_place",
    "sqlite_file",
    "warehouse_place",
    "warehouse_url",
]

_SWITCH_S = 0.001


class App(Core):
    """Everything an entry point may need, each built on first use and then shared."""

    @cached_property
    def doctor(self) -> Doctor:
        """The doctor, who makes nothing: a SQLite warehouse that is not there yet is None to it."""
        return make_doctor(self)

    @cached_property
    def prompt_exchange(self) -> Binance:
        """The exchange for who must not be kept waiting: Stopped where its budget would make them."""
        return open_prompt_exchange(self, self.warehouse)

    @cached_property
    def prompt_tracking(self) -> Tracking:
        return Tracking(self.prompt_exchange, self.warehouse, self.clock)

    @cached_property
    def _work(self) -> Work:
        return Work(self)

    def make_worker(self, *, loads: bool = True, only: int | None = None, stop: Stop | None = None) -> Worker:
        """Return what executes runs while this process leads; with *loads* all that lands is loaded."""
        return self._work.make_worker(loads=loads, only=only, stop=stop)

    @cached_property
    def daemon(self) -> Daemon:
        parts = self._work.make_parts
        return Daemon(self.leadership, self.starter, parts, self.extraction.close, self.clock, self.stop)


def build(settings: Settings, answer_s: int | None = None) -> App:
    """Return the application; nothing is connected yet."""
    # Python's usual 5 ms: each answer of the database would wait that long for threads that parse.
    sys.setswitchinterval(_SWITCH_S)
    return App(settings, Stop(), answer_s)
