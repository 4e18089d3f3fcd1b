"""All of ageing once on MySQL and on MariaDB; the other tests of it run on SQLite and MariaDB."""

from __future__ import annotations

import pytest

from src.lake.store import Bucket
from src.warehouse.optimising import Optimiser
from tests.ageing_rig import AgeingRig, make_day
from tests.builders import Pipeline


@pytest.mark.parametrize("_full_pipeline", ["mariadb", "mysql"], indirect=True)
def test_objects_are_packed_archived_and_deleted(emptied_pipeline: Pipeline) -> None:
    rig = AgeingRig(emptied_pipeline)
    rig.load(*make_day("BTCUSDT", 1, depth=2), *make_day("ETHUSDT", 20, depth=2), *make_day("BTCUSDT", 39))
    manager = rig.manager(pack_objects=3)
    plans = manager.plan_packing(), manager.plan_archiving(), manager.plan_cleanup()
    assert [one.objects for one in plans] == [8, 12, 0]
    assert manager.pack_old_files().objects == 8
    assert manager.archive_old_files().objects == 4
    rig.check_agreement()
    assert manager.cleanup_old_archives().objects == 6
    rig.check_agreement()
    assert len(rig.keys(Bucket.ARCHIVE)) == 3
    assert Optimiser(rig.pipeline.warehouse).run().analysed == 3
