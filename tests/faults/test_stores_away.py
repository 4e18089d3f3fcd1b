"""Stores that go away: depth keeps landing, candles wait, and everything comes home by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from src.domain import MINUTE_MS
from src.errors import LakeUnavailable, StoreUnavailable, WarehouseUnavailable
from src.extract.landing import Landing
from src.extract.manager import ExtractionManager
from src.lake.spool import Spool
from src.lake.store import Bucket
from src.warehouse.series import set_tracked
from src.warehouse.tables import fact_klines, fact_orderbook
from tests.builders import as_kline, read_table
from tests.service.rig import BTC, EverLater, Process, Rig

DOWN = "no such server"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as made:
        made.warehouse.run(lambda connection: set_tracked(connection, [BTC], tracked=True))
        yield made


def daemon_parts(rig: Rig, folder: Path, limit_bytes: int = 1_000_000) -> Process:
    """Return a process whose landing has a spool, already caught up."""
    process = rig.start()
    landing = Landing(rig.lake, rig.warehouse, EverLater(rig.clock), Spool(folder / "spool", limit_bytes))
    process.extraction.close()
    process.extraction = ExtractionManager(process.exchange, rig.warehouse, landing, rig.clock, workers=2)
    process.extraction.run_once()
    rig.load()
    return process


@contextmanager
def lake_away(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: object) -> None:
        raise LakeUnavailable(DOWN)

    with monkeypatch.context() as patch:
        for name in ("put_new", "ensure_buckets", "get"):
            patch.setattr(rig.lake, name, refuse)
        yield


@contextmanager
def warehouse_away(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(**_: object) -> None:
        raise WarehouseUnavailable(DOWN)

    with monkeypatch.context() as patch:
        patch.setattr(rig.warehouse, "read", refuse)
        patch.setattr(rig.warehouse, "write", refuse)
        yield


def pass_minutes(rig: Rig, process: Process, minutes: int) -> None:
    for _ in range(minutes):
        rig.clock.advance(MINUTE_MS)
        process.extraction.run_once()


def snapshots_held(rig: Rig) -> int:
    return len({row["captured_at"] for row in read_table(rig.warehouse, fact_orderbook)})


def candles_are_the_truth(rig: Rig) -> bool:
    held = [list(as_kline(row)) for row in read_table(rig.warehouse, fact_klines)]
    return held == rig.truth("BTCUSDT", int(str(held[0][0])), BTC.interval.floor(rig.clock.now_ms()))


def test_with_the_lake_away_depth_is_spooled_and_no_candle_fetched(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = daemon_parts(rig, tmp_path)
    with lake_away(rig, monkeypatch):
        pass_minutes(rig, process, 1)  # the first to notice
        rig.simulator.clear_requests()
        pass_minutes(rig, process, 3)
    assert rig.asked("klines") == []
    assert len(rig.asked("depth")) == 3
    pass_minutes(rig, process, 1)
    rig.load()
    assert candles_are_the_truth(rig)
    assert snapshots_held(rig) == 1 + 1 + 3 + 1
    assert list((tmp_path / "spool" / "raw").rglob("*.json")) == []


def test_spool_left_by_a_crash_comes_home_with_the_next_process(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = daemon_parts(rig, tmp_path)
    with lake_away(rig, monkeypatch):
        pass_minutes(rig, process, 2)
    again = daemon_parts(rig, tmp_path)
    rig.load()
    assert again is not process
    assert snapshots_held(rig) == 1 + 2
    assert candles_are_the_truth(rig)


def test_full_spool_is_said_and_takes_no_more(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = daemon_parts(rig, tmp_path, limit_bytes=3_000)
    with lake_away(rig, monkeypatch):
        pass_minutes(rig, process, 3)
        rig.clock.advance(MINUTE_MS)
        failures = process.extraction.run_once().failures
    assert any("spool" in error and "full" in error for error in failures.values())
    spooled = sum(file.stat().st_size for file in (tmp_path / "spool").rglob("*.json"))
    assert 0 < spooled <= 3_000


def test_with_the_warehouse_away_depth_lands_and_is_catalogued_later(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = daemon_parts(rig, tmp_path)
    rig.simulator.clear_requests()
    with warehouse_away(rig, monkeypatch):
        pass_minutes(rig, process, 3)
    assert (len(rig.asked("depth")), rig.asked("klines")) == (3, [])
    in_lake = [stat.key for stat in rig.lake.list_keys(Bucket.RAW) if "_depth_" in stat.key]
    assert len(in_lake) == 1 + 3
    pass_minutes(rig, process, 1)
    rig.load()
    assert sorted(row.object_key for row in rig.objects("depth"))[:4] == sorted(in_lake)
    assert snapshots_held(rig) == 1 + 3 + 1
    assert candles_are_the_truth(rig)


def test_loading_with_the_lake_away_says_so_and_loses_nothing(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = daemon_parts(rig, tmp_path)
    pass_minutes(rig, process, 1)
    with lake_away(rig, monkeypatch), pytest.raises(StoreUnavailable):
        rig.load()
    assert rig.load().quarantined == []
    assert candles_are_the_truth(rig)
