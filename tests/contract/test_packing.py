"""Packing: a day of a series in one object, each body as it was; readers of both forms; crashes between."""

from __future__ import annotations

import pytest

from src.domain import Interval, SeriesKey
from src.errors import CandlehouseError
from src.lake.store import Bucket
from src.maintenance.lineage import open_source
from src.maintenance.series_days import each_day, in_whole_days, list_reaches
from src.maintenance.verify import Verifier, VerifyReport
from src.warehouse.ledger_tables import gaps
from src.warehouse.lineage import find_lineage
from src.warehouse.series import list_series
from src.warehouse.tables import fact_klines, lake_objects
from src.warehouse.verification import VerifyState
from tests.ageing_rig import AgeingRig, make_day
from tests.builders import LakeObject, StoredRow, read_table

BTC = SeriesKey("binance", "BTCUSDT", Interval.M1)


# On SQLite with a folder, and on MariaDB with S3; MySQL differs in nothing that is asked for here.
pytestmark = pytest.mark.parametrize("_full_pipeline", ["sqlite", "mariadb"], indirect=True)


def pack(rig: AgeingRig, more_than: int = 3) -> int:
    return rig.manager(pack_objects=more_than).pack_old_files().objects


def packs(rig: AgeingRig) -> list[str]:
    return [one for one in rig.keys(Bucket.ARCHIVE) if one.startswith("packs/")]


def verify(rig: AgeingRig) -> VerifyReport:
    with rig.pipeline.warehouse.read() as connection:
        reaches = in_whole_days(list_reaches(connection, list_series(connection, tracked_only=False)))
    verifier = Verifier(rig.pipeline.lake, rig.pipeline.warehouse, rig.clock)
    return verifier.verify(each_day(reaches))


def without_ids(rows: list[StoredRow]) -> list[StoredRow]:
    return [{name: row[name] for name in row if name not in {"object_id", "created_at"}} for row in rows]


def test_large_day_of_a_series_becomes_one_object(rig: AgeingRig) -> None:
    large, small, young = (
        make_day("BTCUSDT", 32, depth=3),
        make_day("ETHUSDT", 32, 2),
        make_day("BTCUSDT", 33),
    )
    rig.load(*large, *small, *young)
    report = rig.manager(pack_objects=3).pack_old_files(days=7)
    assert (report.objects, report.packs, report.problems) == (4, 1, [])
    assert report.size_bytes == sum(len(one.content) for one in large[:4])
    assert 0 < report.freed_bytes < report.size_bytes
    [key] = packs(rig)
    assert key.startswith("packs/2026-02-10/BTCUSDT_klines_")
    assert rig.keys(Bucket.RAW) == sorted(one.key.text for one in large[4:] + small + young)
    rig.check_contents(large + small + young)
    rig.check_agreement()
    assert pack(rig) == 0


def test_files_of_the_archive_are_packed_too(rig: AgeingRig) -> None:
    objects = make_day("BTCUSDT", 32)
    rig.load(*objects)
    rig.manager().archive_old_files()
    assert pack(rig) == 4
    assert rig.keys(Bucket.ARCHIVE) == packs(rig)
    rig.check_contents(objects)
    rig.check_agreement()


def test_nought_packs_nothing(rig: AgeingRig) -> None:
    rig.load(*make_day("BTCUSDT", 32))
    assert pack(rig, more_than=0) == 0
    assert packs(rig) == []


def test_what_comes_later_of_a_packed_day_makes_a_pack_of_its_own(rig: AgeingRig) -> None:
    first, later = make_day("BTCUSDT", 32), make_day("BTCUSDT", 32, 9)[4:]
    rig.load(*first)
    pack(rig)
    rig.load(*later)
    assert pack(rig) == 5
    assert len(packs(rig)) == 2
    rig.check_contents(first + later)


def test_large_day_is_cut_into_packs_that_fit_into_memory(
    rig: AgeingRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = make_day("BTCUSDT", 32, 6)
    monkeypatch.setattr("src.maintenance.packing._PACK_BYTES", 2 * len(objects[0].content) + 50)
    rig.load(*objects)
    assert rig.manager(pack_objects=3).pack_old_files().packs == 3
    rig.check_contents(objects)
    rig.check_agreement()


def test_evidence_and_what_is_not_loaded_stay_files(rig: AgeingRig) -> None:
    proof, waiting, *rest = make_day("BTCUSDT", 32, 7)
    rig.load(proof, *rest)
    rig.pipeline.land(waiting)
    told = f'[{{"key": "{proof.key.text}", "start_ms": 1, "end_ms": 2, "asked_ms": 3}}]'
    values = {"series_id": 1, "start_time": 1, "end_time": 2, "state": "empty_at_exchange", "evidence": told}
    with rig.pipeline.warehouse.write() as connection:
        connection.execute(gaps.insert().values(values))
    assert pack(rig) == 5
    assert rig.keys(Bucket.RAW) == [proof.key.text, waiting.key.text]
    assert rig.pipeline.load().loaded.objects == 1


def test_lineage_and_verify_read_packs(rig: AgeingRig) -> None:
    first, *rest = make_day("BTCUSDT", 32)
    rig.load(first, *rest)
    pack(rig)
    assert verify(rig).states == {VerifyState.SAME: 1}
    with rig.pipeline.warehouse.read() as connection:
        [row] = list_series(connection, tracked_only=False)
        found = find_lineage(connection, row, first.klines[7].open_time)
    assert found.source is not None
    assert found.source.pack in packs(rig)
    opened = open_source(rig.pipeline.lake, found.source, first.klines[7].open_time)
    assert (opened.problem, opened.place) == (None, 7)


def test_damaged_pack_is_noticed_by_verify_and_by_reconcile(rig: AgeingRig) -> None:
    rig.load(*make_day("BTCUSDT", 32))
    pack(rig)
    [key] = packs(rig)
    rig.damage(Bucket.ARCHIVE, key)
    report = verify(rig)
    assert report.states == {VerifyState.CHANGED: 1}
    told = [one.what for one in report.findings if one.state is VerifyState.CHANGED]
    assert len(told) == 4
    assert all(f"lies in {key}: the pack cannot be opened" in one for one in told)
    assert rig.reconcile(checksums=True).changed == [key]
    assert rig.reconcile(checksums=False).changed == []


def test_lost_pack_is_told_by_all_that_lay_in_it(rig: AgeingRig) -> None:
    objects = make_day("BTCUSDT", 32)
    rig.load(*objects)
    pack(rig)
    [key] = packs(rig)
    rig.pipeline.lake.delete(Bucket.ARCHIVE, key)
    assert rig.reconcile().missing == sorted(one.key.text for one in objects)
    assert verify(rig).states == {VerifyState.MISSING: 1}


def test_new_warehouse_is_loaded_from_packs(rig: AgeingRig) -> None:
    objects = make_day("BTCUSDT", 32, depth=4)
    rig.load(*objects)
    before = read_table(rig.pipeline.warehouse, fact_klines)
    pack(rig)
    with rig.pipeline.warehouse.write() as connection:
        for table in ("lake_packs", "lake_objects", "fact_klines", "fact_orderbook"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    assert sorted(rig.reconcile().adopted) == packs(rig)
    assert rig.pipeline.load().loaded.objects == 8
    assert without_ids(read_table(rig.pipeline.warehouse, fact_klines)) == without_ids(before)
    assert rig.rows().keys() == {one.key.text for one in objects}
    rig.check_agreement()


def test_crash_at_each_call_of_the_lake_loses_and_doubles_nothing(rig: AgeingRig) -> None:
    objects: list[LakeObject] = []

    def prepare(number: int) -> None:
        new = make_day(f"S{number}USDT", 32)
        rig.load(*new[:2])
        rig.manager().archive_old_files()
        rig.load(*new[2:])
        objects.extend(new)

    # The pack is put, and its originals are deleted in both buckets.
    crashes = rig.crash_everywhere(prepare, lambda one: one.pack_old_files(), pack_objects=3)
    assert crashes == 2 * 3
    assert rig.keys(Bucket.RAW) == []
    assert rig.keys(Bucket.ARCHIVE) == packs(rig)
    assert len(packs(rig)) == crashes + 1
    rig.check_contents(objects)


def test_pack_whose_note_was_never_written_is_adopted_or_taken_up(
    rig: AgeingRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = make_day("BTCUSDT", 32) + make_day("ETHUSDT", 32)
    rig.load(*objects)

    def fail(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("src.maintenance.packing._record", fail)
        with pytest.raises(RuntimeError):
            pack(rig)
    [orphan] = packs(rig)
    assert len(rig.keys(Bucket.RAW)) == 8
    assert rig.reconcile().adopted == [orphan]
    assert sorted(rig.reconcile().leftovers) == sorted(one.key.text for one in objects[:4])
    rig.check_contents(objects)
    assert pack(rig) == 4
    rig.check_agreement()


def test_pack_that_does_not_come_back_costs_nothing(rig: AgeingRig, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = make_day("BTCUSDT", 32)
    rig.load(*objects)
    with monkeypatch.context() as patch:
        patch.setattr("src.maintenance.packing.build_pack", lambda contents: b"not what was asked for")
        with pytest.raises(CandlehouseError, match="does not come back as it was"):
            pack(rig)
    assert len(rig.keys(Bucket.RAW)) == 4
    # The next run finds the damaged one under the same key, and makes it anew.
    assert pack(rig) == 4
    rig.check_contents(objects)
    rig.check_agreement()


def test_object_that_changed_while_it_was_packed_leaves_all_as_it_was(
    rig: AgeingRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = make_day("BTCUSDT", 32)
    rig.load(*objects)

    def release(*_: object) -> bool:
        is_it = lake_objects.c.object_key == objects[0].key.text
        with rig.pipeline.warehouse.write() as connection:
            connection.execute(lake_objects.update().where(is_it).values(state="landed"))
        return True

    with monkeypatch.context() as patch:
        patch.setattr("src.maintenance.packing._is_same", release)
        with pytest.raises(CandlehouseError, match="changed while they were"):
            pack(rig)
    assert len(rig.keys(Bucket.RAW)) == 4
    assert rig.pipeline.load().loaded.objects == 1
    assert pack(rig) == 4
    rig.check_agreement()
