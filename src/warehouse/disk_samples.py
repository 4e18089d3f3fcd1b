"""How full the disks were, as rows: at most one an hour and place, from which a forecast is made."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, func, select

from src.warehouse import dialects
from src.warehouse.ageing_tables import disk_samples
from src.warehouse.catalog import ObjectState
from src.warehouse.tables import lake_objects

LAKE, WAREHOUSE = "lake", "warehouse"
PLACES = (LAKE, WAREHOUSE)


@dataclass(frozen=True, slots=True)
class DiskSample:
    """What a place took, and what was free on its disk; None where nobody can say."""

    place: str
    at_ms: int
    used_bytes: int | None = None
    objects: int | None = None
    free_bytes: int | None = None
    free_inodes: int | None = None


def add_sample(connection: Connection, sample: DiskSample) -> None:
    """Keep a sample, in place of one of the same moment."""
    row = asdict(sample)
    row["at"] = row.pop("at_ms")
    connection.execute(dialects.upsert(disk_samples, connection, row, list(row)))


def list_samples(connection: Connection, place: str, since_ms: int) -> list[DiskSample]:
    """List what is known of *place* since then, oldest first."""
    columns = disk_samples.c
    query = select(disk_samples).where(columns.place == place, columns.at >= since_ms).order_by(columns.at)
    return [
        DiskSample(row.place, row.at, row.used_bytes, row.objects, row.free_bytes, row.free_inodes)
        for row in connection.execute(query)
    ]


def count_catalogued(connection: Connection) -> tuple[int, int]:
    """Return how many objects the lake has by its catalog, and their bytes; those in packs count as sent."""
    columns = lake_objects.c
    query = select(func.count(), func.coalesce(func.sum(columns.size_bytes), 0))
    objects, size = connection.execute(query.where(columns.state != ObjectState.DELETED.value)).one()
    return int(objects), int(size)
