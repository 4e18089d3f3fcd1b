"""Lineage: from a candle to its object, its row there, its rollups and earlier versions; or why not."""

from __future__ import annotations

import pytest

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, SeriesKey, Window, format_utc
from src.errors import NotFound
from src.lake.store import Bucket
from src.maintenance.lineage import explain_absence, open_source
from src.warehouse.aged import extend_aged
from src.warehouse.candles import RollupKey
from src.warehouse.catalog import ObjectState
from src.warehouse.gaps import GapReason, GapRow, GapState, GapWrites, write_gaps
from src.warehouse.lineage import Lineage, count_held_from, find_lineage, get_series
from src.warehouse.objects import ObjectRow, get_object
from src.warehouse.series import set_keep_days, want_from
from src.warehouse.slots import Held
from src.warehouse.symbols import Lifetime
from src.warehouse.tables import fact_klines, hourly_klines, lake_objects
from tests.builders import CAPTURED_MS, DAY_START_MS, Pipeline, make_kline, make_object

_NINE_MS = DAY_START_MS + 9 * HOUR_MS
_NOW_MS = CAPTURED_MS + DAY_MS
_SERIES = SeriesKey("binance", "BTCUSDT", Interval.M1)


@pytest.fixture
def pipeline(emptied_pipeline: Pipeline) -> Pipeline:
    return emptied_pipeline


def trace(pipeline: Pipeline, time_ms: int, interval: Interval = Interval.M1) -> Lineage:
    with pipeline.warehouse.read() as connection:
        return find_lineage(connection, get_series(connection, "binance", "BTCUSDT", interval), time_ms)


def load_ten(pipeline: Pipeline) -> None:
    minutes = [make_kline(_NINE_MS + n * MINUTE_MS, trade_count=n) for n in range(10)]
    pipeline.land(make_object("BTCUSDT", minutes))
    pipeline.load()


def source_of(found: Lineage) -> ObjectRow:
    assert found.source is not None
    return found.source


def test_candle_leads_to_its_object_and_its_row_in_the_answer(pipeline: Pipeline) -> None:
    load_ten(pipeline)
    found = trace(pipeline, _NINE_MS + 7 * MINUTE_MS + 30_000)
    source = source_of(found)
    assert found.candle is not None
    assert found.candle.open_time_ms == _NINE_MS + 7 * MINUTE_MS
    assert source.key == f"2026-03-31/BTCUSDT_klines_{CAPTURED_MS}.json"
    assert (source.state, source.bucket, source.run_id) == (ObjectState.LOADED, "raw", None)
    opened = open_source(pipeline.lake, source, found.candle.open_time_ms)
    assert (opened.place, opened.problem) == (7, None)
    assert opened.request is not None
    assert (opened.request.params, opened.request.weight) == ({"symbol": "BTCUSDT"}, 2)


def test_minute_names_the_hour_and_the_day_that_it_is_part_of(pipeline: Pipeline) -> None:
    load_ten(pipeline)
    rollups = trace(pipeline, _NINE_MS).rollups
    counts = {key: rollup.candle_count for key, rollup in rollups.items()}
    assert counts == {RollupKey("1h", _NINE_MS): 10, RollupKey("1d", DAY_START_MS): 10}


def test_coarse_candle_is_traced_from_any_time_in_it_and_is_part_of_no_rollup(pipeline: Pipeline) -> None:
    month_ms = DAY_START_MS - 8 * DAY_MS
    pipeline.land(make_object("BTCUSDT", [make_kline(month_ms, Interval.MO1)], interval=Interval.MO1))
    pipeline.load()
    found = trace(pipeline, DAY_START_MS, Interval.MO1)
    assert found.candle is not None
    assert (found.candle.open_time_ms, found.rollups) == (month_ms, {})


def test_candle_off_the_grid_is_found_in_its_slot(pipeline: Pipeline) -> None:
    pipeline.land(make_object("BTCUSDT", [make_kline(_NINE_MS + 4_000)]))
    pipeline.load()
    found = trace(pipeline, _NINE_MS + 30_000)
    assert found.candle is not None
    assert found.candle.open_time_ms == _NINE_MS + 4_000


def test_amended_candle_tells_what_it_was_before(pipeline: Pipeline) -> None:
    load_ten(pipeline)
    amended = make_kline(_NINE_MS, close_price="106.00000000")
    pipeline.land(make_object("BTCUSDT", [amended], CAPTURED_MS + 1))
    pipeline.load()
    found = trace(pipeline, _NINE_MS)
    assert source_of(found).captured_at_ms == CAPTURED_MS + 1
    (earlier,) = found.versions
    assert f"{earlier.candle.close_price:f}" == "105.00000000"
    assert earlier.known_until_ms == CAPTURED_MS + 1
    with pipeline.warehouse.read() as connection:
        first = get_object(connection, f"2026-03-31/BTCUSDT_klines_{CAPTURED_MS}.json")
        assert first.id == earlier.object_id


def test_object_that_was_changed_is_missing_or_deleted_says_so(pipeline: Pipeline) -> None:
    load_ten(pipeline)
    source = source_of(trace(pipeline, _NINE_MS))
    content = pipeline.lake.get(Bucket.RAW, source.key)
    pipeline.lake.delete(Bucket.RAW, source.key)
    assert str(open_source(pipeline.lake, source).problem).startswith("not in the lake's raw bucket")
    pipeline.lake.put_new(Bucket.RAW, source.key, content.replace(b"110.0", b"111.0", 1))
    assert str(open_source(pipeline.lake, source).problem).startswith("not what was landed")
    with pipeline.warehouse.write() as connection:
        connection.execute(lake_objects.update().values(state="deleted"))
    assert str(open_source(pipeline.lake, source_of(trace(pipeline, _NINE_MS))).problem).startswith("deleted")


def test_candle_whose_object_the_catalog_has_lost_is_told_without_it(pipeline: Pipeline) -> None:
    load_ten(pipeline)
    with pipeline.warehouse.write() as connection:
        connection.execute(lake_objects.delete())
    found = trace(pipeline, _NINE_MS)
    assert found.candle is not None
    assert found.source is None


def test_object_tells_how_many_of_its_candles_are_still_held_from_it(pipeline: Pipeline) -> None:
    load_ten(pipeline)
    with pipeline.warehouse.write() as connection:
        reach = {"first_open_time": _NINE_MS, "last_open_time": _NINE_MS + 9 * MINUTE_MS}
        connection.execute(lake_objects.update().values(**reach))
    pipeline.land(make_object("BTCUSDT", [make_kline(_NINE_MS)], CAPTURED_MS + 1))
    pipeline.load()
    with pipeline.warehouse.read() as connection:
        source = get_object(connection, f"2026-03-31/BTCUSDT_klines_{CAPTURED_MS}.json")
        assert count_held_from(connection, source) == 9


def test_series_or_object_that_is_not_there_is_not_found(pipeline: Pipeline) -> None:
    load_ten(pipeline)
    with pipeline.warehouse.read() as connection:
        with pytest.raises(NotFound, match="no series BTCUSDT 5m of binance; known are BTCUSDT 1m"):
            get_series(connection, "binance", "BTCUSDT", Interval.M5)
        with pytest.raises(NotFound, match="the catalog has no object 2026-03-31/x"):
            get_object(connection, "2026-03-31/x.json")


def why(pipeline: Pipeline, time_ms: int, lifetime: Lifetime | None = None, now_ms: int = _NOW_MS) -> str:
    found = trace(pipeline, time_ms)
    assert found.candle is None
    return explain_absence(found, lifetime or Lifetime(), now_ms)


def test_why_nothing_is_held_is_told(pipeline: Pipeline) -> None:
    load_ten(pipeline)
    before, after = _NINE_MS - MINUTE_MS, _NINE_MS + 10 * MINUTE_MS
    assert why(pipeline, before) == "nothing of the series was ever wanted"
    with pipeline.warehouse.write() as connection:
        want_from(connection, _SERIES, _NINE_MS)
    assert why(pipeline, before).startswith("it was never fetched: wanted from 2026-01-09T09:00:00.000Z on")
    assert why(pipeline, after).startswith("it is wanted and not held")
    assert why(pipeline, after, now_ms=after + 59_999).startswith("it has not closed yet")
    assert why(pipeline, before, Lifetime(_NINE_MS)) == "it is before the listing at 2026-01-09T09:00:00.000Z"
    assert why(pipeline, after, Lifetime(None, after)).startswith("it is after the delisting at")


def test_only_what_was_held_once_has_aged_out(pipeline: Pipeline) -> None:
    load_ten(pipeline)
    series, early = trace(pipeline, _NINE_MS).series, _NINE_MS - 2 * DAY_MS
    with pipeline.warehouse.write() as connection:
        want_from(connection, _SERIES, _NINE_MS - DAY_MS)
        set_keep_days(connection, [_SERIES], 1)
        extend_aged(connection, series, [Held(Window(early, early + MINUTE_MS), 1)])
    later_ms = _NINE_MS + 30 * DAY_MS
    kept = "kept from 2026-02-08T00:00:00.000Z"
    assert why(pipeline, early, now_ms=later_ms) == f"it has aged out: {kept}"
    assert why(pipeline, early + MINUTE_MS, now_ms=later_ms).startswith(
        "it was never fetched: wanted from 2026-01-08T09:00:00.000Z on"
    )
    never = why(pipeline, _NINE_MS - MINUTE_MS, now_ms=later_ms)
    assert never == f"it was never fetched, and is too old by now: {kept}"


def test_gap_that_holds_the_slot_is_named(pipeline: Pipeline) -> None:
    load_ten(pipeline)
    window = Window(_NINE_MS + 10 * MINUTE_MS, _NINE_MS + 20 * MINUTE_MS)
    gap = GapRow(
        0, trace(pipeline, _NINE_MS).series.id, window, 10, GapState.EMPTY_AT_EXCHANGE, GapReason.OUTAGE
    )
    with pipeline.warehouse.write() as connection:
        write_gaps(connection, GapWrites(added=[gap]))
    inside = trace(pipeline, _NINE_MS + 19 * MINUTE_MS)
    assert inside.gap is not None
    told = why(pipeline, _NINE_MS + 19 * MINUTE_MS)
    when = f"from {format_utc(window.start_ms)} to {format_utc(window.end_ms)}"
    assert told == f"it is in gap {inside.gap.id} {when}: empty at exchange, known outage"
    assert trace(pipeline, _NINE_MS + 20 * MINUTE_MS).gap is None


def test_minute_that_aged_out_is_told_by_its_sealed_hour(pipeline: Pipeline) -> None:
    load_ten(pipeline)
    with pipeline.warehouse.write() as connection:
        connection.execute(hourly_klines.update().values(sealed_at=CAPTURED_MS))
        connection.execute(fact_klines.delete())
    assert why(pipeline, _NINE_MS).startswith(
        "its minutes have aged out; their hour was sealed at 2026-03-31"
    )
