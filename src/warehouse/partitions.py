"""Partitions of the big fact tables on MySQL, made ahead of need and outside load transactions.

One a week for the recent 120 days and what is coming, one a month for what is older, and one without an
upper end. Thousands would make loads several times slower. SQLite has none: there this does nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table, text
from sqlalchemy.exc import DBAPIError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random

from src.domain import DAY_MS, Interval, Window, ms_from_utc, utc_from_ms
from src.warehouse.engine import Warehouse, is_repeatable
from src.warehouse.tables import fact_klines, fact_orderbook

_WEEKLY_DAYS = 120
_AHEAD_DAYS = 28
# Other processes may split the same partitions between our look and our deed; then we look again.
_ATTEMPTS = 5
_PARTITIONED = (fact_klines, fact_orderbook)


class Partitions:
    """Splits partitions so that a window's rows fall into ones of their own week or month."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._known: dict[str, set[int]] = {}

    def ensure_ahead(self, now_ms: int) -> None:
        """Have partitions ready from today to four weeks ahead, in every partitioned table."""
        for table in _PARTITIONED:
            self.ensure(table, Window(now_ms, now_ms + _AHEAD_DAYS * DAY_MS), now_ms)

    def ensure(self, table: Table, window: Window, now_ms: int) -> None:
        """Have partitions ready for *window*; costs nothing when they are known to be there."""
        if not self._warehouse.is_mysql or table not in _PARTITIONED:
            return
        wanted = partition_bounds(window, now_ms)
        if wanted <= self._known.get(table.name, set()):
            return
        for _ in range(_ATTEMPTS):
            existing = self._bounds(table)
            missing = wanted - set(existing)
            if not missing:
                break
            for split in plan_splits(existing, missing):
                self._split(table, split)
        # What could not be made falls into a wider partition: slower to drop one day, never wrong.
        self._known[table.name] = set(existing) | wanted

    def _bounds(self, table: Table) -> list[int]:
        """Return the upper ends of the partitions that have one, ascending."""
        query = text(
            "SELECT partition_description AS bound FROM information_schema.partitions "
            "WHERE table_schema = DATABASE() AND table_name = :name AND partition_description <> 'MAXVALUE'"
        )
        with self._warehouse.read() as connection:
            found = connection.execute(query, {"name": table.name}).scalars().all()
        return sorted(ms_of_bound(bound) for bound in found)

    def _split(self, table: Table, split: tuple[int | None, list[int]]) -> None:
        upper, bounds = split
        pieces = [f"PARTITION {_name(at)} VALUES LESS THAN ('{_text(at)}')" for at in bounds]
        end = "MAXVALUE" if upper is None else f"'{_text(upper)}'"
        pieces.append(f"PARTITION {_name(upper)} VALUES LESS THAN ({end})")
        statement = f"ALTER TABLE {table.name} REORGANIZE PARTITION {_name(upper)} INTO ({', '.join(pieces)})"
        # Waits at most a second behind a reader, so that writers queue no longer than that behind it.
        for attempt in Retrying(
            retry=retry_if_exception(is_repeatable),
            wait=wait_random(0.2, 1.0),
            stop=stop_after_attempt(20),
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
