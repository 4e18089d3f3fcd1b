"""The kind of run ``refetch_recent``: asks again for what is held, since exchanges amend closed candles.

An answer that says what the facts say is noted and not landed: the lake would fill with what it has. Any
other lands and is loaded like all data, and loading keeps the earlier version.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import islice

from src.domain import DAY_MS, HOUR_MS, Interval, Lane, SeriesKey, Window
from src.errors import SourceError
from src.extract.exchange import KlinesAnswer
from src.extract.windows import PageReport, WindowFetcher
from src.jobs.context import Kind, Outcome, RunContext
from src.jobs.finishing import judge, wait_until_loaded
from src.jobs.job_registry import REFETCH_RECENT
from src.transform.sifting import sift_klines
from src.warehouse.candles import read_candles
from src.warehouse.engine import Warehouse
from src.warehouse.series import SeriesRow, list_series
from src.warehouse.wanted import FOR_EVER, wanted_window

_TOLD = 20


@dataclass(slots=True)
class _Refetched:
    """What came of a run so far: answers *noted* and *landed*, candles *amended* and *missing* here."""

    series: int = 0
    noted: int = 0
    landed: int = 0
    amended: int = 0
    missing: int = 0
    failures: dict[str, str] = field(default_factory=dict)

    def outcome(self) -> Outcome:
        told = dict(islice(sorted(self.failures.items()), _TOLD))
        return judge({**asdict(self), "failures": told}, self.failures)


@dataclass(frozen=True, slots=True)
class RefetchRecent:
    """Executes ``refetch_recent``; *wake_loader* is called when something has landed.

    *keep_days* is for how long candles are wanted where a series does not say.
    """

    fetcher: WindowFetcher
    wake_loader: Callable[[], None]
    keep_days: Callable[[], int] = lambda: FOR_EVER

    def kind(self) -> Kind:
        return Kind(REFETCH_RECENT, self.execute, retries=True)

    def execute(self, context: RunContext) -> Outcome:
        """Ask for each tracked series and wait until what is new is loaded."""
        now_ms, hours = context.clock.now_ms(), context.parameters["hours"]
        with context.warehouse.read() as connection:
            rows = list_series(connection)
        days = self.keep_days()
        windows = {row.key: window for row in rows if (window := recent_window(row, now_ms, hours, days))}
        context.progress.start("series", len(windows))
        context.progress.step("ask", "running")
        found = _Refetched(series=len(windows))
        for series, window in windows.items():
            self._refetch(context, series, window, found)
            context.progress.advance(1)
        context.progress.step("ask", "done")
        wait_until_loaded(context, self.wake_loader)
        return found.outcome()

    def _refetch(self, context: RunContext, series: SeriesKey, window: Window, found: _Refetched) -> None:
        context.series, context.window = series, window
        context.progress.at(series, window.start_ms)

        def is_news(answer: KlinesAnswer) -> bool:
            amended, missing = _compare(context.warehouse, series, answer)
            found.amended += amended
            found.missing += missing
            found.noted += not (amended or missing)
            return bool(amended or missing)

        def on_page(page: PageReport) -> None:
            found.landed += 1
            context.progress.advance(fetched=page.candles)
            self.wake_loader()

        run_id, on_wait = context.run.id, context.progress.waiting
        try:
            self.fetcher.fetch_chunk(series, window, Lane.REPAIR, run_id, on_page, on_wait, is_news)
        except SourceError as error:
            found.failures[f"{series} {window}"] = str(error)


def recent_window(row: SeriesRow, now_ms: int, hours: int, keep_days: int = FOR_EVER) -> Window | None:
    """Return the slots that reach into the last *hours*, as far as they are wanted; None when there are none.

    It ends with the newest candle that is held: what comes after is live fetching's, not an amendment.
    """
    interval, wanted = row.key.interval, wanted_window(row, None, None, now_ms, keep_days)
    if wanted is None or row.last_open_ms is None or not _is_refetched(interval):
        return None
    start_ms = max(wanted.start_ms, interval.floor(now_ms - hours * HOUR_MS))
    end_ms = min(wanted.end_ms, interval.next(interval.floor(row.last_open_ms)))
    return Window(start_ms, end_ms) if start_ms < end_ms else None


def _is_refetched(interval: Interval) -> bool:
    return interval.fixed_ms is not None and interval.fixed_ms <= DAY_MS


def _compare(warehouse: Warehouse, series: SeriesKey, answer: KlinesAnswer) -> tuple[int, int]:
    """Count the closed candles of an answer that are held otherwise, and those that are not held.

    A row that could not be loaded says nothing: landed each hour, it would be set aside each hour.
    """
    sifted = sift_klines(answer.body, series.interval, answer.exchange_time_ms)
    opens_ms = sifted.open_times_ms.tolist()
    if not opens_ms:
        return 0, 0
    with warehouse.read() as connection:
        held = read_candles(connection, series, Window(opens_ms[0], opens_ms[-1] + 1))
    known = [
        (held[open_ms].row, row)
        for open_ms, row in zip(opens_ms, sifted.rows, strict=True)
        if open_ms in held
    ]
    return sum(ours != theirs for ours, theirs in known), len(opens_ms) - len(known)
