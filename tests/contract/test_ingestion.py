"""What came in and what was set aside, page by page, on each engine; the dashboard in three statements."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from src.clock import ManualClock
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, DataType, Interval, Lane, SeriesKey
from src.services.pipeline import read_overview
from src.services.visualize import VisualizeService
from src.warehouse.catalog import ObjectState
from src.warehouse.ingestion import (
    LogFilter,
    list_log,
    list_set_aside,
    list_waiting_lanes,
    read_flow,
    read_totals,
)
from src.warehouse.series import ensure_series
from tests.builders import (
    CAPTURED_MS,
    DAY_START_MS,
    LakeObject,
    Pipeline,
    make_depth,
    make_kline,
    make_object,
)


def minute(at: int, **changes: Any) -> Any:
    return make_kline(DAY_START_MS + at * MINUTE_MS, **changes)


def two_bad_rows(captured_ms: int) -> LakeObject:
    """Return an object of three rows, of which the first and the last cannot be true."""
    wrong = {"high_price": "1.00000000"}
    return make_object("BTCUSDT", [minute(0, **wrong), minute(1), minute(2, **wrong)], captured_ms)


def test_the_log_lists_the_newest_first_and_goes_on_before_an_id(emptied_pipeline: Pipeline) -> None:
    for at in range(3):
        emptied_pipeline.land(make_object("BTCUSDT", [minute(at)], CAPTURED_MS + at))
    emptied_pipeline.land(make_object("ETHUSDT", [minute(0)], CAPTURED_MS), lane=Lane.HISTORY)
    emptied_pipeline.land(make_depth("BTCUSDT", [("1.0", "1.0")], [("2.0", "1.0")]))
    emptied_pipeline.load()
    with emptied_pipeline.warehouse.read() as connection:

        def log(limit: int = 10, **wanted: Any) -> list[Any]:
            return list_log(connection, LogFilter("binance", **wanted), limit)

        whole = log()
        ids = [row.id for row in whole]
        assert ids == sorted(ids, reverse=True)
        assert len(ids) == 5
        assert log(2) == whole[:2]
        assert log(2, before_id=ids[1]) == whole[2:4]
        assert [row.data_type for row in log(data_type=DataType.DEPTH)] == [DataType.DEPTH]
        assert [row.symbol for row in log(lane=Lane.HISTORY)] == ["ETHUSDT"]
        assert log(state=ObjectState.LANDED) == []
        assert len(log(symbol="BTCUSDT")) == 4
        assert list_log(connection, LogFilter("kraken"), 10) == []


def test_what_is_set_aside_tells_of_rows_and_of_whole_objects(emptied_pipeline: Pipeline) -> None:
    emptied_pipeline.land(make_object("BTCUSDT", [minute(9)], CAPTURED_MS))
    emptied_pipeline.land(two_bad_rows(CAPTURED_MS + 1))
    whole = make_depth("BTCUSDT", [("-1.0", "1.0")], [("2.0", "1.0")])
    emptied_pipeline.land(whole)
    emptied_pipeline.load()
    with emptied_pipeline.warehouse.read() as connection:
        as_a_whole, in_part = list_set_aside(connection, "binance", None, 10)
        assert list_set_aside(connection, "binance", as_a_whole.source.id, 10) == [in_part]
        assert list_set_aside(connection, "kraken", None, 10) == []
        totals = read_totals(connection)
    assert (as_a_whole.source.key, as_a_whole.count, as_a_whole.rows) == (whole.key.text, 0, [])
    assert as_a_whole.source.error
    assert (in_part.count, [row.index for row in in_part.rows]) == (2, [0, 2])
    assert "1.00000000" in in_part.rows[0].raw
    assert (totals.quarantined_objects, totals.quarantined_rows, totals.held) == (1, 2, 2)


def test_of_many_bad_rows_the_first_are_shown_and_all_counted(emptied_pipeline: Pipeline) -> None:
    rows = [minute(at, high_price="1.00000000") for at in range(50)]
    emptied_pipeline.land(make_object("BTCUSDT", rows))
    emptied_pipeline.load()
    with emptied_pipeline.warehouse.read() as connection:
        (found,) = list_set_aside(connection, "binance", None, 10)
    assert (found.count, [row.index for row in found.rows]) == (50, [*range(20)])


def test_the_flow_counts_what_was_captured_lately(emptied_pipeline: Pipeline) -> None:
    emptied_pipeline.land(make_object("BTCUSDT", [minute(0)], CAPTURED_MS))
    emptied_pipeline.load()
    emptied_pipeline.land(make_object("BTCUSDT", [minute(1)], CAPTURED_MS + HOUR_MS), lane=Lane.HISTORY)
    with emptied_pipeline.warehouse.read() as connection:
        lately, all_of_it = (read_flow(connection, since) for since in (CAPTURED_MS + 1, CAPTURED_MS))
        (waiting,) = list_waiting_lanes(connection)
    assert (lately.objects, lately.loaded, all_of_it.objects, all_of_it.loaded) == (1, 0, 2, 1)
    assert all_of_it.size_bytes > lately.size_bytes > 0
    assert (waiting.lane, waiting.objects, waiting.oldest_captured_ms) == (
        Lane.HISTORY,
        1,
        CAPTURED_MS + HOUR_MS,
    )


def test_an_empty_warehouse_has_an_overview(emptied_pipeline: Pipeline) -> None:
    told = read_overview(emptied_pipeline.warehouse, ManualClock(CAPTURED_MS))
    assert (told.series, told.worst_lag_ms, told.leader, told.waiting) == (0, None, None, [])
    assert (told.totals.fetched, told.totals.held, told.flow.objects) == (0, 0, 0)


def test_the_overview_knows_how_late_the_latest_series_is(emptied_pipeline: Pipeline) -> None:
    series = SeriesKey("binance", "BTCUSDT", Interval.M1)
    emptied_pipeline.warehouse.run(lambda connection: ensure_series(connection, [series], tracked=True))
    emptied_pipeline.land(make_object("BTCUSDT", [minute(0)]))
    emptied_pipeline.load()
    now_ms = DAY_START_MS + MINUTE_MS + 3 * HOUR_MS
    told = read_overview(emptied_pipeline.warehouse, ManualClock(now_ms))
    assert told.worst_lag_ms == 3 * HOUR_MS
    assert {freshness.value: count for freshness, count in told.freshness.items()} == {
        "fresh": 0,
        "aging": 1,
        "stale": 0,
    }


@pytest.mark.parametrize("symbols", [1, 12])
def test_a_dashboard_takes_three_statements_however_many_symbols(
    emptied_pipeline: Pipeline, symbols: int
) -> None:
    keys = [SeriesKey("binance", f"S{number}USDT", Interval.M1) for number in range(symbols)]
    emptied_pipeline.warehouse.run(lambda connection: ensure_series(connection, keys, tracked=True))
    for number, key in enumerate(keys):
        rows = [minute(at) for at in range(-120, 0)]
        emptied_pipeline.land(make_object(key.symbol, rows, CAPTURED_MS + number))
    emptied_pipeline.load()
    statements: list[str] = []
    engine = emptied_pipeline.warehouse.engine

    def note(_c: object, _k: object, statement: str, *_: object) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        clock = ManualClock(DAY_START_MS + DAY_MS - 90 * MINUTE_MS)
        cards = VisualizeService(emptied_pipeline.warehouse, clock).cards("binance")
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(statements) == 3
    # The day began 90 minutes before the last candle's end.
    assert {card.day.trade_count for card in cards} == {90 * 7}
    assert len(cards) == symbols
