"""The live picture of the demo: redrawn on a terminal, printed now and then elsewhere."""

from __future__ import annotations

import queue
import subprocess
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from src.clock import SystemClock
from src.demo.events import Events
from src.demo.keys import pressed_keys
from src.domain import utc_from_ms
from src.errors import SchemaError
from src.services.status import PipelineStatus, read_recent_closes, read_status
from src.simulator.simulator import Simulator
from src.terminal import pipeline_view
from src.warehouse.engine import open_warehouse, sqlite_url
from src.warehouse.schema import check_schema

_REDRAW_S = 0.5
_LINES_EVERY_S = 5.0
_SPARK_CANDLES = 60
_WIDE = 106

# What the keys throw: a name for people and the fault as the simulator reads it.
_FAULTS = {
    "1": ("too many requests (429), wait 10 s", "429:retry_after=10,count=1"),
    "2": ("server errors (500) for 15 s", "5xx:seconds=15"),
    "3": ("HTML instead of JSON for 15 s", "html:seconds=15"),
    "4": ("answers cut off in the middle, 15 s", "truncated:seconds=15"),
    "5": ("BTCUSDT alone fails for 30 s", "5xx:symbol=BTCUSDT,seconds=30"),
}
_HELP = "1 429  2 server errors  3 HTML  4 truncated  5 one symbol  h heal  q quit"


class View:
    """Shows the pipeline until the scheduler ends, a key or Ctrl-C says so, or the time is over."""

    def __init__(self, folder: Path, simulator: Simulator, log_path: Path, link: str) -> None:
        self._console = Console()
        self._clock = SystemClock()
        self._warehouse = open_warehouse(sqlite_url(folder / "warehouse.db"))
        self._is_ready = False
        self._folder = folder
        self._simulator = simulator
        self._log_path = log_path
        self._link = link
        self._events = Events(log_path)

    def show(self, scheduler: subprocess.Popen[bytes], seconds: int | None) -> int:
        """Draw on; return the exit status."""
        end_ms = None if seconds is None else self._clock.steady_ms() + seconds * 1000
        with pressed_keys() as keys, Live(console=self._console, auto_refresh=False) as live:
            while scheduler.poll() is None:
                if self._obey(keys) or (end_ms is not None and self._clock.steady_ms() >= end_ms):
                    break
                self._draw(live)
        if scheduler.poll() is not None:
            self._console.print(f"[red]The scheduler ended by itself[/]; its log says why: {self._log_path}")
            return 1
        self.farewell()
        return 0

    def farewell(self) -> None:
        """Say where things are."""
        self._console.print(
            "\nStopped. What was collected is kept; the next demo goes on from it:", self._folder
        )

    def _draw(self, live: Live) -> None:
        if self._console.is_terminal:
            live.update(self.picture(), refresh=True)
            self._clock.sleep(_REDRAW_S)
        else:
            self._console.print(self.picture())
            self._clock.sleep(_LINES_EVERY_S)

    def picture(self) -> RenderableType:
        """Return what is shown now."""
        heading = Text.assemble(("Candlehouse demo", "bold"), ("   exchange: simulator at ", "dim"))
        heading.append(self._simulator.base_url, style="dim")
        heading.append("\nopen " + self._link, style="dim")
        status = self._find_status()
        now_ms = self._clock.now_ms()
        body: RenderableType = Text("preparing the stores ...", style="dim")
        if status is not None:
            closes = read_recent_closes(self._warehouse, [row.key for row in status.series], _SPARK_CANDLES)
            is_narrow = self._console.width < _WIDE
            body = pipeline_view(status, now_ms, closes, is_narrow=is_narrow)
        footer = [Text(_HELP, style="dim")] if self._console.is_terminal else []
        return Group(heading, Text(), body, Text(), *self._events.lines(self._console.width), Text(), *footer)

    def _find_status(self) -> PipelineStatus | None:
        """Return the status, None while the daemon has not created the schema yet."""
        try:
            if not self._is_ready:
                check_schema(self._warehouse)
                self._is_ready = True
            return read_status(self._warehouse)
        except SchemaError:
            return None

    def _obey(self, keys: queue.SimpleQueue[str]) -> bool:
        """Do what the keys say; return whether one said to stop."""
        while not keys.empty():
            key = keys.get()
            if key == "q":
                return True
            self.press(key)
        return False

    def press(self, key: str) -> None:
        """Throw the fault of that key, or heal; other keys do nothing."""
        if key == "h":
            self._simulator.faults.clear()
            self._say("you healed the exchange")
        if key in _FAULTS:
            name, spec = _FAULTS[key]
            self._simulator.add_fault(spec)
            self._say(f"you threw: {name}")

    def _say(self, what: str) -> None:
        self._events.add(f"{utc_from_ms(self._clock.now_ms()):%H:%M:%S}", what)
