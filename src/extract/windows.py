"""WindowFetcher: one chunk of a window, page by page into the lake, whatever the watermark says.

What it lands is loaded like everything else. What the exchange does not have is reported, not judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from structlog.contextvars import bound_contextvars

from src.clock import Clock
from src.domain import Interval, Lane, SeriesKey, Window
from src.extract.chunks import PAGE_CANDLES, find_missing
from src.extract.exchange import Exchange, KlinesAnswer
from src.extract.landing import Landing
from src.extract.lanes import in_lane
from src.extract.patience import wait_out
from src.extract.room import Obstacle, no_obstacle, wait_for_room


@dataclass(frozen=True, slots=True)
class PageReport:
    """A page that has just landed: its closed candles, and the open_time of the last one."""

    candles: int
    last_open_ms: int


@dataclass(frozen=True, slots=True)
class ChunkReport:
    """What was found of a chunk. *missing* are windows of closed slots without a candle, oldest first.

    With *reached_forming* the chunk's end was not closed yet: nothing is said of that part.
    """

    candles: int
    requests: int
    missing: list[Window]
    reached_forming: bool


class WindowFetcher:
    """Fetches chunks of one exchange's series, while there is no *obstacle*. For several threads."""

    def __init__(
        self, exchange: Exchange, landing: Landing, clock: Clock, obstacle: Obstacle = no_obstacle
    ) -> None:
        self._exchange = exchange
        self._landing = landing
        self._clock = clock
        self._obstacle = obstacle

    def fetch_chunk(
        self,
        series: SeriesKey,
        chunk: Window,
        lane: Lane,
        run_id: int,
        on_page: Callable[[PageReport], None],
        on_wait: Callable[[str | None], None] | None = None,
        is_news: Callable[[KlinesAnswer], bool] = lambda _: True,
    ) -> ChunkReport:
        """Fetch and land the closed candles of *chunk*; *on_page* hears of each page that has landed.

        Only a page that *is_news* lands. An exchange that blocks or rests is waited for where *on_wait* is
        given (see ``wait_out``). All other errors pass through, as does what *on_page* raises; the pages
        before have landed then.
        """
        self._landing.recover()
        walk = _Walk(series.interval, chunk)
        with in_lane(lane), bound_contextvars(symbol=series.symbol, interval=series.interval.value):
            while not walk.is_over:
                wait_for_room(self._obstacle, lane, self._clock, on_wait)
                answer = self._ask(series, walk.rest, on_wait)
                inside = walk.take_in(answer)
                if answer.closed and inside and is_news(answer):
                    self._landing.land_window_page(series, answer, answer.closed, lane, run_id)
                    on_page(PageReport(len(inside), inside[-1]))
        return walk.report()

    def _ask(
        self, series: SeriesKey, window: Window, on_wait: Callable[[str | None], None] | None
    ) -> KlinesAnswer:
        def fetch() -> KlinesAnswer:
            self._landing.check_stores()
            return self._exchange.fetch_klines(
                series.symbol, series.interval, window.start_ms, window.end_ms - 1, PAGE_CANDLES
            )

        return fetch() if on_wait is None else wait_out(fetch, self._clock, on_wait)


class _Walk:
    """The way through one chunk: what is still to be asked for, and what was found."""

    def __init__(self, interval: Interval, chunk: Window) -> None:
        self._interval = interval
        self._chunk = chunk
        self._open_times_ms: list[int] = []
        self._requests = 0
        self._closed_until_ms = chunk.end_ms
        self.rest = chunk

    @property
    def is_over(self) -> bool:
        return self.rest.start_ms == self.rest.end_ms

    def take_in(self, answer: KlinesAnswer) -> list[int]:
        """Note a page and return the open times of its closed candles, as far as they were asked for."""
        rest, end_ms = self.rest, self._chunk.end_ms
        closed = answer.closed.open_times_ms if answer.closed else ()
        inside = [open_ms for open_ms in closed if rest.start_ms <= open_ms < rest.end_ms]
        self._requests += 1
        self._open_times_ms += inside
        self._closed_until_ms = min(end_ms, self._interval.floor(answer.exchange_time_ms))
        is_last = not inside or answer.forming is not None or self._slot_end_ms(inside[-1]) >= end_ms
        # Not from the next slot on: a candle off the grid may open before that.
        self.rest = Window(end_ms if is_last else inside[-1] + 1, end_ms)
        return inside

    def report(self) -> ChunkReport:
        closed = Window(self._chunk.start_ms, max(self._chunk.start_ms, self._closed_until_ms))
        return ChunkReport(
            candles=len(self._open_times_ms),
            requests=self._requests,
            missing=find_missing(self._interval, closed, self._open_times_ms),
            reached_forming=self._closed_until_ms < self._chunk.end_ms,
        )

    def _slot_end_ms(self, open_ms: int) -> int:
        return self._interval.next(self._interval.floor(open_ms))
