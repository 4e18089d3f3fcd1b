"""Ageing killed by SIGKILL at calls of the lake: the next run completes it, nothing is lost or doubled."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from src.clock import ManualClock
from src.domain import DAY_MS
from src.lake.store import Bucket
from src.settings import PROJECT_ROOT
from src.warehouse.ageing_tables import object_tombstones
from tests.ageing_rig import AgeingRig, clear_lake, make_day, open_lake
from tests.builders import DAY_START_MS, open_pipeline, read_table


@dataclass(frozen=True, slots=True)
class Stores:
    """Where warehouse and lake are, as another process finds them, too."""

    url: str
    lake: str


@pytest.fixture(params=["SQLite and a folder", "MariaDB and S3"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    if request.param == "SQLite and a folder":
        yield Stores(f"sqlite:///{tmp_path}/warehouse.db", f"{tmp_path}/lake")
        return
    request.getfixturevalue("s3_server")
    lake = f"s3:test-{uuid4().hex[:12]}"
    yield Stores(request.getfixturevalue("mariadb_url"), lake)
    clear_lake(open_lake(lake))


@pytest.mark.parametrize(("call", "is_after"), [(1, True), (2, False), (6, False), (7, False)])
def test_killed_ageing_is_completed_by_the_next_run(stores: Stores, call: int, is_after: bool) -> None:
    old, packed, young = make_day("BTCUSDT", 1), make_day("BTCUSDT", 20), make_day("ETHUSDT", 21, 3)
    with open_pipeline(stores.url, open_lake(stores.lake)) as pipeline:
        rig = AgeingRig(pipeline, ManualClock(DAY_START_MS + 29 * DAY_MS))
        rig.load(*old, *packed, *young)
        # Day 1 is packed. The calls then: pack put, files deleted, three copied, deleted; old pack deleted.
        rig.manager(pack_objects=3)._packer.pack(DAY_START_MS + 5 * DAY_MS)
        rig.clock.advance(11 * DAY_MS)
        assert _age(stores, call, is_after) == -signal.SIGKILL
        manager = rig.manager(pack_objects=3)
        manager.pack_old_files()
        manager.archive_old_files()
        manager.cleanup_old_archives()
        rig.check_agreement()
        assert rig.rows().keys() == {one.key.text for one in packed + young}
        rig.check_contents(packed + young)
        [stone] = read_table(pipeline.warehouse, object_tombstones)
        assert stone["objects"] == len(old)
        assert rig.keys(Bucket.RAW) == []


def _age(stores: Stores, call: int, is_after: bool) -> int:
    arguments = [stores.url, stores.lake, "40", str(call), str(int(is_after))]
    command = [sys.executable, "-m", "tests.faults.ageing_victim", *arguments]
    return subprocess.run(command, cwd=PROJECT_ROOT, timeout=90, check=False, capture_output=True).returncode
