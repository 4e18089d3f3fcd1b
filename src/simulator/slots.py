"""Which candles a klines request means: Binance's rules for startTime, endTime and limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from src.domain import Interval, Window


@dataclass(frozen=True, slots=True)
class KlinesQuery:
    """What was asked for; both times are inclusive and compare with open_time."""

    interval: Interval
    start_ms: int | None = None
    end_ms: int | None = None
    limit: int = 500

    @property
    def wants_newest(self) -> bool:
        """Whether *limit* cuts off the oldest: so without startTime; with it, the newest are cut off."""
        return self.start_ms is None


def list_slots(query: KlinesQuery, spans: Sequence[Window]) -> list[int]:
    """List the open times asked for, oldest first, of the candles with a minute in *spans*.

    Spans are apart and in order; the limit counts candles that exist, so a page reaches across a hole.
    """
    runs = list(_runs(query, spans))
    found: list[int] = []
    if query.wants_newest:
        for run in reversed(runs):
            found = [*run[-(query.limit - len(found)) :], *found]
            if len(found) >= query.limit:
                break
        return found
    for run in runs:
        found += run[: query.limit - len(found)]
        if len(found) >= query.limit:
            break
    return found


def _runs(query: KlinesQuery, spans: Sequence[Window]) -> Iterator[Sequence[int]]:
    """Yield each span's open times; a candle that two spans share belongs to the first."""
    interval, next_ms = query.interval, query.start_ms or 0
    for span in spans:
        last_ms = span.end_ms - 1 if query.end_ms is None else min(span.end_ms - 1, query.end_ms)
        start_ms = max(interval.floor(span.start_ms), next_ms)
        if start_ms > last_ms:
            continue
        first_ms = interval.floor(start_ms)
        if first_ms < start_ms:
            first_ms = interval.next(first_ms)
        step = interval.fixed_ms
        run = _months(first_ms, last_ms) if step is None else range(first_ms, last_ms + 1, step)
        if run:
            yield run
            next_ms = interval.next(run[-1])


def _months(first_ms: int, last_ms: int) -> list[int]:
    months = []
    while first_ms <= last_ms:
        months.append(first_ms)
        first_ms = Interval.MO1.next(first_ms)
    return months
