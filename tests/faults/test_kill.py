"""``kill -9`` at any moment loses no candle and doubles none. ``make soak`` does the same fifty times."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from src.simulator.config import DEFAULT_SYMBOLS, SimulatorConfig
from src.simulator.simulator import Simulator
from tests.faults.halting import Phase
from tests.faults.harness import Pipeline
from tests.faults.kills import Outcome, kill_repeatedly, list_half_written
from tests.servers import DatabaseServer, S3Server

# On a busy machine each wait may take its whole patience, and says what it waited for when that ends.
pytestmark = pytest.mark.timeout(300)

# Two kills of each kind, and on the servers one of each.
_KILLS_LOCAL, _KILLS_SERVERS = 6, 3


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    # The days around a 29th of February, always the same.
    config = SimulatorConfig(symbols=DEFAULT_SYMBOLS[:3], start_at_ms=1_709_037_296_000)
    with Simulator(config).serve_in_thread() as running:
        yield running


def check(outcome: Outcome, kills: int) -> None:
    assert outcome.differences == []
    for phase in (Phase.WRITING, Phase.BETWEEN, Phase.LOADING):
        assert outcome.seen[phase] >= kills // 3
    compared = outcome.comparison
    assert compared.candles > 3 * kills * 1440
    assert compared.rollups > compared.candles / 60
    assert compared.objects > 0
    assert compared.levels > 0


def test_kill_9_at_any_moment_loses_no_candle_and_doubles_none(tmp_path: Path, simulator: Simulator) -> None:
    pipeline = Pipeline(tmp_path, simulator)
    outcome = kill_repeatedly(pipeline, _KILLS_LOCAL)
    check(outcome, _KILLS_LOCAL)
    # The killed writers' files are still there, so the comparison proves that nobody takes them for objects.
    assert list_half_written(pipeline)


def test_kill_9_on_real_servers(
    tmp_path: Path,
    simulator: Simulator,
    database_server: DatabaseServer,
    database: str,
    s3_server: S3Server,
) -> None:
    servers = database_server.environment(database) | s3_server.environment()
    name = database.replace("_", "-")
    buckets = {"MINIO_BUCKET_RAW": f"{name}-raw", "MINIO_BUCKET_ARCHIVE": f"{name}-archive"}
    pipeline = Pipeline(tmp_path, simulator, servers | buckets)
    check(kill_repeatedly(pipeline, _KILLS_SERVERS), _KILLS_SERVERS)
    pipeline.close()
