"""Drops one partition of the facts, in which everything is old enough and all days are sealed.

First both ledgers are told, series by series; then the partition goes, unless something else lies in it by
then. A crash in between leaves facts that the ledgers do not know of: a second run drops them.
"""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from src.domain import SeriesKey
from src.maintenance.retention_plan import Portion
from src.warehouse.ageing import Before, WrittenOff, take_back, write_off
from src.warehouse.counting import count_held
from src.warehouse.dropping import drop_partitions
from src.warehouse.engine import Warehouse, is_repeatable
from src.warehouse.series import SeriesRow, list_series
from src.warehouse.tables import fact_klines

# So often others may load at the wrong moment before rows are deleted one by one.
_LOOKS = 5
# So many series that were loaded meanwhile are looked at again while everybody waits.
_MOST_LOCKED = 10


class PartitionDrop:
    """One attempt at the partition of *portion*."""

    def __init__(self, warehouse: Warehouse, portion: Portion, before: Before) -> None:
        assert portion.partition is not None
        self._warehouse = warehouse
        self._portion = portion
        self._name = portion.partition.name
        self._before = before
        self._known: dict[int, WrittenOff] = {}
        self._written_off: list[SeriesKey] = []

    def run(self) -> int | None:
        """Return how many candles went; None where they have to go another way, and nothing has changed."""
        try:
            if self._write_off_all() and self._drop():
                return sum(held.candles for known in self._known.values() for held in known.held)
        except DBAPIError as error:
            if not is_repeatable(error):
                raise
        for key in self._written_off:
            self._warehouse.run(partial(take_back, key=key, window=self._portion.window))
        return None

    def _write_off_all(self) -> bool:
        for one in self._portion.series:
            known = self._warehouse.run(
                partial(
                    write_off,
                    key=one.row.key,
                    life=one.life,
                    window=self._portion.window,
                    before=self._before,
                )
            )
            if known is None:
                return False
            self._known[known.row.id] = known
            self._written_off.append(known.row.key)
        return True

    def _drop(self) -> bool:
        for _ in range(_LOOKS):
            with self._warehouse.read() as connection:
                if not self._look(connection):
                    return False
            if drop_partitions(self._warehouse, fact_klines, [self._name], self._look_locked):
                return True
        return False

    def _look_locked(self, connection: Connection) -> bool:
        return self._look(connection, most=_MOST_LOCKED)

    def _look(self, connection: Connection, most: int | None = None) -> bool:
        """Whether the partition holds what was written off, and nothing else.

        Only series that were loaded since the last look are counted again, *most* of them at the most.
        """
        with self._warehouse.read() as other:
            rows = [row for row in list_series(other, tracked_only=False) if not row.key.interval.is_coarse]
        changed = [row for row in rows if self._has_changed(row)]
        if most is not None and len(changed) > most:
            return False
        return all(self._is_as_known(connection, row) for row in changed)

    def _has_changed(self, row: SeriesRow) -> bool:
        known = self._known.get(row.id)
        return known is None or (known.load_version, known.row.keep_days) != (row.load_version, row.keep_days)

    def _is_as_known(self, connection: Connection, row: SeriesRow) -> bool:
        held = count_held(connection, row.key, self._portion.window)
        known = self._known.get(row.id)
        if held != (known.held if known else []) or (
            held and self._before(row) < self._portion.window.end_ms
        ):
            return False
        self._known[row.id] = WrittenOff(row, row.load_version, held)
        return True
