"""Archiving: what moves, what stays, and that a crash between any two steps loses and doubles nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.lake.local_store import LocalStore
from src.lake.store import Bucket
from src.maintenance.ageing_report import Problem, StepReport
from src.warehouse.tables import lake_objects
from tests.ageing_rig import AgeingRig, FailingStore, make_day
from tests.builders import LakeObject

# On SQLite with a folder, and on MariaDB with S3; MySQL differs in nothing that is asked for here.
pytestmark = pytest.mark.parametrize("_full_pipeline", ["sqlite", "mariadb"], indirect=True)


def test_loaded_objects_of_old_days_move_and_younger_ones_stay(rig: AgeingRig) -> None:
    old, young = make_day("BTCUSDT", 32, depth=2), make_day("BTCUSDT", 33)
    rig.load(*old, *young)
    report = rig.manager().archive_old_files(days=7)
    assert report == StepReport(objects=6, size_bytes=sum(len(one.content) for one in old))
    assert rig.keys(Bucket.ARCHIVE) == sorted(one.key.text for one in old)
    assert rig.keys(Bucket.RAW) == sorted(one.key.text for one in young)
    for one in old:
        assert rig.pipeline.lake.get(Bucket.ARCHIVE, one.key.text) == one.content
    rig.check_agreement()
    assert rig.manager().archive_old_files(days=7) == StepReport()


def test_only_whole_days_that_are_old_enough_move(rig: AgeingRig) -> None:
    rig.load(*make_day("BTCUSDT", 32))
    rig.clock.advance(-1)
    assert rig.manager().archive_old_files(days=7).objects == 0
    rig.clock.advance(1)
    assert rig.manager().archive_old_files(days=7).objects == 4


def test_empty_folders_of_days_go_with_their_objects(rig: AgeingRig, lake_folder: Path) -> None:
    if not isinstance(rig.pipeline.lake, LocalStore):
        pytest.skip("S3 has no folders")
    rig.load(*make_day("BTCUSDT", 32), *make_day("BTCUSDT", 36))
    rig.manager().archive_old_files(days=7)
    assert [one.name for one in (lake_folder / "raw").iterdir() if one.name != ".tmp"] == ["2026-02-14"]


def test_what_is_not_loaded_stays_in_raw(rig: AgeingRig) -> None:
    waiting, quarantined, lost = make_day("BTCUSDT", 1)[:3]
    rig.load(quarantined, lost)
    rig.pipeline.land(waiting)
    for one, values in ((quarantined, {"state": "quarantined"}), (lost, {"error": "not in the lake"})):
        is_it = lake_objects.c.object_key == one.key.text
        with rig.pipeline.warehouse.write() as connection:
            connection.execute(lake_objects.update().where(is_it).values(**values))
    assert rig.manager().archive_old_files() == StepReport()
    assert len(rig.keys(Bucket.RAW)) == 3


def test_more_objects_than_a_transaction_takes_all_move(
    rig: AgeingRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.maintenance.archiving._OBJECTS_A_STEP", 3)
    rig.load(*make_day("BTCUSDT", 1, depth=4), *make_day("ETHUSDT", 1, depth=4), *make_day("ETHUSDT", 2))
    told: list[tuple[str, int]] = []
    assert rig.manager().archive_old_files(progress=lambda *one: told.append(one)).objects == 20
    assert sum(objects for _, objects in told) == 20
    assert rig.keys(Bucket.RAW) == []
    rig.check_agreement()


def test_stop_between_two_transactions_leaves_the_rest_for_the_next_run(
    rig: AgeingRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("src.maintenance.archiving._OBJECTS_A_STEP", 3)
    rig.load(*make_day("BTCUSDT", 1))
    stops = iter([False, True])
    report = rig.manager().archive_old_files(should_stop=lambda: next(stops))
    assert (report.objects, report.is_stopped) == (3, True)
    rig.check_agreement()
    assert rig.manager().archive_old_files().objects == 1


def test_crash_at_each_call_of_the_lake_loses_and_doubles_nothing(rig: AgeingRig) -> None:
    objects: list[LakeObject] = []

    def prepare(number: int) -> None:
        new = make_day(f"S{number}USDT", 1, hours=2) + make_day(f"S{number}USDT", 2, hours=1)
        rig.load(*new)
        objects.extend(new)

    # Three copies and two deletions, each with a crash before and one after.
    assert rig.crash_everywhere(prepare, lambda manager: manager.archive_old_files()) == 10
    assert rig.keys(Bucket.RAW) == []
    assert rig.keys(Bucket.ARCHIVE) == sorted(one.key.text for one in objects)


def test_crash_before_the_catalog_hears_of_it_is_taken_up(
    rig: AgeingRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = make_day("BTCUSDT", 1)
    rig.load(*objects)

    def fail(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("src.maintenance.archiving.record_archived", fail)
        with pytest.raises(RuntimeError):
            rig.manager().archive_old_files()
    assert rig.keys(Bucket.RAW) == rig.keys(Bucket.ARCHIVE)
    # Reconciling leaves the copies to the next run, and adopts none of them a second time.
    report = rig.reconcile()
    assert (report.adopted, report.leftovers, report.missing) == ([], [], [])
    assert rig.manager().archive_old_files().objects == 4
    rig.check_agreement()


def test_originals_left_after_the_catalog_knew_are_removed_by_either(rig: AgeingRig) -> None:
    objects = make_day("BTCUSDT", 1)
    rig.load(*objects)
    rig.manager().archive_old_files()
    one, other, changed = objects[:3]
    for left in (one, other):
        rig.pipeline.lake.put_new(Bucket.RAW, left.key.text, left.content)
    assert rig.reconcile().leftovers == [one.key.text, other.key.text]
    rig.check_agreement()
    rig.pipeline.lake.put_new(Bucket.RAW, one.key.text, one.content)
    assert rig.manager().archive_old_files().leftovers == 1
    rig.check_agreement()
    # An original stays as long as the archive does not have what was landed.
    rig.pipeline.lake.put_new(Bucket.RAW, changed.key.text, changed.content)
    rig.pipeline.lake.delete(Bucket.ARCHIVE, changed.key.text)
    rig.manager().archive_old_files()
    assert rig.reconcile().leftovers == []
    assert rig.keys(Bucket.RAW) == [changed.key.text]


def test_damaged_copy_is_made_again_and_damaged_original_is_told(rig: AgeingRig) -> None:
    good, bad = make_day("BTCUSDT", 1)[:2]
    rig.load(good, bad)
    rig.pipeline.lake.put_new(Bucket.ARCHIVE, good.key.text, b"half of i")
    rig.damage(Bucket.RAW, bad.key.text)
    report = rig.manager().archive_old_files()
    assert report.objects == 1
    assert report.problems == [
        Problem(bad.key.text, "it is not what was landed, its sha256 differs: restore it from a backup")
    ]
    assert rig.pipeline.lake.get(Bucket.ARCHIVE, good.key.text) == good.content
    assert rig.keys(Bucket.RAW) == [bad.key.text]


def test_object_that_is_to_be_loaded_again_meanwhile_stays(rig: AgeingRig) -> None:
    one, *_ = objects = make_day("BTCUSDT", 1)[:2]
    rig.load(*objects)

    class Meanwhile(FailingStore):
        """Lets somebody release the object just after it was copied."""

        def copy(self, source: Bucket, key: str, target: Bucket) -> None:
            super().copy(source, key, target)
            if key == one.key.text:
                is_it = lake_objects.c.object_key == key
                with rig.pipeline.warehouse.write() as connection:
                    connection.execute(lake_objects.update().where(is_it).values(state="landed"))

    assert rig.manager(Meanwhile(rig.pipeline.lake)).archive_old_files().objects == 1
    assert rig.keys(Bucket.RAW) == [one.key.text]
    assert rig.pipeline.load().loaded.objects == 1
    assert rig.manager().archive_old_files().objects == 1
    rig.check_agreement()


def test_days_are_found_by_the_index_on_capture(rig: AgeingRig) -> None:
    rig.load(*make_day("BTCUSDT", 1))
    if rig.pipeline.warehouse.is_mysql:
        pytest.skip("a server says how it searches only once it knows much data")
    told: list[str] = []
    _explain(rig, told)
    manager = rig.manager(pack_objects=1)
    manager.plan_packing()
    manager.plan_cleanup()
    manager.pack_old_files()
    manager.archive_old_files()
    manager.cleanup_old_archives()
    assert told
    assert all("ix_lake_objects_age" in one for one in told), told


def _explain(rig: AgeingRig, told: list[str]) -> None:
    """Ask for the plan of each SELECT that has to do with a day of objects."""
    from sqlalchemy import event

    def explain(_c: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.startswith("SELECT") and "captured_at >=" in statement:
            plan = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[attr-defined]
            told.extend(row[3] for row in plan if "lake_objects" in row[3])

    event.listen(rig.pipeline.warehouse.engine, "before_cursor_execute", explain)
