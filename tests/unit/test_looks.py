"""Looks: what waits is dealt out once, by symbol, in bounded slices, and nobody waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import pytest

from src.domain import DataType
from src.transform.looks import Look, Looks, Taken
from src.warehouse.catalog import CatalogRow

_PATIENCE_S = 20.0


def rows_of(symbols: str, size_bytes: int = 1) -> list[CatalogRow]:
    """Return an object of each symbol, a letter each; ids count from 1."""
    return [
        CatalogRow(number, str(number), "raw", symbol, DataType.KLINES, number, size_bytes, "", None)
        for number, symbol in enumerate(symbols, start=1)
    ]


class Shelf:
    """What waits; a look lists so many *places* of what is free."""

    def __init__(self, waiting: Sequence[CatalogRow], places: int = 100) -> None:
        self.waiting = list(waiting)
        self.places = places
        self.looks = 0
        self.taken = Taken()

    def look(self, taken: set[int]) -> Look:
        self.looks += 1
        free = [row for row in self.waiting if row.id not in taken]
        return Look(free[: self.places], {row.id for row in self.waiting} & taken)

    def open(self, streams: int = 2, objects: int = 4, size_bytes: int = 100) -> Looks:
        return Looks(self.taken, self.look, streams, objects, size_bytes)

    def load(self, looks: Looks, rows: Sequence[CatalogRow]) -> None:
        self.waiting = [row for row in self.waiting if row not in rows]
        looks.give_back(rows)


def never() -> bool:
    return False


def ids(rows: Sequence[CatalogRow]) -> list[int]:
    return [row.id for row in rows]


def started(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.05)
    return thread


def test_each_symbol_goes_to_one_stream_in_its_order() -> None:
    looks = Shelf(rows_of("ABCABCAB")).open()
    assert ids(looks.find_slice(0)) == [1, 3, 4, 6]
    assert ids(looks.find_slice(1)) == [2, 5, 8]
    assert ids(looks.find_slice(0)) == [7]


@pytest.mark.parametrize(("size_bytes", "slices"), [(1, [1, 1, 1]), (20, [2, 1]), (29, [2, 1]), (30, [3])])
def test_slice_is_bounded_in_bytes_yet_never_empty(size_bytes: int, slices: list[int]) -> None:
    looks = Shelf(rows_of("AAA", size_bytes=10)).open(1, size_bytes=size_bytes)
    assert [len(looks.find_slice(0)) for _ in slices] == slices
    assert looks.find_slice(0) == []


def test_two_who_look_at_the_same_share_it() -> None:
    shelf = Shelf(rows_of("AAAAAA"), places=2)
    one, other = shelf.open(1), shelf.open(1)
    assert [ids(looks.find_slice(0)) for looks in (one, other, one)] == [[1, 2], [3, 4], [5, 6]]
    assert other.find_slice(0) == []
    assert other.others == {1, 2, 5, 6}


def test_what_is_given_back_unloaded_can_be_taken_by_others() -> None:
    shelf = Shelf(rows_of("AA"))
    one, other = shelf.open(1), shelf.open(1)
    assert ids(one.find_slice(0)) == [1, 2]
    one.close()
    assert ids(other.find_slice(0)) == [1, 2]


def test_after_a_look_in_vain_there_is_no_other() -> None:
    shelf = Shelf(rows_of("A"))
    looks = shelf.open()
    shelf.load(looks, looks.await_slice(0, never))
    assert [looks.await_slice(stream, never) for stream in (0, 1, 0)] == [[], [], []]
    assert shelf.looks == 2


def test_stream_without_work_is_fed_by_the_look_of_another() -> None:
    shelf = Shelf(rows_of("AAB"), places=1)
    looks, found = shelf.open(), list[list[int]]()
    first = looks.await_slice(0, never)
    idle = started(lambda: found.append(ids(looks.await_slice(1, never))))
    assert shelf.looks == 1
    for _ in range(2):
        shelf.load(looks, first)
        first = looks.find_slice(0)
    idle.join(_PATIENCE_S)
    assert found == [[3]]


def test_stream_without_work_ends_with_the_others() -> None:
    shelf = Shelf(rows_of("AA"))
    looks, found = shelf.open(), list[list[int]]()
    rows = looks.await_slice(0, never)
    idle = started(lambda: found.append(ids(looks.await_slice(1, never))))
    assert looks.find_slice(0) == []
    shelf.load(looks, rows)
    idle.join(_PATIENCE_S)
    assert found == [[]]


@pytest.mark.parametrize("by_wish", [False, True])
def test_stop_ends_a_stream_that_waits(*, by_wish: bool) -> None:
    wish = threading.Event()
    shelf = Shelf(rows_of("AAAAAAAA"))
    looks, found = shelf.open(), list[list[int]]()
    looks.await_slice(0, never)
    idle = started(lambda: found.append(ids(looks.await_slice(1, wish.is_set))))
    assert found == []
    wish.set() if by_wish else looks.stop()
    idle.join(_PATIENCE_S)
    assert found == [[]]
    assert by_wish or looks.find_slice(0) == []


def test_waiting_for_others_ends_when_they_are_done_or_at_a_stop() -> None:
    shelf = Shelf(rows_of("AA"))
    looks = shelf.open(1)
    rows = looks.find_slice(0)
    shelf.taken.wait_for({7}, never)
    shelf.taken.wait_for({1}, lambda: True)
    waiting = started(lambda: shelf.taken.wait_for({1, 2}, never))
    assert waiting.is_alive()
    looks.give_back(rows)
    waiting.join(_PATIENCE_S)
    assert not waiting.is_alive()
