"""The daemon as a process: how it ends, what it survives, where it goes on, and when its cycles come."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from src.domain import DAY_MS, MINUTE_MS
from src.lake.store import Bucket
from src.simulator.config import DEFAULT_SYMBOLS, SimulatorConfig
from src.simulator.simulator import Simulator
from src.warehouse.tables import lake_objects
from tests.faults.harness import DaemonProcess, Pipeline, eventually, started_from
from tests.faults.truth import compare, list_unfounded_watermarks

# On a busy machine each wait may take its whole patience, and says what it waited for when that ends.
pytestmark = pytest.mark.timeout(300)

# A few seconds, threefold; waits that a shutdown does not interrupt here would take longer.
_ENDS_WITHIN_S = 12.0
_START_MS = 1_709_037_296_000

MakePipeline = Callable[..., Pipeline]


@pytest.fixture
def make_pipeline(tmp_path: Path) -> Iterator[MakePipeline]:
    """Give a function that starts a simulator of three symbols, and makes a pipeline that it feeds."""
    made: list[Pipeline] = []

    def make(*faults: str, weight_limit: int = 6_000, **variables: str) -> Pipeline:
        config = SimulatorConfig(
            symbols=DEFAULT_SYMBOLS[:3], start_at_ms=_START_MS, faults=faults, weight_limit=weight_limit
        )
        simulator = Simulator(config).serve_in_thread()
        made.append(Pipeline(tmp_path, simulator, variables))
        return made[-1]

    yield make
    for pipeline in made:
        pipeline.simulator.stop()
        pipeline.close()


@pytest.fixture(params=["sqlite and folder", "mariadb and s3"])
def stores(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the settings of both pairs of stores in turn; the default ones need none."""
    if request.param == "sqlite and folder":
        return {}
    server = request.getfixturevalue("mariadb_server")
    s3 = request.getfixturevalue("s3_server")
    database = request.getfixturevalue("mariadb_database")
    name = database.replace("_", "-")
    buckets = {"MINIO_BUCKET_RAW": f"{name}-raw", "MINIO_BUCKET_ARCHIVE": f"{name}-archive"}
    return {**server.environment(database), **s3.environment(), **buckets}


def count_waiting(pipeline: Pipeline) -> int:
    query = select(func.count()).select_from(lake_objects).where(lake_objects.c.state == "landed")
    with pipeline.app.warehouse.read() as connection:
        return connection.scalar(query) or 0


def catalogued_keys(pipeline: Pipeline) -> list[str]:
    with pipeline.app.warehouse.read() as connection:
        return sorted(connection.scalars(select(lake_objects.c.object_key)))


@contextmanager
def caught_up(pipeline: Pipeline) -> Iterator[DaemonProcess]:
    with pipeline.daemon() as daemon:
        pipeline.wait_until_caught_up(daemon)
        yield daemon


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_in_the_middle_of_catching_up_with_nothing_half_done(
    make_pipeline: MakePipeline, number: signal.Signals
) -> None:
    pipeline = make_pipeline(CANDLEHOUSE_LOOKBACK_DAYS="100")
    with pipeline.daemon() as daemon:
        daemon.wait_for("object catalogued", times=10)
        assert daemon.end(number) < _ENDS_WITHIN_S
    assert max(mark or 0 for mark in pipeline.watermarks().values()) < _START_MS - DAY_MS, "it had finished"
    in_lake = [stat.key for stat in pipeline.app.lake.list_keys(Bucket.RAW)]
    assert catalogued_keys(pipeline) == in_lake
    assert list_unfounded_watermarks(pipeline) == []


def test_signal_ends_it_in_the_middle_of_a_backlog(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(CANDLEHOUSE_LOOKBACK_DAYS="30")
    pipeline.run_cli("extract")
    with pipeline.daemon() as daemon:
        daemon.wait_for("slice loading")
        assert daemon.end() < _ENDS_WITHIN_S
    assert count_waiting(pipeline) > 0, "it loaded the whole backlog first"


def test_cycles_go_on_while_a_long_history_is_caught_up(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(CANDLEHOUSE_LOOKBACK_DAYS="300")
    with pipeline.daemon() as daemon:
        daemon.wait_for("cycle done", times=3)
        assert max(mark or 0 for mark in pipeline.watermarks().values()) < _START_MS - DAY_MS, "too short"


@pytest.mark.parametrize(
    ("event", "faults", "weight_limit"),
    [
        pytest.param("will retry", ["5xx:path=klines"], 6_000, id="backoff"),
        pytest.param("blocked", ["429:path=klines,retry_after=600"], 6_000, id="retry-after"),
        pytest.param("budget used up", [], 100, id="budget"),
        pytest.param("will retry", ["5xx"], 6_000, id="start without the exchange"),
    ],
)
def test_signal_ends_it_while_it_waits(
    make_pipeline: MakePipeline, event: str, faults: list[str], weight_limit: int
) -> None:
    pipeline = make_pipeline(*faults, weight_limit=weight_limit, CANDLEHOUSE_LOOKBACK_DAYS="20")
    with pipeline.daemon() as daemon:
        daemon.wait_for(event)
        assert daemon.end() < _ENDS_WITHIN_S


@pytest.mark.parametrize("fault", ["5xx", "html:status=403"])
def test_it_outlives_an_exchange_that_fails_wholly_and_then_catches_up(
    make_pipeline: MakePipeline, fault: str
) -> None:
    pipeline = make_pipeline(fault, CANDLEHOUSE_BREAKER_SECONDS="2")
    with pipeline.daemon() as daemon:
        daemon.wait_for("extraction failed")
        assert catalogued_keys(pipeline) == []
        pipeline.simulator.faults.clear()
        pipeline.wait_until_caught_up(daemon)
        pipeline.finish(daemon)
    assert compare(pipeline, _START_MS).differences == []


def test_cycles_come_just_after_the_exchanges_clock_turns(make_pipeline: MakePipeline) -> None:
    cycle_ms = 4_000
    pipeline = make_pipeline(CANDLEHOUSE_CYCLE_SECONDS="4")
    clock = pipeline.simulator.clock
    clock.advance(clock.now_ms() % 777)  # somewhere between our own seconds
    with pipeline.daemon() as daemon:
        daemon.wait_for("cycle done")  # the first comes at once, wherever the clock stands
        seen = len(pipeline.simulator.requests)
        daemon.wait_for("cycle done", times=3)
        daemon.end()
    asked = [one for one in pipeline.simulator.requests[seen:] if one.path.endswith("/klines")]
    assert len(asked) >= 6  # three symbols, two cycles
    # Late is possible on a busy machine, early is not.
    assert all(400 <= one.at_ms % cycle_ms < cycle_ms * 0.8 for one in asked)


def test_restart_goes_on_from_the_watermark(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    with caught_up(pipeline) as daemon:
        daemon.end()
    marks = pipeline.watermarks()
    pipeline.simulator.clock.advance(3 * DAY_MS)
    pipeline.simulator.clear_requests()
    with caught_up(pipeline) as daemon:
        pipeline.finish(daemon)
    for symbol, mark in marks.items():
        assert mark is not None
        assert started_from(pipeline.simulator.requests, symbol)[0] == mark + MINUTE_MS
    assert compare(pipeline, _START_MS).differences == []


def test_symbol_removed_and_added_again_goes_on_from_its_watermark(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    simulator = pipeline.simulator
    with caught_up(pipeline) as daemon:
        mark = pipeline.watermarks()["ETHUSDT"]
        assert mark is not None
        pipeline.run_cli("symbols", "remove", "ETHUSDT")
        daemon.wait_for("cycle done", times=daemon.count("cycle done") + 1)  # one may be under way
        simulator.clear_requests()
        daemon.wait_for("cycle done", times=daemon.count("cycle done") + 2)
        assert started_from(simulator.requests, "BTCUSDT")
        assert not started_from(simulator.requests, "ETHUSDT")
        pipeline.run_cli("symbols", "add", "ETHUSDT")
        eventually(lambda: bool(started_from(simulator.requests, "ETHUSDT")), "ETHUSDT asked for again")
        pipeline.finish(daemon)
    assert started_from(simulator.requests, "ETHUSDT")[0] >= mark + MINUTE_MS
    assert compare(pipeline, _START_MS).differences == []
