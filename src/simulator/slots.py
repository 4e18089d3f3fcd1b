"""Which candles a klines request means: Binance's rules for startTime, endTime and limit."""

from __future__ import annotations

from dataclasses import dataclass

from src.domain import Interval


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


def list_slots(query: KlinesQuery, listed_at_ms: int, now_ms: int) -> list[int]:
    """List the open times asked for, oldest first, from the listing's slot to the one forming now."""
    interval = query.interval
    start_ms = max(interval.floor(listed_at_ms), query.start_ms or 0)
    last_ms = now_ms if query.end_ms is None else min(now_ms, query.end_ms)
    if now_ms < listed_at_ms or last_ms < start_ms:
        return []
    first = interval.floor(start_ms)
    if first < start_ms:
        first = interval.next(first)
    step = interval.fixed_ms
    opens = _months(first, last_ms) if step is None else range(first, last_ms + 1, step)
    return list(opens[-query.limit :] if query.wants_newest else opens[: query.limit])


def _months(first_ms: int, last_ms: int) -> list[int]:
    months = []
    while first_ms <= last_ms:
        months.append(first_ms)
        first_ms = Interval.MO1.next(first_ms)
    return months
