"""Reconcile on every engine: what a crash left in the lake without a catalog row is adopted, once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from src.domain import DAY_MS, MINUTE_MS
from src.lake.envelope import decode_envelope
from src.lake.local_store import LocalStore
from src.lake.store import Bucket
from src.maintenance.adopting import adopt_orphans
from src.warehouse.engine import open_warehouse, sqlite_url
from src.warehouse.tables import fact_klines, lake_objects
from tests.builders import (
    CAPTURED_MS,
    DAY_START_MS,
    LakeObject,
    Pipeline,
    make_depth,
    make_kline,
    make_object,
    open_pipeline,
    read_table,
)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """Give a pipeline on SQLite: what engines do differently is in the tests that ask for each of them."""
    with open_pipeline(sqlite_url(tmp_path / "warehouse.db"), LocalStore(tmp_path / "data_lake")) as opened:
        yield opened


@pytest.fixture
def any_pipeline(emptied_pipeline: Pipeline) -> Pipeline:
    return emptied_pipeline


def adopt(pipeline: Pipeline, now_ms: int = CAPTURED_MS) -> list[str]:
    return adopt_orphans(pipeline.lake, pipeline.warehouse, "binance", now_ms)


def rows(pipeline: Pipeline) -> list[Any]:
    with pipeline.warehouse.read() as connection:
        return list(connection.execute(select(lake_objects).order_by(lake_objects.c.object_key)))


def klines(captured_at_ms: int = CAPTURED_MS, **named: Any) -> LakeObject:
    return make_object(
        "BTCUSDT", [make_kline(DAY_START_MS), make_kline(DAY_START_MS + MINUTE_MS)], captured_at_ms, **named
    )


# --- what is adopted ---


def test_orphan_is_described_by_what_is_in_it(any_pipeline: Pipeline) -> None:
    orphan = klines(exchange_time_ms=DAY_START_MS + 2 * MINUTE_MS - 1)  # the second candle was forming
    any_pipeline.put([orphan])
    assert adopt(any_pipeline) == [orphan.key.text]
    [row] = rows(any_pipeline)
    assert (row.object_key, row.bucket, row.state) == (orphan.key.text, "raw", "landed")
    assert (row.exchange, row.symbol, row.data_type, row.interval_code) == (
        "binance",
        "BTCUSDT",
        "klines",
        "1m",
    )
    assert (row.captured_at, row.exchange_time) == (CAPTURED_MS, DAY_START_MS + 2 * MINUTE_MS - 1)
    assert (row.first_open_time, row.last_open_time, row.record_count) == (DAY_START_MS, DAY_START_MS, 1)
    assert (row.size_bytes, row.sha256) == (len(orphan.content), orphan.described().sha256)
    # It may be old: live candles come first.
    assert row.lane == "history"


def test_orphan_is_adopted_once(any_pipeline: Pipeline) -> None:
    any_pipeline.put([klines()])
    assert len(adopt(any_pipeline)) == 1
    before = rows(any_pipeline)
    assert adopt(any_pipeline) == []
    assert rows(any_pipeline) == before


def test_objects_that_have_a_row_keep_it(pipeline: Pipeline) -> None:
    known, orphan = klines(), klines(CAPTURED_MS + 1)
    pipeline.land(known)
    pipeline.load()
    pipeline.put([orphan])
    assert adopt(pipeline) == [orphan.key.text]
    states = {row.object_key: (row.state, row.lane) for row in rows(pipeline)}
    assert states == {known.key.text: ("loaded", "live"), orphan.key.text: ("landed", "history")}


def test_adopted_objects_load_like_any_other(any_pipeline: Pipeline) -> None:
    any_pipeline.put([klines(), make_depth("BTCUSDT", [("1.0", "2.0")], [("1.1", "3.0")])])
    assert len(adopt(any_pipeline)) == 2
    report = any_pipeline.load()
    assert (report.loaded.inserted, report.loaded.levels, report.quarantined) == (2, 2, [])
    assert len(read_table(any_pipeline.warehouse, fact_klines)) == 2


def test_orphan_without_a_closed_candle_is_adopted_and_loads_nothing(any_pipeline: Pipeline) -> None:
    any_pipeline.put([klines(exchange_time_ms=DAY_START_MS)])
    assert len(adopt(any_pipeline)) == 1
    [row] = rows(any_pipeline)
    assert (row.first_open_time, row.last_open_time, row.record_count) == (None, None, 0)
    assert any_pipeline.load().loaded.inserted == 0


def test_many_orphans_are_adopted_in_several_looks(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.maintenance.adopting._KEYS_A_QUERY", 7)
    orphans = [make_depth("BTCUSDT", [], [], CAPTURED_MS + number) for number in range(30)]
    pipeline.put(orphans)
    pipeline.catalog(orphans[::2])
    assert adopt(pipeline) == [orphan.key.text for orphan in orphans[1::2]]
    assert len(rows(pipeline)) == 30


def test_processes_that_start_at_once_adopt_each_orphan_once(warehouse_url: str, tmp_path: Path) -> None:
    with open_pipeline(warehouse_url, LocalStore(tmp_path / "data_lake")) as pipeline:
        pipeline.put([klines(CAPTURED_MS + number) for number in range(20)])
        start = threading.Barrier(3)

        def reconcile(_: int) -> None:
            opened = open_warehouse(warehouse_url)
            start.wait(20)
            adopt_orphans(pipeline.lake, opened, "binance", CAPTURED_MS)
            opened.close()

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(reconcile, range(3)))
        assert len(rows(pipeline)) == 20


# --- how far back it looks ---


def test_empty_catalog_makes_it_look_through_the_whole_bucket(pipeline: Pipeline) -> None:
    """The warehouse is new, or was lost: then the lake is all there is."""
    years = [klines(CAPTURED_MS - days * DAY_MS) for days in (0, 1, 400, 3_000)]
    other = make_object("XBTUSD", [make_kline(DAY_START_MS)], CAPTURED_MS, exchange="kraken")
    pipeline.put([*years, other])
    assert sorted(adopt(pipeline)) == sorted(one.key.text for one in [*years, other])


def test_known_objects_spare_it_the_years_before_them(pipeline: Pipeline) -> None:
    listed: list[str] = []

    class Watched(LocalStore):
        def list_keys(self, bucket: Bucket, prefix: str = "") -> Any:
            listed.append(prefix)
            return super().list_keys(bucket, prefix)

    assert isinstance(pipeline.lake, LocalStore)
    pipeline.land(klines(CAPTURED_MS - 3 * DAY_MS))
    old, recent = klines(CAPTURED_MS - 30 * DAY_MS), klines(CAPTURED_MS - 2 * DAY_MS)
    pipeline.put([old, recent, klines(CAPTURED_MS + DAY_MS)])
    adopted = adopt_orphans(Watched(pipeline.lake._root), pipeline.warehouse, "binance", CAPTURED_MS)
    assert recent.key.text in adopted
    assert old.key.text not in adopted
    assert len(adopted) == 2  # the clock may have been set back: tomorrow's is found as well
    assert "" not in listed
    assert len(listed) <= 7


def test_orphan_from_just_before_midnight_is_found(pipeline: Pipeline) -> None:
    midnight_ms = CAPTURED_MS - CAPTURED_MS % DAY_MS
    orphan = klines(midnight_ms - 1)
    pipeline.put([orphan])
    pipeline.land(klines(midnight_ms + 1))
    assert adopt(pipeline, midnight_ms + 5) == [orphan.key.text]


# --- what is not ours, or cannot be read ---


def test_foreign_files_are_ignored_with_a_warning(pipeline: Pipeline) -> None:
    foreign = ["readme.txt", "2026-03-31/notes.json", "2026-01-01/BTCUSDT_klines_1775000000000.json"]
    for key in foreign:
        pipeline.lake.put_new(Bucket.RAW, key, b"not ours")
    pipeline.put([klines()])
    with capture_logs() as logs:
        assert adopt(pipeline) == [klines().key.text]
    warned = {line["key"]: line["reason"] for line in logs if line["event"] == "object ignored"}
    assert set(warned) == set(foreign)
    assert "its timestamp is of 2026-03-31" in warned[foreign[2]]
    assert len(rows(pipeline)) == 1


@pytest.mark.parametrize(
    "name",
    [
        f"{'A' * 33}USDT_klines_{CAPTURED_MS}.json",
        f"a-rather-long-exchange/2026-03-31/BTCUSDT_klines_{CAPTURED_MS}.json",
    ],
)
def test_names_too_long_for_the_catalog_do_not_keep_us_from_starting(pipeline: Pipeline, name: str) -> None:
    key = name if "/" in name else f"2026-03-31/{name}"
    pipeline.lake.put_new(Bucket.RAW, key, b"{}")
    with capture_logs() as logs:
        assert adopt(pipeline) == []
    assert [line["key"] for line in logs if line["event"] == "object ignored"] == [key]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Input data was truncated"),
        (b"not JSON", "JSON"),
        (klines().content[:-20], "truncated"),
        (klines(CAPTURED_MS + 1).content, "renamed or copied by hand"),
    ],
)
def test_unreadable_orphan_is_adopted_and_then_quarantined_with_the_reason(
    pipeline: Pipeline, content: bytes, reason: str
) -> None:
    key = klines().key.text
    pipeline.lake.put_new(Bucket.RAW, key, content)
    good = make_object("ETHUSDT", [make_kline(DAY_START_MS)])
    pipeline.put([good])
    assert sorted(adopt(pipeline)) == sorted([key, good.key.text])
    report = pipeline.load()
    assert (report.quarantined, report.loaded.inserted) == ([key], 1)
    row = next(row for row in rows(pipeline) if row.object_key == key)
    assert row.state == "quarantined"
    assert reason in row.error


def test_readable_orphan_is_what_the_extractor_would_have_recorded(any_pipeline: Pipeline) -> None:
    """Whoever comes second changes nothing, so both must say the same of what loading goes by."""
    orphan = klines()
    any_pipeline.put([orphan])
    adopt(any_pipeline)
    [adopted] = rows(any_pipeline)
    any_pipeline.catalog([orphan])
    [after] = rows(any_pipeline)
    assert after == adopted
    header = decode_envelope(any_pipeline.lake.get(Bucket.RAW, orphan.key.text)).header
    assert (header.key, header.exchange_time_ms) == (orphan.key, adopted.exchange_time)
