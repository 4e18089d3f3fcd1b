"""Many values a part at a time: so many as one statement should name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

_VALUES_A_STATEMENT = 500


def in_parts(values: Iterable[T]) -> Iterator[list[T]]:
    """Yield all values in lists, none of them empty."""
    rest = iter(values)
    while part := list(islice(rest, _VALUES_A_STATEMENT)):
        yield part
