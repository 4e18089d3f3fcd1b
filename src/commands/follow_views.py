"""What ``runs follow`` draws: bars on a terminal, lines elsewhere. Pure: what was seen in, pictures out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from src.commands.fill_views import fill_text
from src.commands.run_details import error_view
from src.commands.run_views import (
    is_moving,
    left_text,
    rate_text,
    series_text,
    share_text,
    state_text,
    style_of,
    what_text,
    words_of,
)
from src.domain import utc_from_ms
from src.jobs.job_registry import FILL_GAPS
from src.terminal import duration_text
from src.warehouse.run_states import PERMANENT
from src.warehouse.runs import RunRow, RunState

_BAR_WIDTHS = (18, 30)
_WIDE = 100
# Heading, total, counts, a wait, who leads, and the line below: what is left of the height is for children.
_OTHER_LINES = 9
_FEWEST_LINES = 3
_FAILED_SHOWN = 5
NOBODY = "no process executes runs at the moment: ./candlehouse up starts one"


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look at a run showed.

    *active* are its children that run or changed lately, *changed* what has another state than *before*, at
    the last look; *failed*, known at the end, are some of those that failed. *is_led* tells whether somebody
    executes runs.
    """

    run: RunRow
    counts: Counter[RunState]
    active: Sequence[RunRow]
    changed: Sequence[RunRow]
    before: Mapping[int, RunState]
    is_led: bool
    now_ms: int
    failed: Sequence[RunRow] = ()

    @property
    def waits(self) -> list[str]:
        """List what is being waited for, each once."""
        waiting = [run.waiting_for for run in (self.run, *self.active) if run.state is RunState.RUNNING]
        return list(dict.fromkeys(text for text in waiting if text))


def live_view(sight: Sight, width: int, height: int) -> RenderableType:
    """Draw the bars, at most as many as fit."""
    run = sight.run
    heading = Text.assemble((f"run {run.id}", "bold"), f"  {what_text(run)}  ", state_text(run))
    lines = max(_FEWEST_LINES, height - _OTHER_LINES)
    # Those that work come first: what has ended may be left out.
    shown = sorted(sight.active, key=lambda one: one.state is not RunState.RUNNING)[:lines]
    bars = _bars(sorted(shown, key=lambda one: one.id), run, width)
    parts: list[RenderableType] = [heading, Text(), bars]
    if (more := _left_out(sight, len(shown))) > 0:
        parts.append(Text(f"and {more:,} more", style="dim"))
    if run.is_batch:
        parts.append(counts_text(sight.counts))
    parts += [
        Text(f"waiting: {text}", "yellow", no_wrap=True, overflow="ellipsis") for text in sight.waits[:2]
    ]
    parts += [Text(text, "yellow") for text in _remarks(sight)]
    return Group(*parts)


def _left_out(sight: Sight, shown: int) -> int:
    """Count what works and found no room; of the last picture, which stays, all that it does not show."""
    is_last = shown > 0 and sight.run.state.is_end
    return (sight.counts.total() if is_last else len(sight.active)) - shown


def _bars(children: Sequence[RunRow], run: RunRow, width: int) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, overflow="ellipsis")
    table.add_column(no_wrap=True, min_width=_BAR_WIDTHS[0])
    for _ in range(4):
        table.add_column(justify="right", no_wrap=True)
    bar_width = _BAR_WIDTHS[width >= _WIDE]
    for one in (*children, run):
        name = Text("total", style="bold") if one.is_batch else Text(series_text(one))
        table.add_row(name, *_bar_cells(one, bar_width))
    return table


def _bar_cells(run: RunRow, width: int) -> list[RenderableType]:
    style = style_of(run.state)
    bar = ProgressBar(
        run.total or 1, min(run.done, run.total or 0), width, complete_style=style, finished_style=style
    )
    end = Text(left_text(run)) if run.state is RunState.RUNNING else state_text(run)
    return [bar, share_text(run), f"{run.fetched:,}", rate_text(run), end]


def counts_text(counts: Mapping[RunState, int]) -> Text:
    """Return e.g. ``3 running, 12 queued, 5 succeeded``, each in its colour."""
    told = [
        Text(f"{counts[state]:,} {words_of(state)}", style_of(state)) for state in RunState if counts[state]
    ]
    return Text(", ").join(told)


def _remarks(sight: Sight) -> list[str]:
    run = sight.run
    if run.state is RunState.PAUSED:
        return [f"paused: ./candlehouse runs resume {run.id} lets it go on"]
    return [] if sight.is_led or run.state.is_end else [NOBODY]


# --- lines ---


def change_lines(sight: Sight) -> list[str]:
    """Return a line for each change of state since the last look."""
    return [f"{_clock(sight)}  {_change(one, sight.before)}" for one in sight.changed]


def _change(run: RunRow, before: Mapping[int, RunState]) -> str:
    former = before.get(run.id)
    came = f"{words_of(former)} → " if former else ""
    why = f": {run.error['what']}" if run.error and "what" in run.error else ""
    return f"run {run.id} {what_text(run)}: {came}{words_of(run.state)}{why}"


def summary_line(sight: Sight) -> str:
    """Return a line that says how far it is."""
    run = sight.run
    share = f" {share_text(run)}" if run.total else ""
    parts = [f"{words_of(run.state)}{share}", amount_text(run)]
    if sight.is_led and is_moving(run) and run.rate is not None:
        parts += [rate_text(run), f"{left_text(run)} left"]
    if run.is_batch:
        parts.append(counts_text(sight.counts).plain)
    remarks = [*(f"waiting: {text}" for text in sight.waits[:1]), *_remarks(sight)]
    return f"{_clock(sight)}  run {run.id}: {'; '.join([', '.join(filter(None, parts)), *remarks])}"


def amount_text(run: RunRow) -> str:
    """Return e.g. ``18,720 of 43,200 candles``."""
    if not run.total:
        return f"{run.fetched:,} fetched" if run.fetched else ""
    return f"{run.done:,} of {run.total:,} {run.unit}".rstrip()


def _clock(sight: Sight) -> str:
    return f"{utc_from_ms(sight.now_ms):%H:%M:%S}"


# --- the end ---


def end_view(sight: Sight) -> RenderableType:
    """Say how it ended and, where it failed, what and what to do."""
    run = sight.run
    text = Text.assemble(f"run {run.id} ", (words_of(run.state), style_of(run.state)))
    if run.started_ms and run.finished_ms:
        text.append(f" after {duration_text(run.finished_ms - run.started_ms)}")
    if run.expected:
        text.append(
            f": {run.fetched:,} of {run.expected:,} {run.unit or 'candles'} fetched, {run.loaded:,} loaded"
        )
    if run.kind == FILL_GAPS and run.result:
        text.append(f": {fill_text(run.result)}")
    parts: list[RenderableType] = [text]
    for one in sight.failed[:_FAILED_SHOWN]:
        parts += [Text(f"run {one.id} {what_text(one)}", style="bold"), error_view(one)]
    if (more := len(sight.failed) - _FAILED_SHOWN) > 0:
        parts.append(Text(f"and {more:,} more: ./candlehouse runs show {run.id}", style="dim"))
    hopeful = [one for one in sight.failed if one.error_kind != PERMANENT]
    if run.is_batch and hopeful:
        force = " --force" if all(one.fruitless >= one.attempt_limit for one in hopeful) else ""
        todo = f"→ ./candlehouse runs retry {run.id}{force} tries those again that failed"
        parts.append(Text(todo, style="cyan"))
    if run.state is RunState.PARTLY_FAILED and not run.is_batch:
        parts.append(Text(f"./candlehouse runs show {run.id} tells more", style="dim"))
    if run.state is RunState.CANCELLED:
        parts.append(Text(f"→ ./candlehouse runs resume {run.id} goes on where it stopped", style="cyan"))
    return Group(*parts)
