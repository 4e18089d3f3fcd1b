"""The ledger of coverage says what the facts hold, whatever was loaded in whatever order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, SeriesKey, Window
from src.lake.local_store import LocalStore
from src.warehouse.coverage import (
    CoverageRow,
    DifferenceKind,
    list_coverage,
    note_verified,
    recount,
    rewrite_coverage,
)
from src.warehouse.ledger_tables import coverage_ranges
from src.warehouse.series import SeriesRow, list_series, list_uncounted
from src.warehouse.tables import fact_klines, fact_klines_coarse, series
from tests import servers
from tests.builders import (
    CAPTURED_MS,
    DAY_START_MS,
    LakeObject,
    Pipeline,
    make_kline,
    make_object,
    open_pipeline,
)

_TABLES = (fact_klines, fact_klines_coarse, coverage_ranges, series)
# Two hours before midnight.
_LATE_MS = DAY_START_MS + 22 * HOUR_MS
# 2026-01-05T00:00Z, a Monday, and the first of January.
_MONDAY_MS, _JANUARY_MS = DAY_START_MS - 4 * DAY_MS, DAY_START_MS - 8 * DAY_MS


@pytest.fixture(scope="module", params=["sqlite", "mariadb", "mysql"])
def _opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    folder: Path = tmp_path_factory.mktemp("coverage")
    lake = LocalStore(folder / "data_lake")
    if request.param == "sqlite":
        with open_pipeline(f"sqlite:///{folder}/warehouse.db", lake) as opened:
            yield opened
        return
    server: servers.DatabaseServer = request.getfixturevalue(f"{request.param}_server")
    with servers.fresh_database(server) as name, open_pipeline(server.url(name), lake) as opened:
        yield opened


@pytest.fixture
def pipeline(_opened: Pipeline) -> Pipeline:
    empty(_opened)
    return _opened


def empty(pipeline: Pipeline) -> None:
    with pipeline.warehouse.write() as connection:
        for table in _TABLES:
            connection.execute(table.delete())


# Late enough for the months that are loaded here to have closed.
_captures = count(CAPTURED_MS + 10_000 * DAY_MS)


def candles(opens: Iterable[int], interval: Interval = Interval.M1, symbol: str = "BTCUSDT") -> LakeObject:
    """Make an object that is captured after all others."""
    klines = [make_kline(open_ms, interval) for open_ms in sorted(opens)]
    return make_object(symbol, klines, next(_captures), interval=interval)


def minutes(*numbers: int, start_ms: int = _LATE_MS) -> list[int]:
    return [start_ms + number * MINUTE_MS for number in numbers]


def load(pipeline: Pipeline, *objects: LakeObject) -> None:
    pipeline.land(*objects)
    pipeline.load()


def ledger(pipeline: Pipeline) -> dict[SeriesKey, list[tuple[Window, int]]]:
    with pipeline.warehouse.read() as connection:
        rows, found = list_series(connection, tracked_only=False), list_coverage(connection)
    return {row.key: [(r.window, r.record_count) for r in found.get(row.id, [])] for row in rows}


def check(
    pipeline: Pipeline, work: Callable[..., list[Any]] = recount
) -> list[tuple[DifferenceKind, Window]]:
    """Do *work* for every series."""
    with pipeline.warehouse.write() as connection:
        rows = list_series(connection, tracked_only=False)
        return [(each.kind, each.window) for row in rows for each in work(connection, row)]


def only(pipeline: Pipeline) -> list[tuple[Window, int]]:
    (ranges,) = ledger(pipeline).values()
    return ranges


def test_range_grows_with_loads_and_closes_when_the_hole_between_two_is_loaded(pipeline: Pipeline) -> None:
    load(pipeline, candles(minutes(0, 1)))
    load(pipeline, candles(minutes(2)), candles(minutes(5, 6)))
    assert only(pipeline) == [
        (Window(_LATE_MS, _LATE_MS + 3 * MINUTE_MS), 3),
        (Window(_LATE_MS + 5 * MINUTE_MS, _LATE_MS + 7 * MINUTE_MS), 2),
    ]

    load(pipeline, candles(minutes(3, 4)))

    assert only(pipeline) == [(Window(_LATE_MS, _LATE_MS + 7 * MINUTE_MS), 7)]
    assert check(pipeline) == []


def test_candles_loaded_again_are_counted_once(pipeline: Pipeline) -> None:
    load(pipeline, candles(minutes(0, 1, 2)))
    load(pipeline, candles(minutes(1, 2, 3)))

    assert only(pipeline) == [(Window(_LATE_MS, _LATE_MS + 4 * MINUTE_MS), 4)]


def test_series_of_one_slice_are_kept_apart(pipeline: Pipeline) -> None:
    load(pipeline, candles(minutes(0)), candles(minutes(1), symbol="ETHUSDT"))
    load(pipeline, candles(minutes(1)), candles(minutes(3), symbol="ETHUSDT"))

    found = {key.symbol: ranges for key, ranges in ledger(pipeline).items()}
    assert found["BTCUSDT"] == [(Window(_LATE_MS, _LATE_MS + 2 * MINUTE_MS), 2)]
    assert [candles for _, candles in found["ETHUSDT"]] == [1, 1]
    assert check(pipeline) == []


def test_candles_off_the_grid_fill_the_slots_they_fall_in(pipeline: Pipeline) -> None:
    load(pipeline, candles([_LATE_MS, _LATE_MS + MINUTE_MS + 7_003, _LATE_MS + 2 * MINUTE_MS + 7_003]))
    whole = Window(_LATE_MS, _LATE_MS + 3 * MINUTE_MS)
    assert only(pipeline) == [(whole, 3)]

    load(pipeline, candles(minutes(2)))  # beside the one that is there

    assert only(pipeline) == [(whole, 4)]
    assert check(pipeline) == []


@pytest.mark.parametrize(
    ("interval", "opens", "end_ms"),
    [
        (Interval.S1, [_LATE_MS, _LATE_MS + 1000], _LATE_MS + 2000),
        (Interval.M3, [DAY_START_MS, DAY_START_MS + 3 * MINUTE_MS], DAY_START_MS + 6 * MINUTE_MS),
        (Interval.H4, [DAY_START_MS, DAY_START_MS + 4 * HOUR_MS], DAY_START_MS + 8 * HOUR_MS),
        (Interval.D1, [DAY_START_MS, DAY_START_MS + DAY_MS], DAY_START_MS + 2 * DAY_MS),
        (Interval.D3, [DAY_START_MS + DAY_MS, DAY_START_MS + 4 * DAY_MS], DAY_START_MS + 7 * DAY_MS),
        (Interval.W1, [_MONDAY_MS, _MONDAY_MS + 7 * DAY_MS], _MONDAY_MS + 14 * DAY_MS),
        (Interval.MO1, [_JANUARY_MS, _JANUARY_MS + 31 * DAY_MS], _JANUARY_MS + 59 * DAY_MS),
    ],
)
def test_slots_of_every_length_are_right(
    pipeline: Pipeline, interval: Interval, opens: list[int], end_ms: int
) -> None:
    load(pipeline, candles(opens, interval))

    assert only(pipeline) == [(Window(interval.floor(opens[0]), end_ms), 2)]
    assert check(pipeline) == []
    # A month later than the end: an island of its own.
    load(pipeline, candles([interval.floor(end_ms + 40 * DAY_MS)], interval))
    assert len(only(pipeline)) == 2
    assert check(pipeline) == []


def test_recount_finds_holes_in_full_days_and_at_their_borders(pipeline: Pipeline) -> None:
    load(pipeline, candles(minutes(*range(3 * 1440), start_ms=DAY_START_MS)))
    assert check(pipeline) == []
    assert only(pipeline) == [(Window(DAY_START_MS, DAY_START_MS + 3 * DAY_MS), 3 * 1440)]

    holes = minutes(0, 700, 1439, 1440, 3 * 1440 - 1, start_ms=DAY_START_MS)
    _delete(pipeline, holes)

    missing = [Window(hole, hole + MINUTE_MS) for hole in holes[:2]]
    missing.append(Window(holes[2], holes[3] + MINUTE_MS))
    missing.append(Window(holes[4], holes[4] + MINUTE_MS))
    assert check(pipeline) == [(DifferenceKind.NOT_HELD, window) for window in missing]
    assert check(pipeline, rewrite_coverage) == [(DifferenceKind.NOT_HELD, window) for window in missing]
    assert check(pipeline) == []
    assert [candles for _, candles in only(pipeline)] == [699, 738, 2878]
    with pipeline.warehouse.read() as connection:
        assert connection.scalar(select(series.c.record_count)) == 3 * 1440 - 5


def test_recount_sees_a_day_whose_count_alone_looks_full(pipeline: Pipeline) -> None:
    opens = minutes(*range(1440), start_ms=DAY_START_MS)
    opens[100] = opens[200] + 30_000  # the slot of minute 200 has two, that of minute 100 none
    load(pipeline, candles(opens))

    hole = Window(DAY_START_MS + 100 * MINUTE_MS, DAY_START_MS + 101 * MINUTE_MS)
    assert [window for window, _ in only(pipeline)] == [
        Window(DAY_START_MS, hole.start_ms),
        Window(hole.end_ms, DAY_START_MS + DAY_MS),
    ]
    assert check(pipeline) == []


def test_recount_finds_what_the_ledger_lacks_and_counts_wrongly(pipeline: Pipeline) -> None:
    load(pipeline, candles(minutes(0, 1)), candles(minutes(10, 11)))
    first, second = (window for window, _ in only(pipeline))
    with pipeline.warehouse.write() as connection:
        ranges = coverage_ranges
        connection.execute(ranges.delete().where(ranges.c.start_time == first.start_ms))
        connection.execute(ranges.update().values(record_count=9))

    differing = [(DifferenceKind.NOT_IN_LEDGER, first), (DifferenceKind.MISCOUNTED, second)]
    assert check(pipeline) == differing
    assert check(pipeline, rewrite_coverage) == differing
    assert only(pipeline) == [(first, 2), (second, 2)]


def test_window_alone_is_counted_again(pipeline: Pipeline) -> None:
    load(pipeline, candles(minutes(0, 1, 2)), candles(minutes(10, 11, 12)))
    _delete(pipeline, minutes(1, 11))
    (row,) = _rows(pipeline)

    with pipeline.warehouse.write() as connection:
        inside = Window(_LATE_MS + 11 * MINUTE_MS, _LATE_MS + 12 * MINUTE_MS)
        assert [each.window for each in rewrite_coverage(connection, row, inside)] == [inside]

    assert [candles for _, candles in only(pipeline)] == [3, 1, 1]


def test_recount_that_agrees_is_noted(pipeline: Pipeline) -> None:
    load(pipeline, candles(minutes(0)))
    assert [each.verified_ms for each in _ranges(pipeline)] == [None]

    with pipeline.warehouse.write() as connection:
        note_verified(connection, *list_series(connection, tracked_only=False))

    assert all(each.verified_ms is not None for each in _ranges(pipeline))


def test_sources_that_meet_are_mixed(pipeline: Pipeline) -> None:
    load(pipeline, candles(minutes(0)), candles(minutes(5)))
    with pipeline.warehouse.write() as connection:
        first = coverage_ranges.c.start_time == _LATE_MS
        connection.execute(coverage_ranges.update().where(first).values(source="csv"))

    load(pipeline, candles(minutes(1)), candles(minutes(6)))
    assert [each.source for each in _ranges(pipeline)] == ["mixed", "api"]
    check(pipeline, rewrite_coverage)
    assert [each.source for each in _ranges(pipeline)] == ["mixed", "api"]


def test_facts_without_a_ledger_are_found_and_counted(pipeline: Pipeline) -> None:
    load(pipeline, candles(minutes(0, 1, 4)), candles(minutes(2), symbol="ETHUSDT"))
    before = ledger(pipeline)
    with pipeline.warehouse.write() as connection:
        connection.execute(coverage_ranges.delete())
        for row in list_uncounted(connection):
            rewrite_coverage(connection, row)
        assert list_uncounted(connection) == []

    assert ledger(pipeline) == before


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("random")
    with open_pipeline(f"sqlite:///{folder}/warehouse.db", LocalStore(folder / "data_lake")) as opened:
        yield opened


_INTERVALS = st.sampled_from([Interval.M1, Interval.H1, Interval.D1, Interval.W1, Interval.MO1])
_PIECES = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), min_size=1, max_size=6)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(interval=_INTERVALS, slices=st.lists(_PIECES, min_size=1, max_size=4), is_off_grid=st.booleans())
def test_ledger_equals_the_facts_after_any_loads(
    small: Pipeline, interval: Interval, slices: list[list[tuple[int, int]]], is_off_grid: bool
) -> None:
    empty(small)
    grid = [interval.floor(_LATE_MS)]
    while len(grid) < 80:
        grid.append(interval.next(grid[-1]))
    shift_ms = 5_500 if is_off_grid else 0
    opens = [open_ms + (shift_ms if slot % 7 == 0 else 0) for slot, open_ms in enumerate(grid)]
    for pieces in slices:
        load(small, *(candles(opens[first : first + length], interval) for first, length in pieces))

    loaded = {at for pieces in slices for first, length in pieces for at in grid[first : first + length]}
    held = {at for window, _ in only(small) for at in grid if window.start_ms <= at < window.end_ms}
    assert held == loaded
    assert sum(candles for _, candles in only(small)) == len(loaded)
    assert check(small) == []
    assert _do_not_touch(_ranges(small))


def _do_not_touch(ranges: list[CoverageRow]) -> bool:
    return all(one.window.end_ms < other.window.start_ms for one, other in pairwise(ranges))


def _ranges(pipeline: Pipeline) -> list[CoverageRow]:
    with pipeline.warehouse.read() as connection:
        return [each for ranges in list_coverage(connection).values() for each in ranges]


def _rows(pipeline: Pipeline) -> list[SeriesRow]:
    with pipeline.warehouse.read() as connection:
        return list_series(connection, tracked_only=False)


def _delete(pipeline: Pipeline, opens: Iterable[int]) -> None:
    with pipeline.warehouse.write() as connection:
        connection.execute(fact_klines.delete().where(fact_klines.c.open_time.in_(list(opens))))
