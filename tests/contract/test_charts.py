"""Bars of any interval, on each engine: from rollups, stored candles and finer ones; gaps as gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from random import Random
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection

from src.api.candle_json import candles_json
from src.clock import ManualClock
from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Candle, Interval, SeriesKey, Window
from src.errors import NotFound
from src.services.analytics import AnalyticsService, BarQuery, Chart
from src.services.charts import resample
from src.services.export import Format, write_file
from src.services.visualize import VisualizeService
from src.warehouse.aged import extend_aged
from src.warehouse.bars import Bar, are_complete, open_times
from src.warehouse.gaps import GapReason, GapRow, GapState, GapWrites, write_gaps
from src.warehouse.series import ensure_series, list_series
from src.warehouse.slots import Held
from src.warehouse.tables import series
from src.warehouse.watermarks import upsert_latest
from tests.builders import (
    DAY_START_MS,
    Kline,
    Pipeline,
    make_depth,
    make_kline,
    make_object,
    random_kline,
    roll_up,
    text_of_units,
)

NAME = "BTCUSDT"
NOW_MS = DAY_START_MS + 2 * DAY_MS + 5 * HOUR_MS + 30 * MINUTE_MS + 20_000


def minutes(start_ms: int, end_ms: int, seed: int = 1) -> list[Kline]:
    random = Random(seed)
    return [random_kline(random, open_ms) for open_ms in range(start_ms, end_ms, MINUTE_MS)]


def load(
    pipeline: Pipeline, klines: Sequence[Kline], interval: Interval = Interval.M1, symbol: str = NAME
) -> None:
    """Track a series; land and load klines as one object, captured when all of them had closed."""
    key = SeriesKey("binance", symbol, interval)
    pipeline.warehouse.run(lambda connection: ensure_series(connection, [key], tracked=True))
    pipeline.land(make_object(symbol, klines, klines[-1].open_time + 400 * DAY_MS, interval=interval))
    pipeline.load()


def service(pipeline: Pipeline, now_ms: int = NOW_MS) -> AnalyticsService:
    return AnalyticsService(pipeline.warehouse, ManualClock(now_ms))


def chart(
    pipeline: Pipeline,
    interval: Interval,
    start_ms: int | None = None,
    end_ms: int | None = None,
    limit: int = 5_000,
    now_ms: int = NOW_MS,
) -> Chart:
    return service(pipeline, now_ms).candlestick(BarQuery("binance", NAME, interval, start_ms, end_ms, limit))


def note_forming(pipeline: Pipeline, kline: Kline, seen_ms: int, interval: Interval = Interval.M1) -> None:
    """Write the row of ``latest`` as a cycle does."""
    key = SeriesKey("binance", NAME, interval)
    amounts = [Decimal(value) if isinstance(value, str) else value for value in kline[:-1]]
    candle = Candle(*amounts)  # type: ignore[arg-type]
    pipeline.warehouse.run(lambda connection: upsert_latest(connection, key, candle, seen_ms))


def note_gap(pipeline: Pipeline, window: Window) -> None:
    def write(connection: Connection) -> None:
        (row,) = list_series(connection)
        gap = GapRow(
            0, row.id, window, 10, GapState.EMPTY_AT_EXCHANGE, GapReason.OUTAGE, hint="down that day"
        )
        write_gaps(connection, GapWrites(added=[gap]))

    pipeline.warehouse.run(write)


def seen(bars: Sequence[Bar]) -> list[tuple[object, ...]]:
    """Return time, prices, volume and trades, as text."""
    return [
        (bar.open_time_ms, *(amount.decode() for amount in bar[1:6]), int(bar.trade_count)) for bar in bars
    ]


def expected(klines: Sequence[Kline], length_ms: int) -> list[tuple[object, ...]]:
    names = ("open_price", "high_price", "low_price", "close_price", "volume", "trade_count")
    rows = sorted(roll_up(klines, length_ms).items())
    return [(start, *(row[name] for name in names)) for start, row in rows]


def test_bars_of_any_interval_are_exactly_what_their_minutes_come_to(emptied_pipeline: Pipeline) -> None:
    klines = minutes(DAY_START_MS, DAY_START_MS + DAY_MS)
    load(emptied_pipeline, klines)
    for interval in (Interval.M1, Interval.M5, Interval.M30, Interval.H1, Interval.H4, Interval.D1):
        found = chart(emptied_pipeline, interval, DAY_START_MS, DAY_START_MS + DAY_MS)
        assert interval.fixed_ms
        assert seen(found.bars) == expected(klines, interval.fixed_ms)
        assert all(bar.is_complete for bar in found.bars)
        assert not found.holes


def test_a_month_and_a_week_are_made_of_days(emptied_pipeline: Pipeline) -> None:
    klines = [make_kline(DAY_START_MS + day * DAY_MS, Interval.D1) for day in range(40)]
    load(emptied_pipeline, klines, Interval.D1)
    now_ms = DAY_START_MS + 60 * DAY_MS
    months = chart(emptied_pipeline, Interval.MO1, now_ms=now_ms).bars
    # 9 to 31 January and 1 to 17 February: both lack days, and say so.
    assert [(int(bar.trade_count), bar.is_complete) for bar in months] == [(23 * 7, False), (17 * 7, False)]
    weeks = chart(emptied_pipeline, Interval.W1, now_ms=now_ms).bars
    assert [bar.is_complete for bar in weeks] == [False, True, True, True, True, True, False]


def test_amounts_at_the_ends_of_their_columns_stay_exact(emptied_pipeline: Pipeline) -> None:
    most = text_of_units(10**20 - 1)
    prices: dict[str, Any] = {f"{name}_price": most for name in ("open", "high", "low", "close")}
    rows = [
        make_kline(DAY_START_MS + at * MINUTE_MS, volume=text_of_units(10**30 - 1), **prices)
        for at in range(5)
    ]
    load(emptied_pipeline, rows)
    (bar,) = chart(emptied_pipeline, Interval.M5, DAY_START_MS, DAY_START_MS + 5 * MINUTE_MS).bars
    assert bar.high.decode() == most
    assert bar.volume.decode() == text_of_units(5 * (10**30 - 1))


def test_an_hour_is_the_rollup_where_complete_else_the_stored_candle_else_what_there_is(
    emptied_pipeline: Pipeline,
) -> None:
    first, second, third = (DAY_START_MS + at * HOUR_MS for at in range(3))
    lacking = [k for k in minutes(second, third) if k.open_time != second + 7 * MINUTE_MS]
    load(emptied_pipeline, [*minutes(first, second), *lacking, *minutes(third, third + 30 * MINUTE_MS)])
    stored = [
        make_kline(open_ms, Interval.H1, trade_count=999) for open_ms in (first - HOUR_MS, first, second)
    ]
    load(emptied_pipeline, stored, Interval.H1)
    found = chart(emptied_pipeline, Interval.H1, first - HOUR_MS, third + HOUR_MS)
    trades = [int(bar.trade_count) for bar in found.bars]
    assert trades[0] == 999
    assert trades[1] == sum(kline.trade_count for kline in minutes(first, second))
    assert trades[2] == 999
    assert [bar.is_complete for bar in found.bars] == [True, True, True, False]
    # A day of these hours is whole where the hours are, whatever their minutes lack.
    day = chart(emptied_pipeline, Interval.H4, first - 4 * HOUR_MS, first + 4 * HOUR_MS).bars
    assert int(day[-1].trade_count) == sum(trades[1:])


def test_older_days_come_from_stored_hours(emptied_pipeline: Pipeline) -> None:
    hours = [make_kline(DAY_START_MS - DAY_MS + at * HOUR_MS, Interval.H1) for at in range(24)]
    load(emptied_pipeline, hours, Interval.H1)
    load(emptied_pipeline, minutes(DAY_START_MS, DAY_START_MS + DAY_MS))
    days = chart(emptied_pipeline, Interval.D1, end_ms=DAY_START_MS + DAY_MS, limit=10).bars
    assert [(bar.open_time_ms, bar.is_complete) for bar in days] == [
        (DAY_START_MS - DAY_MS, True),
        (DAY_START_MS, True),
    ]
    assert int(days[0].trade_count) == 24 * 7


def test_without_a_start_the_newest_come_and_with_one_the_oldest(emptied_pipeline: Pipeline) -> None:
    end_ms = DAY_START_MS + 3 * HOUR_MS
    load(emptied_pipeline, minutes(DAY_START_MS, end_ms))
    for interval in (Interval.M1, Interval.M15, Interval.H1):
        whole = chart(emptied_pipeline, interval, DAY_START_MS).bars
        newest = chart(emptied_pipeline, interval, limit=2)
        oldest = chart(emptied_pipeline, interval, DAY_START_MS, limit=2)
        assert (newest.bars, newest.has_more) == (whole[-2:], True)
        assert (oldest.bars, oldest.has_more, oldest.forming) == (whole[:2], True, None)
        before = chart(emptied_pipeline, interval, end_ms=newest.bars[0].open_time_ms, limit=1)
        assert before.bars == whole[-3:-2]


def test_bars_of_more_parts_than_are_held_at_a_time_are_all_there(
    emptied_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_ms = DAY_START_MS + 5 * HOUR_MS
    load(emptied_pipeline, [*minutes(DAY_START_MS, end_ms)[:130], *minutes(DAY_START_MS, end_ms)[170:]])
    own = [make_kline(end_ms + at * 15 * MINUTE_MS, Interval.M15) for at in range(8)]
    load(emptied_pipeline, own, Interval.M15)
    for interval in (Interval.M15, Interval.M30):
        whole = chart(emptied_pipeline, interval, DAY_START_MS).bars
        ends = [chart(emptied_pipeline, interval, limit=limit) for limit in (3, 9, 50)]
        for at_once in (1, 20, 70):
            monkeypatch.setattr("src.services.charts._PARTS_AT_ONCE", at_once)
            assert chart(emptied_pipeline, interval, DAY_START_MS).bars == whole
            assert [chart(emptied_pipeline, interval, limit=limit) for limit in (3, 9, 50)] == ends
        monkeypatch.undo()


def test_a_file_of_bars_of_many_parts_lacks_none(
    emptied_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(emptied_pipeline, minutes(DAY_START_MS, DAY_START_MS + 12 * HOUR_MS))
    monkeypatch.setattr("src.services.charts._PARTS_AT_ONCE", 100)
    pieces = write_file(service(emptied_pipeline), BarQuery("binance", NAME, Interval.M30), Format.CSV)
    assert len(b"".join(pieces).splitlines()) == 1 + 24


def test_the_newest_are_found_beyond_a_gap_that_is_longer_than_the_page(emptied_pipeline: Pipeline) -> None:
    load(emptied_pipeline, minutes(DAY_START_MS, DAY_START_MS + HOUR_MS))
    load(emptied_pipeline, minutes(DAY_START_MS + DAY_MS, DAY_START_MS + DAY_MS + HOUR_MS, seed=2))
    found = chart(emptied_pipeline, Interval.M1, limit=90).bars
    assert len(found) == 90
    assert found[0].open_time_ms == DAY_START_MS + 30 * MINUTE_MS


def test_gaps_come_with_their_reason_and_bars_on_both_sides(emptied_pipeline: Pipeline) -> None:
    gap = Window(DAY_START_MS + 20 * MINUTE_MS, DAY_START_MS + 30 * MINUTE_MS)
    klines = [
        k
        for k in minutes(DAY_START_MS, DAY_START_MS + HOUR_MS)
        if not gap.start_ms <= k.open_time < gap.end_ms
    ]
    load(emptied_pipeline, klines)
    note_gap(emptied_pipeline, gap)
    found = chart(emptied_pipeline, Interval.M1, DAY_START_MS, DAY_START_MS + HOUR_MS)
    assert len(found.bars) == 50
    (hole,) = found.holes
    assert hole.gap is not None
    assert (hole.window, hole.gap.reason, hole.why) == (gap, GapReason.OUTAGE, "down that day")
    (bar,) = chart(emptied_pipeline, Interval.H1, DAY_START_MS, DAY_START_MS + HOUR_MS).bars
    assert not bar.is_complete
    assert chart(emptied_pipeline, Interval.H1, DAY_START_MS, DAY_START_MS + HOUR_MS).holes == found.holes
    assert not chart(emptied_pipeline, Interval.M1, gap.end_ms, DAY_START_MS + HOUR_MS).holes


def test_what_nobody_has_looked_into_is_a_hole_without_a_gap(emptied_pipeline: Pipeline) -> None:
    load(emptied_pipeline, minutes(DAY_START_MS, DAY_START_MS + HOUR_MS))
    load(emptied_pipeline, minutes(DAY_START_MS + 2 * HOUR_MS, DAY_START_MS + 3 * HOUR_MS))
    found = chart(emptied_pipeline, Interval.M1, DAY_START_MS, DAY_START_MS + 4 * HOUR_MS).holes
    assert [(hole.window, hole.gap) for hole in found] == [
        (Window(DAY_START_MS + HOUR_MS, DAY_START_MS + 2 * HOUR_MS), None),
        (Window(DAY_START_MS + 3 * HOUR_MS, DAY_START_MS + 4 * HOUR_MS), None),
    ]
    assert [hole.why for hole in found] == ["missing; not looked into yet", "not fetched or loaded yet"]


def test_what_has_aged_out_or_is_not_wanted_is_said_to_be_so(emptied_pipeline: Pipeline) -> None:
    aged = Window(DAY_START_MS + HOUR_MS, DAY_START_MS + 2 * HOUR_MS)
    for window in (
        Window(aged.start_ms - HOUR_MS // 2, aged.start_ms),
        Window(aged.end_ms, aged.end_ms + HOUR_MS),
    ):
        load(emptied_pipeline, minutes(window.start_ms, window.end_ms))
    wanted_ms = aged.end_ms + 2 * HOUR_MS

    def age(connection: Connection) -> None:
        (row,) = list_series(connection)
        extend_aged(connection, row, [Held(aged, 60)])
        connection.execute(series.update().values(wanted_from=wanted_ms))

    emptied_pipeline.warehouse.run(age)
    found = chart(emptied_pipeline, Interval.M1, DAY_START_MS, wanted_ms + HOUR_MS).holes
    assert [(hole.window, hole.why) for hole in found] == [
        (aged, "aged out, rolled up"),
        (Window(aged.end_ms + HOUR_MS, wanted_ms), "not wanted"),
        (Window(wanted_ms, wanted_ms + HOUR_MS), "not fetched or loaded yet"),
    ]


def test_the_forming_bar_is_what_has_closed_of_its_slot_and_the_latest_price(
    emptied_pipeline: Pipeline,
) -> None:
    last_ms = Interval.M1.floor(NOW_MS)
    klines = minutes(Interval.D1.floor(NOW_MS) - HOUR_MS, last_ms)
    load(emptied_pipeline, klines)
    forming = random_kline(Random(9), last_ms)
    note_forming(emptied_pipeline, forming, NOW_MS)
    for interval in (Interval.M1, Interval.M15, Interval.H1, Interval.H4, Interval.D1, Interval.MO1):
        start_ms = interval.floor(NOW_MS)
        found = chart(emptied_pipeline, interval)
        assert found.forming is not None
        within = [kline for kline in (*klines, forming) if kline.open_time >= start_ms]
        (wanted,) = expected(within, 400 * DAY_MS)
        assert seen([found.forming]) == [(start_ms, *wanted[1:])]
        assert not found.forming.is_complete
        assert all(bar.open_time_ms < start_ms for bar in found.bars)


def test_a_candle_that_is_held_meanwhile_is_not_counted_twice(emptied_pipeline: Pipeline) -> None:
    last_ms = Interval.M1.floor(NOW_MS)
    klines = minutes(Interval.H1.floor(NOW_MS), last_ms)
    load(emptied_pipeline, klines)
    note_forming(emptied_pipeline, klines[-1], NOW_MS - 50_000)
    found = chart(emptied_pipeline, Interval.H1)
    assert found.forming is not None
    assert int(found.forming.trade_count) == sum(kline.trade_count for kline in klines)


def test_a_slot_that_has_ended_has_no_forming_bar(emptied_pipeline: Pipeline) -> None:
    load(emptied_pipeline, minutes(DAY_START_MS, DAY_START_MS + HOUR_MS))
    note_forming(emptied_pipeline, make_kline(DAY_START_MS + HOUR_MS), DAY_START_MS + HOUR_MS + 1)
    assert chart(emptied_pipeline, Interval.M1).forming is None
    assert chart(emptied_pipeline, Interval.M1, now_ms=DAY_START_MS + HOUR_MS + 2).forming is not None


def test_klines_are_stored_candles_alone(emptied_pipeline: Pipeline) -> None:
    klines = minutes(DAY_START_MS, DAY_START_MS + HOUR_MS)
    load(emptied_pipeline, klines)
    found = service(emptied_pipeline).klines(BarQuery("binance", NAME, Interval.M1, limit=7))
    assert seen(found.bars) == expected(klines[-7:], MINUTE_MS)
    with pytest.raises(NotFound, match="no 5m candles of BTCUSDT are stored; "):
        service(emptied_pipeline).klines(BarQuery("binance", NAME, Interval.M5))


def test_an_unknown_symbol_is_not_found_and_known_ones_are_named(emptied_pipeline: Pipeline) -> None:
    load(emptied_pipeline, minutes(DAY_START_MS, DAY_START_MS + HOUR_MS))
    with pytest.raises(NotFound, match="nothing is kept of XRPUSDT at binance; known are BTCUSDT"):
        service(emptied_pipeline).candlestick(BarQuery("binance", "XRPUSDT", Interval.M1))


def test_an_interval_that_nothing_divides_is_not_found(emptied_pipeline: Pipeline) -> None:
    load(emptied_pipeline, [make_kline(DAY_START_MS, Interval.H4)], Interval.H4)
    with pytest.raises(NotFound, match="makes 1h candles; kept are 4h"):
        chart(emptied_pipeline, Interval.H1)


def test_versions_change_with_loads_prices_and_gaps(emptied_pipeline: Pipeline) -> None:
    def versions() -> list[str]:
        return service(emptied_pipeline).look("binance", NAME).versions

    load(emptied_pipeline, minutes(DAY_START_MS, DAY_START_MS + HOUR_MS))
    told = [versions(), versions()]
    load(emptied_pipeline, minutes(DAY_START_MS + HOUR_MS, DAY_START_MS + 2 * HOUR_MS))
    told.append(versions())
    note_forming(emptied_pipeline, make_kline(DAY_START_MS + 2 * HOUR_MS), NOW_MS)
    told.append(versions())
    note_gap(emptied_pipeline, Window(DAY_START_MS - HOUR_MS, DAY_START_MS))
    told.append(versions())
    assert told[0] == told[1]
    assert len({tuple(one) for one in told}) == 4


def test_an_amended_candle_is_marked(emptied_pipeline: Pipeline) -> None:
    first, second = make_kline(DAY_START_MS), make_kline(DAY_START_MS + MINUTE_MS)
    emptied_pipeline.land(make_object(NAME, [first, second], DAY_START_MS + DAY_MS))
    emptied_pipeline.load()
    emptied_pipeline.land(make_object(NAME, [second._replace(trade_count=8)], DAY_START_MS + 2 * DAY_MS))
    emptied_pipeline.load()
    assert chart(emptied_pipeline, Interval.M1, DAY_START_MS).restated_ms == [second.open_time]
    assert chart(emptied_pipeline, Interval.H1, DAY_START_MS).restated_ms == [DAY_START_MS]


def test_an_order_book_is_that_of_the_moment_asked_for(emptied_pipeline: Pipeline) -> None:
    for at_ms, price in ((DAY_START_MS, 100), (DAY_START_MS + MINUTE_MS, 200)):
        bids = [(f"{price - step}.00000000", "3.00000000") for step in (1, 2, 3)]
        asks = [(f"{price + step}.00000000", "1.00000000") for step in (1, 2, 3)]
        emptied_pipeline.land(make_depth(NAME, bids, asks, at_ms))
    emptied_pipeline.load()
    newest = service(emptied_pipeline).order_book("binance", NAME, 2)
    assert [tuple(map(int, level)) for level in newest.bids] == [(199, 3, 3), (198, 3, 6)]
    assert [tuple(map(int, level)) for level in newest.asks] == [(201, 1, 1), (202, 1, 2)]
    assert (newest.middle, newest.spread) == (Decimal(200), Decimal(2))
    assert newest.imbalance == 0.5
    assert newest.spread_bps == pytest.approx(100)
    past = service(emptied_pipeline).order_book("binance", NAME, 1, DAY_START_MS + MINUTE_MS - 1)
    assert (past.captured_at_ms, past.bids[0].price) == (DAY_START_MS, Decimal(99))
    with pytest.raises(NotFound):
        service(emptied_pipeline).order_book("binance", NAME, 1, DAY_START_MS - 1)


def test_statistics_and_the_dashboard_say_the_same_of_a_day(emptied_pipeline: Pipeline) -> None:
    last_ms = Interval.M1.floor(NOW_MS)
    klines = minutes(last_ms - 30 * HOUR_MS, last_ms)
    load(emptied_pipeline, klines)
    forming = random_kline(Random(5), last_ms)
    note_forming(emptied_pipeline, forming, NOW_MS)
    pages = VisualizeService(emptied_pipeline.warehouse, ManualClock(NOW_MS))
    day = pages.statistics("binance", NAME)
    cutoff_ms = NOW_MS - DAY_MS
    within = [kline for kline in (*klines, forming) if kline.open_time >= cutoff_ms]
    (wanted,) = roll_up(within, 400 * DAY_MS).values()
    assert cutoff_ms % MINUTE_MS  # the minute that was forming then had no close yet
    before = max(kline for kline in klines if kline.open_time + MINUTE_MS <= cutoff_ms)
    assert day.price == Decimal(forming.close_price)
    assert day.price_before == Decimal(before.close_price)
    assert (day.high, day.low) == (Decimal(wanted["high_price"]), Decimal(wanted["low_price"]))
    assert day.volume == Decimal(wanted["volume"])
    assert (day.trade_count, day.is_complete) == (wanted["trade_count"], True)
    (card,) = pages.cards("binance")
    assert asdict(card.day) == asdict(day)
    assert [*card.closes[-2:]] == [
        Decimal(row["close_price"]) for row in [*roll_up(klines, HOUR_MS).values()][-2:]
    ]


def test_highest_and_lowest_of_a_day_are_those_of_numbers(emptied_pipeline: Pipeline) -> None:
    """As text 9.5 would be more than 10.2: in the hour that the day begins in, and in those after it."""
    begins_ms = NOW_MS - DAY_MS
    for hour in (0, 5):
        at_ms = Interval.M1.next(Interval.M1.floor(begins_ms)) + hour * HOUR_MS
        prices: dict[str, Any] = dict.fromkeys(("open_price", "low_price", "close_price"), "9.50000000")
        low = make_kline(at_ms, high_price="9.50000000", **prices)
        high = make_kline(at_ms + MINUTE_MS, **(prices | {"high_price": "10.20000000"}))
        load(emptied_pipeline, [low, high])
        (card,) = VisualizeService(emptied_pipeline.warehouse, ManualClock(NOW_MS)).cards("binance")
        assert (card.day.high, card.day.low) == (Decimal("10.2"), Decimal("9.5"))


@pytest.mark.parametrize("interval", [Interval.M5, Interval.H1, Interval.D1])
def test_a_symbol_without_minutes_has_a_day_too(emptied_pipeline: Pipeline, interval: Interval) -> None:
    assert interval.fixed_ms
    end_ms = interval.floor(NOW_MS)
    rows = [
        make_kline(open_ms, interval) for open_ms in range(end_ms - 3 * DAY_MS, end_ms, interval.fixed_ms)
    ]
    load(emptied_pipeline, rows, interval)
    (card,) = VisualizeService(emptied_pipeline.warehouse, ManualClock(NOW_MS)).cards("binance")
    within = [row for row in rows if row.open_time >= NOW_MS - DAY_MS]
    assert card.day.trade_count == 7 * len(within)
    assert card.day.price_before == Decimal(105)
    assert card.interval is interval


def test_a_day_that_lacks_a_candle_says_so(emptied_pipeline: Pipeline) -> None:
    last_ms = Interval.M1.floor(NOW_MS)
    klines = [k for k in minutes(last_ms - 25 * HOUR_MS, last_ms) if k.open_time != last_ms - 3 * HOUR_MS]
    load(emptied_pipeline, klines)
    pages = VisualizeService(emptied_pipeline.warehouse, ManualClock(NOW_MS))
    assert not pages.statistics("binance", NAME).is_complete
    assert not pages.cards("binance")[0].day.is_complete


def test_a_symbol_of_which_nothing_is_held_has_a_card(emptied_pipeline: Pipeline) -> None:
    key = SeriesKey("binance", "NEWUSDT", Interval.M1)
    emptied_pipeline.warehouse.run(lambda connection: ensure_series(connection, [key], tracked=True))
    (card,) = VisualizeService(emptied_pipeline.warehouse, ManualClock(NOW_MS)).cards("binance")
    assert (card.day.price, card.day.change, card.freshness, card.closes) == (None, None, None, [])


def test_bars_that_come_as_json_are_those_that_are_taken_apart(emptied_pipeline: Pipeline) -> None:
    last_ms = Interval.M1.floor(NOW_MS)
    load(emptied_pipeline, minutes(last_ms - 90 * MINUTE_MS, last_ms))
    for interval in (Interval.M1, Interval.H1):
        bars = chart(emptied_pipeline, interval).bars
        assert orjson.loads(candles_json(bars)) == orjson.loads(candles_json([*bars]))
        assert open_times(bars) == [bar.open_time_ms for bar in bars]
        assert are_complete(bars) == all(bar.is_complete for bar in bars)
        assert bars[-1] == [*bars][-1]
        assert bars[1:] == [*bars][1:]


def test_resampling_keeps_off_grid_candles_in_the_slot_they_fall_in() -> None:
    odd = Bar._make((DAY_START_MS + 61_500, *[b"1.00000000"] * 8, b"3", True))
    (bar,) = resample([odd], Interval.M1, Interval.M5)
    assert (bar.open_time_ms, bar.trade_count, bar.is_complete) == (DAY_START_MS, b"3", False)
