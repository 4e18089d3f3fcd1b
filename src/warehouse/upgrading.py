"""Takes an existing warehouse one numbered step forward, so that a crash on the way does no harm.

SQLite changes schema and data in one transaction, and a copy of the file is made before. MySQL commits each
DDL statement by itself: there a step that was cut off is run again from its start, and what it had done
already is recognised and passed over.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from src.errors import SchemaError
from src.warehouse.database_errors import error_number
from src.warehouse.engine import Warehouse

log = structlog.get_logger()

# Table, column or index is there already; column or index is gone already.
_DONE_ALREADY = {1050, 1060, 1061, 1091}
# From so many rows on, a step that rewrites a table takes minutes; people should know before they wait.
_MANY_ROWS = 5_000_000
_ALTERED_TABLE = re.compile(
    r"\A(?:ALTER TABLE|UPDATE|CREATE (?:UNIQUE )?INDEX \w+ ON)\s+`?(\w+)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, order=True)
class Migration:
    """One numbered step from the version before it."""

    number: int
    name: str
    path: Path

    def statements(self) -> list[str]:
        """Return the file's statements; each ends with a semicolon at the end of a line."""
        lines = [line for line in self.path.read_text().splitlines() if not line.lstrip().startswith("--")]
        return [part.strip() for part in re.split(r";\s*(?:\n|$)", "\n".join(lines)) if part.strip()]


def back_up(warehouse: Warehouse, version: int) -> Path | None:
    """Copy a SQLite warehouse beside itself and return the copy; None for a server, which has its own means.

    The copy is named after the schema version it has; one of an earlier try is replaced.
    """
    file = warehouse.engine.url.database
    if warehouse.is_mysql or file is None:
        return None
    copy = Path(f"{file}.schema-{version:04d}.bak")
    unfinished = copy.with_suffix(".unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(unfinished)) as target:
            source.backup(target)
        unfinished.replace(copy)
    except (sqlite3.Error, OSError) as error:
        unfinished.unlink(missing_ok=True)
        raise SchemaError(
            f"the warehouse was not upgraded: no copy of it could be made at {copy} ({error}); "
            "make room there and start again"
        ) from error
    log.info("warehouse copied before its upgrade", copy=str(copy))
    return copy


def apply(connection: Connection, step: Migration) -> None:
    """Run the step's statements; on MySQL, those that a crash let through before are passed over."""
    for statement in step.statements():
        _warn_of_long_work(connection, step, statement)
        try:
            connection.execute(text(statement.replace(":", "\\:")))
        except DBAPIError as error:
            if error_number(error) not in _DONE_ALREADY:
                raise
            log.info("done before", migration=step.name, statement=statement.splitlines()[0])


def _warn_of_long_work(connection: Connection, step: Migration, statement: str) -> None:
    match = _ALTERED_TABLE.match(statement)
    if match is None or connection.dialect.name != "mysql":
        return
    query = text(
        "SELECT COALESCE(SUM(table_rows), 0) FROM information_schema.tables "
        "WHERE table_schema = DATABASE() AND table_name = :name"
    )
    rows = int(connection.execute(query, {"name": match[1]}).scalar_one())
    if rows >= _MANY_ROWS:
        log.warning("this may take long; let it finish", migration=step.name, table=match[1], rows=rows)
