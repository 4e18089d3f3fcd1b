"""Drops partitions of the facts, in which everything is old enough and all days are sealed.

First both ledgers are told, series by series and partition by partition; then all of them go at once, unless
something else lies in them by then. A crash in between leaves facts that the ledgers do not know of: a second
run drops them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from src.domain import SeriesKey, Window
from src.maintenance.retention_plan import Portion
from src.warehouse.ageing import Before, take_back, write_off
from src.warehouse.counting import count_held
from src.warehouse.database_errors import is_repeatable
from src.warehouse.dropping import drop_partitions
from src.warehouse.engine import Warehouse
from src.warehouse.series import SeriesRow, list_series
from src.warehouse.slots import Held
from src.warehouse.tables import fact_klines

# So often others may load at the wrong moment before it has to go another way.
_LOOKS = 5
# While everybody waits, so many partitions are looked at again for a series that was loaded meanwhile.
_MOST_LOCKED = 20


class PartitionDrop:
    """One attempt at the partitions of *portions*, all of them or none."""

    def __init__(self, warehouse: Warehouse, portions: Sequence[Portion], before: Before) -> None:
        self._warehouse = warehouse
        self._portions = portions
        self._before = before
        self._written_off: dict[tuple[SeriesKey, Window], list[Held]] = {}
        # What a series' row was like when its candles were last found to be those.
        self._looked_at: dict[int, tuple[int, int | None]] = {}

    def run(self) -> int | None:
        """Return how many candles went; None where they have to go another way, and nothing has changed."""
        try:
            if self._write_off_all() and self._drop():
                return sum(each.candles for held in self._written_off.values() for each in held)
        except DBAPIError as error:
            if not is_repeatable(error):
                raise
        for key, window in self._written_off:
            self._warehouse.run(partial(take_back, key=key, window=window))
        return None

    def _write_off_all(self) -> bool:
        for portion in self._portions:
            for one in portion.series:
                key, window = one.row.key, portion.window
                told = partial(write_off, key=key, life=one.life, window=window, before=self._before)
                held = self._warehouse.run(told)
                if held is None:
                    return False
                self._written_off[key, window] = held
        return True

    def _drop(self) -> bool:
        names = [portion.partition.name for portion in self._portions if portion.partition]
        for _ in range(_LOOKS):
            with self._warehouse.read() as connection:
                if not self._look(connection):
                    return False
            if drop_partitions(self._warehouse, fact_klines, names, self._look_locked):
                return True
        return False

    def _look_locked(self, connection: Connection) -> bool:
        return self._look(connection, most=_MOST_LOCKED)

    def _look(self, connection: Connection, most: int | None = None) -> bool:
        """Whether the partitions hold what was written off, and nothing else.

        Only series that were loaded since the last look are counted again; False where that would be more
        than *most* partitions.
        """
        with self._warehouse.read() as other:
            rows = [row for row in list_series(other, tracked_only=False) if not row.key.interval.is_coarse]
        changed = [row for row in rows if self._looked_at.get(row.id) != (row.load_version, row.keep_days)]
        if most is not None and len(changed) * len(self._portions) > most:
            return False
        for row in changed:
            if not all(self._is_as_known(connection, row, portion.window) for portion in self._portions):
                return False
            self._looked_at[row.id] = (row.load_version, row.keep_days)
        return True

    def _is_as_known(self, connection: Connection, row: SeriesRow, window: Window) -> bool:
        held = count_held(connection, row.key, window)
        is_old = not held or self._before(row) >= window.end_ms
        return is_old and held == self._written_off.get((row.key, window), [])
