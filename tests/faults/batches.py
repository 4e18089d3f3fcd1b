"""A batch of fetches under test: asked for, watched, and compared with the exchange's truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from src.domain import DAY_MS, Interval, SeriesKey, Window
from src.jobs import asking
from src.simulator.config import SimulatorConfig, extra_symbols
from src.simulator.simulator import Simulator
from src.warehouse.runs import RunRow, get_run, list_children
from src.warehouse.tables import fact_klines, fact_klines_coarse
from tests.builders import as_kline, read_table
from tests.faults.harness import Pipeline, eventually

START_MS = 1_709_037_296_000
_TODAY_MS = START_MS - START_MS % DAY_MS


@contextmanager
def running_pipeline(
    folder: Path, symbols: int, variables: dict[str, str], *faults: str, weight_limit: int = 6_000
) -> Iterator[Pipeline]:
    """Give a pipeline fed by a simulator of so many symbols; one of them alone is tracked."""
    config = SimulatorConfig(
        symbols=extra_symbols(symbols), start_at_ms=START_MS, faults=faults, weight_limit=weight_limit
    )
    simulator = Simulator(config).serve_in_thread()
    tracked = {"CANDLEHOUSE_SYMBOLS": simulator.symbols[0], "CANDLEHOUSE_DEPTH_SECONDS": "60"}
    pipeline = Pipeline(folder, simulator, {**tracked, **variables})
    try:
        yield pipeline
    finally:
        simulator.stop()
        pipeline.close()


class Batch:
    """One batch that fetches the last *days* whole days of the simulator's symbols, and *also* others."""

    def __init__(
        self, pipeline: Pipeline, intervals: Sequence[Interval], days: int, also: Sequence[str] = ()
    ) -> None:
        self._pipeline = pipeline
        self.window = Window(_TODAY_MS - days * DAY_MS, _TODAY_MS)
        self.series = [
            SeriesKey("binance", symbol, interval)
            for symbol in (*pipeline.simulator.symbols, *also)
            for interval in intervals
        ]
        self.warehouse = pipeline.app.warehouse
        self.id = asking.ask_fetch(self.warehouse, self.series, self.window, "a test")

    def row(self) -> RunRow:
        with self.warehouse.read() as connection:
            return get_run(connection, self.id)

    def children(self) -> list[RunRow]:
        with self.warehouse.read() as connection:
            return list_children(connection, self.id)

    def done_share(self) -> float:
        """Return which part of all candles is fetched, by the rows of the runs."""
        children = self.children()
        return sum(child.done for child in children) / sum(child.total or 0 for child in children)

    def wait_until_ended(self, seconds: float = 90) -> None:
        eventually(lambda: self.row().state.is_end, "the batch has ended", seconds)

    def find_differences(self) -> list[str]:
        """Name the series whose window does not hold exactly what the exchange has."""
        return [str(key) for key in self.series if self._held(key) != self._truth(key)]

    def _held(self, key: SeriesKey) -> list[list[Any]]:
        table = fact_klines_coarse if key.interval.is_coarse else fact_klines
        columns = {"symbol": key.symbol, "interval_code": key.interval.value}
        rows = [as_kline(row) for row in read_table(self.warehouse, table, **columns)]
        return [list(row) for row in rows if self.window.start_ms <= row.open_time < self.window.end_ms]

    def _truth(self, key: SeriesKey) -> list[list[Any]]:
        now_ms = self._pipeline.simulator.clock.now_ms()
        rows = self._pipeline.simulator.truth(key.symbol, key.interval, self.window, now_ms)
        return [list(row) for row in rows]


def asked_windows(pipeline: Pipeline, until_ms: int) -> list[tuple[str, str, int]]:
    """List what history was asked for, oldest first: symbol, interval, start."""
    return [
        (one.query["symbol"], one.query["interval"], int(one.query["startTime"]))
        for one in pipeline.simulator.requests
        if one.path.endswith("/klines") and int(one.query.get("endTime", until_ms)) < until_ms
    ]
