"""Where the stores are, as rows of ``app_settings`` that no setting of a person's has the names of.

The catalog describes one lake. That is noted, so that nobody starts on another one by a changed setting. What
is being moved, and how far that has come, is noted as well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, select

from src.warehouse.ageing_tables import lake_packs
from src.warehouse.app_settings import reset_setting, set_setting
from src.warehouse.catalog import ObjectState
from src.warehouse.in_parts import in_parts
from src.warehouse.run_tables import app_settings
from src.warehouse.tables import lake_objects

LAKE_HOME, LAKE_MOVE = "lake_home", "lake_move"
# By exchange, whether its candles came from the real one or from the simulator.
EXCHANGE_KINDS = "exchange_kinds"
# In a new warehouse: whose copy it is, and per table how far that has come. In the old one: who it is, and
# where it went.
COPY_OF, COPY_NOTE = "copy_of", "copy:"
WAREHOUSE_ID, MOVED_TO = "warehouse_id", "moved_to"
OWN_NOTES = (COPY_OF, WAREHOUSE_ID, MOVED_TO)
FOLDER, S3 = "folder", "s3"
_BY = "candlehouse"


@dataclass(frozen=True, slots=True)
class LakeHome:
    """A lake: *kind* is folder or s3, *place* is for people to read."""

    kind: str
    place: str


@dataclass(frozen=True, slots=True)
class LakeMove:
    """How far a move into *place* has come: up to *key* of *bucket* all is there and verified."""

    place: str
    bucket: str
    key: str


def find_home(connection: Connection) -> LakeHome | None:
    """Return the lake that the catalog describes, None where nobody has noted it yet."""
    found = find_note(connection, LAKE_HOME)
    return LakeHome(**found) if found else None


def save_home(connection: Connection, home: LakeHome) -> None:
    """Note that the catalog describes this lake, and that no move is under way."""
    save_note(connection, LAKE_HOME, asdict(home))
    reset_setting(connection, LAKE_MOVE)


def find_move(connection: Connection, place: str) -> LakeMove | None:
    """Return how far the move into *place* has come; a move into another place does not count."""
    found = find_note(connection, LAKE_MOVE)
    return LakeMove(**found) if found and found["place"] == place else None


def save_move(connection: Connection, move: LakeMove) -> None:
    save_note(connection, LAKE_MOVE, asdict(move))


def has_objects(connection: Connection) -> bool:
    """Whether the catalog knows any object at all."""
    return connection.execute(select(lake_objects.c.id).limit(1)).first() is not None


def list_newest_loaded(connection: Connection, limit: int) -> list[tuple[str, str]]:
    """Return bucket and key of the newest objects that the lake must have as files of their own."""
    columns = lake_objects.c
    is_file = (columns.state == ObjectState.LOADED.value, columns.error.is_(None), columns.pack_id.is_(None))
    query = select(columns.bucket, columns.object_key).where(*is_file).order_by(columns.id.desc())
    return [(row.bucket, row.object_key) for row in connection.execute(query.limit(limit))]


def list_checksums(connection: Connection, keys: list[str]) -> dict[str, str]:
    """Return the SHA-256 of those of *keys* that are objects or packs of the catalog."""
    found: dict[str, str] = {}
    for table in (lake_objects, lake_packs):
        for some in in_parts(keys):
            query = select(table.c.object_key, table.c.sha256).where(table.c.object_key.in_(some))
            found.update((row.object_key, row.sha256) for row in connection.execute(query))
    return found


def find_note(connection: Connection, name: str) -> dict[str, Any] | None:
    """Return what was noted under *name*."""
    text = connection.execute(select(app_settings.c.value).where(app_settings.c.name == name)).scalar()
    return json.loads(text) if text else None


def save_note(connection: Connection, name: str, value: Mapping[str, Any]) -> None:
    """Note *value*, in place of what was noted before."""
    set_setting(connection, name, json.dumps(dict(value)), _BY)
