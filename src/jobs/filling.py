"""The kind of run ``fill_gaps``: finds what is missing, asks for it, newest first, and says what came of it.

What the lake has is reloaded from there. Candles that come are landed and loaded like all data. An answer
without any is landed as evidence; two of them, an hour apart, close a gap as empty at the exchange.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from src.clock import Clock
from src.domain import DAY_MS, MINUTE_MS, Interval, Lane, SeriesKey, Window
from src.errors import SourceError
from src.extract.chunks import PAGE_CANDLES, expected_candles
from src.extract.gap_fetching import GapAnswer, GapFetcher
from src.jobs.asking import MANUAL
from src.jobs.context import Kind, Outcome, RunContext
from src.jobs.fetching import FETCH_WINDOW
from src.jobs.finishing import judge, wait_until_loaded
from src.jobs.job_registry import FILL_GAPS, FillParameters
from src.jobs.reloading import may_be_in_lake, reload_gaps
from src.maintenance.evidence import EvidenceCheck
from src.maintenance.gap_answers import take_answers
from src.maintenance.gaps import GapChanges, Lag, detect_gaps
from src.maintenance.outages import Outage
from src.maintenance.reloading import Reloader
from src.warehouse.engine import Warehouse
from src.warehouse.gaps import (
    FILLABLE_STATES,
    Evidence,
    GapFilter,
    GapRow,
    GapState,
    claim_gaps,
    fail_gap,
    list_gaps,
)
from src.warehouse.open_windows import list_open_windows
from src.warehouse.runs import NewRun, create_run
from src.warehouse.series import SeriesRow
from src.warehouse.wanted import FOR_EVER
from src.window_sets import intersect, merge, subtract

# What live fetching brings by itself is left to it for so long; behind a gap that is known, for a day.
_LAG_PATIENCE_MS = 15 * MINUTE_MS
_LAG_BEHIND_GAP_MS = DAY_MS
_RETRY_MS = 10 * MINUTE_MS
_LONGEST_RETRY_MS = DAY_MS
_TOLD = 20


@dataclass(slots=True)
class _Filled:
    """What came of a run so far; *failures* by the gap's series and window.

    *reloaded* are candles from the lake, *healed* the gaps that they filled; of the *gaps* that were asked
    for *empty* had nothing there, and *partly_empty* in a part. *candles* are those of all answers, with what
    is held already between two gaps.
    """

    asked: set[SeriesKey] = field(default_factory=set)
    reloaded: int = 0
    healed: int = 0
    gaps: int = 0
    probed: int = 0
    answers: int = 0
    candles: int = 0
    without: int = 0
    empty: int = 0
    partly_empty: int = 0
    failures: dict[str, str] = field(default_factory=dict)

    def count_empty(self, gaps: Iterable[GapRow], empty: Sequence[Window]) -> None:
        """Count of *gaps* those that lie in what the exchange said is *empty*, wholly or in part."""
        for gap in gaps:
            if there := subtract([gap.window], merge(empty)):
                self.partly_empty += there != [gap.window]
            else:
                self.empty += 1


@dataclass(frozen=True, slots=True)
class FillGaps:
    """Executes ``fill_gaps``; *wake_loader* is called when something has landed.

    *keep_days* is for how long candles are wanted where a series does not say.
    """

    fetcher: GapFetcher
    reloader: Reloader
    evidence: EvidenceCheck
    clock: Clock
    wake_loader: Callable[[], None]
    outages: Callable[[], Sequence[Outage]] = tuple
    keep_days: Callable[[], int] = lambda: FOR_EVER

    def kind(self) -> Kind:
        return Kind(FILL_GAPS, self.execute, retries=True)

    def execute(self, context: RunContext) -> Outcome:
        """Detect, reload, ask, wait until what came is loaded, and detect again."""
        context.progress.step("detect", "running")
        self.evidence.look(self._since_ms(context))
        changes = self.detect(context)
        context.progress.step("detect", "done")
        filled = _Filled()
        self._reload(context, changes, filled)
        chosen, lags = self._choose(context, changes), self._choose_lags(context, changes)
        self._ask(context, changes, chosen, lags, filled)
        wait_until_loaded(context, self.wake_loader)
        asked = sorted(filled.asked)
        after = self.detect(context, asked) if asked else GapChanges()
        return _outcome(context, changes, filled, after)

    def _reload(self, context: RunContext, changes: GapChanges, filled: _Filled) -> None:
        """Put back what the lake has of all that is due, however much: it costs no request."""
        context.progress.step("reload", "running")
        due = self._list_due(context, changes, (*FILLABLE_STATES, GapState.UNFILLABLE))
        context.progress.start("gaps", sum(map(may_be_in_lake, due)))
        done = reload_gaps(context, self.reloader, due, changes.series)
        filled.reloaded = done.candles
        if done.series:
            filled.healed = self.detect(context, sorted(done.series)).filled
        context.progress.step("reload", "done")

    def _ask(
        self,
        context: RunContext,
        changes: GapChanges,
        chosen: Sequence[GapRow],
        lags: Sequence[Lag],
        filled: _Filled,
    ) -> None:
        """Ask the exchange for gaps, then whether it has anything at the ends of series that are late."""
        context.progress.start("gaps", filled.healed + len(chosen) + len(lags), done=filled.healed)
        context.progress.step("ask", "running")
        for together in group_gaps(chosen, changes.series):
            self._fill(context, changes.series[together[0].series_id], together, filled)
        for lag in lags:
            self._probe(context, lag, filled)
        context.progress.step("ask", "done")

    def detect(self, context: RunContext, series: Sequence[SeriesKey] | None = None) -> GapChanges:
        """Look what is missing, of *series* or all that is tracked, and note it."""
        outages, now_ms = self.outages(), self.clock.now_ms()
        return context.warehouse.run(
            lambda connection: detect_gaps(
                connection,
                now_ms,
                series,
                outages=outages,
                keep_days=self.keep_days(),
                run_id=context.run.id,
            )
        )

    def _choose(self, context: RunContext, changes: GapChanges) -> list[GapRow]:
        """Return the gaps to ask the exchange for, the newest first and no more than may be asked for.

        What a backfill is to fetch is left to it, also while it is paused, unless the gap is named.
        """
        due = self._list_due(context, changes, FILLABLE_STATES)
        if not context.parameters.get("ids"):
            with context.warehouse.read() as connection:
                taken = list_open_windows(connection, FETCH_WINDOW)
            others = {key: merge(windows) for key, windows in taken.items()}
            due = [gap for gap in due if not intersect([gap.window], others.get(_key(gap, changes), ()))]
        return due[: context.parameters.get("max_gaps")]

    def _list_due(self, context: RunContext, changes: GapChanges, states: Sequence[GapState]) -> list[GapRow]:
        """Return the gaps that are named, else those that are due, the newest first."""
        wanted, now_ms = context.parameters, self.clock.now_ms()
        ids = wanted.get("ids") or ()
        query = GapFilter(
            symbols=wanted.get("symbols") or (),
            intervals=_intervals(wanted),
            states=states,
            ids=ids,
            ends_after_ms=None if ids else self._since_ms(context),
        )
        with context.warehouse.read() as connection:
            rows = list_gaps(connection, query)
        due = (row for row in rows if ids or row.ask_again_ms is None or row.ask_again_ms <= now_ms)
        return [row for row in due if row.series_id in changes.series and (ids or _is_wanted(row, changes))]

    def _since_ms(self, context: RunContext) -> int | None:
        """Return after when a gap must end for this run to look after it, None for whenever."""
        days = context.parameters.get("lookback_days")
        return None if days is None else self.clock.now_ms() - int(days) * DAY_MS

    def _choose_lags(self, context: RunContext, changes: GapChanges) -> list[Lag]:
        """Return the ends of series that live fetching should have reached: does the exchange have more?"""
        wanted = context.parameters
        if wanted.get("ids"):
            return []
        symbols, intervals = set(wanted.get("symbols") or ()), _intervals(wanted)
        lags = [
            lag
            for lag in changes.lags
            if (not symbols or lag.row.key.symbol in symbols)
            and (not intervals or lag.row.key.interval in intervals)
        ]
        return [lag for lag in lags if _is_late(lag, self.clock.now_ms())][: wanted.get("max_gaps")]

    def _fill(self, context: RunContext, row: SeriesRow, together: Sequence[GapRow], filled: _Filled) -> None:
        """Ask for gaps that one question reaches, as far as nobody else has taken them."""
        now_ms, run_id = self.clock.now_ms(), context.run.id
        mine = context.warehouse.run(lambda c: claim_gaps(c, [gap.id for gap in together], run_id, now_ms))
        window = Window(together[0].window.start_ms, together[-1].window.end_ms)
        context.window, context.series = window, row.key
        context.progress.at(row.key, window.start_ms)
        if mine:
            filled.gaps += len(mine)
            filled.asked.add(row.key)
            asked, empty = [gap for gap in together if gap.id in mine], []

            def take(answer: GapAnswer) -> None:
                empty.extend(answer.empty)
                self._take(context, row, answer, filled)

            try:
                self.fetcher.fetch_gap(row.key, window, run_id, take, context.progress.waiting)
            except SourceError as error:
                self._fail(context, row.key, asked, error, filled)
            filled.count_empty(asked, empty)
        context.progress.advance(len(together))

    def _take(
        self, context: RunContext, row: SeriesRow, answer: GapAnswer, filled: _Filled, *, begins: bool = False
    ) -> None:
        """Note what an answer said, as soon as it is kept: a crash forgets none."""
        filled.answers += 1
        filled.candles += answer.candles
        context.progress.advance(fetched=answer.candles)
        if answer.candles:
            self.wake_loader()
        if not answer.empty:
            return
        filled.without += 1
        evidence = [Evidence(answer.key, window, answer.asked_ms) for window in answer.empty]
        now_ms, run_id = self.clock.now_ms(), context.run.id
        context.warehouse.run(
            lambda connection: take_answers(connection, row, evidence, now_ms, run_id, begins=begins)
        )

    def _fail(
        self,
        context: RunContext,
        key: SeriesKey,
        together: Sequence[GapRow],
        error: SourceError,
        filled: _Filled,
    ) -> None:
        """Note that gaps could not be asked for; the others are asked all the same."""
        text, now_ms = str(error), self.clock.now_ms()
        filled.failures[f"{key} {context.window}"] = text

        def work(connection: Connection) -> None:
            for gap in together:
                pause_ms = min(_RETRY_MS * 2 ** min(gap.attempts, 10), _LONGEST_RETRY_MS)
                fail_gap(connection, gap.id, text, now_ms + pause_ms)

        context.warehouse.run(work)

    def _probe(self, context: RunContext, lag: Lag, filled: _Filled) -> None:
        context.window, context.series = lag.window, lag.row.key
        filled.probed += 1
        try:
            answer = self.fetcher.probe_end(lag.row.key, lag.window, context.run.id, context.progress.waiting)
            if answer:
                filled.asked.add(lag.row.key)
                self._take(context, lag.row, answer, filled, begins=True)
        except SourceError as error:
            filled.failures[f"{lag.row.key} {lag.window}"] = str(error)
        context.progress.advance(1)


def ask_fill(warehouse: Warehouse, parameters: Mapping[str, Any], requested_by: str) -> int:
    """Queue a run that fills gaps, with parameters as in ``FillParameters``; return its id."""
    checked = FillParameters(**parameters).model_dump(mode="json")
    new = NewRun(FILL_GAPS, Lane.REPAIR, MANUAL, requested_by, checked, unit="gaps")
    return warehouse.run(lambda connection: create_run(connection, new))


def _intervals(parameters: Mapping[str, Any]) -> list[Interval]:
    return [Interval(one) for one in parameters.get("intervals") or ()]


def _key(gap: GapRow, changes: GapChanges) -> SeriesKey:
    return changes.series[gap.series_id].key


def _is_wanted(gap: GapRow, changes: GapChanges) -> bool:
    """Whether a gap is asked for: those that have aged out stay for the account alone."""
    wanted = changes.wanted.get(gap.series_id)
    return wanted is not None and bool(intersect([gap.window], [wanted]))


def group_gaps(gaps: Iterable[GapRow], series: Mapping[int, SeriesRow]) -> list[list[GapRow]]:
    """Put gaps of a series together that one page reaches over; the newest come first, each group in order.

    What lies between them is held already, but a page costs the same whatever is in it.
    """
    groups: list[list[GapRow]] = []
    open_groups: dict[int, list[GapRow]] = {}
    for gap in gaps:
        group, interval = open_groups.get(gap.series_id), series[gap.series_id].key.interval
        if group and _fits_a_page(interval, Window(gap.window.start_ms, group[0].window.end_ms)):
            group.insert(0, gap)
        else:
            open_groups[gap.series_id] = [gap]
            groups.append(open_groups[gap.series_id])
    return groups


def _fits_a_page(interval: Interval, window: Window) -> bool:
    return expected_candles(interval, window) <= PAGE_CANDLES


def _is_late(lag: Lag, now_ms: int) -> bool:
    """Whether more is missing at the end than live fetching may leave to itself."""
    if lag.follows_gap:
        return lag.window.end_ms - lag.window.start_ms >= _LAG_BEHIND_GAP_MS
    return now_ms - lag.row.key.interval.next(lag.window.start_ms) >= _LAG_PATIENCE_MS


def _outcome(context: RunContext, changes: GapChanges, filled: _Filled, after: GapChanges) -> Outcome:
    result = {
        "detected": changes.detected,
        "reloaded": filled.reloaded,
        "gaps_asked": filled.gaps,
        "ends_asked": filled.probed,
        "answers": filled.answers,
        "candles": filled.candles,
        "answers_without": filled.without,
        "gaps_empty": filled.empty,
        "gaps_partly_empty": filled.partly_empty,
        "gaps_healed": filled.healed,
        "gaps_filled": after.filled,
        "filled": changes.filled + filled.healed + after.filled,
        "reopened": changes.reopened,
        "failures": dict(islice(sorted(filled.failures.items()), _TOLD)),
    }
    return judge(result, filled.failures)
