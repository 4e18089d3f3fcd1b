"""What the catalog knows of objects that prove something: which are still there, which the lake has lost.

A loaded object with an *error* is one that somebody took out of the lake; loading an object clears it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, and_, select

from src.warehouse.catalog import ObjectState
from src.warehouse.in_parts import in_parts
from src.warehouse.tables import lake_objects

LOST = "not in the lake: restore it from a backup"


def is_lost() -> ColumnElement[bool]:
    """Whether an object was found to be gone from the lake, though nothing of ours had deleted it."""
    return and_(lake_objects.c.state == ObjectState.LOADED.value, lake_objects.c.error.is_not(None))


def list_present(connection: Connection, keys: Iterable[str]) -> set[str]:
    """Return which of these objects are still there: catalogued, not deleted and not lost."""
    found: set[str] = set()
    columns = lake_objects.c
    for some in in_parts(keys):
        query = select(columns.object_key).where(columns.object_key.in_(some), ~is_lost())
        found.update(connection.scalars(query.where(columns.state != ObjectState.DELETED.value)))
    return found


def list_expected(connection: Connection, keys: Iterable[str]) -> set[str]:
    """Return which of these objects the lake must have: loaded or waiting for it, and not lost."""
    found: set[str] = set()
    columns = lake_objects.c
    is_due = columns.state.in_([ObjectState.LANDED.value, ObjectState.LOADED.value])
    for some in in_parts(keys):
        query = select(columns.object_key).where(columns.object_key.in_(some), is_due, ~is_lost())
        found.update(connection.scalars(query))
    return found


def list_unpacked(connection: Connection, keys: Iterable[str]) -> dict[str, str]:
    """Return the bucket of each of these objects that is loaded and lies in the lake as a file of its own."""
    found: dict[str, str] = {}
    columns = lake_objects.c
    for some in in_parts(keys):
        query = select(columns.object_key, columns.bucket).where(columns.object_key.in_(some))
        is_file = and_(columns.state == ObjectState.LOADED.value, columns.pack_id.is_(None))
        found.update((row.object_key, row.bucket) for row in connection.execute(query.where(is_file)))
    return found


def list_lost(connection: Connection) -> set[str]:
    """Return the keys of all objects that were found to be gone."""
    return set(connection.scalars(select(lake_objects.c.object_key).where(is_lost())))


def mark_lost(connection: Connection, keys: Iterable[str]) -> None:
    """Note that of all objects the lake lacks these alone."""
    gone, known = set(keys), list_lost(connection)
    note_lost(connection, gone - known)
    note_found(connection, known - gone)


def note_lost(connection: Connection, keys: Iterable[str]) -> None:
    """Note that the lake has these objects no more; what is not loaded is left as it is."""
    of_loaded = lake_objects.c.state == ObjectState.LOADED.value
    for some in in_parts(keys):
        is_one = lake_objects.c.object_key.in_(some)
        connection.execute(lake_objects.update().where(of_loaded, is_one).values(error=LOST))


def note_found(connection: Connection, keys: Iterable[str]) -> None:
    """Note that the lake has these objects again."""
    for some in in_parts(keys):
        is_one = lake_objects.c.object_key.in_(some)
        connection.execute(lake_objects.update().where(is_lost(), is_one).values(error=None))
