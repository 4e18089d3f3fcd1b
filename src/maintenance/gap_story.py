"""What becomes of a gap: how answers close it, how what is held cuts it. Pure rules on rows of ``gaps``.

A window is empty at the exchange when two answers, an hour apart at least, had nothing there. Exchanges
restore data, mostly soon: so it is asked for again daily for two days, and monthly from then on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from src.domain import DAY_MS, HOUR_MS, Interval, Window
from src.extract.chunks import expected_candles
from src.warehouse.gaps import Evidence, GapReason, GapRow, GapState, GapWrites
from src.window_sets import intersect, merge, subtract

ASK_APART_MS = HOUR_MS
ASK_AGAIN_MS = 30 * DAY_MS
ASK_YOUNG_AGAIN_MS = DAY_MS
_YOUNG_MS = 2 * DAY_MS
# Of the answers about one window the newest are kept: two that close it, and one as old as needed.
_ANSWERS_KEPT = 3

Part = tuple[Window, dict[str, Any]]


def closed_windows(evidence: Iterable[Evidence]) -> list[Window]:
    """Return what two answers, asked for an hour apart at least, both had nothing of."""
    ordered = sorted(evidence, key=lambda one: one.asked_ms)
    found: list[Window] = []
    for number, later in enumerate(ordered):
        earlier = merge(
            one.window for one in ordered[:number] if later.asked_ms - one.asked_ms >= ASK_APART_MS
        )
        found += intersect(earlier, [later.window])
    return merge(found)


def settle(interval: Interval, row: GapRow) -> list[GapRow]:
    """Cut an open gap into what is closed as empty, what was answered once, and the rest; oldest first."""
    is_untold = not row.evidence and row.state is not GapState.EMPTY_AT_EXCHANGE
    if is_untold or row.state is GapState.UNFILLABLE:
        return [row]
    closed = intersect(closed_windows(row.evidence), [row.window])
    answered = intersect(merge(one.window for one in row.evidence), [row.window])
    # A row that failed says so still; what a run is filling it says only of what has not been answered.
    rest = GapState.DETECTED if row.state is GapState.EMPTY_AT_EXCHANGE else row.state
    once = GapState.DETECTED if rest is GapState.FILLING else rest
    reason = GapReason.NOTHING_THERE if row.reason is GapReason.NOT_FETCHED else row.reason
    parts: list[Part] = [
        (window, {"state": GapState.EMPTY_AT_EXCHANGE, "reason": reason}) for window in closed
    ]
    parts += [(window, {"state": once, "reason": reason}) for window in subtract(answered, closed)]
    parts += [(window, {"state": rest}) for window in subtract([row.window], answered)]
    return [_with_next_question(piece) for piece in cut(interval, row, parts)]


def cut(interval: Interval, row: GapRow, parts: Iterable[Part]) -> list[GapRow]:
    """Return the row in parts, oldest first, each changed as it says: the first keeps the id."""
    pieces = []
    for number, (window, changes) in enumerate(sorted(parts, key=lambda part: part[0])):
        missing = expected_candles(interval, window)
        row_id = 0 if number else row.id
        evidence = _trimmed(row.evidence, window)
        pieces.append(
            replace(row, id=row_id, window=window, missing=missing, **{"evidence": evidence, **changes})
        )
    return pieces


def join_empty(interval: Interval, rows: Iterable[GapRow]) -> list[GapRow]:
    """Make one of rows that touch and are both empty at the exchange, so that such a gap grows in place."""
    joined: list[GapRow] = []
    for row in sorted(rows, key=lambda one: one.window):
        is_next = joined and _are_one(joined[-1], row)
        joined.append(_join(interval, joined.pop(), row) if is_next else row)
    return joined


def _join(interval: Interval, one: GapRow, other: GapRow) -> GapRow:
    window = Window(one.window.start_ms, other.window.end_ms)
    evidence = tuple(dict.fromkeys((*one.evidence, *other.evidence)))
    attempts = max(one.attempts, other.attempts)
    whole = replace(one, id=one.id or other.id, attempts=attempts, evidence=evidence)
    [row] = cut(interval, whole, [(window, {})])
    return _with_next_question(row)


def cut_held(
    interval: Interval, row: GapRow, missing: Sequence[Window], wanted: Sequence[Window], now_ms: int
) -> list[GapRow]:
    """Return an open gap as it is now: what is held is filled, what nobody wants any more is left out."""
    left = intersect([row.window], missing)
    if left == [row.window]:
        return [row]
    held = intersect(subtract([row.window], left), wanted)
    parts: list[Part] = [(window, {}) for window in left]
    filled = {"state": GapState.FILLED, "filled_ms": now_ms, "ask_again_ms": None, "error": None}
    parts += [(window, filled) for window in held]
    return cut(interval, row, parts)


def diff(before: Iterable[GapRow], after: Iterable[GapRow]) -> GapWrites:
    """Return what turns the rows *before* into those *after*."""
    old = {row.id: row for row in before}
    writes = GapWrites()
    for row in after:
        if not row.id:
            writes.added.append(row)
        elif old.pop(row.id) != row:
            writes.changed.append(row)
    writes.dropped = list(old)  # what is left of them
    return writes


def _are_one(one: GapRow, other: GapRow) -> bool:
    both_empty = one.state is other.state is GapState.EMPTY_AT_EXCHANGE
    return both_empty and one.window.end_ms == other.window.start_ms


def _with_next_question(row: GapRow) -> GapRow:
    """Say when to ask again, after the last answer about it."""
    if not row.evidence or row.state not in {GapState.EMPTY_AT_EXCHANGE, GapState.DETECTED}:
        return row
    last_ms = max(one.asked_ms for one in row.evidence)
    if row.state is GapState.DETECTED:
        pause_ms = ASK_APART_MS
    else:
        is_young = last_ms - row.window.end_ms < _YOUNG_MS
        pause_ms = ASK_YOUNG_AGAIN_MS if is_young else ASK_AGAIN_MS
    return replace(row, ask_again_ms=last_ms + pause_ms)


def _trimmed(evidence: Iterable[Evidence], window: Window) -> tuple[Evidence, ...]:
    """Return the answers about *window*, oldest first, without those that enough newer ones outdate."""
    about = [one for one in evidence if intersect([one.window], [window])]
    about.sort(key=lambda one: one.asked_ms)
    later = [about[number + 1 :] for number in range(len(about))]
    return tuple(one for one, newer in zip(about, later, strict=True) if not _is_outdated(one, newer, window))


def _is_outdated(one: Evidence, newer: Sequence[Evidence], window: Window) -> bool:
    mine = intersect([one.window], [window])
    covering = [other for other in newer if not subtract(mine, [other.window])]
    # Answers less than an hour apart are as good as one.
    apart = 1 + sum(b.asked_ms - a.asked_ms >= ASK_APART_MS for a, b in pairwise(covering))
    return bool(covering) and apart >= _ANSWERS_KEPT
