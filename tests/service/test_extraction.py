"""Extraction from the simulated exchange: from the watermark on, over any distance, closed candles only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from src.domain import DAY_MS, HOUR_MS, MINUTE_MS, Interval, SeriesKey
from src.lake.envelope import decode_envelope
from src.lake.store import Bucket
from src.simulator import market
from src.simulator.config import DEFAULT_SYMBOLS, extra_symbols
from src.simulator.page_text import page_text
from src.warehouse.series import set_tracked
from src.warehouse.tables import (
    fact_klines,
    fact_klines_coarse,
    fact_orderbook,
    latest,
    quarantined_rows,
    series,
)
from tests.builders import as_kline, read_table
from tests.service.rig import BTC, NOW_MS, Process, Rig

MINUTE_START_MS = Interval.M1.floor(NOW_MS)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as made:
        yield made


def track(rig: Rig, *keys: SeriesKey) -> None:
    rig.warehouse.run(lambda connection: set_tracked(connection, keys, tracked=True))


def fetch(process: Process) -> int:
    """Extract until all is caught up; return how many closed candles came."""
    report = process.extraction.run_once()
    assert report.failures == {}
    return report.candles


def stored_klines(rig: Rig, symbol: str = "BTCUSDT", table: Any = fact_klines) -> list[list[Any]]:
    return [list(as_kline(row)) for row in read_table(rig.warehouse, table, symbol=symbol)]


# --- how far ---


def test_first_fetch_takes_the_lookback(rig: Rig) -> None:
    track(rig, BTC)
    assert fetch(rig.start(lookback_days=2)) == 2 * 1440
    first_ms = MINUTE_START_MS - 2 * DAY_MS
    assert rig.asked("klines")[0]["startTime"] == str(first_ms)
    assert rig.watermark() == MINUTE_START_MS - MINUTE_MS
    [row] = rig.rows(series)
    assert row.wanted_from == first_ms
    rig.load()
    assert stored_klines(rig) == rig.truth("BTCUSDT", first_ms, MINUTE_START_MS)


def test_next_fetch_goes_on_from_the_watermark(rig: Rig) -> None:
    track(rig, BTC)
    process = rig.start()
    fetch(process)
    rig.clock.advance(3 * MINUTE_MS)
    rig.simulator.clear_requests()
    assert fetch(process) == 3
    assert [query["startTime"] for query in rig.asked("klines")] == [str(MINUTE_START_MS)]
    assert rig.watermark() == MINUTE_START_MS + 2 * MINUTE_MS


def test_month_offline_is_caught_up_in_pages(rig: Rig) -> None:
    track(rig, BTC)
    fetch(rig.start())
    rig.load()
    rig.clock.advance(30 * DAY_MS)
    rig.simulator.clear_requests()
    assert fetch(rig.start()) == 30 * 1440
    pages = rig.asked("klines")
    assert [int(query["startTime"]) for query in pages] == [
        MINUTE_START_MS + page * 1000 * MINUTE_MS for page in range(len(pages))
    ]
    assert len(pages) == 44
    assert rig.watermark() == MINUTE_START_MS + 30 * DAY_MS - MINUTE_MS
    # Full pages are history, so that live candles of other series need not wait for them.
    assert [row.lane for row in rig.objects("klines")][-44:] == ["history"] * 43 + ["live"]
    assert rig.load().quarantined == []
    first_ms = MINUTE_START_MS - DAY_MS
    assert stored_klines(rig) == rig.truth("BTCUSDT", first_ms, MINUTE_START_MS + 30 * DAY_MS)


def test_page_that_ends_with_the_last_closed_candle_is_not_the_end_of_the_way(rig: Rig) -> None:
    """A full page may have more behind it, whatever lies at its end."""
    track(rig, BTC)
    process = rig.start()
    fetch(process)
    for behind_ms, count in ((999, 999), (1_000, 1_000), (1_001, 1_001)):
        rig.clock.advance(behind_ms * MINUTE_MS)
        assert fetch(process) == count


def test_symbol_listed_lately_begins_with_its_listing(tmp_path: Path) -> None:
    listed_ms = MINUTE_START_MS - 3 * HOUR_MS
    [spec] = [spec for spec in DEFAULT_SYMBOLS if spec.symbol == "BTCUSDT"]
    fields = {name: getattr(spec, name) for name in spec.__slots__} | {"listed_at_ms": listed_ms}
    with Rig(tmp_path, symbols=(type(spec)(**fields),)) as rig:
        track(rig, BTC)
        assert fetch(rig.start()) == 180
        rig.load()
        assert stored_klines(rig)[0][0] == listed_ms


def test_each_interval_has_a_watermark_and_a_table_of_its_own(rig: Rig) -> None:
    hours, months = (SeriesKey("binance", "BTCUSDT", one) for one in (Interval.H1, Interval.MO1))
    track(rig, BTC, hours, months)
    fetch(rig.start(lookback_days=10))
    assert rig.watermark(hours) == Interval.H1.floor(NOW_MS) - HOUR_MS
    assert rig.watermark(months) == Interval.MO1.floor(Interval.MO1.floor(NOW_MS) - 1)
    rig.load()
    held = {row.interval_code for row in rig.rows(fact_klines_coarse)}
    assert held == {"1h", "1M"}
    assert {row.interval_code for row in rig.rows(fact_klines)} == {"1m"}
    assert {row.object_key.split("_")[1] for row in rig.objects("klines")} == {
        "klines",
        "klines-1h",
        "klines-1M",
    }


# --- what lands ---


def test_object_holds_the_exchanges_answer(rig: Rig) -> None:
    track(rig, BTC)
    fetch(rig.start())
    for row in rig.objects("klines"):
        envelope = decode_envelope(rig.lake.get(Bucket.RAW, row.object_key))
        sent = msgspec.json.decode(envelope.body)
        start_ms = int(envelope.header.request.params["startTime"])
        assert sent == rig.truth("BTCUSDT", start_ms, sent[-1][0] + 1)
        assert envelope.header.exchange_time_ms == row.exchange_time
        # At the least: our clock is the exchange's here, less the error of the measurement.
        assert NOW_MS - 10 <= row.exchange_time <= NOW_MS
        closed = [kline for kline in sent if kline[0] + MINUTE_MS <= row.exchange_time]
        assert (row.record_count, row.first_open_time, row.last_open_time) == (
            len(closed),
            closed[0][0],
            closed[-1][0],
        )


def test_forming_candle_is_kept_in_latest_alone(rig: Rig) -> None:
    track(rig, BTC)
    process = rig.start()
    fetch(process)
    rig.load()
    [forming] = rig.rows(latest)
    [shown] = rig.truth("BTCUSDT", MINUTE_START_MS, MINUTE_START_MS + 1)
    assert (forming.open_time, f"{forming.close_price:.8f}") == (MINUTE_START_MS, shown[4])
    assert stored_klines(rig)[-1][0] == MINUTE_START_MS - MINUTE_MS
    rig.clock.advance(MINUTE_MS)
    fetch(process)
    rig.load()
    final = rig.truth("BTCUSDT", MINUTE_START_MS, MINUTE_START_MS + 1)
    assert stored_klines(rig)[-1:] == final
    assert final[0][4:6] != shown[4:6]


def test_answer_without_a_closed_candle_is_not_landed(rig: Rig) -> None:
    track(rig, BTC)
    process = rig.start()
    fetch(process)
    [before], landed = rig.rows(latest), len(rig.objects("klines"))
    rig.clock.advance(10_000)
    assert fetch(process) == 0
    assert len(rig.objects("klines")) == landed
    assert len(list(rig.lake.list_keys(Bucket.RAW, "2026-01-09/BTCUSDT_klines"))) == landed
    [after] = rig.rows(latest)
    # A little less: the measured offset is the less certain the older it is.
    assert 9_990 <= after.exchange_time - before.exchange_time <= 10_000
    assert after.volume > before.volume


def test_candle_just_ended_waits_until_the_exchange_surely_says_so(rig: Rig) -> None:
    """Within the error of the measured offset nobody knows whether it is closed."""
    track(rig, BTC)
    process = rig.start()
    fetch(process)
    rig.clock.advance(MINUTE_MS - 30_000)  # the turn of the minute, to the millisecond
    assert fetch(process) == 0
    rig.clock.advance(100)
    assert fetch(process) == 1


def cut_row(body: bytes, number: int, fields: int) -> bytes:
    rows = msgspec.json.decode(body)
    rows[number] = rows[number][:fields]
    return msgspec.json.encode(rows)


def test_page_with_a_short_row_lands_and_all_but_that_row_is_loaded(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(market, "page_text", lambda *columns: cut_row(page_text(*columns), 11, 6))
    track(rig, BTC)
    assert fetch(rig.start(lookback_days=1)) == 1440
    assert rig.watermark() == MINUTE_START_MS - MINUTE_MS
    report = rig.load()
    assert (report.loaded.inserted, report.loaded.bad_rows, report.quarantined) == (1438, 2, [])
    assert {row.row_index for row in rig.rows(quarantined_rows)} == {11}


# --- depth ---


def depth_count(rig: Rig) -> int:
    return len(rig.objects("depth"))


def test_depth_has_a_cadence_of_its_own(rig: Rig) -> None:
    track(rig, BTC)
    process = rig.start(depth_seconds=60)
    taken = []
    for second in (30, 50, 59.9, 60.1, 119, 119.9, 120.4, 180.4, 240.4, 900.4, 959):
        rig.clock.advance(round(second * 1000) - since_minute_ms(rig))
        process.extraction.run_once()
        taken.append(depth_count(rig))
    assert taken == [1, 1, 1, 2, 2, 2, 3, 4, 5, 6, 6]


def since_minute_ms(rig: Rig) -> int:
    return rig.clock.now_ms() - MINUTE_START_MS


def test_snapshot_that_came_late_does_not_cost_the_next(rig: Rig) -> None:
    track(rig, BTC)
    process = rig.start(depth_seconds=60)
    for second in (60, 123, 180.4, 240.4):
        rig.clock.advance(round(second * 1000) - since_minute_ms(rig))
        process.extraction.run_once()
    assert depth_count(rig) == 4


def test_slots_of_depth_are_those_of_the_exchanges_clock(rig: Rig) -> None:
    rig.simulator.clock.add_skew(20_000)
    track(rig, BTC)
    process = rig.start(depth_seconds=60)
    taken = []
    for second in (30, 39, 41, 99, 101):  # the exchange's minute turns at 40
        rig.clock.advance(round(second * 1000) - since_minute_ms(rig))
        process.extraction.run_once()
        taken.append(depth_count(rig))
    assert taken == [1, 1, 2, 2, 3]


def test_depth_is_taken_when_a_block_ends_before_the_next_snapshot_is_due(rig: Rig) -> None:
    track(rig, BTC)
    process = rig.start(depth_seconds=60)
    rig.simulator.add_fault("429:path=depth,retry_after=10,count=1")
    report = process.extraction.run_once()
    assert "binance:BTCUSDT:depth" not in report.failures
    [snapshot] = rig.objects("depth")
    assert snapshot.captured_at >= NOW_MS + 10_000


def test_depth_does_not_wait_out_a_block_until_after_its_slot(rig: Rig) -> None:
    track(rig, BTC)
    process = rig.start(depth_seconds=60)
    rig.simulator.add_fault("429:path=depth,retry_after=31,count=1")
    report = process.extraction.run_once()
    assert "too many requests" in report.failures["binance:BTCUSDT:depth"]
    assert (depth_count(rig), rig.clock.now_ms()) == (0, NOW_MS)


def test_cadence_outlives_a_restart_and_a_clock_set_back(rig: Rig) -> None:
    track(rig, BTC)
    rig.start().extraction.run_once()
    rig.clock.advance(10_000)
    rig.start().extraction.run_once()
    assert depth_count(rig) == 1
    rig.clock.advance(-DAY_MS)
    rig.start().extraction.run_once()
    assert depth_count(rig) == 2


def test_depth_is_fetched_once_a_symbol_whatever_its_intervals(rig: Rig) -> None:
    track(
        rig, BTC, SeriesKey("binance", "BTCUSDT", Interval.H1), SeriesKey("binance", "ETHUSDT", Interval.M1)
    )
    rig.start().extraction.run_once()
    assert sorted(query["symbol"] for query in rig.asked("depth")) == ["BTCUSDT", "ETHUSDT"]
    rig.load()
    sides = [(row.symbol, row.side) for row in rig.rows(fact_orderbook)]
    assert {pair: sides.count(pair) for pair in set(sides)} == {
        (symbol, side): 20 for symbol in ("BTCUSDT", "ETHUSDT") for side in ("bid", "ask")
    }


# --- failures ---


def test_failure_of_one_symbol_is_reported_and_the_others_go_on(rig: Rig) -> None:
    eth = SeriesKey("binance", "ETHUSDT", Interval.M1)
    track(rig, BTC, eth)
    rig.simulator.add_fault("5xx:symbol=ETHUSDT")
    process = rig.start()
    report = process.extraction.run_once()
    assert set(report.failures) == {"binance:ETHUSDT:1m", "binance:ETHUSDT:depth"}
    assert all("binance" in error for error in report.failures.values())
    assert (rig.watermark(), rig.watermark(eth)) == (MINUTE_START_MS - MINUTE_MS, None)
    rig.simulator.faults.clear()
    assert process.extraction.run_once().failures == {}
    assert rig.watermark(eth) == MINUTE_START_MS - MINUTE_MS


def test_delisted_symbol_is_reported_every_time_with_what_to_do(rig: Rig) -> None:
    track(rig, SeriesKey("binance", "GONEUSDT", Interval.M1))
    process = rig.start()
    for _ in range(2):
        report = process.extraction.run_once()
        assert "GONEUSDT" in report.failures["binance:GONEUSDT:1m"]
        assert report.candles == 0


def test_series_of_another_exchange_are_left_alone(rig: Rig) -> None:
    track(rig, SeriesKey("kraken", "XBTUSD", Interval.M1))
    report = rig.start().extraction.run_once()
    assert (report.candles, report.snapshots, report.failures) == (0, 0, {})
    assert rig.simulator.requests == []


def test_many_symbols_are_all_caught_up_side_by_side(tmp_path: Path) -> None:
    with Rig(tmp_path, symbols=extra_symbols(12)) as rig:
        keys = [SeriesKey("binance", spec.symbol, Interval.M1) for spec in extra_symbols(12)]
        track(rig, *keys)
        report = rig.start().extraction.run_once()
        assert (report.candles, report.snapshots, report.failures) == (12 * 1440, 12, {})
        assert {rig.watermark(key) for key in keys} == {MINUTE_START_MS - MINUTE_MS}
