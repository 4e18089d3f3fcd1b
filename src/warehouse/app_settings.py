"""What people changed of the settings while Candlehouse runs, as text; ``src.mutable_settings`` checks it."""

from __future__ import annotations

from sqlalchemy import Connection, select

from src.warehouse import dialects
from src.warehouse.columns import utc_now
from src.warehouse.run_tables import app_settings


def read_settings(connection: Connection) -> dict[str, str]:
    """Return what is stored, as text by name."""
    rows = connection.execute(select(app_settings.c.name, app_settings.c.value))
    return {row.name: row.value for row in rows}


def set_setting(connection: Connection, name: str, value: str, updated_by: str) -> None:
    """Store a value in place of the one before."""
    row = {"name": name, "value": value, "updated_at": utc_now(), "updated_by": updated_by}
    connection.execute(dialects.upsert(app_settings, connection, row, list(row)))


def reset_setting(connection: Connection, name: str) -> bool:
    """Forget what is stored, so that the default counts again; whether there was anything."""
    return connection.execute(app_settings.delete().where(app_settings.c.name == name)).rowcount == 1
