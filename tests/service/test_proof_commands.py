"""``lineage`` and ``verify`` on the command line: what they tell people and programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from src.domain import DAY_MS, MINUTE_MS
from src.lake.local_store import LocalStore
from tests.builders import CAPTURED_MS, DAY_START_MS, Pipeline, make_kline, make_object, open_pipeline
from tests.unit.test_cli import environment, run, succeed, succeed_json  # noqa: F401  environment is a fixture

pytestmark = pytest.mark.usefixtures("environment")

LAST_MS = DAY_START_MS + DAY_MS - MINUTE_MS


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """Hold a minute before and one after midnight, of one object."""
    url, lake = f"sqlite:///{tmp_path}/data/warehouse.db", LocalStore(tmp_path / "data" / "data_lake")
    with open_pipeline(url, lake) as opened:
        opened.land(make_object("BTCUSDT", [make_kline(LAST_MS), make_kline(LAST_MS + MINUTE_MS)]))
        opened.load()
        yield opened


def test_lineage_shows_all_values_that_an_earlier_version_had(pipeline: Pipeline) -> None:
    amended = make_kline(LAST_MS, high_price="112.50000000", trade_count=99)
    pipeline.land(make_object("BTCUSDT", [amended], CAPTURED_MS + 1))
    pipeline.load()
    told = succeed_json("lineage", "BTCUSDT", "2026-01-09T23:59")
    (earlier,) = told["earlier_versions"]
    names = told["candle"].keys() - {"open_time", "close_time"}
    changed = {name for name in names if earlier[name] != told["candle"][name]}
    assert changed == {"high_price", "trade_count"}
    assert (told["candle"]["high_price"], told["candle"]["trade_count"]) == ("112.50000000", "99")
    now, *_, before = succeed("lineage", "BTCUSDT", "2026-01-09T23:59").splitlines()
    shown = [line[line.index("open ") :].split() for line in (now, before)]
    assert [a for a, b in zip(*shown, strict=True) if a != b] == ["112.50000000", "99"]


def test_verify_tells_in_words_how_many_days_and_objects(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.land(make_object("ETHUSDT", [make_kline(LAST_MS)], CAPTURED_MS + 1))
    pipeline.load()
    assert succeed("verify", "--all").startswith("3 days of series, 3 candles compared: 3 days same\n")
    (file,) = (tmp_path / "data" / "data_lake" / "raw").rglob("BTCUSDT_*.json")
    file.unlink()
    found = run("verify", "--all")
    assert found.exit_code == 1
    summary, line = found.stdout.splitlines()
    assert summary == "3 days of series, 3 candles compared: 2 days object missing (1 object), 1 day same"
    assert line.startswith("object missing: binance:BTCUSDT:1m 2026-01-09: 2026-03-31/BTCUSDT_klines_")
