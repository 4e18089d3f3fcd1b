"""Why a gap is there, as far as the warehouse, the exchange's reach and known outages tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import msgspec
from sqlalchemy import Connection

from src.domain import SeriesKey, Window
from src.maintenance.outages import Outage, find_outage
from src.maintenance.reach import count_beyond, find_file
from src.warehouse.gap_causes import list_bad_rows, list_lost
from src.warehouse.gaps import GapReason, GapRow, GapState, GapWrites
from src.warehouse.series import SeriesRow
from src.window_sets import intersect, merge

_EXPLAINED = (GapState.DETECTED, GapState.FAILED, GapState.UNFILLABLE)


def explain(
    connection: Connection,
    writes: GapWrites,
    series: Mapping[int, SeriesRow],
    outages: Sequence[Outage],
    now_ms: int,
) -> GapWrites:
    """Return the same writes with reasons, hints and reach for the gaps that are still to be filled."""
    open_rows = [row for row in (*writes.added, *writes.changed) if row.state in _EXPLAINED]
    known = _Known(connection, open_rows, series, outages, now_ms)
    return GapWrites(known.explain(writes.changed), known.explain(writes.added), writes.dropped)


class _Known:
    """What is known of the windows of some gaps."""

    def __init__(
        self,
        connection: Connection,
        gaps: Sequence[GapRow],
        series: Mapping[int, SeriesRow],
        outages: Sequence[Outage],
        now_ms: int,
    ) -> None:
        self._series = series
        self._outages = outages
        self._now_ms = now_ms
        keys = {series[gap.series_id].key for gap in gaps}
        self._bad = _bad_windows(connection, keys)
        self._lost = _lost_windows(connection, keys, [gap.window for gap in gaps])

    def explain(self, gaps: Sequence[GapRow]) -> list[GapRow]:
        return [self._explain(gap) if gap.state in _EXPLAINED else gap for gap in gaps]

    def _explain(self, gap: GapRow) -> GapRow:
        key, window = self._series[gap.series_id].key, gap.window
        beyond = count_beyond(key, window, self._now_ms)
        outage = find_outage(self._outages, key, window)
        state = gap.state
        if state is not GapState.FAILED:
            state = GapState.UNFILLABLE if beyond == gap.missing else GapState.DETECTED
        return replace(
            gap,
            state=state,
            reason=self._reason(key, gap, beyond, outage),
            beyond_reach=beyond,
            file_hint=find_file(key, window, self._now_ms),
            hint=outage.text if outage else None,
        )

    def _reason(self, key: SeriesKey, gap: GapRow, beyond: int, outage: Outage | None) -> GapReason:
        reasons = {
            GapReason.QUARANTINED: intersect(self._bad[key], [gap.window]),
            GapReason.OBJECT_LOST: intersect(self._lost[key], [gap.window]),
            GapReason.BEYOND_REACH: beyond,
            GapReason.FACTS_LOST: gap.reason is GapReason.FACTS_LOST,
            GapReason.OUTAGE: outage,
            GapReason.NOTHING_THERE: gap.evidence,
        }
        return next((reason for reason, is_so in reasons.items() if is_so), GapReason.NOT_FETCHED)


def _bad_windows(connection: Connection, keys: Iterable[SeriesKey]) -> dict[SeriesKey, list[Window]]:
    """Return the slots of the rows that were set aside, as far as they say when they open."""
    found: dict[SeriesKey, list[Window]] = defaultdict(list)
    for key, raw in list_bad_rows(connection, keys):
        open_ms = _open_time(raw)
        if open_ms is not None:
            slot_ms = key.interval.floor(open_ms)
            found[key].append(Window(slot_ms, key.interval.next(slot_ms)))
    return defaultdict(list, {key: merge(those) for key, those in found.items()})


def _open_time(raw: str) -> int | None:
    try:
        first = msgspec.json.decode(raw, type=list)[0]
        open_ms = int(first)
        return open_ms if 0 <= open_ms < 10**14 else None
    except (msgspec.DecodeError, IndexError, ValueError, TypeError):
        return None


def _lost_windows(
    connection: Connection, keys: Iterable[SeriesKey], windows: Sequence[Window]
) -> dict[SeriesKey, list[Window]]:
    found: dict[SeriesKey, list[Window]] = defaultdict(list)
    if windows:
        span = Window(min(w.start_ms for w in windows), max(w.end_ms for w in windows))
        for key, first_ms, last_ms in list_lost(connection, keys, span):
            found[key].append(Window(first_ms, key.interval.next(last_ms)))
    return defaultdict(list, {key: merge(those) for key, those in found.items()})
