"""What an exchange answered about gaps goes into their rows: evidence cuts, closes or begins them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from sqlalchemy import Connection

from src.domain import Interval, Window
from src.extract.chunks import expected_candles
from src.maintenance.gap_story import diff, join_empty, settle
from src.warehouse.gaps import Evidence, GapRow, list_open, take_gaps_turn, write_gaps
from src.warehouse.series import SeriesRow
from src.window_sets import intersect, merge, subtract


def take_answers(
    connection: Connection,
    row: SeriesRow,
    evidence: Sequence[Evidence],
    now_ms: int,
    run_id: int,
    *,
    begins: bool,
) -> None:
    """Note answers that had nothing; where no gap was known one *begins*, at the end of a series alone."""
    take_gaps_turn(connection)
    before = list_open(connection, [row.id]).get(row.id, [])
    new = _new_gaps(row, before, evidence, now_ms, run_id) if begins else []
    after = [_with_evidence(row.key.interval, gap, evidence) for gap in (*before, *new)]
    write_gaps(connection, diff(before, join_empty(row.key.interval, chain.from_iterable(after))))


def _new_gaps(
    row: SeriesRow, before: Sequence[GapRow], evidence: Sequence[Evidence], now_ms: int, run_id: int
) -> list[GapRow]:
    known = merge(gap.window for gap in before)
    unknown = subtract(merge(one.window for one in evidence), known)
    return [_new_gap(row, window, now_ms, run_id) for window in unknown]


def _new_gap(row: SeriesRow, window: Window, now_ms: int, run_id: int) -> GapRow:
    return GapRow(
        id=0,
        series_id=row.id,
        window=window,
        missing=expected_candles(row.key.interval, window),
        detected_ms=now_ms,
        attempted_ms=now_ms,
        attempts=1,
        run_id=run_id,
    )


def _with_evidence(interval: Interval, gap: GapRow, evidence: Sequence[Evidence]) -> list[GapRow]:
    about = [one for one in evidence if intersect([one.window], [gap.window])]
    if not about:
        return [gap]
    return settle(interval, replace(gap, evidence=(*gap.evidence, *about)))
