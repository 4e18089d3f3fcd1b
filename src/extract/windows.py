"""WindowFetcher: one chunk of a window, page by page into the lake, whatever the watermark says.

What it lands is loaded like everything else. What the exchange does not have is reported, not judged.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from structlog.contextvars import bound_contextvars

from src.clock import Clock
from src.domain import Interval, Lane, SeriesKey, Window
from src.extract.chunks import PAGE_CANDLES, find_missing, plan_pages
from src.extract.exchange import Exchange, KlinesAnswer, KlineSpan
from src.extract.helping import Helpers
from src.extract.landing import Landing
from src.extract.lanes import in_lane
from src.extract.patience import wait_out
from src.extract.room import Obstacle, no_obstacle, wait_for_room
from src.warehouse.catalog import NewObject


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
    """Fetches chunks of one exchange's series, while there is no *obstacle*. For several threads.

    Pages of one chunk are asked for at once as far as there are *helpers*.
    """

    def __init__(
        self,
        exchange: Exchange,
        landing: Landing,
        clock: Clock,
        obstacle: Obstacle = no_obstacle,
        helpers: Helpers | None = None,
    ) -> None:
        self._exchange = exchange
        self._landing = landing
        self._clock = clock
        self._obstacle = obstacle
        self._helpers = helpers or Helpers()

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

        Only a page that *is_news* lands; each of the two is called by one thread at a time. An exchange that
        blocks or rests is waited for where *on_wait* is given (see ``wait_out``). All other errors pass
        through, as does what *on_page* raises; the pages before have landed then.
        """
        self._landing.recover()
        found = _Found(series.interval, chunk)
        pages = _Pages(self._landing, series, lane, run_id, on_page, is_news)

        def fetch_page(window: Window) -> Window:
            """Fetch and land one page of *window* and return what is left of it."""
            wait_for_room(self._obstacle, lane, self._clock, on_wait)
            answer = self._ask(series, window, on_wait)
            inside, rest = found.take_in(window, answer)
            if answer.closed and inside:
                pages.land(answer, answer.closed, PageReport(len(inside), inside[-1]))
            return rest

        def fetch_all(window: Window) -> None:
            while window.start_ms < window.end_ms:
                window = fetch_page(window)

        with in_lane(lane), bound_contextvars(symbol=series.symbol, interval=series.interval.value):
            # Asked for the whole chunk first: an exchange that has nothing of it says so by one answer.
            rest = fetch_page(chunk) if chunk.start_ms < chunk.end_ms else chunk
            self._helpers.share(fetch_all, plan_pages(series.interval, rest, found.asked_at_ms))
        return found.report()

    def _ask(
        self, series: SeriesKey, window: Window, on_wait: Callable[[str | None], None] | None
    ) -> KlinesAnswer:
        def fetch() -> KlinesAnswer:
            self._landing.check_stores()
            return self._exchange.fetch_klines(
                series.symbol, series.interval, window.start_ms, window.end_ms - 1, PAGE_CANDLES
            )

        return fetch() if on_wait is None else wait_out(fetch, self._clock, on_wait)


class _Pages:
    """Lands the pages of one chunk. Safe to use from several threads.

    While one of them tells the catalog, the others' pages gather, and go together in the next transaction.
    """

    def __init__(
        self,
        landing: Landing,
        series: SeriesKey,
        lane: Lane,
        run_id: int,
        on_page: Callable[[PageReport], None],
        is_news: Callable[[KlinesAnswer], bool],
    ) -> None:
        self._landing = landing
        self._about = series, lane, run_id
        self._on_page = on_page
        self._is_news = is_news
        self._judging, self._telling = threading.Lock(), threading.Lock()
        self._written: deque[tuple[NewObject, PageReport]] = deque()

    def land(self, answer: KlinesAnswer, span: KlineSpan, report: PageReport) -> None:
        """Land a page that is news; it is in the catalog when this returns, unless another thread failed."""
        with self._judging:
            if not self._is_news(answer):
                return
        series, lane, run_id = self._about
        page = self._landing.write_window_page(series, answer, span, lane, run_id)
        self._written.append((page, report))
        with self._telling:
            self._catalogue()

    def _catalogue(self) -> None:
        pages = [self._written.popleft() for _ in range(len(self._written))]
        if pages:
            self._landing.catalogue_pages([page for page, _ in pages])
        for _, report in pages:
            self._on_page(report)


class _Found:
    """What was found of one chunk so far, last at *asked_at_ms* by the exchange. For several threads."""

    def __init__(self, interval: Interval, chunk: Window) -> None:
        self._interval = interval
        self._chunk = chunk
        self._lock = threading.Lock()
        self._open_times_ms: list[int] = []
        self._requests = 0
        self._closed_until_ms = chunk.end_ms
        self.asked_at_ms = 0

    def take_in(self, window: Window, answer: KlinesAnswer) -> tuple[list[int], Window]:
        """Note the answer for *window*; return the closed open times in it, and what is left of it."""
        closed = answer.closed.open_times_ms if answer.closed else ()
        inside = [open_ms for open_ms in closed if window.start_ms <= open_ms < window.end_ms]
        end_ms = window.end_ms
        is_last = not inside or answer.forming is not None or self._slot_end_ms(inside[-1]) >= end_ms
        closed_until_ms = self._interval.floor(answer.exchange_time_ms)
        with self._lock:
            self._requests += 1
            self._open_times_ms += inside
            self.asked_at_ms = answer.exchange_time_ms
            if is_last and closed_until_ms < end_ms:
                self._closed_until_ms = min(self._closed_until_ms, closed_until_ms)
        # Not from the next slot on: a candle off the grid may open before that.
        return inside, Window(end_ms if is_last else inside[-1] + 1, end_ms)

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
