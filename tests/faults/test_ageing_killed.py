"""Ageing killed by SIGKILL at calls of the lake: the next run completes it, nothing is lost or doubled."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from src.clock import ManualClock
from src.domain import DAY_MS
from src.lake.local_store import LocalStore
from src.lake.reading import ObjectReader
from src.lake.store import Bucket
from src.settings import PROJECT_ROOT
from src.warehouse.ageing_tables import object_tombstones
from src.warehouse.packs import iterate_packs
from tests.ageing_rig import AgeingRig, make_day
from tests.builders import DAY_START_MS, open_pipeline, read_table


@pytest.mark.parametrize(("call", "is_after"), [(1, True), (2, False), (6, False), (7, False)])
def test_killed_ageing_is_completed_by_the_next_run(tmp_path: Path, call: int, is_after: bool) -> None:
    old, packed, young = make_day("BTCUSDT", 1), make_day("BTCUSDT", 20), make_day("ETHUSDT", 21, 3)
    with open_pipeline(f"sqlite:///{tmp_path}/warehouse.db", LocalStore(tmp_path / "lake")) as pipeline:
        rig = AgeingRig(pipeline, ManualClock(DAY_START_MS + 29 * DAY_MS))
        rig.load(*old, *packed, *young)
        # Day 1 is packed. The calls then: pack put, files deleted, three copied, deleted; old pack deleted.
        rig.manager(pack_objects=3)._packer.pack(DAY_START_MS + 5 * DAY_MS)
        rig.clock.advance(11 * DAY_MS)
        assert _age(tmp_path, call, is_after) == -signal.SIGKILL
        manager = rig.manager(pack_objects=3)
        manager.pack_old_files()
        manager.archive_old_files()
        manager.cleanup_old_archives()
        rig.check_agreement()
        keys = {row.id: row.key for row in iterate_packs(pipeline.warehouse)}
        rows = rig.rows()
        assert rows.keys() == {one.key.text for one in packed + young}
        for one in packed + young:
            row = rows[one.key.text]
            content = ObjectReader(pipeline.lake).read(row["bucket"], one.key.text, keys.get(row["pack_id"]))
            assert content == one.content
        [stone] = read_table(pipeline.warehouse, object_tombstones)
        assert stone["objects"] == len(old)
        assert rig.keys(Bucket.RAW) == []


def _age(folder: Path, call: int, is_after: bool) -> int:
    arguments = [str(folder), "40", str(call), str(int(is_after))]
    command = [sys.executable, "-m", "tests.faults.ageing_victim", *arguments]
    return subprocess.run(command, cwd=PROJECT_ROOT, timeout=90, check=False, capture_output=True).returncode
