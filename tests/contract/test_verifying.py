"""Verification: what was changed in the warehouse or the lake is named, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Connection, Table, select, update

from src.clock import ManualClock
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, Window, utc_from_ms
from src.errors import CandlehouseError
from src.maintenance import rebuilding
from src.maintenance.series_days import each_day, in_whole_days, list_reaches
from src.maintenance.verify import Verifier, VerifyReport
from src.warehouse.catalog import NewObject, ObjectState, record_landed
from src.warehouse.series import list_series
from src.warehouse.tables import daily_klines, fact_klines, fact_klines_coarse, hourly_klines, lake_objects
from src.warehouse.verification import VerifyState, list_results
from tests.builders import (
    CAPTURED_MS,
    DAY_START_MS,
    LakeObject,
    Pipeline,
    make_kline,
    make_object,
)

_DAYS = 4


@pytest.fixture
def pipeline(emptied_pipeline: Pipeline) -> Pipeline:
    return emptied_pipeline


def hours_of(symbol: str, day: int, captured_ms: int) -> list[LakeObject]:
    """Make two objects that overlap by ten minutes, an hour of minutes together."""
    start_ms = DAY_START_MS + day * DAY_MS + 9 * HOUR_MS
    minutes = [make_kline(start_ms + n * MINUTE_MS, trade_count=n) for n in range(60)]
    again = [minute._replace(volume="13.00000000") for minute in minutes[25:35]]
    return [
        make_object(symbol, minutes[:35], captured_ms),
        make_object(symbol, again + minutes[35:], captured_ms + 1),
    ]


def load_days(pipeline: Pipeline, symbol: str = "BTCUSDT") -> list[LakeObject]:
    """Load an hour of each of some days; return the objects, two a day."""
    objects = [one for day in range(_DAYS) for one in hours_of(symbol, day, CAPTURED_MS + 10 * day)]
    pipeline.put(objects)
    with pipeline.warehouse.write() as connection:
        for one in objects:
            record_landed(connection, described(one))
    assert not pipeline.load().quarantined
    return objects


def described(one: LakeObject) -> NewObject:
    """Return what landing tells the catalog: from where to where the object's candles reach, too."""
    opens = [kline.open_time for kline in one.closed]
    return replace(one.described(), first_open_ms=opens[0], last_open_ms=opens[-1], record_count=len(opens))


def verify(pipeline: Pipeline, window: Window | None = None) -> VerifyReport:
    with pipeline.warehouse.read() as connection:
        rows = list_series(connection, tracked_only=False)
        reaches = in_whole_days(list_reaches(connection, rows, window))
    verifier = Verifier(pipeline.lake, pipeline.warehouse, ManualClock(CAPTURED_MS + DAY_MS))
    return verifier.verify(each_day(reaches))


def change(pipeline: Pipeline, table: Table, at_ms: int, **values: object) -> None:
    """Change one row by SQL, as nobody should."""
    time = table.c.open_time if "open_time" in table.c else table.c.hour_start

    def work(connection: Connection) -> None:
        assert connection.execute(update(table).where(time == at_ms).values(**values)).rowcount == 1

    pipeline.warehouse.run(work)


def told(report: VerifyReport) -> list[tuple[int, VerifyState, str]]:
    """Return the findings: the day's number, the state and what is said."""
    first = utc_from_ms(DAY_START_MS).date()
    return [((one.day - first).days, one.state, one.what) for one in report.findings]


def test_untouched_days_are_the_same(pipeline: Pipeline) -> None:
    load_days(pipeline)
    weeks = [make_kline(DAY_START_MS - 4 * DAY_MS, Interval.W1)]
    pipeline.land(make_object("BTCUSDT", weeks, CAPTURED_MS + 99, interval=Interval.W1))
    pipeline.load()
    report = verify(pipeline)
    assert (report.findings, report.states) == ([], {VerifyState.SAME: _DAYS + 1})
    assert report.candles == _DAYS * 60 + 1
    assert report.reproducible_up_to() == utc_from_ms(DAY_START_MS + (_DAYS - 1) * DAY_MS).date()


def test_a_changed_digit_a_changed_byte_and_a_lost_object_are_named_and_nothing_else(
    pipeline: Pipeline, lake_folder: Path
) -> None:
    objects = load_days(pipeline)
    nine = DAY_START_MS + 9 * HOUR_MS
    change(pipeline, fact_klines, nine + 7 * MINUTE_MS, close_price=Decimal("105.00000001"))
    changed, lost = objects[2].key.text, objects[4].key.text
    file = lake_folder / "raw" / changed
    file.chmod(0o644)
    content = file.read_bytes()
    file.write_bytes(content.replace(b"105.00000000", b"105.00000002", 1))
    (lake_folder / "raw" / lost).unlink()

    report = verify(pipeline)
    assert told(report) == [
        (
            0,
            VerifyState.DIFFERS,
            "2026-01-09T09:07:00.000Z: close_price 105.00000001 in the warehouse, 105.00000000 in the lake",
        ),
        (1, VerifyState.CHANGED, f"{changed} is not what was landed: its sha256 differs"),
        (2, VerifyState.MISSING, f"{lost} is in the catalog, but not in the lake"),
    ]
    assert report.faults == 3
    assert report.states[VerifyState.SAME] == 1
    assert report.objects == {VerifyState.CHANGED: 1, VerifyState.MISSING: 1}
    assert report.reproducible_up_to() is None
    with pipeline.warehouse.read() as connection:
        stored = [(one.state, one.candles) for one in list_results(connection)]
    assert [state for state, _ in stored] == ["differs", "object_changed", "object_missing", "same"]
    assert {candles for _, candles in stored} == {60}


def test_candle_that_the_warehouse_lacks_or_invented_is_named(pipeline: Pipeline) -> None:
    load_days(pipeline)
    nine = DAY_START_MS + 9 * HOUR_MS
    change(pipeline, fact_klines, nine + 3 * MINUTE_MS, open_time=nine - 5 * MINUTE_MS)
    (invented, lacking) = told(verify(pipeline))
    assert invented[2] == "2026-01-09T08:55:00.000Z: in the warehouse, but in no object of the lake"
    assert lacking[2].startswith("2026-01-09T09:03:00.000Z: not in the warehouse, but in 2026-03-31/")


def test_older_capture_in_the_place_of_a_newer_one_is_named(pipeline: Pipeline) -> None:
    older, newer = load_days(pipeline)[:2]
    with pipeline.warehouse.read() as connection:
        ids = dict(connection.execute(select(lake_objects.c.object_key, lake_objects.c.id)).all())
    at = DAY_START_MS + 9 * HOUR_MS + 30 * MINUTE_MS
    change(pipeline, fact_klines, at, object_id=ids[older.key.text], captured_at=older.key.timestamp_ms)
    (found,) = told(verify(pipeline))
    assert found[2].endswith(f"object {older.key} in the warehouse, {newer.key} by precedence")


def test_rollup_that_is_not_the_sum_of_its_minutes_is_named(pipeline: Pipeline) -> None:
    load_days(pipeline)
    nine = DAY_START_MS + 9 * HOUR_MS
    change(pipeline, hourly_klines, nine, trade_count=1)
    with pipeline.warehouse.write() as connection:
        connection.execute(
            daily_klines.delete().where(daily_klines.c.date == utc_from_ms(nine + DAY_MS).date())
        )
    (hour, day) = told(verify(pipeline))
    what = f"1h rollup: trade_count 1 in the warehouse, {sum(range(60))} by its minutes"
    assert hour[2] == f"2026-01-09T09:00:00.000Z: {what}"
    assert day[2] == "2026-01-10T00:00:00.000Z: 1d rollup: it is not in the warehouse"


def test_sealed_rollup_whose_minutes_aged_out_is_no_difference(pipeline: Pipeline) -> None:
    load_days(pipeline)
    with pipeline.warehouse.write() as connection:
        for table in (hourly_klines, daily_klines):
            connection.execute(table.update().values(sealed_at=CAPTURED_MS))
        old = fact_klines.c.open_time < DAY_START_MS + 9 * HOUR_MS + 40 * MINUTE_MS
        connection.execute(fact_klines.delete().where(old))
    report = verify(pipeline)
    assert report.findings == []
    assert report.candles == 3 * 60 + 20


def test_objects_that_were_deleted_by_their_age_are_told_but_are_no_fault(
    pipeline: Pipeline, lake_folder: Path
) -> None:
    objects = load_days(pipeline)
    for one in objects[:2]:
        (lake_folder / "raw" / one.key.text).unlink()
        with pipeline.warehouse.write() as connection:
            is_it = lake_objects.c.object_key == one.key.text
            connection.execute(lake_objects.update().where(is_it).values(state=ObjectState.DELETED.value))
    report = verify(pipeline)
    assert report.states == {VerifyState.DELETED: 1, VerifyState.SAME: 3}
    assert report.faults == 0
    assert [what for _, _, what in told(report)] == [
        f"{one.key} was deleted by retention: not reproducible" for one in objects[:2]
    ]


def test_object_that_was_moved_to_the_archive_is_found(pipeline: Pipeline, lake_folder: Path) -> None:
    (first, *_) = load_days(pipeline)
    target = lake_folder / "archive" / first.key.text
    target.parent.mkdir(parents=True, exist_ok=True)
    (lake_folder / "raw" / first.key.text).rename(target)
    assert verify(pipeline).findings == []


def test_coarse_candles_are_compared_as_well(pipeline: Pipeline) -> None:
    candle = make_kline(DAY_START_MS, Interval.H1)
    pipeline.land(make_object("BTCUSDT", [candle], interval=Interval.H1))
    pipeline.load()
    change(pipeline, fact_klines_coarse, DAY_START_MS, volume=Decimal("12.50000001"))
    (found,) = told(verify(pipeline))
    assert found[2].endswith("volume 12.50000001 in the warehouse, 12.50000000 in the lake")


def test_lost_object_that_reaches_over_midnight_is_named_once(pipeline: Pipeline, lake_folder: Path) -> None:
    minutes = [make_kline(DAY_START_MS + n * MINUTE_MS) for n in range(-5, 5)]
    one = make_object("BTCUSDT", minutes)
    pipeline.land(one)
    pipeline.load()
    (lake_folder / "raw" / one.key.text).unlink()
    report = verify(pipeline)
    assert report.states == {VerifyState.MISSING: 2}
    assert [what for _, _, what in told(report)] == [f"{one.key} is in the catalog, but not in the lake"]
    assert report.findings_total == 1


def test_only_the_days_of_the_window_are_looked_at(pipeline: Pipeline) -> None:
    load_days(pipeline)
    noon = DAY_START_MS + DAY_MS + 9 * HOUR_MS
    report = verify(pipeline, Window(noon, noon + MINUTE_MS))
    assert report.states == {VerifyState.SAME: 1}
    assert report.candles == 60


def test_day_that_is_loaded_all_the_time_is_told_and_not_compared_half_way(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_days(pipeline)
    versions = count()
    monkeypatch.setattr(rebuilding, "read_load_version", lambda *_: next(versions))
    with pytest.raises(CandlehouseError, match=r"binance:BTCUSDT:1m was loaded 20 times in a row while"):
        verify(pipeline)
