"""Refuses a warehouse that is only half copied, and warns of one that was moved away."""

from __future__ import annotations

from src.errors import ConfigurationError
from src.warehouse.engine import Warehouse
from src.warehouse.homes import COPY_OF, MOVED_TO, find_note


def check_copy(warehouse: Warehouse) -> str | None:
    """Refuse a warehouse that is only half copied; return a warning about one that was moved away."""
    with warehouse.read() as connection:
        copy, moved = find_note(connection, COPY_OF), find_note(connection, MOVED_TO)
    if copy and not copy["moved_at"]:
        raise ConfigurationError(
            f"this warehouse is a copy of {copy['place']} that was cut off: ./candlehouse migrate-warehouse "
            "goes on with it"
        )
    if moved is None:
        return None
    return (
        f"this warehouse was moved to {moved['place']} on {moved['moved_at']}: set MYSQL_HOST and its "
        "companions, or what is collected from now on will be missing there"
    )
