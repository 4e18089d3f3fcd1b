"""Lake against catalog: what is without its other half, what was changed by hand, what others dropped in."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec
import pytest

from src.domain import DAY_MS, MINUTE_MS
from src.errors import Stopped
from src.lake.local_store import LocalStore
from src.lake.store import Bucket
from src.maintenance.reconcile import Reconciler, ReconcileReport
from src.settings import PROJECT_ROOT
from src.stopping import Stop, stopping_by
from src.warehouse.evidence import list_lost, list_present
from src.warehouse.tables import fact_klines, fact_orderbook, lake_objects
from tests.builders import (
    CAPTURED_MS,
    DAY_START_MS,
    Pipeline,
    as_kline,
    make_kline,
    make_object,
    read_table,
)

LATER_MS = CAPTURED_MS + 60 * 60_000


@pytest.fixture
def pipeline(emptied_pipeline: Pipeline) -> Pipeline:
    return emptied_pipeline


def date_files(pipeline: Pipeline, at_ms: int) -> None:
    """Let all objects look as if the store had got them at *at_ms*."""
    assert isinstance(pipeline.lake, LocalStore)
    for file in pipeline.lake._root.rglob("*.*"):
        os.utime(file, ns=(at_ms * 1_000_000, at_ms * 1_000_000))


def reconcile(
    pipeline: Pipeline,
    now_ms: int = LATER_MS,
    *,
    written_at_ms: int = CAPTURED_MS,
    checksums: bool = False,
) -> ReconcileReport:
    date_files(pipeline, written_at_ms)
    return Reconciler(pipeline.lake, pipeline.warehouse).run(now_ms, checksums=checksums)


def test_lake_and_catalog_that_agree_are_left_alone(pipeline: Pipeline) -> None:
    objects = [make_object(f"S{n}USDT", [make_kline(DAY_START_MS)]) for n in range(5)]
    pipeline.land(*objects)
    assert reconcile(pipeline, checksums=True) == ReconcileReport(objects=5)


def test_object_without_a_row_is_adopted_in_either_bucket(pipeline: Pipeline) -> None:
    known, orphan, archived = (make_object(f"{s}USDT", [make_kline(DAY_START_MS)]) for s in "ABC")
    pipeline.land(known)
    pipeline.put([orphan])
    pipeline.lake.put_new(Bucket.ARCHIVE, archived.key.text, archived.content)
    report = reconcile(pipeline)
    assert sorted(report.adopted) == [orphan.key.text, archived.key.text]
    buckets = {row["symbol"]: row["bucket"] for row in read_table(pipeline.warehouse, lake_objects)}
    assert buckets == {"AUSDT": "raw", "BUSDT": "raw", "CUSDT": "archive"}
    assert reconcile(pipeline).adopted == []
    assert pipeline.load().loaded.inserted == 3


def test_young_objects_are_left_to_who_is_writing_them(pipeline: Pipeline) -> None:
    pipeline.put([make_object("BTCUSDT", [make_kline(DAY_START_MS)])])
    assert reconcile(pipeline, CAPTURED_MS + 14 * 60_000).adopted == []
    assert len(reconcile(pipeline, CAPTURED_MS + 16 * 60_000).adopted) == 1


def test_file_just_dropped_in_is_left_alone_however_old_its_name_says_it_is(pipeline: Pipeline) -> None:
    dropped = make_object("BTCUSDT", [make_kline(DAY_START_MS)])
    pipeline.put([dropped])
    report = reconcile(pipeline, written_at_ms=LATER_MS - 14 * MINUTE_MS)
    assert (report.adopted, report.young) == ([], [dropped.key.text])
    report = reconcile(pipeline, written_at_ms=LATER_MS - 16 * MINUTE_MS)
    assert (report.adopted, report.young) == ([dropped.key.text], [])


def test_files_time_from_a_wrong_clock_does_not_keep_it_out_for_ever(pipeline: Pipeline) -> None:
    pipeline.put([make_object("BTCUSDT", [make_kline(DAY_START_MS)])])
    assert reconcile(pipeline, written_at_ms=LATER_MS + MINUTE_MS).adopted == []
    assert len(reconcile(pipeline, written_at_ms=LATER_MS + 400 * DAY_MS).adopted) == 1


def test_row_without_its_object_is_reported(pipeline: Pipeline) -> None:
    gone, kept = (make_object(f"{s}USDT", [make_kline(DAY_START_MS)]) for s in "AB")
    pipeline.land(gone, kept)
    pipeline.lake.delete(Bucket.RAW, gone.key.text)
    report = reconcile(pipeline)
    assert (report.missing, report.changed, report.is_clean) == ([gone.key.text], [], False)


def test_row_whose_object_is_gone_is_reported_however_young(pipeline: Pipeline) -> None:
    gone = make_object("BTCUSDT", [make_kline(DAY_START_MS)])
    pipeline.land(gone)
    pipeline.lake.delete(Bucket.RAW, gone.key.text)
    assert reconcile(pipeline, CAPTURED_MS).missing == [gone.key.text]


def test_changed_objects_are_reported_those_of_equal_size_by_checksum(
    pipeline: Pipeline, lake_folder: Path
) -> None:
    longer, flipped = (make_object(f"{s}USDT", [make_kline(DAY_START_MS)]) for s in "AB")
    pipeline.land(longer, flipped)
    files = [lake_folder / "raw" / made.key.text for made in (longer, flipped)]
    for file in files:
        file.chmod(0o644)
    files[0].write_bytes(longer.content + b" ")
    files[1].write_bytes(flipped.content.replace(b"12.5", b"12.6"))
    assert reconcile(pipeline).changed == [longer.key.text]
    assert reconcile(pipeline, checksums=True).changed == [longer.key.text, flipped.key.text]


def test_files_that_mean_nothing_are_ignored(pipeline: Pipeline) -> None:
    pipeline.lake.put_new(Bucket.RAW, "notes.txt", b"hello")
    report = reconcile(pipeline)
    assert (report.ignored, report.adopted, report.is_clean) == (["notes.txt"], [], True)


def drop_in(pipeline: Pipeline, name: str, **content: object) -> str:
    key = f"2026-03-30/{name}_{CAPTURED_MS}.json"  # a local date, the day before the timestamp's
    pipeline.lake.put_new(Bucket.RAW, key, msgspec.json.encode(content))
    return key


def test_files_of_an_earlier_pipeline_are_adopted_by_their_keys_time(pipeline: Pipeline) -> None:
    closed, forming = make_kline(DAY_START_MS), make_kline(CAPTURED_MS)
    naive = "2031-01-01T00:00:00.123456"
    candles = drop_in(
        pipeline,
        "BTCUSDT_klines",
        symbol="BTCUSDT",
        captured_at=naive,
        type="klines",
        interval="1m",
        data=[closed, forming],
    )
    depth = drop_in(
        pipeline,
        "BTCUSDT_depth",
        symbol="BTCUSDT",
        captured_at=naive,
        type="depth",
        data={"lastUpdateId": 1, "bids": [["1", "2"]], "asks": [["3", "4"]]},
    )
    assert sorted(reconcile(pipeline).adopted) == sorted([candles, depth])
    report = pipeline.load()
    assert (report.quarantined, report.loaded.inserted) == ([], 1)
    assert [as_kline(row) for row in read_table(pipeline.warehouse, fact_klines)] == [closed]
    assert len(read_table(pipeline.warehouse, fact_orderbook)) == 2
    captured = {row["captured_at"] for row in read_table(pipeline.warehouse, lake_objects)}
    assert captured == {CAPTURED_MS}


def test_file_is_loaded_as_the_documentation_shows_it(pipeline: Pipeline) -> None:
    text = (PROJECT_ROOT / "docs" / "dropped-in-files.md").read_text(encoding="utf-8")
    [key] = re.findall(r"^(\S+_klines_\d+\.json)$", text, re.MULTILINE)
    [content] = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    pipeline.lake.put_new(Bucket.RAW, key, content.encode())
    assert reconcile(pipeline).adopted == [key]
    report = pipeline.load()
    assert (report.quarantined, report.loaded.inserted, report.loaded.bad_rows) == ([], 1, 0)


@pytest.mark.parametrize(
    ("exchange", "quarantined"), [("binance", False), ("Binance", False), ("kraken", True)]
)
def test_earlier_pipelines_file_may_name_the_exchange_that_its_path_means(
    pipeline: Pipeline, exchange: str, quarantined: bool
) -> None:
    rows = [make_kline(DAY_START_MS)]
    content = {"exchange": exchange, "symbol": "BTCUSDT", "type": "klines", "data": rows}
    key = f"2026-03-31/BTCUSDT_klines_{CAPTURED_MS}.json"
    pipeline.lake.put_new(Bucket.RAW, key, msgspec.json.encode(content))
    assert reconcile(pipeline).adopted == [key]
    report = pipeline.load()
    assert (report.quarantined == [key], report.loaded.inserted == 1) == (quarantined, not quarantined)


def test_earlier_pipelines_file_under_the_wrong_symbol_is_quarantined(pipeline: Pipeline) -> None:
    key = drop_in(
        pipeline, "BTCUSDT_klines", symbol="ETHUSDT", type="klines", data=[make_kline(DAY_START_MS)]
    )
    assert reconcile(pipeline).ignored == [key]


def test_run_that_is_asked_to_stop_reads_no_further(pipeline: Pipeline) -> None:
    pipeline.put([make_object("BTCUSDT", [make_kline(DAY_START_MS)])])
    stop = Stop()
    stop.set("cancel")
    with stopping_by(stop), pytest.raises(Stopped, match="reconciling"):
        reconcile(pipeline)
    assert read_table(pipeline.warehouse, lake_objects) == []


def test_loaded_object_that_is_gone_is_marked_until_it_is_back(pipeline: Pipeline) -> None:
    gone, kept, waiting = (make_object(f"{s}USDT", [make_kline(DAY_START_MS)]) for s in "ABC")
    pipeline.land(gone, kept)
    pipeline.load()
    pipeline.land(waiting)
    for one in (gone, waiting):
        pipeline.lake.delete(Bucket.RAW, one.key.text)
    assert reconcile(pipeline).missing == [gone.key.text, waiting.key.text]
    with pipeline.warehouse.read() as connection:
        assert list_lost(connection) == {gone.key.text}
        keys = [one.key.text for one in (gone, kept, waiting)]
        assert list_present(connection, keys) == {kept.key.text, waiting.key.text}
    assert reconcile(pipeline).missing == [gone.key.text, waiting.key.text]
    pipeline.put([gone, waiting])
    assert reconcile(pipeline).is_clean
    with pipeline.warehouse.read() as connection:
        assert list_lost(connection) == set()
