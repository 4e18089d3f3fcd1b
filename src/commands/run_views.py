"""How runs are shown, to people and to programs. Pure: rows in, texts out; times are told in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from src.domain import utc_from_ms
from src.terminal import duration_text
from src.warehouse.run_states import Retried
from src.warehouse.runs import RunRow, RunState

_STYLES = {
    RunState.QUEUED: "dim",
    RunState.RUNNING: "cyan",
    RunState.PAUSED: "yellow",
    RunState.SUCCEEDED: "green",
    RunState.PARTLY_FAILED: "yellow",
    RunState.FAILED: "red",
    RunState.CANCELLED: "dim",
}
_WISHED = {"cancel": "cancelling", "pause": "pausing"}
_KINDS = {"fetch_window": "fetch", "batch": "batch"}
_NARROW = 100
_FLAT = tuple(field.name for field in fields(RunRow) if field.name not in {"series", "window"})
_SPREAD = ("share_received", "exchange", "symbol", "interval", "window_start_ms", "window_end_ms")
# The names in what ``run_json`` returns.
COLUMNS = (*_FLAT, *_SPREAD)


# --- in words ---


def what_text(run: RunRow) -> str:
    """Say what a run is about: ``fetch BTCUSDT 1m``, ``fetch 10 symbols × 2 intervals``, ``cycle``."""
    parameters = run.parameters
    kind = str(parameters.get("kind", run.kind)) if run.is_batch else run.kind
    name = _KINDS.get(kind, kind)
    if run.series:
        return f"{name} {series_text(run)}"
    if run.is_batch and "symbols" in parameters and "intervals" in parameters:
        symbols, intervals = parameters["symbols"], parameters["intervals"]
        told = intervals[0] if len(intervals) == 1 else f"{len(intervals)} intervals"
        return f"{name} {counted(symbols, 'symbol')} × {told}"
    return run.job_id or name


def series_text(run: RunRow) -> str:
    """Return the series of a run that has one, else what it is about."""
    return f"{run.series.symbol} {run.series.interval.value}" if run.series else what_text(run)


def state_text(run: RunRow) -> Text:
    """Return the state in its colour; what is running and asked to stop is on its way there."""
    words = _WISHED.get(run.wish or "", "") if run.state is RunState.RUNNING else ""
    return Text(words or words_of(run.state), style=_STYLES[run.state])


def style_of(state: RunState) -> str:
    """Return the colour of a state."""
    return _STYLES[state]


def words_of(state: RunState) -> str:
    """Return a state as people write it."""
    return state.value.replace("_", " ")


def share_text(run: RunRow) -> str:
    """Return how far it is, e.g. ``43 %``; never 100 % before all is done."""
    if not run.total:
        return "-"
    return f"{min(run.done, run.total) * 100 // run.total} %"


def is_moving(run: RunRow) -> bool:
    """Whether it works at the moment: of what waits, the last known rate holds no more."""
    return run.state is RunState.RUNNING and not run.waiting_for


def rate_text(run: RunRow) -> str:
    if run.rate is None or not is_moving(run):
        return "-"
    length, per = next((pace for pace in _PACES if run.rate * pace[0] >= 1), _PACES[-1])
    amount = run.rate * length
    return f"{amount:,.0f}/{per}" if amount >= 10 else f"{round(amount, 1):g}/{per}"


_PACES = ((1, "s"), (60, "min"), (3600, "h"))


def left_text(run: RunRow) -> str:
    known = is_moving(run) and run.time_left_ms is not None
    return duration_text(run.time_left_ms or 0) if known else "-"


def time_text(time_ms: int | None) -> str:
    """Return a time to the second, ``-`` where there is none."""
    return "-" if time_ms is None else f"{utc_from_ms(time_ms):%Y-%m-%d %H:%M:%S}"


def window_text(start_ms: int, end_ms: int) -> str:
    """Return ``2026-01-09 00:00 – 2026-01-10 00:00``."""
    return f"{utc_from_ms(start_ms):%Y-%m-%d %H:%M} – {utc_from_ms(end_ms):%Y-%m-%d %H:%M}"


def counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


# --- the list ---


def runs_table(rows: Sequence[RunRow], now_ms: int, width: int) -> Table:
    """Draw runs, a line each; below 100 columns without what matters least."""
    is_narrow = width < _NARROW
    table = table_of("run", "what", "state")
    table.columns[1].no_wrap = False
    for name in ("done", "fetched", "left", "age", *([] if is_narrow else ["rate", "try"])):
        table.add_column(name, justify="right", no_wrap=True)
    if not is_narrow:
        table.add_column("asked by", style="dim")
    for run in rows:
        rest: list[RenderableType] = [rate_text(run), str(run.attempt or "-"), _yielding(run.requested_by)]
        table.add_row(
            str(run.id),
            _yielding(what_text(run)),
            state_text(run),
            share_text(run),
            f"{run.fetched:,}",
            left_text(run),
            Text(duration_text(now_ms - run.created_ms), style="dim"),
            *(() if is_narrow else rest),
        )
    return table


def _yielding(text: str) -> Text:
    """Return what is cut off when the line is full, in a column that may be narrower than its text."""
    return Text(text, no_wrap=True, overflow="ellipsis")


def children_table(children: Sequence[RunRow]) -> Table:
    """Draw the runs of a batch, with what failed and what is waited for."""
    table = table_of("run", "series", "state")
    for name in ("done", "fetched", "expected", "left"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("error or wait", overflow="fold")
    for run in children:
        expected = "-" if run.expected is None else f"{run.expected:,}"
        told = _what_failed(run) or run.waiting_for or ""
        table.add_row(
            str(run.id),
            Text(series_text(run)),
            state_text(run),
            share_text(run),
            f"{run.fetched:,}",
            expected,
            left_text(run),
            Text(told, style="red" if run.error else "yellow"),
        )
    return table


def _what_failed(run: RunRow) -> str | None:
    return str(run.error.get("what", "")) if run.error else None


def table_of(*names: str) -> Table:
    """Return a table of our looks with these columns."""
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(name, no_wrap=True)
    return table


# --- what was asked ---


def retried_text(done: Retried) -> str:
    """Say what a retry did: ``retried 3, skipped for attempts 1: 12, failed for good 1: 14``."""
    told = [f"retried {len(done.retried)}"]
    for words, ids in (
        ("skipped for attempts", done.skipped_for_attempts),
        ("failed for good", done.permanent),
    ):
        if ids:
            told.append(f"{words} {len(ids)}: {' '.join(map(str, ids))}")
    hint = " (why: ./candlehouse runs show ID; --force tries them too)" if len(told) > 1 else ""
    return ", ".join(told) + hint


def not_failed_text(run: RunRow) -> str | None:
    """Say why a run that has not failed is not retried, and what to do instead; None of one that has."""
    instead = {
        RunState.QUEUED: "it begins when its turn comes",
        RunState.RUNNING: f"./candlehouse runs follow {run.id} watches it",
        RunState.PAUSED: f"./candlehouse runs resume {run.id} goes on with it",
        RunState.SUCCEEDED: "there is nothing to try again",
        RunState.CANCELLED: f"./candlehouse runs resume {run.id} goes on with it",
    }.get(run.state)
    verb = "has" if run.state is RunState.SUCCEEDED else "is"
    return f"run {run.id} {verb} {words_of(run.state)}: {instead}" if instead else None


# --- for programs ---


def run_json(run: RunRow) -> dict[str, Any]:
    """Return a run for programs: flat, times in UTC milliseconds."""
    series, window = run.series, run.window
    spread = (
        run.share_received,
        *((series.exchange, series.symbol, series.interval.value) if series else (None, None, None)),
        *((window.start_ms, window.end_ms) if window else (None, None)),
    )
    told = {name: getattr(run, name) for name in _FLAT} | dict(zip(_SPREAD, spread, strict=True))
    return {**told, "state": run.state.value}
