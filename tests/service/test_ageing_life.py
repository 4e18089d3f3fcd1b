"""A short life with everything in it: nothing grows for ever, and no rollup loses a minute."""

from __future__ import annotations

from pathlib import Path

from bench.ageing_life import Life, Plan


def test_stores_stop_growing_and_rollups_keep_every_minute(tmp_path: Path) -> None:
    plan = Plan(days=9, hours=12, keep_days=3, archive_days=1, delete_days=2)
    with Life(tmp_path, plan) as life:
        samples = list(life.days())
        assert list(life.find_wrong()) == []
    for name in ("files", "catalog_rows", "facts", "depth_rows"):
        settled = {getattr(one, name) for one in samples[-3:]}
        assert len(settled) == 1, (name, settled)
    # Four kinds of objects a day, all of the days before.
    assert samples[-1].tombstones > samples[-2].tombstones > 4 * (plan.days - plan.delete_days - 3)
