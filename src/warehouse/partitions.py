"""Partitions of the big fact tables on MySQL, made ahead of need and outside load transactions.

One a week for the recent 120 days and what is coming, one a month for what is older, and one without an
upper end. Thousands would make loads several times slower. SQLite has none: there this does nothing.

A row without a partition of its own falls into the next one: never wrong, only slower to drop one day. So
nobody waits for long, neither for readers, behind whom ALTER TABLE waits and everybody else behind that, nor
for rows that would have to be copied into a new partition.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import Table, text
from sqlalchemy.exc import DBAPIError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random

from src.clock import SystemClock
from src.domain import DAY_MS, Interval, Window, ms_from_utc, utc_from_ms
from src.warehouse.database_errors import is_repeatable
from src.warehouse.engine import Warehouse
from src.warehouse.tables import fact_klines, fact_orderbook

_WEEKLY_DAYS = 120
_AHEAD_DAYS = 28
# Other processes may split the same partitions between our look and our deed; then we look again.
_LOOKS = 5
# So often history asks readers to let it pass. What is live asks once: weeks ahead there is time enough.
_ATTEMPTS, _ATTEMPTS_LIVE = 20, 1
# After that, rows fall where they fall for so long.
_REST_MS = 10_000
# To copy so many rows takes a server about half a second, in which nobody can write.
_MOST_COPIED = 20_000
_PARTITIONED = (fact_klines, fact_orderbook)

_clock = SystemClock()
log = structlog.get_logger()


class Partitions:
    """Splits partitions so that a window's rows fall into ones of their own week or month."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._known: dict[str, set[int]] = {}
        self._rests_until_ms: dict[str, int] = {}

    def ensure_ahead(self, now_ms: int) -> None:
        """Have partitions ready from today to four weeks ahead, in every partitioned table."""
        for table in _PARTITIONED:
            self.ensure(table, Window(now_ms, now_ms + _AHEAD_DAYS * DAY_MS), now_ms)

    def ensure(self, table: Table, window: Window, now_ms: int) -> None:
        """Have partitions ready for *window*, where nobody is in the way for long.

        Costs nothing when they are known to be there. For a window that is live it takes two seconds at
        most, for history half a minute; in both cases writers wait for it two seconds at most.
        """
        if not self._warehouse.is_mysql or table not in _PARTITIONED:
            return
        wanted = partition_bounds(window, now_ms)
        if wanted <= self._known.get(table.name, set()):
            return
        if _clock.steady_ms() < self._rests_until_ms.get(table.name, 0):
            return
        is_live = window.end_ms > Interval.W1.floor(now_ms)
        try:
            self._known[table.name] = self._make(table, wanted, _ATTEMPTS_LIVE if is_live else _ATTEMPTS)
        except DBAPIError as error:
            if not is_repeatable(error):
                raise
            self._rests_until_ms[table.name] = _clock.steady_ms() + _REST_MS
            log.info("partitions not made yet: others use the table all the time", table=table.name)

    def _make(self, table: Table, wanted: set[int], attempts: int) -> set[int]:
        """Make what is missing of *wanted* and can be made; return the ends that need no other look."""
        for _ in range(_LOOKS):
            existing = self._bounds(table)
            splits = plan_splits(existing, wanted - set(existing))
            splits = [split for split in splits if self._is_cheap(table, split[0])]
            if not splits:
                break
            for split in splits:
                self._split(table, split, attempts)
        return set(existing) | wanted

    def _is_cheap(self, table: Table, upper: int | None) -> bool:
        """Whether few rows lie in the partition that ends there; the last one must not fill up, ever."""
        if upper is None:
            return True
        some = f"SELECT 1 FROM {table.name} PARTITION ({_name(upper)}) LIMIT {_MOST_COPIED + 1}"
        try:
            with self._warehouse.read() as connection:
                rows: int = connection.exec_driver_sql(f"SELECT COUNT(*) FROM ({some}) AS found").scalar_one()
        except DBAPIError as error:
            if not _is_done_already(error):
                raise
            return True
        return rows <= _MOST_COPIED

    def _bounds(self, table: Table) -> list[int]:
        """Return the upper ends of the partitions that have one, ascending."""
        query = text(
            "SELECT partition_description AS bound FROM information_schema.partitions "
            "WHERE table_schema = DATABASE() AND table_name = :name AND partition_description <> 'MAXVALUE'"
        )
        with self._warehouse.read() as connection:
            found = connection.execute(query, {"name": table.name}).scalars().all()
        return sorted(ms_of_bound(bound) for bound in found)

    def _split(self, table: Table, split: tuple[int | None, list[int]], attempts: int) -> None:
        upper, bounds = split
        pieces = [f"PARTITION {_name(at)} VALUES LESS THAN ('{_text(at)}')" for at in bounds]
        end = "MAXVALUE" if upper is None else f"'{_text(upper)}'"
        pieces.append(f"PARTITION {_name(upper)} VALUES LESS THAN ({end})")
        statement = f"ALTER TABLE {table.name} REORGANIZE PARTITION {_name(upper)} INTO ({', '.join(pieces)})"
        # Waits a second for writers and one for readers; others queue no longer than that behind it.
        for attempt in Retrying(
            retry=retry_if_exception(is_repeatable),
            wait=wait_random(0.2, 1.0),
            stop=stop_after_attempt(attempts),
            reraise=True,
        ):
            with attempt, self._warehouse.write() as connection:
                connection.exec_driver_sql("SET SESSION lock_wait_timeout = 1")
                try:
                    connection.exec_driver_sql(statement)
                except DBAPIError as error:
                    if not _is_done_already(error):
                        raise
                finally:
                    connection.exec_driver_sql("SET SESSION lock_wait_timeout = DEFAULT")


def partition_bounds(window: Window, now_ms: int) -> set[int]:
    """Return the ends of the weeks or months that *window* touches, its first one's start included."""
    weekly_from = Interval.W1.floor(now_ms - _WEEKLY_DAYS * DAY_MS)
    bounds: set[int] = set()
    at = window.start_ms
    while at < window.end_ms:
        if at >= weekly_from:
            start = Interval.W1.floor(at)
            end = Interval.W1.next(start)
        else:
            start = Interval.MO1.floor(at)
            end = min(Interval.MO1.next(start), weekly_from)
        bounds |= {start, end}
        at = end
    return bounds


def plan_splits(existing: list[int], missing: set[int]) -> list[tuple[int | None, list[int]]]:
    """Return per partition to split its upper end (None: the last one) and the new ends within it."""
    splits: dict[int | None, list[int]] = {}
    for bound in sorted(missing):
        upper = next((end for end in existing if end > bound), None)
        splits.setdefault(upper, []).append(bound)
    return list(splits.items())


def _name(upper: int | None) -> str:
    return "p_max" if upper is None else f"p_{utc_from_ms(upper):%Y%m%d}"


def _text(bound: int) -> str:
    return f"{utc_from_ms(bound):%Y-%m-%d %H:%M:%S}"


def ms_of_bound(described: str) -> int:
    """Return the end (UTC ms) of a partition as the server describes it."""
    return ms_from_utc(datetime.fromisoformat(described.strip("'")[:19]).replace(tzinfo=UTC))


def _is_done_already(error: Any) -> bool:
    """Whether another process changed these partitions a moment ago (duplicate name, bounds out of order)."""
    return getattr(error.orig, "errno", None) in {1493, 1507, 1517, 1735}
