"""Replay: what a mended parser gives takes the place of what a broken one gave; nothing true is lost."""

from __future__ import annotations

import numpy as np
import pytest

from src.clock import ManualClock
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Window
from src.lake.store import Bucket
from src.maintenance.rebuilding import Rebuilder
from src.maintenance.replay import Replayer, ReplayReport
from src.maintenance.series_days import each_day, list_reaches
from src.transform import manager
from src.transform.sifting import Sifted, sift_klines
from src.warehouse.coverage import list_coverage, recount
from src.warehouse.ledger_tables import coverage_ranges
from src.warehouse.series import list_series
from src.warehouse.tables import (
    daily_klines,
    fact_klines,
    hourly_klines,
    lake_objects,
    quarantined_rows,
    series,
)
from tests.builders import (
    CAPTURED_MS,
    DAY_START_MS,
    LakeObject,
    Pipeline,
    StoredRow,
    make_kline,
    make_object,
    read_table,
)

_NINE_MS = DAY_START_MS + 9 * HOUR_MS
_DAY = Window(DAY_START_MS, DAY_START_MS + DAY_MS)


@pytest.fixture
def pipeline(emptied_pipeline: Pipeline) -> Pipeline:
    return emptied_pipeline


def ninety_minutes() -> list[LakeObject]:
    """Make two objects that overlap, and a minute alone in an hour of its own on the next day."""
    minutes = [make_kline(_NINE_MS + n * MINUTE_MS, trade_count=n) for n in range(90)]
    again = [minute._replace(volume="13.00000000") for minute in minutes[40:50]]
    alone = make_kline(_NINE_MS + DAY_MS)
    return [
        make_object("BTCUSDT", minutes[:50], CAPTURED_MS),
        make_object("BTCUSDT", again + minutes[50:], CAPTURED_MS + 1),
        make_object("BTCUSDT", [alone], CAPTURED_MS + 2),
    ]


def everything(pipeline: Pipeline) -> dict[str, list[StoredRow]]:
    found = {
        table.name: read_table(pipeline.warehouse, table)
        for table in (fact_klines, hourly_klines, daily_klines, quarantined_rows)
    }
    for row in found["quarantined_rows"]:
        del row["id"]
    held = ("record_count", "first_open_time", "last_open_time")
    found["series"] = [{name: row[name] for name in held} for row in read_table(pipeline.warehouse, series)]
    with pipeline.warehouse.read() as connection:
        ranges = list_coverage(connection)
    found["coverage"] = [
        {"window": one.window, "count": one.record_count} for of_one in ranges.values() for one in of_one
    ]
    return found


def replay(pipeline: Pipeline, window: Window | None = None, *, dry_run: bool = False) -> ReplayReport:
    with pipeline.warehouse.read() as connection:
        reaches = list_reaches(connection, list_series(connection, tracked_only=False), window)
    replayer = Replayer(pipeline.lake, pipeline.warehouse, ManualClock(CAPTURED_MS + DAY_MS))
    return replayer.replay(each_day(reaches), dry_run=dry_run)


def broken(body: bytes, interval: Interval, exchange_time_ms: int) -> Sifted:
    """Lose every seventh candle, make one up, and get the amounts of every fifth wrong."""
    sifted = sift_klines(body, interval, exchange_time_ms)
    numbers = (sifted.open_times_ms - DAY_START_MS) // MINUTE_MS
    rows = [
        row.replace("105.00000000", "106.00000000") if number % 5 == 0 else row
        for row, number in zip(sifted.rows, numbers, strict=True)
    ]
    kept = numbers % 7 != 0
    rows = [row for row, is_kept in zip(rows, kept, strict=True) if is_kept]
    times = sifted.open_times_ms[kept]
    if not len(times):
        return Sifted(times, rows, [])
    made_up = int(times[-1]) + 3 * HOUR_MS
    text = np.datetime_as_string(np.array([made_up]).astype("datetime64[ms]"))[0]
    return Sifted(np.append(times, made_up), [*rows, str(text) + rows[-1][23:]], [])


@pytest.fixture
def truth(pipeline: Pipeline) -> dict[str, list[StoredRow]]:
    """Load all rightly, remember that, and forget it."""
    pipeline.land(*ninety_minutes())
    pipeline.load()
    found = everything(pipeline)
    with pipeline.warehouse.read() as connection:
        for row in list_series(connection, tracked_only=False):
            assert recount(connection, row) == []
    return found


def spoil(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the warehouse what a broken parser would have made of the same objects."""
    with pipeline.warehouse.write() as connection:
        for table in (fact_klines, hourly_klines, daily_klines, series, coverage_ranges):
            connection.execute(table.delete())
        connection.execute(lake_objects.update().values(state="landed"))
    with monkeypatch.context() as patched:
        patched.setattr(manager, "sift_klines", broken)
        pipeline.load()


def test_mended_parser_makes_the_warehouse_what_it_should_be(
    pipeline: Pipeline, truth: dict[str, list[StoredRow]], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(pipeline, monkeypatch)
    spoilt = everything(pipeline)
    assert spoilt != truth
    foretold = replay(pipeline, dry_run=True)
    assert everything(pipeline) == spoilt
    done = replay(pipeline)
    assert everything(pipeline) == truth
    assert done == foretold
    assert (done.deleted, done.troubles) == (3, [])
    assert done.inserted > 10
    assert done.replaced > 10
    again = replay(pipeline)
    assert (again.inserted, again.replaced, again.deleted) == (0, 0, 0)


def test_nothing_outside_the_window_is_touched(
    pipeline: Pipeline, truth: dict[str, list[StoredRow]], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(pipeline, monkeypatch)
    spoilt = everything(pipeline)["fact_klines"]
    window = Window(_NINE_MS + 10 * MINUTE_MS, _NINE_MS + 20 * MINUTE_MS)
    replay(pipeline, window)
    inside = [row for row in truth["fact_klines"] if window.start_ms <= row["open_time"] < window.end_ms]
    outside = [row for row in spoilt if not window.start_ms <= row["open_time"] < window.end_ms]
    found = everything(pipeline)["fact_klines"]
    assert found == sorted(inside + outside, key=lambda row: row["open_time"])


def test_rollup_is_made_again_even_where_its_minutes_are_right(
    pipeline: Pipeline, truth: dict[str, list[StoredRow]]
) -> None:
    with pipeline.warehouse.write() as connection:
        connection.execute(hourly_klines.update().values(trade_count=1))
        connection.execute(daily_klines.delete())
    before = load_version(pipeline)
    assert replay(pipeline).changed_days == 0
    assert everything(pipeline) == truth
    assert load_version(pipeline) > before, "else charts that are kept would stay as they were"


def load_version(pipeline: Pipeline) -> int:
    with pipeline.warehouse.read() as connection:
        return max(row.load_version for row in list_series(connection, tracked_only=False))


def test_day_whose_objects_are_gone_stays_as_it_is(
    pipeline: Pipeline, truth: dict[str, list[StoredRow]]
) -> None:
    for bucket_object in ninety_minutes()[:2]:
        delete(pipeline, bucket_object)
    report = replay(pipeline, _DAY)
    assert (report.refused_days, report.merged_days, report.changed_days) == (1, 0, 0)
    assert everything(pipeline) == truth


def test_day_some_of_whose_objects_are_gone_is_merged_into_and_never_emptied(
    pipeline: Pipeline, truth: dict[str, list[StoredRow]], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(pipeline, monkeypatch)
    spoilt = {row["open_time"]: row for row in everything(pipeline)["fact_klines"]}
    first, second, _ = ninety_minutes()
    delete(pipeline, first)
    report = replay(pipeline, _DAY)
    assert (report.refused_days, report.merged_days, report.deleted) == (0, 1, 0)
    found = {row["open_time"]: row for row in everything(pipeline)["fact_klines"]}
    right = {row["open_time"]: row for row in truth["fact_klines"]}
    assert spoilt.keys() <= found.keys()
    from_second = {kline.open_time for kline in second.klines}
    assert {at: found[at] for at in from_second} == {at: right[at] for at in from_second}
    only_first = [at for at in found if at < min(from_second)]
    assert [found[at] for at in only_first] == [spoilt[at] for at in only_first]
    of_day = {at for at in spoilt if at < _DAY.end_ms}
    assert report.kept == len(of_day - from_second)


def test_remnant_of_a_sealed_hour_is_not_taken_back_in(
    pipeline: Pipeline, truth: dict[str, list[StoredRow]]
) -> None:
    seal_and_age(pipeline)
    aged = everything(pipeline)
    delete(pipeline, ninety_minutes()[0])
    replay(pipeline, _DAY)
    found = everything(pipeline)
    assert found["hourly_klines"] == aged["hourly_klines"]
    assert found["daily_klines"] == aged["daily_klines"]
    in_sealed = [row for row in found["fact_klines"] if row["open_time"] < _NINE_MS + HOUR_MS]
    assert in_sealed == []


def seal_and_age(pipeline: Pipeline) -> None:
    with pipeline.warehouse.write() as connection:
        connection.execute(hourly_klines.update().values(sealed_at=CAPTURED_MS))
        connection.execute(daily_klines.update().values(sealed_at=CAPTURED_MS))
        connection.execute(fact_klines.delete().where(fact_klines.c.open_time < _NINE_MS + HOUR_MS))


def test_load_that_comes_in_between_is_seen(
    pipeline: Pipeline, truth: dict[str, list[StoredRow]], monkeypatch: pytest.MonkeyPatch
) -> None:
    amended = make_object("BTCUSDT", [make_kline(_NINE_MS, volume="99.00000000")], CAPTURED_MS + 50)
    read = Rebuilder.read
    has_loaded: list[bool] = []

    def read_and_load(self: Rebuilder, *arguments: object) -> object:
        part = read(self, *arguments)  # type: ignore[arg-type]
        if not has_loaded:
            has_loaded.append(True)
            pipeline.land(amended)
            pipeline.load()
        return part

    monkeypatch.setattr(Rebuilder, "read", read_and_load)
    with pipeline.warehouse.write() as connection:
        connection.execute(fact_klines.update().values(trade_count=0))
    replay(pipeline, _DAY)
    found = {row["open_time"]: row for row in everything(pipeline)["fact_klines"]}
    assert found[_NINE_MS]["volume"] == "99.00000000"
    assert found[_NINE_MS + 30 * MINUTE_MS]["trade_count"] == 30


def delete(pipeline: Pipeline, one: LakeObject) -> None:
    """Let an object go by its age."""
    pipeline.lake.delete(Bucket.RAW, one.key.text)
    with pipeline.warehouse.write() as connection:
        is_it = lake_objects.c.object_key == one.key.text
        connection.execute(lake_objects.update().where(is_it).values(state="deleted"))
