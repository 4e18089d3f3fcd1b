"""What one target has yet to be sent: put together, not too often, and again after a failure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence

import structlog

from src.clock import Clock
from src.domain import MINUTE_MS, format_utc
from src.jobs.sending import Message, Target, send
from src.warehouse.notifications import Notification, Severity

log = structlog.get_logger()

_MOST_A_MINUTE = 10
# For a target that fails for long: the rest can be read with ./candlehouse notify list.
_MOST_WAITING = 200
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 10, 1_800


class Outbox:
    """Keeps in memory what waits for a target; what was stored stays, whatever becomes of the sending."""

    def __init__(self, target: Target, clock: Clock) -> None:
        self.target = target
        self._clock = clock
        self._waiting: dict[int, Notification] = {}
        self._sent_at_ms: deque[int] = deque(maxlen=_MOST_A_MINUTE)
        self._failures = 0
        self._next_ms = 0

    def put(self, rows: Iterable[Notification]) -> None:
        """Add notifications; one that waits already is replaced."""
        self._waiting |= {row.id: row for row in rows}
        for oldest in list(self._waiting)[:-_MOST_WAITING]:
            del self._waiting[oldest]

    def flush(self) -> list[int]:
        """Send all that waits as one message if it is time; return the ids of what went out."""
        now_ms = self._clock.steady_ms()
        if not self._waiting or now_ms < self._next_ms or self._is_at_limit(now_ms):
            return []
        reason = send(self.target, compose(list(self._waiting.values())))
        if reason is not None:
            self._pause(reason)
            return []
        if self._failures:
            log.info("notifications go out again", target=self.target.label)
        self._failures = 0
        self._sent_at_ms.append(now_ms)
        gone = list(self._waiting)
        self._waiting.clear()
        return gone

    def _is_at_limit(self, now_ms: int) -> bool:
        is_full = len(self._sent_at_ms) == _MOST_A_MINUTE
        return is_full and now_ms - self._sent_at_ms[0] < MINUTE_MS

    def _pause(self, reason: str) -> None:
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**self._failures)
        self._next_ms = self._clock.steady_ms() + pause_s * 1000
        if not self._failures:
            log.warning("notifications wait", target=self.target.label, reason=reason, retry_in_s=pause_s)
        self._failures += 1


def compose(rows: Sequence[Notification]) -> Message:
    """Put notifications together into one message."""
    worst = max((row.severity for row in rows), key=list(Severity).index)
    if len(rows) == 1:
        return Message(_title(rows[0]), body_text(rows[0]), worst)
    counts = Counter(row.severity for row in rows)
    told = ", ".join(f"{counts[name]} {name}" for name in Severity if counts[name])
    lines = [f"- {_title(row)}" for row in rows]
    return Message(f"{len(rows)} notifications ({told})", "\n".join(lines), worst)


def body_text(row: Notification) -> str:
    """Return what a notification says where nothing can be clicked: with the command that tells more."""
    more = "" if row.run_id is None else f"See ./candlehouse runs show {row.run_id}"
    return "\n".join(filter(None, (row.body, more)))


def _title(row: Notification) -> str:
    if row.times == 1:
        return row.title
    return f"{row.title} ({row.times} times since {format_utc(row.first_ms)})"
