"""How the pipeline is doing: what is held, how far behind it is, what waits, what the budget has left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, SeriesKey
from src.services.status import PipelineStatus, SeriesStatus, read_recent_closes, read_status
from tests.builders import Pipeline, make_kline, make_object
from tests.service.rig import BTC, NOW_MS, Rig

MINUTE_START_MS = Interval.M1.floor(NOW_MS)
BTC_HOURS = SeriesKey("binance", "BTCUSDT", Interval.H1)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as made:
        yield made


def test_empty_warehouse_has_an_empty_status(rig: Rig) -> None:
    assert read_status(rig.warehouse) == PipelineStatus([], {}, 0, None, None)


def test_tracked_series_is_shown_before_anything_was_fetched(rig: Rig) -> None:
    rig.start().tracking.seed(["BTCUSDT"], [Interval.M1])
    status = read_status(rig.warehouse)
    [row] = status.series
    assert row == SeriesStatus(BTC, 0, None, None, None, "TRADING")
    assert row.lag_ms(NOW_MS) is None
    assert status.objects == {}
    assert (status.weight_limit, status.used_weight) == (6_000, 20 + 1)


def test_status_after_a_cycle_says_what_is_held_and_shown(rig: Rig) -> None:
    process = rig.start()
    process.tracking.seed(["BTCUSDT", "ETHUSDT"], [Interval.M1])
    process.extraction.run_once()
    landed = read_status(rig.warehouse)
    assert landed.objects == {"landed": 6}  # two pages of klines and one of depth each
    assert [row.candles for row in landed.series] == [0, 0]
    rig.load()
    status = read_status(rig.warehouse)
    assert status.objects == {"loaded": 6}
    for row, symbol in zip(status.series, ["BTCUSDT", "ETHUSDT"], strict=True):
        [forming] = rig.truth(symbol, MINUTE_START_MS, MINUTE_START_MS + 1)
        assert (row.key.symbol, row.candles) == (symbol, 1440)
        assert row.last_open_ms == MINUTE_START_MS - MINUTE_MS
        assert f"{row.last_price:.8f}" == forming[4]
        assert row.seen_at_ms is not None
        assert NOW_MS - 10 <= row.seen_at_ms <= NOW_MS
    assert status.used_weight > 0
    assert status.blocked_until_ms is None


def test_series_no_longer_tracked_is_not_shown(rig: Rig) -> None:
    tracking = rig.start().tracking
    tracking.seed(["BTCUSDT", "ETHUSDT"], [Interval.M1])
    tracking.remove(["ETHUSDT"])
    assert [row.key for row in read_status(rig.warehouse).series] == [BTC]


def test_block_of_the_exchange_is_shown(rig: Rig) -> None:
    rig.simulator.add_fault("429:retry_after=30")
    process = rig.start()
    process.tracking.seed(["BTCUSDT"], [Interval.M1])
    blocked_until_ms = read_status(rig.warehouse).blocked_until_ms
    assert blocked_until_ms is not None
    assert NOW_MS + 30_000 <= blocked_until_ms <= NOW_MS + 32_000


def test_bad_objects_are_counted_apart(rig: Rig) -> None:
    pipeline = Pipeline(rig.warehouse, rig.lake, rig.clock)
    good = make_object("BTCUSDT", [make_kline(MINUTE_START_MS)], NOW_MS + DAY_MS)
    bad = make_object("BTCUSDT", [make_kline(MINUTE_START_MS)], NOW_MS + DAY_MS + 1)
    waiting = make_object("BTCUSDT", [make_kline(MINUTE_START_MS)], NOW_MS + DAY_MS + 2)
    pipeline.land(good)
    pipeline.catalog([bad])  # it is not in the lake
    pipeline.load()
    pipeline.land(waiting)
    assert read_status(rig.warehouse).objects == {"loaded": 1, "quarantined": 1, "landed": 1}


@pytest.mark.parametrize(
    ("interval", "last_open_ms", "lag_ms"),
    [
        (Interval.M1, MINUTE_START_MS - MINUTE_MS, 30_000),
        (Interval.M1, MINUTE_START_MS - DAY_MS, DAY_MS - MINUTE_MS + 30_000),
        (Interval.H1, Interval.H1.floor(NOW_MS) - HOUR_MS, NOW_MS - Interval.H1.floor(NOW_MS)),
        (Interval.MO1, 1_764_547_200_000, NOW_MS - 1_767_225_600_000),  # December; January began then
    ],
)
def test_lag_counts_from_the_end_of_the_last_candle(
    interval: Interval, last_open_ms: int, lag_ms: int
) -> None:
    row = SeriesStatus(SeriesKey("binance", "BTCUSDT", interval), 5, last_open_ms, None, None)
    assert row.lag_ms(NOW_MS) == lag_ms
    assert replace(row, last_open_ms=None).lag_ms(NOW_MS) is None


def test_recent_closes_are_those_of_the_last_candles_oldest_first(rig: Rig) -> None:
    process = rig.start()
    process.tracking.seed(["BTCUSDT", "ETHUSDT"], [Interval.M1, Interval.H1])
    process.extraction.run_once()
    rig.load()
    eth = SeriesKey("binance", "ETHUSDT", Interval.M1)
    nothing = SeriesKey("binance", "XRPUSDT", Interval.M1)
    closes = read_recent_closes(rig.warehouse, [BTC, BTC_HOURS, eth, nothing], 4)
    hour_ms = Interval.H1.floor(NOW_MS)
    expected = {
        BTC: rig.truth("BTCUSDT", MINUTE_START_MS - 4 * MINUTE_MS, MINUTE_START_MS),
        BTC_HOURS: rig.truth("BTCUSDT", hour_ms - 4 * HOUR_MS, hour_ms, Interval.H1),
        eth: rig.truth("ETHUSDT", MINUTE_START_MS - 4 * MINUTE_MS, MINUTE_START_MS),
        nothing: [],
    }
    assert {key: [f"{close:.8f}" for close in found] for key, found in closes.items()} == {
        key: [row[4] for row in rows] for key, rows in expected.items()
    }


def test_status_scans_no_facts(rig: Rig) -> None:
    statements: list[str] = []
    event.listen(rig.warehouse.engine, "before_cursor_execute", lambda *args: statements.append(str(args[2])))
    read_status(rig.warehouse)
    assert statements
    assert not [statement for statement in statements if "fact_" in statement or "_klines" in statement]
