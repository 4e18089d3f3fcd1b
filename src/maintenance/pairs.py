"""Two sides that are both in the order of their keys, read beside each other in little memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar


class Keyed(Protocol):
    """What has a key."""

    @property
    def key(self) -> str: ...


A = TypeVar("A", bound=Keyed)
B = TypeVar("B", bound=Keyed)


def pair_up(ones: Iterable[A], others: Iterable[B]) -> Iterator[tuple[A | None, B | None]]:
    """Yield what has the same key on both sides together, and what the other side lacks with None."""
    left, right = iter(ones), iter(others)
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one.key < other.key):
            yield one, None
            one = next(left, None)
        elif one is None or other.key < one.key:
            yield None, other
            other = next(right, None)
        else:
            yield one, other
            one, other = next(left, None), next(right, None)
