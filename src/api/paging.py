"""Pages by cursor: what comes after the last row that was seen, however many were added meanwhile."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

import orjson
from flask import request
from pydantic import Field

from src.api.problems import invalid
from src.api.schemas import In, Out, parameter

Row = TypeVar("Row")
MOST = 1_000


class Paged(In):
    """Query of a route that answers page by page."""

    limit: int = parameter(100, about="How many at most.", ge=1, le=MOST)
    cursor: Annotated[str, Field(max_length=500)] | None = parameter(
        None, about="`next_cursor` of the page before; none for the first."
    )


class Page(Out):
    """An answer of which there may be more."""

    next_cursor: str | None = Field(description="Asks for the next page; null on the last.")


def read_cursor(cursor: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """Return the values in a cursor, one of each of *kinds*; None where the first page is asked for."""
    if cursor is None:
        return None
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        values = None
    if not _is_ours(values, kinds):
        raise invalid("cursor", "is none of this route", "next_cursor of the page before, unchanged")
    return tuple(values[1:])


def _is_ours(values: Any, kinds: Sequence[type]) -> bool:
    if not isinstance(values, list) or list(map(type, values)) != [str, *kinds]:
        return False
    fits = all(-(2**63) <= value < 2**63 for value in values if isinstance(value, int))
    return fits and values[0] == request.endpoint


def make_cursor(*values: int | str) -> str:
    """Return these values as a cursor of the list that is asked for; any other refuses it."""
    return base64.urlsafe_b64encode(orjson.dumps([request.endpoint, *values])).decode().rstrip("=")


def split_page(
    rows: Sequence[Row], limit: int, cursor_of: Callable[[Row], str]
) -> tuple[Sequence[Row], str | None]:
    """Return a page and its next cursor of *rows*, of which one more than *limit* was asked for."""
    page = rows[:limit]
    return page, cursor_of(page[-1]) if len(rows) > limit else None
