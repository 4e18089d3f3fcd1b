"""How gaps are shown, to people and to programs; times in UTC."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from src.commands.run_views import counted, table_of, time_text, window_text
from src.domain import SeriesKey, Window, utc_from_ms
from src.maintenance.gaps import GapChanges
from src.terminal import output_width, to_text
from src.warehouse.gaps import GapReason, GapRow, GapState

_STYLES = {
    GapState.DETECTED: "yellow",
    GapState.FILLING: "cyan",
    GapState.FILLED: "green",
    GapState.EMPTY_AT_EXCHANGE: "dim",
    GapState.UNFILLABLE: "red",
    GapState.FAILED: "bold red",
}
# Wider than any line: who reads from a pipe reads line by line.
_UNWRAPPED = 1000


class NamedGap(NamedTuple):
    """A gap and its series."""

    key: SeriesKey
    gap: GapRow


def gaps_table(rows: list[NamedGap]) -> Table:
    """Draw gaps, a line each."""
    table = table_of("gap", "series", "window (UTC)")
    table.add_column("missing", justify="right")
    table.add_column("state", no_wrap=True)
    table.add_column("why", overflow="fold")
    table.add_column("asked", no_wrap=True)
    for key, gap in rows:
        table.add_row(
            str(gap.id),
            f"{key.symbol} {key.interval.value}",
            window_text(gap.window.start_ms, gap.window.end_ms),
            f"{gap.missing:,}",
            Text(_words(gap.state), style=_STYLES[gap.state]),
            _why(gap),
            f"{gap.attempts}x" if gap.attempts else "never",
        )
    return table


def gap_view(row: NamedGap) -> RenderableType:
    """Draw one gap with the answers that prove it empty."""
    key, gap = row
    fields = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name, value in _fields(key, gap):
        fields.add_row(Text(name, style="dim"), Text(value))
    if not gap.evidence:
        return fields
    answers = table_of("asked (UTC)", "nothing in (UTC)", "object")
    for one in gap.evidence:
        window = window_text(one.window.start_ms, one.window.end_ms)
        answers.add_row(time_text(one.asked_ms), window, Text(one.key))
    return Group(fields, Text(), answers)


def gap_text(row: NamedGap) -> str:
    """Return the same as text; an address stands on a line of its own, whole, to be copied."""
    hint = row.gap.filling_file
    file = f"\n\nfile that would fill it\n{hint}{_more_files(hint, row.gap.window)}" if hint else ""
    return f"{_whole_text(gap_view(row))}{file}"


def gaps_text(rows: list[NamedGap]) -> str:
    """Return gaps as text, a line each."""
    return _whole_text(gaps_table(rows)) if rows else "no gaps"


def _whole_text(what: RenderableType) -> str:
    """Return it as wide as a terminal is, and in a pipe as wide as it needs to be."""
    return to_text(what, output_width() if sys.stdout.isatty() else _UNWRAPPED)


def _more_files(hint: str, window: Window) -> str:
    """Say up to when the files go on of which *hint* is the first, where one does not do."""
    forms = {"/daily/": "%Y-%m-%d", "/monthly/": "%Y-%m"}
    form = next((form for kind, form in forms.items() if kind in hint), "")
    last = f"{utc_from_ms(window.end_ms - 1):{form}}" if form else ""
    return "" if last in hint else f"\nand those after it, up to {last}"


def gap_json(row: NamedGap) -> dict[str, Any]:
    """Return a gap for programs; times in UTC milliseconds."""
    key, gap = row
    told = {name: value for name, value in asdict(gap).items() if name not in {"window", "evidence"}}
    told["file_hint"] = gap.filling_file
    evidence = [
        {
            "key": one.key,
            "start_ms": one.window.start_ms,
            "end_ms": one.window.end_ms,
            "asked_ms": one.asked_ms,
        }
        for one in gap.evidence
    ]
    return {
        **told,
        "exchange": key.exchange,
        "symbol": key.symbol,
        "interval": key.interval.value,
        "start_ms": gap.window.start_ms,
        "end_ms": gap.window.end_ms,
        "evidence": evidence,
    }


def changes_json(changes: GapChanges) -> dict[str, int]:
    """Return what a look found, for programs."""
    names = ("detected", "filled", "reopened", "open", "missing", "lag_candles")
    return {"series": changes.looked_at, **{name: getattr(changes, name) for name in names}}


def changes_text(changes: GapChanges) -> str:
    """Return what a look found, for people."""
    found = (
        f"looked at {changes.looked_at:,} series: {changes.detected:,} new, "
        f"{changes.filled:,} filled, {changes.reopened:,} open again"
    )
    gaps = f"{counted(changes.open, 'gap')} with {counted(changes.missing, 'missing candle')}"
    lag = f"; {counted(changes.lag_candles, 'candle')} lag at the ends" if changes.lag_candles else ""
    return f"{found}; {gaps if changes.open else 'no gaps'}{lag}"


def _fields(key: SeriesKey, gap: GapRow) -> list[tuple[str, str]]:
    known = [
        ("gap", str(gap.id)),
        ("series", str(key)),
        ("window (UTC)", window_text(gap.window.start_ms, gap.window.end_ms)),
        ("missing", counted(gap.missing, "candle")),
        ("state", _words(gap.state)),
        ("why", _why(gap)),
        ("beyond the API's reach", counted(gap.beyond_reach, "candle") if gap.beyond_reach else ""),
        ("detected (UTC)", time_text(gap.detected_ms)),
        ("asked (UTC)", f"{time_text(gap.attempted_ms)}, {gap.attempts}x" if gap.attempted_ms else "never"),
        ("asked again (UTC)", time_text(gap.ask_again_ms) if gap.ask_again_ms else ""),
        ("filled (UTC)", time_text(gap.filled_ms) if gap.filled_ms else ""),
        ("error", gap.error or ""),
    ]
    return [(name, value) for name, value in known if value]


def _why(gap: GapRow) -> str:
    if gap.state is GapState.FILLED and gap.reason is not GapReason.FACTS_LOST:
        return gap.hint or ""
    words = gap.reason.in_words
    return f"{words}: {gap.hint}" if gap.hint else words


def _words(state: GapState) -> str:
    return state.value.replace("_", " ")
