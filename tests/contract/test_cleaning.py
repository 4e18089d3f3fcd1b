"""Cleaning up: what goes, what never goes, the tombstone that remains, and crashes between its steps."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import pytest

from src.domain import DAY_MS, Interval, SeriesKey
from src.lake.store import Bucket
from src.maintenance.ageing_report import StepReport
from src.maintenance.lineage import open_source
from src.maintenance.rebuilding import Loss, Rebuilder
from src.maintenance.series_days import each_day, in_whole_days, list_reaches
from src.maintenance.verify import Verifier
from src.warehouse.ageing_tables import lake_packs, object_tombstones
from src.warehouse.lake_ageing import group_of
from src.warehouse.ledger_tables import gaps
from src.warehouse.lineage import find_lineage
from src.warehouse.series import list_series, want_history
from src.warehouse.tables import fact_klines, lake_objects
from src.warehouse.tombstones import find_tombstone
from src.warehouse.verification import VerifyState
from tests.ageing_rig import AgeingRig, make_day
from tests.builders import DAY_START_MS, LakeObject, read_table

BTC = SeriesKey("binance", "BTCUSDT", Interval.M1)
ETH = SeriesKey("binance", "ETHUSDT", Interval.M1)


# On SQLite with a folder, and on MariaDB with S3; MySQL differs in nothing that is asked for here.
pytestmark = pytest.mark.parametrize("_full_pipeline", ["sqlite", "mariadb"], indirect=True)


def archive(rig: AgeingRig, *objects: LakeObject, pack_objects: int = 0) -> None:
    """Load objects and bring them to the archive bucket."""
    rig.load(*objects)
    rig.manager(pack_objects=pack_objects).pack_old_files()
    rig.manager().archive_old_files()


def tombstones(rig: AgeingRig) -> dict[tuple[str, str, date], int]:
    rows = read_table(rig.pipeline.warehouse, object_tombstones)
    return {(row["symbol"], row["data_type"], row["date"]): row["objects"] for row in rows}


def give_evidence(rig: AgeingRig, one: LakeObject) -> None:
    told = f'[{{"key": "{one.key.text}", "start_ms": 1, "end_ms": 2, "asked_ms": 3}}]'
    values = {"series_id": 1, "start_time": 1, "end_time": 2, "state": "empty_at_exchange", "evidence": told}
    with rig.pipeline.warehouse.write() as connection:
        connection.execute(gaps.insert().values(values))


def test_old_objects_go_and_a_tombstone_a_day_and_kind_remains(rig: AgeingRig) -> None:
    old, young = make_day("BTCUSDT", 9, depth=3), make_day("BTCUSDT", 10)
    archive(rig, *old, *young)
    ids = [rig.rows()[one.key.text]["id"] for one in old[:4]]
    report = rig.manager().cleanup_old_archives(days=30)
    size = sum(len(one.content) for one in old)
    assert report == StepReport(objects=7, size_bytes=size, freed_bytes=size)
    assert rig.keys(Bucket.ARCHIVE) == sorted(one.key.text for one in young)
    day = date(2026, 1, 18)
    assert tombstones(rig) == {("BTCUSDT", "klines", day): 4, ("BTCUSDT", "depth", day): 3}
    with rig.pipeline.warehouse.read() as connection:
        stone = find_tombstone(connection, group_of(BTC), day)
    assert stone is not None
    assert (stone.first_object_id, stone.last_object_id) == (min(ids), max(ids))
    assert (stone.first_captured_ms, stone.last_captured_ms) == (
        old[0].key.timestamp_ms,
        old[3].key.timestamp_ms,
    )
    assert stone.size_bytes == sum(len(one.content) for one in old[:4])
    digests = "".join(hashlib.sha256(one.content).hexdigest() for one in old[:4])
    assert stone.digest == hashlib.sha256(digests.encode()).hexdigest()
    assert stone.deleted_ms == rig.clock.now_ms()
    rig.check_agreement()
    assert rig.manager().cleanup_old_archives(days=30) == StepReport()
    assert len(read_table(rig.pipeline.warehouse, fact_klines)) == 8 * 60


def test_only_whole_days_that_are_old_enough_go(rig: AgeingRig) -> None:
    archive(rig, *make_day("BTCUSDT", 9))
    rig.clock.advance(-1)
    assert rig.manager().cleanup_old_archives(days=30).objects == 0
    rig.clock.advance(1)
    assert rig.manager().cleanup_old_archives(days=0).objects == 0
    assert rig.manager().cleanup_old_archives(days=30).objects == 4


def test_what_is_not_archived_or_not_loaded_stays(rig: AgeingRig) -> None:
    in_raw, waiting, quarantined = make_day("BTCUSDT", 1)[:3]
    archive(rig, waiting, quarantined)
    rig.load(in_raw)
    for one, state in ((waiting, "landed"), (quarantined, "quarantined")):
        is_it = lake_objects.c.object_key == one.key.text
        with rig.pipeline.warehouse.write() as connection:
            connection.execute(lake_objects.update().where(is_it).values(state=state))
    assert rig.manager().cleanup_old_archives(days=30) == StepReport()
    rig.check_agreement()


def test_evidence_of_a_gap_stays_and_the_rest_of_its_day_goes(rig: AgeingRig) -> None:
    objects = make_day("BTCUSDT", 1)
    archive(rig, *objects)
    give_evidence(rig, objects[1])
    assert rig.manager().cleanup_old_archives(days=30).objects == 3
    assert rig.keys(Bucket.ARCHIVE) == [objects[1].key.text]
    assert rig.manager().cleanup_old_archives(days=30).objects == 0
    rig.check_agreement()


@pytest.mark.parametrize(
    ("keep_days", "age", "goes"),
    [(0, 39, False), (39, 38, False), (39, 39, True), (3, 30, True), (3, 29, False)],
)
def test_objects_of_a_series_stay_as_long_as_it_is_kept(
    rig: AgeingRig, keep_days: int, age: int, goes: bool
) -> None:
    archive(rig, *make_day("BTCUSDT", 39 - age))
    rig.pipeline.warehouse.run(lambda c: want_history(c, BTC, DAY_START_MS, keep_days))
    assert rig.manager().cleanup_old_archives(days=30).objects == 4 * goes


def test_kept_series_says_nothing_about_depth_and_others(rig: AgeingRig) -> None:
    archive(rig, *make_day("BTCUSDT", 1, depth=2), *make_day("ETHUSDT", 1))
    rig.pipeline.warehouse.run(lambda c: want_history(c, BTC, DAY_START_MS, 0))
    rig.manager().cleanup_old_archives(days=30, look_back_days=None)
    day = date(2026, 1, 10)
    assert tombstones(rig) == {("BTCUSDT", "depth", day): 2, ("ETHUSDT", "klines", day): 4}


def test_what_came_of_age_long_ago_is_found_by_a_look_at_everything(rig: AgeingRig) -> None:
    archive(rig, *make_day("BTCUSDT", 1))
    rig.clock.advance(30 * DAY_MS)
    assert rig.manager().cleanup_old_archives(days=30).objects == 0
    assert rig.manager().cleanup_old_archives(days=30, look_back_days=None).objects == 4


def test_pack_goes_with_all_that_is_in_it(rig: AgeingRig) -> None:
    archive(rig, *make_day("BTCUSDT", 1, depth=2), pack_objects=3)
    report = rig.manager().cleanup_old_archives(days=30)
    assert (report.objects, report.packs) == (6, 1)
    assert report.freed_bytes < report.size_bytes
    assert rig.keys(Bucket.ARCHIVE) == []
    assert read_table(rig.pipeline.warehouse, lake_packs) == []
    rig.check_agreement()


def test_pack_of_which_anything_must_stay_stays(rig: AgeingRig) -> None:
    objects = make_day("BTCUSDT", 1) + make_day("ETHUSDT", 1)
    archive(rig, *objects, pack_objects=3)
    give_evidence(rig, objects[2])
    is_it = lake_objects.c.object_key == objects[5].key.text
    with rig.pipeline.warehouse.write() as connection:
        connection.execute(lake_objects.update().where(is_it).values(state="landed"))
    assert rig.manager().cleanup_old_archives(days=30).objects == 0
    assert rig.pipeline.load().loaded.objects == 1
    assert rig.manager().cleanup_old_archives(days=30).objects == 4
    rig.check_agreement()


@pytest.mark.parametrize("pack_objects", [0, 2])
def test_crash_at_each_call_of_the_lake_deletes_nothing_twice(rig: AgeingRig, pack_objects: int) -> None:
    def prepare(number: int) -> None:
        archive(rig, *make_day(f"S{number}USDT", 1, 3, depth=1), pack_objects=pack_objects)

    crashes = rig.crash_everywhere(prepare, lambda manager: manager.cleanup_old_archives(days=30))
    assert crashes == 4
    assert rig.rows() == {}
    assert rig.keys(Bucket.ARCHIVE) == []
    counts = tombstones(rig)
    assert {kind: objects for (_, kind, _), objects in counts.items()} == {"klines": 3, "depth": 1}
    assert len(counts) == 2 * (crashes + 1)


@pytest.mark.parametrize("step", ["mark_deleted", "mark_packs_deleted", "fold", "drop_rows", "drop_packs"])
@pytest.mark.parametrize("is_after", [False, True])
def test_crash_at_each_note_in_the_catalog_is_taken_up(
    rig: AgeingRig, monkeypatch: pytest.MonkeyPatch, step: str, is_after: bool
) -> None:
    from src.maintenance import cleaning

    monkeypatch.setattr(cleaning, "_ROWS_A_STEP", 2)
    archive(rig, *make_day("BTCUSDT", 1, depth=2), pack_objects=3)
    original, calls = getattr(cleaning, step), iter(range(100))

    def fail_at_second(*arguments: Any) -> None:
        is_second = next(calls) == 1
        if is_after or not is_second:
            original(*arguments)
        if is_second:
            raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(cleaning, step, fail_at_second)
        with pytest.raises(RuntimeError):
            rig.manager().cleanup_old_archives(days=30)
    rig.reconcile()
    rig.manager().cleanup_old_archives(days=30)
    assert (rig.rows(), rig.keys(Bucket.ARCHIVE)) == ({}, [])
    assert sorted(tombstones(rig).values()) == [2, 4]
    assert read_table(rig.pipeline.warehouse, lake_packs) == []
    rig.check_agreement()


def test_later_objects_of_a_day_are_folded_on_top(rig: AgeingRig) -> None:
    first, later = make_day("BTCUSDT", 1), make_day("BTCUSDT", 1, 6)[4:]
    for some in (first, later):
        archive(rig, *some)
        rig.manager().cleanup_old_archives(days=30)
    [stone] = read_table(rig.pipeline.warehouse, object_tombstones)
    below = hashlib.sha256("".join(_sha256(one) for one in first).encode()).hexdigest()
    assert stone["digest"] == hashlib.sha256((below + "".join(map(_sha256, later))).encode()).hexdigest()
    assert (stone["objects"], stone["last_captured_at"]) == (6, later[-1].key.timestamp_ms)


def test_file_that_comes_back_after_its_row_says_deleted_is_removed(rig: AgeingRig) -> None:
    one, *rest = make_day("BTCUSDT", 1)
    archive(rig, one, *rest)
    rig.pipeline.lake.put_new(Bucket.RAW, one.key.text, one.content)
    is_it = lake_objects.c.object_key == one.key.text
    with rig.pipeline.warehouse.write() as connection:
        connection.execute(lake_objects.update().where(is_it).values(state="deleted"))
    assert rig.reconcile().leftovers == [one.key.text, one.key.text]
    rig.manager().cleanup_old_archives(days=30)
    rig.check_agreement()


def test_lineage_verify_and_replay_say_that_retention_deleted_it(rig: AgeingRig) -> None:
    one, *rest = make_day("BTCUSDT", 1)
    archive(rig, one, *rest)
    rig.manager().cleanup_old_archives(days=30)
    with rig.pipeline.warehouse.read() as connection:
        [row] = list_series(connection, tracked_only=False)
        found = find_lineage(connection, row, one.klines[0].open_time)
        reaches = in_whole_days(list_reaches(connection, [row]))
    assert found.source is None
    assert found.tombstone is not None
    assert found.tombstone.deleted_ms == rig.clock.now_ms()
    report = Verifier(rig.pipeline.lake, rig.pipeline.warehouse, rig.clock).verify(each_day(reaches))
    assert report.faults == 0
    assert report.states[VerifyState.DELETED] == 1
    told = [each.what for each in report.findings]
    assert told == [
        "what was captured on 2026-01-10 was deleted by retention on 2026-02-18: not reproducible"
    ]
    [day] = each_day(reaches)
    part = Rebuilder(rig.pipeline.lake, rig.pipeline.warehouse).read(row, day.window)
    assert {lost.loss for lost in part.rebuilt.lost.values()} == {Loss.DELETED}


def test_object_marked_deleted_says_so_before_it_is_folded(rig: AgeingRig) -> None:
    one, *_ = make_day("BTCUSDT", 1)
    archive(rig, one)
    is_it = lake_objects.c.object_key == one.key.text
    with rig.pipeline.warehouse.write() as connection:
        values = {"state": "deleted", "deleted_at": DAY_START_MS}
        connection.execute(lake_objects.update().where(is_it).values(**values))
        row = find_lineage(
            connection, list_series(connection, tracked_only=False)[0], one.klines[0].open_time
        )
    assert row.source is not None
    problem = open_source(rig.pipeline.lake, row.source).problem
    assert problem == "deleted by retention on 2026-01-09: the lake has it no more"


def test_plan_says_what_the_steps_then_do(rig: AgeingRig) -> None:
    archive(rig, *make_day("BTCUSDT", 9), *make_day("ETHUSDT", 9), pack_objects=3)
    rig.load(*make_day("BTCUSDT", 20), *make_day("ETHUSDT", 21, 2), *make_day("BTCUSDT", 39))
    manager = rig.manager(pack_objects=3)
    plans = manager.plan_packing(), manager.plan_archiving(), manager.plan_cleanup()
    done = manager.pack_old_files(), manager.archive_old_files(), manager.cleanup_old_archives()
    assert [one.objects for one in plans] == [4, 6, 8]
    assert [one.objects for one in done] == [4, 2, 8]
    assert [plans[at].size_bytes for at in (0, 2)] == [done[at].size_bytes for at in (0, 2)]


def _sha256(one: LakeObject) -> str:
    return hashlib.sha256(one.content).hexdigest()
