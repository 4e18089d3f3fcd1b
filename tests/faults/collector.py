"""A daemon's cycles without the daemon: the test says when a minute has passed, and what is held is compared.

A cycle that fails says why and the next one comes all the same, as in the daemon.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from src.domain import MINUTE_MS, Interval, SeriesKey, Window
from src.errors import CandlehouseError
from src.jobs.cycle import run_cycle
from src.transform.manager import TransformManager
from src.warehouse.series import set_tracked
from src.warehouse.tables import fact_klines, lake_objects, quarantined_rows, series
from tests.builders import as_kline, read_table
from tests.outcomes import OUTCOMES, Outcome
from tests.service.rig import BTC, Process, Rig

ETH = SeriesKey("binance", "ETHUSDT", Interval.M1)
# Longer than every block and rest of the tests.
_PATIENCE_CYCLES = 20

Rows = list[list[Any]]


@dataclass
class Collector:
    """Collects two symbols into the rig's stores; *said* are the errors of all cycles, oldest first."""

    rig: Rig
    process: Process
    said: list[str] = field(default_factory=list)

    def cycle(self) -> None:
        """Let a minute pass, and do then what a daemon would."""
        self.rig.clock.advance(MINUTE_MS)
        transform = TransformManager(self.rig.warehouse, self.rig.lake, self.rig.clock)
        try:
            report = run_cycle(self.process.extraction, transform, self.rig.clock, wait_s=None)
        except CandlehouseError as error:
            self.said.append(str(error))
        else:
            self.said += report.extracted.failures.values()

    def cycle_until(self, holds: Callable[[], bool]) -> int:
        """Cycle until *holds*; return how many it took."""
        for count in range(1, _PATIENCE_CYCLES + 1):
            self.cycle()
            if holds():
                return count
        raise AssertionError(f"not within {_PATIENCE_CYCLES} cycles; said last: {self.said[-3:]}")

    def is_whole(self) -> bool:
        """Whether every candle that is closed by now is held, exactly as the exchange has it."""
        held = {key.symbol: self.held(key.symbol) for key in (BTC, ETH)}
        return all(rows and rows == self.truth(symbol) for symbol, rows in held.items())

    def find_unfinal(self) -> Rows:
        """Return the candles held that are not as they will stay."""
        later_ms = self.rig.clock.now_ms() + 10 * MINUTE_MS
        final = {row[0]: row for row in self.truth("BTCUSDT", later_ms)}
        return [row for row in self.held("BTCUSDT") if final.get(row[0]) != row]

    def held(self, symbol: str) -> Rows:
        return [list(as_kline(row)) for row in read_table(self.rig.warehouse, fact_klines, symbol=symbol)]

    def truth(self, symbol: str, at_ms: int | None = None) -> Rows:
        """Return the exchange's closed candles of the wanted window, as they are served at *at_ms*."""
        exchange = self.rig.simulator
        now_ms = exchange.clock.now_ms() if at_ms is None else at_ms
        window = Window(self.wanted_from(symbol), Interval.M1.floor(now_ms))
        return [list(row) for row in exchange.truth(symbol, Interval.M1, window, now_ms)]

    def wanted_from(self, symbol: str) -> int:
        is_series = (series.c.symbol == symbol, series.c.interval_code == Interval.M1.value)
        query = select(series.c.wanted_from).where(*is_series)
        with self.rig.warehouse.read() as connection:
            return int(connection.execute(query).scalar_one())

    def set_aside(self) -> list[str]:
        """Name what waits, or was quarantined: objects and single rows."""
        with self.rig.warehouse.read() as connection:
            query = select(lake_objects.c.object_key).where(lake_objects.c.state != "loaded")
            objects = list(connection.scalars(query))
            rows = connection.scalars(select(quarantined_rows.c.raw))
            return [*objects, *rows]

    def refused(self) -> int:
        return sum(one.status != 200 for one in self.rig.simulator.requests)

    def find_said(self, text: str) -> str:
        """Return the first error with *text* in it; AssertionError with all that was said."""
        found = next((one for one in self.said if text in one), None)
        assert found is not None, f"nobody said {text!r}, but: {sorted(set(self.said))}"
        return found

    def heal(self, fault: str, *says: str) -> None:
        """Cycle until all is the truth; nothing is set aside then, and each of *says* was said meanwhile.

        An empty text stands for what nobody needs to be told.
        """
        cycles = self.cycle_until(self.is_whole)
        assert self.set_aside() == []
        said = [self.find_said(text) for text in says if text]
        self.note(fault, cycles, said[-1] if said else "")

    def note(self, fault: str, cycles: int, said: str) -> None:
        """Add a line to the table of the test run."""
        candles = sum(len(self.held(key.symbol)) for key in (BTC, ETH))
        OUTCOMES.append(Outcome(fault, self.refused(), cycles, candles, said))


def collect(rig: Rig, *, patience_s: float = 15.0) -> Collector:
    """Track two symbols and return who collects them; nothing has been asked yet."""
    rig.warehouse.run(lambda connection: set_tracked(connection, [BTC, ETH], tracked=True))
    return Collector(rig, rig.start(patience_s=patience_s))
