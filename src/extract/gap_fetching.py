"""GapFetcher: asks for what a gap lacks, and keeps each answer: candles to load, or evidence of none.

An answer speaks of the slots up to its last candle. Only one without a candle speaks of all that was asked
for, so that a page cut short proves nothing.
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
class GapAnswer:
    """What one answer said: the object that holds it, its candles in the gap, and where it had none.

    *asked_ms* is our clock at sending.
    """

    key: str
    asked_ms: int
    candles: int
    empty: list[Window]


class GapFetcher:
    """Asks one exchange about gaps of its series, in the repair lane, while no *obstacle* is there."""

    def __init__(
        self, exchange: Exchange, landing: Landing, clock: Clock, obstacle: Obstacle = no_obstacle
    ) -> None:
        self._exchange = exchange
        self._landing = landing
        self._clock = clock
        self._obstacle = obstacle

    def fetch_gap(
        self,
        series: SeriesKey,
        window: Window,
        run_id: int,
        on_answer: Callable[[GapAnswer], None],
        on_wait: Callable[[str | None], None],
    ) -> None:
        """Ask for the closed candles of *window*; *on_answer* hears of each answer once it is kept.

        An exchange that blocks or rests is waited for; all other errors pass through.
        """
        self._landing.recover()
        rest = window
        with in_lane(Lane.REPAIR), bound_contextvars(symbol=series.symbol, interval=series.interval.value):
            while rest.start_ms < rest.end_ms:
                answer = self._ask(series, rest, PAGE_CANDLES, on_wait)
                opens, spoken = _read(series.interval, rest, answer)
                key = self._keep(series, answer, run_id)
                on_answer(
                    GapAnswer(
                        key, answer.sent_at_ms, len(opens), find_missing(series.interval, spoken, opens)
                    )
                )
                is_last = not opens or answer.forming is not None
                rest = Window(rest.end_ms if is_last else spoken.end_ms, rest.end_ms)

    def probe_end(
        self, series: SeriesKey, window: Window, run_id: int, on_wait: Callable[[str | None], None]
    ) -> GapAnswer | None:
        """Ask whether anything is in *window*, at the end of a series; None when something is: mere lag.

        Only an answer without a candle is kept.
        """
        self._landing.recover()
        with in_lane(Lane.REPAIR), bound_contextvars(symbol=series.symbol, interval=series.interval.value):
            answer = self._ask(series, window, 1, on_wait)
            opens, spoken = _read(series.interval, window, answer)
            if opens or answer.closed or spoken.start_ms == spoken.end_ms:
                return None
            key = self._landing.land_evidence(series, answer, run_id)
        return GapAnswer(key, answer.sent_at_ms, 0, [spoken])

    def _ask(
        self, series: SeriesKey, window: Window, limit: int, on_wait: Callable[[str | None], None]
    ) -> KlinesAnswer:
        def fetch() -> KlinesAnswer:
            self._landing.check_stores()
            return self._exchange.fetch_klines(
                series.symbol, series.interval, window.start_ms, window.end_ms - 1, limit
            )

        wait_for_room(self._obstacle, Lane.REPAIR, self._clock, on_wait)
        return wait_out(fetch, self._clock, on_wait)

    def _keep(self, series: SeriesKey, answer: KlinesAnswer, run_id: int) -> str:
        if answer.closed:
            return self._landing.land_window_page(series, answer, answer.closed, Lane.REPAIR, run_id)
        return self._landing.land_evidence(series, answer, run_id)


def _read(interval: Interval, asked: Window, answer: KlinesAnswer) -> tuple[list[int], Window]:
    """Return the open times of the closed candles asked for, and of which slots the answer speaks."""
    closed = answer.closed.open_times_ms if answer.closed else ()
    opens = [open_ms for open_ms in closed if asked.start_ms <= open_ms < asked.end_ms]
    closed_until_ms = min(asked.end_ms, interval.floor(answer.exchange_time_ms))
    if opens and answer.forming is None:
        closed_until_ms = min(closed_until_ms, interval.next(interval.floor(opens[-1])))
    return opens, Window(asked.start_ms, max(asked.start_ms, closed_until_ms))
