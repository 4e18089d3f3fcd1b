"""Oddities of real data as they come: minute by minute, and as the exchange's own answers.

Whole archives at once, compared to the last digit, are in ``tests/e2e/test_real_data.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from src.domain import MINUTE_MS, Interval, SeriesKey
from src.warehouse.series import set_tracked
from src.warehouse.tables import fact_klines, fact_orderbook, lake_objects, latest
from tests.builders import as_kline, read_table
from tests.service.rig import BTC, NOW_MS, Process, Rig
from tests.tiny_server import Asked, Reply, TinyServer

SOL, ARB = (SeriesKey("binance", symbol, Interval.M1) for symbol in ("SOLUSDT", "ARBUSDT"))
# The tapes' last day is moved to today.
_TODAY_MS = Interval.D1.floor(NOW_MS)
_SOL_MISSES_MS = _TODAY_MS + (16 * 60 + 39) * MINUTE_MS
_ARB_ENDS_MS = _TODAY_MS + (3 * 60 + 50) * MINUTE_MS


@pytest.fixture
def binance_dir(real_data_dir: Path) -> Path:
    return real_data_dir / "binance"


@contextmanager
def taped(folder: Path, tape: Path, series: SeriesKey, start_ms: int) -> Iterator[Rig]:
    """Give a rig whose exchange plays *tape*, and that tracks its series, at *start_ms*."""
    with Rig(folder, tape_files=(tape,), start_at_ms=start_ms) as rig:
        rig.clock.advance(start_ms - NOW_MS)
        rig.simulator.clock.set(start_ms)
        rig.warehouse.run(lambda connection: set_tracked(connection, [series], tracked=True))
        yield rig


def watermarks_of_minutes(rig: Rig, process: Process, series: SeriesKey, minutes: int) -> list[int | None]:
    """Collect for so many minutes, ending without a failure, and return the watermark after each."""
    watermarks = []
    for _ in range(minutes):
        assert process.extraction.run_once().failures == {}
        assert rig.load().quarantined == []
        watermarks.append(rig.watermark(series))
        rig.clock.advance(MINUTE_MS)
    return watermarks


def held_opens(rig: Rig) -> list[int]:
    return [as_kline(row).open_time for row in read_table(rig.warehouse, fact_klines)]


def test_minute_that_the_exchange_misses_is_waited_for_and_then_passed(
    tmp_path: Path, binance_dir: Path
) -> None:
    tape = binance_dir / "SOLUSDT-1m-2023-02-14.zip"
    with taped(tmp_path, tape, SOL, _SOL_MISSES_MS - MINUTE_MS + 5_000) as rig:
        watermarks = watermarks_of_minutes(rig, rig.start(), SOL, 5)
        steps = [None if mark is None else (mark - _SOL_MISSES_MS) // MINUTE_MS for mark in watermarks]
        assert steps == [-2, -1, -1, 1, 2]
        opens = held_opens(rig)
        assert _SOL_MISSES_MS not in opens
        assert opens[-4:] == [_SOL_MISSES_MS + step * MINUTE_MS for step in (-2, -1, 1, 2)]


def test_archive_that_ends_early_is_no_failure_however_long_it_lasts(
    tmp_path: Path, binance_dir: Path
) -> None:
    tape = binance_dir / "ARBUSDT-1m-2023-07-27.zip"
    with taped(tmp_path, tape, ARB, _ARB_ENDS_MS - MINUTE_MS + 5_000) as rig:
        watermarks = watermarks_of_minutes(rig, rig.start(), ARB, 5)
        last_ms = _ARB_ENDS_MS - MINUTE_MS
        assert watermarks == [last_ms - MINUTE_MS, *[last_ms] * 4]
        assert held_opens(rig) == list(range(_TODAY_MS, _ARB_ENDS_MS, MINUTE_MS))
        assert len([row for row in rig.rows(lake_objects) if row.data_type == "klines"]) == 2


@contextmanager
def answering(folder: Path, binance_dir: Path, now_ms: int) -> Iterator[tuple[Rig, TinyServer]]:
    """Give a rig whose exchange gives Binance's own recorded answers, at *now_ms*."""

    def answer(asked: Asked) -> Reply:
        kind = asked.path.rpartition("/")[2]
        if kind == "time":
            return Reply(body=msgspec.json.encode({"serverTime": now_ms}))
        body = (binance_dir / f"http_spot_market_{kind}.json").read_bytes()
        if kind == "klines":
            rows = [row for row in msgspec.json.decode(body) if row[0] >= int(asked.query["startTime"])]
            body = msgspec.json.encode(rows)
        return Reply(body=body)

    with Rig(folder) as rig, TinyServer(answer) as server:
        rig.clock.advance(now_ms - rig.clock.now_ms())
        rig.warehouse.run(lambda connection: set_tracked(connection, [BTC], tracked=True))
        yield rig, server


@contextmanager
def connected(rig: Rig, server: TinyServer) -> Iterator[Process]:
    """Start a process that asks *server* in place of the simulator."""
    simulator, rig.simulator = rig.simulator, SimpleNamespace(base_url=server.base_url)  # type: ignore[assignment]
    try:
        yield rig.start()
    finally:
        rig.simulator = simulator


def test_real_answers_forming_candle_is_shown_and_not_kept(tmp_path: Path, binance_dir: Path) -> None:
    sent = msgspec.json.decode((binance_dir / "http_spot_market_klines.json").read_bytes())
    forming_ms = sent[-1][0]
    with (
        answering(tmp_path, binance_dir, forming_ms + 4_000) as (rig, server),
        connected(rig, server) as process,
    ):
        for _ in range(2):  # the second finds nothing new
            assert process.extraction.run_once().failures == {}
            rig.load()
        assert [list(as_kline(row)) for row in read_table(rig.warehouse, fact_klines)] == sent[:-1]
        assert rig.watermark() == sent[-2][0]
        [shown] = read_table(rig.warehouse, latest)
        assert (shown["open_time"], shown["close_price"], shown["trade_count"]) == (
            forming_ms,
            sent[-1][4],
            7,
        )


def test_book_with_fewer_levels_than_asked_for_is_kept_as_it_is(tmp_path: Path, binance_dir: Path) -> None:
    book = msgspec.json.decode((binance_dir / "http_spot_market_depth.json").read_bytes())
    with answering(tmp_path, binance_dir, NOW_MS) as (rig, server), connected(rig, server) as process:
        process.extraction.run_once()
        assert rig.load().quarantined == []
        assert [asked.query["limit"] for asked in server.asked if asked.path.endswith("depth")] == ["20"]
        rows = read_table(rig.warehouse, fact_orderbook)
        assert len(rows) == 20
        for side in ("bid", "ask"):
            levels = [[row["price"], row["quantity"]] for row in rows if row["side"] == side]
            assert sorted(levels) == sorted(book[f"{side}s"])
