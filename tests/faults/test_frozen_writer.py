"""A leader frozen inside a load, another that takes over, and the first one waking up: one of them writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from src.domain import MINUTE_MS
from src.jobs.leadership import Leadership
from src.lake.local_store import LocalStore
from src.settings import PROJECT_ROOT
from src.warehouse.tables import fact_klines, hourly_klines, series
from tests.builders import (
    CAPTURED_MS,
    DAY_START_MS,
    Pipeline,
    as_kline,
    make_kline,
    make_object,
    open_pipeline,
    read_rollup,
    read_table,
    roll_up,
)

# On a busy machine each wait may take its whole patience, and says what it waited for when that ends.
pytestmark = pytest.mark.timeout(300)

HOUR_MS = 60 * MINUTE_MS
MINUTES = [make_kline(DAY_START_MS + i * MINUTE_MS) for i in range(90)]
# The promise is 30 s at the usual times; these tests have shorter ones.
_TAKEN_OVER_WITHIN_S = 15
_PATIENCE_S = 30


@pytest.fixture
def pipeline(database_url: str, tmp_path: Path) -> Iterator[Pipeline]:
    """Give the pipeline of the process that will take over, with objects that wait."""
    with open_pipeline(database_url, LocalStore(tmp_path / "lake")) as made:
        halves = (MINUTES[:50], MINUTES[50:])
        made.land(*(make_object("BTCUSDT", half, CAPTURED_MS + i) for i, half in enumerate(halves)))
        yield made


class FrozenLeader:
    """A process that led and stands still in the middle of a transaction."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def wake(self) -> str:
        """Let it go on; return what it says when it is through."""
        self._process.send_signal(signal.SIGCONT)
        said, _ = self._process.communicate(timeout=_PATIENCE_S)
        return said.splitlines()[-1]


@contextmanager
def frozen_leader(
    url: str, lake: Path, moment: str, *, ttl_s: float, silence_s: int
) -> Iterator[FrozenLeader]:
    command = [
        sys.executable,
        "-m",
        "tests.faults.frozen",
        url,
        str(lake),
        moment,
        str(ttl_s),
        str(silence_s),
    ]
    with subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status), "it ended before that moment came"
            yield FrozenLeader(process)
        finally:
            process.kill()


@pytest.fixture
def leadership(pipeline: Pipeline) -> Iterator[Leadership]:
    """Give the process that stands by."""
    made = Leadership(pipeline.warehouse, pipeline.clock, poll_s=0.1)
    yield made
    made.resign()


def take_over(leadership: Leadership) -> float:
    """Lead as soon as possible; return for how many seconds that was not."""
    started = time.monotonic()
    leadership.wait_until_leading()
    took_s = time.monotonic() - started
    assert took_s < _TAKEN_OVER_WITHIN_S
    return took_s


def assert_one_wrote(pipeline: Pipeline) -> None:
    """Check that each candle, each rollup and the count of loads say that one process loaded, once."""
    facts = read_table(pipeline.warehouse, fact_klines)
    assert [as_kline(row) for row in facts] == MINUTES
    assert read_rollup(pipeline.warehouse, hourly_klines, "BTCUSDT") == roll_up(MINUTES, HOUR_MS)
    with pipeline.warehouse.read() as connection:
        columns = (series.c.record_count, series.c.load_version)
        assert connection.execute(select(*columns)).all() == [(len(MINUTES), 1)]


def test_leader_that_wakes_before_its_check_is_refused(
    pipeline: Pipeline, leadership: Leadership, database_url: str, tmp_path: Path
) -> None:
    with frozen_leader(
        database_url, tmp_path / "lake", "all but the check", ttl_s=0.5, silence_s=60
    ) as frozen:
        take_over(leadership)
        assert frozen.wake().startswith("LeadershipLost: the lease 'leader' went to another process")
        assert read_table(pipeline.warehouse, fact_klines) == []
        assert pipeline.load().loaded.objects == 2
    assert_one_wrote(pipeline)


def test_server_rolls_a_frozen_leader_back_before_the_lease_changes_hands(
    pipeline: Pipeline, leadership: Leadership, database_url: str, tmp_path: Path
) -> None:
    with frozen_leader(
        database_url, tmp_path / "lake", "facts without rollups", ttl_s=2, silence_s=1
    ) as frozen:
        take_over(leadership)
        started = time.monotonic()
        assert pipeline.load().loaded.objects == 2
        assert time.monotonic() - started < 18, "nothing that the frozen one locked stands in the way"
        assert frozen.wake().startswith("WarehouseUnavailable: the session with the warehouse")
    assert_one_wrote(pipeline)


def test_leader_frozen_between_its_check_and_its_commit_keeps_the_lease_until_its_session_is_ended(
    pipeline: Pipeline, leadership: Leadership, database_url: str, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    with frozen_leader(database_url, lake, "between check and commit", ttl_s=0.5, silence_s=2) as frozen:
        assert take_over(leadership) > 1
        assert pipeline.load().loaded.objects == 2
        assert frozen.wake().startswith("WarehouseUnavailable: the session with the warehouse")
    assert_one_wrote(pipeline)
