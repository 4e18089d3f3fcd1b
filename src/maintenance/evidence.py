"""Asks the lake whether the answers that close gaps are still there; what is gone is noted in the catalog.

``detect_gaps`` opens a gap whose evidence is noted as gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Connection

from src.errors import NotFound
from src.lake.store import Bucket, ObjectStore
from src.warehouse.engine import Warehouse
from src.warehouse.evidence import list_lost, list_unpacked, note_found, note_lost
from src.warehouse.gaps import GapFilter, GapState, list_gaps

_ASKERS = 4


class EvidenceCheck:
    """Looks for objects in the lake, one question each."""

    def __init__(self, lake: ObjectStore, warehouse: Warehouse) -> None:
        self._lake = lake
        self._warehouse = warehouse

    def look(self, ends_after_ms: int | None = None) -> list[str]:
        """Return the keys of the answers that are gone, of gaps closed as empty that end after a time.

        Answers that are back, from a backup, count again.
        """
        with self._warehouse.read() as connection:
            closed = GapFilter(states=(GapState.EMPTY_AT_EXCHANGE,), ends_after_ms=ends_after_ms)
            keys = {one.key for gap in list_gaps(connection, closed) for one in gap.evidence}
            buckets, lost = list_unpacked(connection, keys), list_lost(connection)
        gone = self._find_gone(buckets)
        back = (lost & keys) - set(gone)
        if set(gone) - lost or back:
            self._warehouse.run(lambda connection: _note(connection, gone, back))
        return gone

    def _find_gone(self, buckets: dict[str, str]) -> list[str]:
        with ThreadPoolExecutor(_ASKERS, thread_name_prefix="lake-look") as askers:
            answers = askers.map(lambda one: self._is_there(*one), buckets.items())
            return [key for key, is_there in zip(buckets, answers, strict=True) if not is_there]

    def _is_there(self, key: str, bucket: str) -> bool:
        """Look where the catalog says, then where it may have been moved since."""
        for place in sorted(Bucket, key=lambda place: place.value != bucket):
            try:
                self._lake.stat(place, key)
            except NotFound:
                continue
            return True
        return False


def _note(connection: Connection, gone: Iterable[str], back: Iterable[str]) -> None:
    note_lost(connection, gone)
    note_found(connection, back)
