"""The kind of run ``fetch_window``: the candles of one series and window, chunk by chunk into the lake.

A finished chunk is the unit of resume: it is never asked for again. The run ends when all that it fetched
has reached the warehouse, by the same way as everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from src.domain import Lane, SeriesKey, Window
from src.errors import ConfigurationError
from src.extract.chunks import expected_candles, plan_chunks
from src.extract.windows import ChunkReport, PageReport, WindowFetcher
from src.jobs.context import Kind, Outcome, RunContext
from src.jobs.finishing import wait_until_loaded
from src.warehouse.catalog import LoadedCount
from src.warehouse.engine import Warehouse
from src.warehouse.gaps import list_open
from src.warehouse.lineage import get_series
from src.warehouse.run_progress import DONE, Chunk, finish_chunk, list_chunks, save_missing
from src.warehouse.runs import RunState
from src.window_sets import intersect

FETCH_WINDOW = "fetch_window"


@dataclass(frozen=True, slots=True)
class FetchWindow:
    """Executes ``fetch_window``; *wake_loader* is called when something has landed.

    *look_for_gaps* is called at the end of a run to which the exchange did not give all, or that fetched what
    was known as a gap: what is missing, and what is not any more, is then known at once.
    """

    fetcher: WindowFetcher
    wake_loader: Callable[[], None]
    look_for_gaps: Callable[[RunContext, SeriesKey], object] = lambda *_: None

    def kind(self) -> Kind:
        return Kind(FETCH_WINDOW, self.execute, retries=True)

    def execute(self, context: RunContext) -> Outcome:
        """Fetch what is not fetched yet and wait until it is loaded."""
        series, window = _target(context)
        chunks = plan_chunks(series.interval, window)
        with context.warehouse.read() as connection:
            finished = {chunk.window: chunk for chunk in list_chunks(connection, context.run.id)}
        _tell_start(context, series, chunks, finished.values())
        context.progress.step("fetch", "running")
        for chunk in chunks:
            if chunk not in finished:
                finished[chunk] = self._fetch(context, series, chunk)
        context.progress.step("fetch", "done")
        context.progress.settle(sum(chunk.expected for chunk in finished.values()))
        context.series, context.window = series, window
        missing = [gap for chunk in sorted(finished) for gap in finished[chunk].missing]
        context.warehouse.run(lambda connection: save_missing(connection, context.run.id, missing))
        loaded = wait_until_loaded(context, self.wake_loader)
        if missing or _has_gap(context.warehouse, series, window):
            self.look_for_gaps(context, series)
        return _outcome(loaded, finished.values(), len(missing))

    def _fetch(self, context: RunContext, series: SeriesKey, window: Window) -> Chunk:
        """Fetch one chunk; one that an error interrupted is begun anew and counts from its start."""
        context.window = window
        begun = context.progress.mark()

        def on_page(page: PageReport) -> None:
            context.progress.advance(page.candles, fetched=page.candles)
            context.progress.at(series, page.last_open_ms)
            self.wake_loader()

        lane, progress = Lane(context.run.lane), context.progress
        report = self.fetcher.fetch_chunk(series, window, lane, context.run.id, on_page, progress.waiting)
        chunk = Chunk(
            window, DONE, report.candles, _count_expected(series, window, report), tuple(report.missing)
        )
        run = context.run
        if not report.reached_forming:  # else there is more to come: a resumed run asks again
            context.warehouse.run(lambda connection: finish_chunk(connection, run.id, run.token, chunk))
        progress.set_done(
            begun.done + expected_candles(series.interval, window), begun.fetched + chunk.fetched
        )
        progress.advance(batches=1)
        return chunk


def _count_expected(series: SeriesKey, window: Window, report: ChunkReport) -> int:
    """Return how many candles a chunk should have: those that are not closed yet are no loss."""
    if not report.reached_forming:
        return expected_candles(series.interval, window)
    return report.candles + sum(expected_candles(series.interval, gap) for gap in report.missing)


def _has_gap(warehouse: Warehouse, series: SeriesKey, window: Window) -> bool:
    with warehouse.read() as connection:
        row = get_series(connection, series.exchange, series.symbol, series.interval)
        known = list_open(connection, [row.id]).get(row.id, [])
    return bool(intersect([window], [gap.window for gap in known]))


def _target(context: RunContext) -> tuple[SeriesKey, Window]:
    series, window = context.run.series, context.run.window
    if series is None or window is None:
        raise ConfigurationError("a run that fetches a window needs a series and a window")
    return series, window


def _tell_start(
    context: RunContext, series: SeriesKey, chunks: Iterable[Window], finished: Iterable[Chunk]
) -> None:
    """Say what there is to do, and what earlier attempts have done of it.

    A chunk that was interrupted is fetched anew; what it had got to is told until that is further.
    """
    chunks, finished = list(chunks), list(finished)
    total = sum(expected_candles(series.interval, chunk) for chunk in chunks)
    context.progress.start(
        "candles",
        total,
        expected=total,
        at_least=context.run.done if context.run.total == total else 0,
        done=sum(chunk.expected for chunk in finished),
        fetched=sum(chunk.fetched for chunk in finished),
        batches_done=len(finished),
        batches_total=len(chunks),
    )


def _outcome(loaded: LoadedCount, chunks: Iterable[Chunk], missing: int) -> Outcome:
    fetched = sum(chunk.fetched for chunk in chunks)
    result = {
        "fetched": fetched,
        "loaded": min(fetched, loaded.candles_loaded),  # a chunk begun anew has landed twice in part
        "missing_windows": missing,
        "quarantined_objects": loaded.quarantined,
    }
    if loaded.quarantined:
        problem = f"{loaded.quarantined} objects were quarantined: their rows say why in lake_objects.error"
        return Outcome(result, RunState.PARTLY_FAILED, problem)
    return Outcome(result)
