"""What could not be loaded and why: whole objects, by their state in the catalog, and single rows."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, or_, select

from src.warehouse.catalog import ObjectState
from src.warehouse.facts import KlineBatch
from src.warehouse.tables import lake_objects, quarantined_rows


def replace_rows(connection: Connection, batches: Sequence[KlineBatch]) -> int:
    """Keep the bad rows of these objects in place of those of their last load; return how many."""
    ids = [batch.object_id for batch in batches]
    connection.execute(quarantined_rows.delete().where(quarantined_rows.c.object_id.in_(ids)))
    values = [
        {
            "object_id": batch.object_id,
            "row_index": row.index,
            "exchange": batch.series.exchange,
            "symbol": batch.series.symbol,
            "interval_code": batch.series.interval.value,
            "reason": row.reason[:2000],
            "raw": row.raw[:8000],
        }
        for batch in batches
        for row in batch.bad
    ]
    if values:
        connection.execute(quarantined_rows.insert(), values)
    return len(values)


def release_all(connection: Connection) -> int:
    """Let every object that is quarantined, or has a quarantined row, be loaded again; return how many."""
    with_bad_rows = select(quarantined_rows.c.object_id)
    c = lake_objects.c
    # One that retention has deleted stays so, bad rows or not: its content is gone.
    loaded = (c.state == ObjectState.LOADED.value) & c.id.in_(with_bad_rows)
    is_set_aside = or_(c.state == ObjectState.QUARANTINED.value, loaded)
    released = connection.execute(
        lake_objects.update().where(is_set_aside).values(state=ObjectState.LANDED.value, error=None)
    )
    return released.rowcount


def release_object(connection: Connection, object_id: int) -> bool:
    """Let one object that is quarantined, or has a quarantined row, be loaded again; whether it is one."""
    c = lake_objects.c
    bad = select(quarantined_rows.c.object_id).where(quarantined_rows.c.object_id == object_id)
    loaded = (c.state == ObjectState.LOADED.value) & bad.exists()
    is_set_aside = (c.id == object_id) & or_(c.state == ObjectState.QUARANTINED.value, loaded)
    released = lake_objects.update().where(is_set_aside)
    return connection.execute(released.values(state=ObjectState.LANDED.value, error=None)).rowcount == 1
