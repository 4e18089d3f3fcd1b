"""A batch of fetches under test: asked for, watched, and compared with the exchange's truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from src.domain import DAY_MS, Interval, SeriesKey, Window, format_utc
from src.extract.chunks import plan_chunks
from src.jobs import asking
from src.simulator.config import SimulatorConfig, extra_symbols
from src.simulator.simulator import Simulator
from src.warehouse.run_progress import list_chunks
from src.warehouse.runs import RunRow, RunState, get_run, list_children
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

    def chunks_in_flight(self) -> dict[SeriesKey, Window]:
        """Return the chunk that each run was fetching whose process is gone."""
        running = [child for child in self.children() if child.state is RunState.RUNNING]
        return {child.series: chunk for child in running if child.series and (chunk := self._chunk_of(child))}

    def _chunk_of(self, child: RunRow) -> Window | None:
        """Return the first chunk that is not finished; None when only the loading was left."""
        with self.warehouse.read() as connection:
            finished = {chunk.window for chunk in list_chunks(connection, child.id)}
        assert child.series
        chunks = plan_chunks(child.series.interval, self.window)
        return next((chunk for chunk in chunks if chunk not in finished), None)

    def done_share(self) -> float:
        """Return which part of all candles is fetched, by the rows of the runs."""
        children = self.children()
        return sum(child.done for child in children) / sum(child.total or 0 for child in children)

    def wait_for_time_left(self, share: float) -> float:
        """Return the seconds that the batch tells as soon as it says that so much is done."""
        seen: list[RunRow] = []

        def is_told() -> bool:
            seen.append(self.row())
            return seen[-1].done >= share * (seen[-1].total or 0) and bool(seen[-1].time_left_ms)

        eventually(is_told, f"{share:.0%} of the batch")
        return (seen[-1].time_left_ms or 0) / 1000

    def wait_until_ended(self, seconds: float = 180) -> None:
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


def find_needless(asked: Sequence[tuple[str, str, int]], in_flight: Mapping[SeriesKey, Window]) -> list[str]:
    """Name what was asked for again; that is right once for what lies in a chunk in flight."""
    chunks = {(key.symbol, key.interval.value): chunk for key, chunk in in_flight.items()}
    needless = []
    for (symbol, interval, start_ms), count in sorted(Counter(asked).items()):
        chunk = chunks.get((symbol, interval))
        is_in_flight = chunk is not None and chunk.start_ms <= start_ms < chunk.end_ms
        if count > 1 + is_in_flight:
            needless.append(f"{symbol} {interval} from {format_utc(start_ms)} was asked for {count} times")
    return needless
