"""Reloading: what is gone from the facts comes back from the lake, with its rollups and in the ledger."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from src.clock import ManualClock
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Window
from src.lake.store import Bucket
from src.maintenance import reloading
from src.maintenance.reloading import Reloader, in_spans
from src.warehouse.coverage import list_coverage, recount, rewrite_coverage
from src.warehouse.replaying import list_open_times
from src.warehouse.series import SeriesRow, list_series
from src.warehouse.tables import daily_klines, fact_klines, hourly_klines, lake_objects, series
from tests.builders import (
    CAPTURED_MS,
    DAY_START_MS,
    Pipeline,
    StoredRow,
    make_kline,
    make_object,
    read_table,
)

_NINE_MS = DAY_START_MS + 9 * HOUR_MS


@pytest.fixture
def pipeline(emptied_pipeline: Pipeline) -> Pipeline:
    """Give a pipeline that holds ninety minutes, of which ten were amended, from three objects."""
    minutes = [make_kline(_NINE_MS + n * MINUTE_MS, trade_count=n) for n in range(90)]
    amended = [minute._replace(volume="13.00000000") for minute in minutes[40:50]]
    for number, some in enumerate((minutes[:50], minutes[50:], amended)):
        emptied_pipeline.land(make_object("BTCUSDT", some, CAPTURED_MS + number))
        count(emptied_pipeline, CAPTURED_MS + number, some[0].open_time, some[-1].open_time)
    emptied_pipeline.load()
    return emptied_pipeline


def minutes(first: int, end: int) -> Window:
    return Window(_NINE_MS + first * MINUTE_MS, _NINE_MS + end * MINUTE_MS)


def count(pipeline: Pipeline, captured_ms: int, first_ms: int, last_ms: int) -> None:
    """Let the catalog know what an object holds, as landing does."""
    values = {"first_open_time": first_ms, "last_open_time": last_ms}
    is_it = lake_objects.c.captured_at == captured_ms
    pipeline.warehouse.run(lambda c: c.execute(lake_objects.update().where(is_it).values(values)))


def only_series(pipeline: Pipeline) -> SeriesRow:
    with pipeline.warehouse.read() as connection:
        [row] = list_series(connection, tracked_only=False)
    return row


def forget(pipeline: Pipeline, *windows: Window, recounts: bool = True) -> None:
    row = only_series(pipeline)
    with pipeline.warehouse.write() as connection:
        for window in windows:
            at = fact_klines.c.open_time
            connection.execute(fact_klines.delete().where(at >= window.start_ms, at < window.end_ms))
        if recounts:
            rewrite_coverage(connection, row)


def reload(pipeline: Pipeline, *missing: Window) -> list[int]:
    """Return the numbers of the minutes that were put back."""
    reloader = Reloader(pipeline.lake, pipeline.warehouse, ManualClock(CAPTURED_MS + DAY_MS))
    times = reloader.reload(only_series(pipeline), missing)
    return sorted(int(at - _NINE_MS) // MINUTE_MS for at in times)


def everything(pipeline: Pipeline) -> Sequence[list[StoredRow]]:
    tables = (fact_klines, hourly_klines, daily_klines)
    held = ("record_count", "first_open_time", "last_open_time")
    rows = [{name: row[name] for name in held} for row in read_table(pipeline.warehouse, series)]
    return [*(read_table(pipeline.warehouse, table) for table in tables), rows]


def test_lost_minutes_come_back_as_the_newest_object_has_them(pipeline: Pipeline) -> None:
    before = everything(pipeline)
    forget(pipeline, minutes(0, 3), minutes(38, 52), minutes(89, 90))
    put = reload(pipeline, minutes(0, 3), minutes(38, 52), minutes(89, 90))
    assert put == [0, 1, 2, *range(38, 52), 89]
    assert everything(pipeline) == before
    with pipeline.warehouse.read() as connection:
        row = only_series(pipeline)
        assert recount(connection, row) == []
        [held] = list_coverage(connection)[row.id]
    assert (held.window, held.record_count) == (minutes(0, 90), 90)
    assert reload(pipeline, minutes(0, 3)) == []


def test_hour_that_was_lost_as_a_whole_gets_its_rollup_back(pipeline: Pipeline) -> None:
    before = everything(pipeline)
    forget(pipeline, minutes(0, 90))
    with pipeline.warehouse.write() as connection:
        connection.execute(hourly_klines.delete())
        connection.execute(daily_klines.delete())
    assert len(reload(pipeline, minutes(0, 90))) == 90
    assert everything(pipeline) == before


def test_what_the_lost_newest_object_had_is_not_taken_from_an_older_one(pipeline: Pipeline) -> None:
    amended = make_object("BTCUSDT", [], CAPTURED_MS + 2)
    pipeline.lake.delete(Bucket.RAW, amended.key.text)
    forget(pipeline, minutes(38, 52))
    assert reload(pipeline, minutes(38, 52)) == [38, 39, 50, 51]


def test_only_what_the_ledger_lacks_is_put_back(pipeline: Pipeline) -> None:
    forget(pipeline, minutes(10, 20), recounts=False)
    assert reload(pipeline, minutes(10, 20)) == []
    forget(pipeline)
    assert len(reload(pipeline, minutes(10, 20))) == 10


def test_series_that_is_loaded_meanwhile_is_looked_at_again(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget(pipeline, minutes(10, 20))
    looks: list[int] = []

    def load_first(*given: object) -> object:
        if not looks:
            pipeline.land(make_object("BTCUSDT", [make_kline(_NINE_MS + 15 * MINUTE_MS)], CAPTURED_MS + 9))
            pipeline.load()
        looks.append(1)
        return list_open_times(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(reloading, "list_open_times", load_first)
    assert reload(pipeline, minutes(10, 20)) == [10, 11, 12, 13, 14, 16, 17, 18, 19]
    assert len(looks) == 2
    with pipeline.warehouse.read() as connection:
        assert recount(connection, only_series(pipeline)) == []


@pytest.mark.parametrize(
    ("interval", "days", "spans"), [(Interval.M1, 3, 3), (Interval.H1, 3, 1), (Interval.D1, 350, 4)]
)
def test_what_is_reloaded_together_is_bounded(interval: Interval, days: int, spans: int) -> None:
    start_ms = DAY_START_MS // (100 * DAY_MS) * 100 * DAY_MS
    window = Window(start_ms, start_ms + days * DAY_MS)
    found = list(in_spans(interval, [window]))
    assert len(found) == spans
    assert sum(part.end_ms - part.start_ms for span in found for part in span) == days * DAY_MS
