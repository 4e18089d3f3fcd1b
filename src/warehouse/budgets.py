"""The row of ``exchange_budget`` that all processes on one address share, by exchange and egress.

It says what weight the current minute has used, and for which lanes, the exchange's limit, until when nobody
may call, and how its breaker stands. What follows from that is decided in ``src.extract``: ``budget``,
``minutes`` and ``breaker``; here rows are only locked, read and written.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, select, update

from src.errors import WarehouseUnavailable
from src.warehouse import dialects
from src.warehouse.engine import Warehouse
from src.warehouse.tables import exchange_budget as table

_REASON_LENGTH = 64

# The states of a breaker: all may call, nobody may, one may and tells the others how it went.
CLOSED, OPEN, HALF_OPEN = "closed", "open", "half-open"


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """What is known of a budget: minutes by the exchange's clock, blocks and the breaker by ours.

    ``breaker_failures`` are those in a row, ``breaker_opened_at_ms`` is when the breaker opened last or its
    last probe was sent. Repair's and history's weight are parts of ``used_weight``; the rest is live, or
    that of other programs on the address.
    """

    minute_start_ms: int | None = None
    used_weight: int = 0
    weight_limit: int | None = None
    blocked_until_ms: int | None = None
    block_reason: str | None = None
    breaker_state: str = CLOSED
    breaker_failures: int = 0
    breaker_opened_at_ms: int | None = None
    repair_weight: int = 0
    history_weight: int = 0


# In the order of BudgetRow. The statements are made once: each request of an exchange needs them.
_COLUMNS = (
    table.c.minute_start,
    table.c.used_weight,
    table.c.weight_limit,
    table.c.blocked_until,
    table.c.block_reason,
    table.c.breaker_state,
    table.c.breaker_failures,
    table.c.breaker_opened_at,
    table.c.repair_weight,
    table.c.history_weight,
)
_IS_IT = and_(table.c.exchange == bindparam("of_exchange"), table.c.egress == bindparam("of_egress"))
_FIND = select(*_COLUMNS).where(_IS_IT)
_LOCK = _FIND.with_for_update()
_SAVE = update(table).where(_IS_IT).values({column: bindparam(column.name) for column in _COLUMNS})


@contextmanager
def in_turn(warehouse: Warehouse) -> Iterator[None]:
    """Wait at the row first come, first served; use it around each transaction that locks the row.

    MySQL queues who waits. SQLite lets them try again after ever longer pauses, in which a busy process
    would overtake another's news of a block many times. Here whoever waits for *turn* holds *queue*
    meanwhile, so the one who had its turn cannot have the next as well.
    """
    database = warehouse.engine.url.database
    if warehouse.is_mysql or not database or database == ":memory:":
        yield
        return
    try:
        queue = Path(f"{database}.budget-queue").open("ab")  # noqa: SIM115  closed by the with below
        turn = Path(f"{database}.budget-turn").open("ab")  # noqa: SIM115
    except OSError as error:
        raise WarehouseUnavailable(
            f"the folder of the warehouse {database} cannot be written ({error}): "
            "check its rights and the disk"
        ) from error
    with queue, turn:  # closing a file releases its lock, as does the end of the process
        fcntl.flock(queue, fcntl.LOCK_EX)
        fcntl.flock(turn, fcntl.LOCK_EX)
        fcntl.flock(queue, fcntl.LOCK_UN)
        yield


def find_budget(connection: Connection, exchange: str, egress: str) -> BudgetRow | None:
    """Read the row without locking it; None when nobody called that exchange from there yet."""
    found = connection.execute(_FIND, _key(exchange, egress)).one_or_none()
    return None if found is None else _read(found)


def list_budget_rows(connection: Connection) -> list[tuple[str, str, BudgetRow]]:
    """List all budgets with their exchange and egress."""
    keys = (table.c.exchange, table.c.egress)
    rows = connection.execute(select(*_COLUMNS, *keys).order_by(*keys))
    return [(exchange, egress, BudgetRow(*rest)) for *rest, exchange, egress in rows]


def lock_budget(connection: Connection, exchange: str, egress: str) -> BudgetRow:
    """Read the row and hold it until the transaction ends; it is made when it is missing."""
    key = _key(exchange, egress)
    found = connection.execute(_LOCK, key).one_or_none()
    if found is None:
        row = {"exchange": exchange, "egress": egress}
        connection.execute(dialects.insert_if_absent(table, connection, row))
        found = connection.execute(_LOCK, key).one()
    return _read(found)


def save_budget(connection: Connection, exchange: str, egress: str, row: BudgetRow) -> None:
    """Write back a row that the same transaction locked."""
    reason = None if row.block_reason is None else _fitting(row.block_reason)
    values = astuple(replace(row, block_reason=reason))
    named = dict(zip((column.name for column in _COLUMNS), values, strict=True))
    connection.execute(_SAVE, named | _key(exchange, egress))


def _key(exchange: str, egress: str) -> dict[str, str]:
    return {"of_exchange": exchange, "of_egress": egress}


def _read(found: Row[*tuple[Any, ...]]) -> BudgetRow:
    return BudgetRow(*found)


def _fitting(reason: str) -> str:
    """Cut a reason to what the column takes: an exchange's words must not make a block fail to be stored."""
    return reason.encode("ascii", "replace").decode("ascii")[:_REASON_LENGTH]
