"""Minutes and objects deleted by hand, at a small size here; ``make soak`` deletes ten thousand.

A folder and SQLite have the same under test in ``tests/service/test_filling.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from src.simulator.config import SimulatorConfig, extra_symbols
from src.simulator.simulator import Simulator
from tests.faults.harness import Pipeline
from tests.faults.losing import lose_and_heal
from tests.faults.test_daemon import stores

__all__ = ["stores"]

_MINUTES = 300


@pytest.mark.parametrize("stores", ["mariadb and s3"], indirect=True)
def test_minutes_deleted_at_random_come_back_from_lake_and_exchange(
    tmp_path: Path, stores: dict[str, str]
) -> None:
    config = SimulatorConfig(symbols=extra_symbols(2))
    with Simulator(config).serve_in_thread() as simulator:
        pipeline = Pipeline(tmp_path, simulator, stores)
        healed = lose_and_heal(pipeline, _MINUTES)
        pipeline.close()
    assert healed.problems == []
    assert healed.found == healed.deleted == _MINUTES
    assert 0 < healed.reloaded < _MINUTES
    assert healed.fetched >= _MINUTES - healed.reloaded
