"""The loader: what lands is loaded soon, live objects first, whatever fails and whoever loads beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, select
from structlog.testing import capture_logs

from src.domain import MINUTE_MS, Lane
from src.errors import RunRevoked, WarehouseUnavailable
from src.lake.local_store import LocalStore
from src.stopping import Stop
from src.transform import loader as loader_module
from src.transform.loader import Loader
from src.transform.looks import Look
from src.transform.manager import TransformManager
from src.warehouse.engine import guarded_by
from src.warehouse.facts import KlineBatch
from src.warehouse.tables import lake_objects
from tests.builders import (
    CAPTURED_MS,
    DAY_START_MS,
    LakeObject,
    Pipeline,
    make_kline,
    make_object,
    open_pipeline,
)

_PATIENCE_S = 20.0
_NEVER_S = 3_600.0


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with open_pipeline(f"sqlite:///{tmp_path}/warehouse.db", LocalStore(tmp_path / "lake")) as opened:
        yield opened


def some_objects(count: int, captured_at_ms: int = CAPTURED_MS, symbol: str = "BTCUSDT") -> list[LakeObject]:
    """Return objects of one candle each."""
    opens = [DAY_START_MS + number * MINUTE_MS for number in range(count)]
    return [make_object(symbol, [make_kline(open_ms)], captured_at_ms + n) for n, open_ms in enumerate(opens)]


def count_waiting(pipeline: Pipeline) -> int:
    query = select(func.count()).where(lake_objects.c.state == "landed")
    with pipeline.warehouse.read() as connection:
        return int(connection.execute(query).scalar_one())


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE_S
    while not is_so():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.005)


def transform_of(pipeline: Pipeline, **bounds: int) -> TransformManager:
    return TransformManager(pipeline.warehouse, pipeline.lake, pipeline.clock, **bounds)


@contextmanager
def running(loader: Loader) -> Iterator[Stop]:
    """Run it on a thread; the stop is set at the latest when the block ends."""
    stop = Stop()
    thread = threading.Thread(target=loader.run, args=(stop,))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(_PATIENCE_S)
        assert not thread.is_alive()


# --- when it loads ---


def test_what_landed_is_loaded_as_soon_as_the_loader_is_woken(pipeline: Pipeline) -> None:
    loader = Loader(transform_of(pipeline), pipeline.warehouse, look_every_s=_NEVER_S)
    with running(loader):
        for captured_at_ms in (CAPTURED_MS, CAPTURED_MS + 1_000):
            pipeline.land(*some_objects(3, captured_at_ms), lane=Lane.HISTORY)
            loader.wake()
            wait_until(lambda: count_waiting(pipeline) == 0)


def test_what_nobody_tells_of_is_found_by_the_next_look(pipeline: Pipeline) -> None:
    with running(Loader(transform_of(pipeline), pipeline.warehouse, look_every_s=0.02)):
        for captured_at_ms in (CAPTURED_MS, CAPTURED_MS + 1_000):
            pipeline.land(*some_objects(3, captured_at_ms))
            wait_until(lambda: count_waiting(pipeline) == 0)


def test_what_waited_before_the_start_is_loaded_at_once(pipeline: Pipeline) -> None:
    pipeline.land(*some_objects(3))
    with running(Loader(transform_of(pipeline), pipeline.warehouse, look_every_s=_NEVER_S)):
        wait_until(lambda: count_waiting(pipeline) == 0)


def test_look_costs_one_query_while_nothing_waits(pipeline: Pipeline) -> None:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN"):
            statements.append(statement)

    event.listen(pipeline.warehouse.engine, "before_cursor_execute", note)
    with running(Loader(transform_of(pipeline), pipeline.warehouse, look_every_s=0.01)):
        wait_until(lambda: len(statements) >= 5)
    assert len(set(statements)) == 1
    assert statements[0].startswith("SELECT lake_objects.id")


def test_stop_ends_an_idle_loader_at_once(pipeline: Pipeline) -> None:
    with running(Loader(transform_of(pipeline), pipeline.warehouse, look_every_s=_NEVER_S)) as stop:
        time.sleep(0.05)
        stop.set()


def test_no_slice_is_begun_after_the_stop(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.land(*some_objects(9))
    transform = transform_of(pipeline, slice_objects=2)
    stop = Stop()
    load = transform._load

    def load_and_stop(*arguments: Any) -> None:
        load(*arguments)
        stop.set()

    monkeypatch.setattr(transform, "_load", load_and_stop)
    Loader(transform, pipeline.warehouse).run(stop)
    assert count_waiting(pipeline) == 7


# --- what fails ---


@pytest.fixture
def quick_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader_module, "_FIRST_PAUSE_S", 0.002)
    monkeypatch.setattr(loader_module, "_LONGEST_PAUSE_S", 0.01)


def fail_times(
    monkeypatch: pytest.MonkeyPatch, transform: TransformManager, times: int, error: Exception
) -> list[int]:
    """Let so many looks fail; return a list that grows by each."""
    look, failed = transform._look, list[int]()

    def fail_first(lanes: Sequence[Lane], taken: set[int]) -> Look:
        if len(failed) < times:
            failed.append(len(failed))
            raise error
        return look(lanes, taken)

    monkeypatch.setattr(transform, "_look", fail_first)
    return failed


@pytest.mark.usefixtures("quick_pauses")
def test_outage_is_told_once_and_outlived(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.land(*some_objects(3))
    transform = transform_of(pipeline)
    failed = fail_times(monkeypatch, transform, 8, WarehouseUnavailable("it is down"))
    with capture_logs() as logs, running(Loader(transform, pipeline.warehouse, look_every_s=_NEVER_S)):
        wait_until(lambda: count_waiting(pipeline) == 0)
    assert len(failed) == 8
    told = [(line["log_level"], line["event"]) for line in logs if line["log_level"] != "debug"]
    assert told == [("error", "loading paused"), ("info", "loading goes on")]


@pytest.mark.usefixtures("quick_pauses")
def test_unexpected_error_does_not_end_it(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.land(*some_objects(3))
    transform = transform_of(pipeline)
    fail_times(monkeypatch, transform, 2, RuntimeError("a bug"))
    with capture_logs() as logs, running(Loader(transform, pipeline.warehouse, look_every_s=_NEVER_S)):
        wait_until(lambda: count_waiting(pipeline) == 0)
    unexpected = [line for line in logs if line["event"] == "loading failed unexpectedly"]
    assert [line["exc_info"] for line in unexpected] == [True, True]


def test_pauses_grow_to_a_limit_however_long_it_lasts(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.land(*some_objects(1))
    transform = transform_of(pipeline)
    fail_times(monkeypatch, transform, 2_000, WarehouseUnavailable("it is down"))
    loader, stop, pauses = Loader(transform, pipeline.warehouse), Stop(), list[float]()
    for _ in range(2_000):
        loader._load(stop)
        pauses.append(loader._pause_s)
    assert pauses[:5] == [0.5, 1.0, 2.0, 4.0, 5.0]
    assert set(pauses[5:]) == {5.0}


# --- who loads beside it ---


_who = ContextVar("who", default="loader")


def note_looks(
    monkeypatch: pytest.MonkeyPatch, transform: TransformManager, on_look: Callable[[int], None]
) -> list[tuple[str, list[int]]]:
    """Call *on_look* with the number of each look that took something; return a list of who took what."""
    look, looks = transform._look, list[tuple[str, list[int]]]()

    def noted(lanes: Sequence[Lane], taken: set[int]) -> Look:
        found = look(lanes, taken)
        if found.rows:
            looks.append((_who.get(), [row.id for row in found.rows]))
            on_look(len(looks))
        return found

    monkeypatch.setattr(transform, "_look", noted)
    return looks


def on_first_load(
    monkeypatch: pytest.MonkeyPatch, transform: TransformManager, act: Callable[[], None]
) -> list[int]:
    """Call *act* when the first slice is about to be written; return the first object of each in turn."""
    load, firsts = transform._load_batches, list[int]()

    def noted(batches: Sequence[KlineBatch], *others: Any) -> None:
        firsts.append(batches[0].object_id)
        if len(firsts) == 1:
            act()
        load(batches, *others)

    monkeypatch.setattr(transform, "_load_batches", noted)
    return firsts


@contextmanager
def cycle_of(transform: TransformManager, loaded: list[int]) -> Iterator[threading.Thread]:
    """Give a thread that loads once it is started; it has ended when the block does."""

    def work() -> None:
        _who.set("cycle")
        loaded.append(transform.load_waiting().loaded.objects)

    thread = threading.Thread(target=work)
    yield thread
    thread.join(_PATIENCE_S)
    assert not thread.is_alive()


def test_two_threads_share_what_waits_and_neither_does_the_others_work(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.land(*some_objects(50))
    transform = transform_of(pipeline, slice_objects=10)
    loaded: list[int] = []
    looks = note_looks(monkeypatch, transform, lambda _: None)
    with cycle_of(transform, loaded) as cycle:

        def begin_a_cycle() -> None:
            cycle.start()
            wait_until(lambda: len(transform._turns[0]._waiting) == 1)

        on_first_load(monkeypatch, transform, begin_a_cycle)
        loaded.append(transform.load_waiting().loaded.objects)
    assert [who for who, _ in looks[:4]] == ["loader", "loader", "cycle", "cycle"]
    taken = [object_id for _, ids in looks for object_id in ids]
    assert sorted(taken) == [*range(1, 51)]
    assert sorted(loaded) == [20, 30]


def test_live_object_of_another_thread_is_loaded_after_the_slice_of_history_under_way(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.land(*some_objects(100), lane=Lane.HISTORY)
    transform = transform_of(pipeline, slice_objects=10)
    with cycle_of(transform, []) as cycle:

        def land_live() -> None:
            pipeline.land(*some_objects(1, CAPTURED_MS + 10**6, "ETHUSDT"))
            cycle.start()
            wait_until(lambda: len(transform._turns[0]._waiting) == 1)

        firsts = on_first_load(monkeypatch, transform, land_live)
        transform.load_waiting()
    assert firsts[:2] == [1, 101]


@pytest.mark.parametrize("fails", [False, True])
def test_what_others_load_is_loaded_when_it_returns(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, *, fails: bool
) -> None:
    pipeline.land(*some_objects(3))
    transform = transform_of(pipeline)
    looks: list[set[int]] = []
    look = transform._look

    def noted(lanes: Sequence[Lane], taken: set[int]) -> Look:
        looks.append(set(taken))
        return look(lanes, taken)

    monkeypatch.setattr(transform, "_look", noted)
    loaded: list[int] = []
    with cycle_of(transform, loaded) as cycle:

        def begin_a_cycle() -> None:
            cycle.start()
            wait_until(lambda: looks[2:] == [{1, 2, 3}])
            time.sleep(0.05)
            assert cycle.is_alive()
            if fails:
                raise WarehouseUnavailable("it is down")

        on_first_load(monkeypatch, transform, begin_a_cycle)
        with pytest.raises(WarehouseUnavailable) if fails else nullcontext():
            transform.load_waiting()
    assert loaded == [3 if fails else 0]
    assert count_waiting(pipeline) == 0


def test_live_object_waits_for_one_look_at_most_behind_a_backlog_of_history(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.land(*some_objects(300), lane=Lane.HISTORY)
    transform = transform_of(pipeline)

    def land_live_during_the_second(number: int) -> None:
        if number == 2:
            pipeline.land(*some_objects(1, CAPTURED_MS + 10**6, "ETHUSDT"))

    looks = note_looks(monkeypatch, transform, land_live_during_the_second)
    with running(Loader(transform, pipeline.warehouse)):
        wait_until(lambda: count_waiting(pipeline) == 0 and len(looks) > 4)
    history = range(1, 301)
    assert [len(ids) for _, ids in looks] == [48, 48, 48, 48, 48, 48, 13]
    assert [[i for i in ids if i not in history] for _, ids in looks] == [[], [], [301], [], [], [], []]
    assert looks[2][1][0] == 301


def test_what_guards_a_thread_guards_those_that_load_for_it(warehouse_url: str, tmp_path: Path) -> None:
    def refuse(_: Connection) -> None:
        raise RunRevoked(7)

    with open_pipeline(warehouse_url, LocalStore(tmp_path / "lake")) as pipeline:
        pipeline.land(*some_objects(2), *some_objects(2, CAPTURED_MS, "ETHUSDT"))
        with pytest.raises(RunRevoked), guarded_by(refuse):
            pipeline.load()
        assert count_waiting(pipeline) == 4
        assert pipeline.load().loaded.objects == 4
