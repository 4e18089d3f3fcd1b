"""Moving a lake in which others have files: between two folders, as no server is needed to see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.lake.local_store import LocalStore
from src.lake.packs import build_pack
from src.lake.store import Bucket
from src.maintenance.lake_pairs import is_of_lake
from src.maintenance.moving_lake import LakeMover
from src.warehouse.engine import open_warehouse, sqlite_url
from src.warehouse.homes import FOLDER, LakeHome
from src.warehouse.schema import migrate
from tests.builders import CAPTURED_MS, DAY_START_MS, make_kline, make_object

PACK = "packs/2026-01-09/BTCUSDT_klines_0123456789abcdef.tar.zst"


@pytest.mark.parametrize(
    ("key", "is_one"),
    [
        (f"2026-03-31/BTCUSDT_klines_{CAPTURED_MS}.json", True),
        ("2026-01-08/BTCUSDT_depth_1767968400123.json", True),  # an earlier pipeline's local date
        ("kraken/2026-01-09/BTCUSDT_klines-1h_1767968400123.json", True),
        ("2026-01-09/notes.txt", False),
        ("2026-01-09/BTCUSDT_trades_1767968400123.json", False),
    ],
)
def test_objects_are_told_by_their_names(key: str, is_one: bool) -> None:
    assert is_of_lake(key) is is_one


def test_files_of_others_stay_and_are_named(tmp_path: Path) -> None:
    source, target = (LocalStore(tmp_path / name) for name in ("old", "new"))
    source.ensure_buckets()
    made = make_object("BTCUSDT", [make_kline(DAY_START_MS)])
    pack = build_pack({made.key.text: made.content})
    for bucket, key, content in (
        (Bucket.RAW, made.key.text, made.content),
        (Bucket.RAW, "2026-01-09/notes.txt", b"mine"),
        (Bucket.ARCHIVE, PACK, pack),
    ):
        source.put_new(bucket, key, content)
    warehouse = open_warehouse(sqlite_url(tmp_path / "w.db"))
    migrate(warehouse)
    home = LakeHome(FOLDER, "new")
    report = LakeMover(source, target, home, warehouse, lambda *_: None).run(delete_source=True)
    warehouse.close()
    assert (report.objects, report.copied, report.verified, report.deleted) == (2, 2, 2, 2)
    assert (report.left_count, report.left) == (1, ["raw/2026-01-09/notes.txt"])
    assert (report.others, report.is_switched) == (0, True)
    assert [stat.key for stat in source.list_keys(Bucket.RAW)] == ["2026-01-09/notes.txt"]
    assert [stat.key for stat in target.list_keys(Bucket.RAW)] == [made.key.text]
    assert [stat.key for stat in target.list_keys(Bucket.ARCHIVE)] == [PACK]
