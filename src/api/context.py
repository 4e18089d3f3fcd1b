"""What a request can reach: the parts of the application, and who asks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flask import current_app, g

from src.clock import Clock
from src.warehouse.engine import Warehouse
from src.wiring import App

EXTENSION = "candlehouse"


class Role(StrEnum):
    """What somebody may do: an operator everything, a viewer read."""

    VIEWER = "viewer"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks: *name* is the token's, *token_id* that of the token or session; None reads without one."""

    name: str
    role: Role
    token_id: int | None = None
    is_session: bool = False


# Who reads where reading is open.
ANYBODY = Identity("anybody", Role.VIEWER)


def parts() -> App:
    """Return the application's parts; they are built on first use and shared by all threads."""
    made: App = current_app.extensions[EXTENSION]
    return made


def warehouse() -> Warehouse:
    return parts().warehouse


def clock() -> Clock:
    return parts().clock


def identity() -> Identity:
    """Return who asks; there is one wherever a role is needed."""
    found: Identity = g.identity
    return found


def requested_by() -> str:
    """Name who asks, as runs and changes of settings keep it: 64 ASCII characters at most."""
    return f"{identity().name}@api".encode("ascii", "replace").decode("ascii")[:64]


def note(detail: str) -> None:
    """Say in the audit log what this request did, beyond its path: never a secret."""
    g.audit_detail = detail
