"""ExtractionManager: each tracked series, from its watermark on, page by page into the lake.

Series are worked on side by side. One that takes long, or fails, is not waited for: the others' next cycle
comes on time, and the straggler is left alone until it is done. A long way to catch up is walked a few
pages at a time, back at the end of the queue after each stretch, so that nobody waits behind it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from structlog.contextvars import bound_contextvars

from src.clock import Clock
from src.domain import DAY_MS, MINUTE_MS, DataType, Lane, SeriesKey, Window
from src.errors import CandlehouseError, WarehouseUnavailable
from src.extract.exchange import Answer, Exchange, KlinesAnswer
from src.extract.landing import Landing
from src.extract.patience import wait_out
from src.extract.retry import is_worth_repeating
from src.extract.workers import Workers
from src.warehouse.engine import Warehouse
from src.warehouse.series import list_series
from src.warehouse.watermarks import find_last_depth, find_watermark, upsert_latest

log = structlog.get_logger()

# How far one series may walk before it queues up behind the others again.
_PAGES_A_STRETCH = 5
# A snapshot waits no longer for a block to end: the thread it waits on is wanted by others.
_DEPTH_PATIENCE_MS = MINUTE_MS


@dataclass(slots=True)
class ExtractReport:
    """What happened until the cycle stopped waiting; stragglers report in a later cycle's.

    *catching_up* is how many of them there are: what they fetch meanwhile may be loaded before it is counted.
    """

    candles: int = 0
    snapshots: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    exchange: str = ""
    catching_up: int = 0


class ExtractionManager:
    """Pulls klines and depth of one exchange into the lake."""

    def __init__(
        self,
        exchange: Exchange,
        warehouse: Warehouse,
        landing: Landing,
        clock: Clock,
        *,
        lookback_days: int = 1,
        depth_levels: int = 20,
        depth_seconds: int = 60,
        workers: int = 8,
    ) -> None:
        self._exchange = exchange
        self._warehouse = warehouse
        self._landing = landing
        self._clock = clock
        self.tune(lookback_days=lookback_days, depth_levels=depth_levels, depth_seconds=depth_seconds)
        self._tracked: list[SeriesKey] = []
        self._depth_at_ms: dict[str, int] = {}
        self._report = ExtractReport(exchange=exchange.name)
        self._counting = threading.Lock()
        self._workers = Workers(workers, self._note_failure)

    def tune(self, *, lookback_days: int, depth_levels: int, depth_seconds: int) -> None:
        """Change what may change while it runs; requests sent from now on follow."""
        self._lookback_ms = lookback_days * DAY_MS
        self._depth_levels = depth_levels
        self._depth_ms = depth_seconds * 1000

    def run_once(self, wait_s: float | None = None) -> ExtractReport:
        """Start what is due and wait for it, *wait_s* seconds at most (None: until all is caught up).

        Work still under way then goes on; the next call starts only what is not.
        """
        self._landing.recover()
        tracked = self._list_tracked()
        for series in tracked:
            self._workers.submit(str(series), self._stretch(series))
        for symbol in sorted({series.symbol for series in tracked}):
            self._workers.submit(f"{self._exchange.name}:{symbol}:depth", self._depth(symbol))
        self._workers.wait(wait_s)
        with self._counting:
            report, self._report = self._report, ExtractReport(exchange=self._exchange.name)
        report.catching_up = self._workers.count_busy()
        return report

    def _list_tracked(self) -> list[SeriesKey]:
        """List the tracked series; while the warehouse is away, as they were last read."""
        try:
            with self._warehouse.read() as connection:
                rows = list_series(connection)
        except WarehouseUnavailable:
            if not self._tracked:
                raise
            log.warning("series as last read", series=len(self._tracked))
        else:
            self._tracked = [row.key for row in rows if row.key.exchange == self._exchange.name]
        return self._tracked

    def close(self) -> None:
        """Let work under way end and start nothing new."""
        self._workers.close()

    def _note_failure(self, task: str, error: CandlehouseError) -> None:
        advice = "; the next cycle asks again by itself" if is_worth_repeating(error) else ""
        with self._counting:
            self._report.failures[task] = f"{error}{advice}"

    def _count(self, *, candles: int = 0, snapshots: int = 0) -> None:
        with self._counting:
            self._report.candles += candles
            self._report.snapshots += snapshots

    def _stretch(self, series: SeriesKey) -> Callable[[], bool]:
        """Return the work of a few pages; it answers whether there is more to catch up."""

        def walk() -> bool:
            with bound_contextvars(symbol=series.symbol, interval=series.interval.value):
                return all(self._page(series) for _ in range(_PAGES_A_STRETCH))

        return walk

    def _page(self, series: SeriesKey) -> bool:
        """Fetch and land one page; return whether the exchange has more closed candles behind it."""
        self._landing.check_stores()
        start_ms = self._next_start(series)
        answer = self._exchange.fetch_klines(series.symbol, series.interval, start_ms=start_ms)
        if answer.closed:
            lane = Lane.HISTORY if answer.is_full else Lane.LIVE
            self._landing.land_klines(series, answer, answer.closed, lane, start_ms)
            self._count(candles=answer.closed.count)
        self._keep_forming(series, answer)
        return answer.is_full and answer.closed is not None

    def _next_start(self, series: SeriesKey) -> int:
        with self._warehouse.read() as connection:
            watermark = find_watermark(connection, series)
        if watermark is not None:
            return series.interval.next(watermark)
        return series.interval.floor(self._exchange.exchange_now_ms() - self._lookback_ms)

    def _keep_forming(self, series: SeriesKey, answer: KlinesAnswer) -> None:
        forming = answer.forming
        if forming:
            self._warehouse.run(lambda c: upsert_latest(c, series, forming, answer.exchange_time_ms))

    def _depth(self, symbol: str) -> Callable[[], bool]:
        def fetch() -> bool:
            slot = self._depth_slot()
            last_ms = self._find_last_depth(symbol)
            if last_ms is None or not slot.start_ms <= last_ms < slot.end_ms:
                answer = self._fetch_depth(symbol, slot)
                self._landing.land_depth(self._exchange.name, symbol, answer)
                self._depth_at_ms[symbol] = self._clock.now_ms()
                self._count(snapshots=1)
            return False

        return fetch

    def _depth_slot(self) -> Window:
        """Return the present slot of the cadence in our clock's time; the exchange's tells when it began.

        A snapshot is due in each slot, not a while after the last: one that came late would cost the next.
        """
        length_ms = self._depth_ms
        gone_ms = self._exchange.exchange_now_ms() % length_ms
        start_ms = self._clock.now_ms() - gone_ms
        return Window(start_ms, start_ms + length_ms)

    def _fetch_depth(self, symbol: str, slot: Window) -> Answer:
        """Fetch a snapshot; a block that ends soon, within the *slot*, is waited for: later it is missed."""
        before_ms = min(slot.end_ms, self._clock.now_ms() + _DEPTH_PATIENCE_MS)
        with bound_contextvars(symbol=symbol, data_type=DataType.DEPTH.value):
            return wait_out(
                lambda: self._exchange.fetch_depth(symbol, self._depth_levels),
                self._clock,
                on_wait=lambda _: None,
                before_ms=before_ms,
            )

    def _find_last_depth(self, symbol: str) -> int | None:
        try:
            with self._warehouse.read() as connection:
                return find_last_depth(connection, self._exchange.name, symbol)
        except WarehouseUnavailable:
            return self._depth_at_ms.get(symbol)
