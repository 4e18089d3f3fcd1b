"""The command that writes candles into a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from pyarrow import parquet

from src.cli import main
from src.lake.local_store import LocalStore
from src.warehouse.engine import sqlite_url
from tests.builders import DAY_START_MS, make_kline, make_object, open_pipeline


@pytest.fixture(autouse=True)
def _some_candles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEHOUSE_DATA_DIR", str(tmp_path))
    with open_pipeline(sqlite_url(tmp_path / "warehouse.db"), LocalStore(tmp_path / "data_lake")) as pipeline:
        pipeline.land(make_object("BTCUSDT", [make_kline(DAY_START_MS + at * 60_000) for at in range(120)]))
        pipeline.load()


def test_candles_of_a_window_are_written_as_csv() -> None:
    window = ["--start", "2026-01-09T01:00", "--end", "2026-01-09T01:02"]
    result = CliRunner().invoke(main, ["export", "btcusdt", *window])
    assert result.exit_code == 0, result.output
    heading, *lines = result.stdout.splitlines()
    assert heading.startswith("open_time,open,high,low,close,volume")
    assert [line.split(",")[0] for line in lines] == ["2026-01-09T01:00:00.000Z", "2026-01-09T01:01:00.000Z"]


def test_candles_of_another_interval_are_written_into_a_file(tmp_path: Path) -> None:
    file = tmp_path / "btc.parquet"
    asked = ["--interval", "1h", "--format", "parquet", "--output", str(file)]
    assert CliRunner().invoke(main, ["export", "BTCUSDT", *asked]).exit_code == 0
    assert parquet.read_table(file).column("trade_count").to_pylist() == [420, 420]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["NOSUCHUSDT"], 1, "nothing is kept of NOSUCHUSDT"),
        (["BTCUSDT", "--interval", "7m"], 2, "7m"),
        (["BTCUSDT", "--start", "2026-02-01", "--end", "2026-01-01"], 2, "accepted: a time after"),
        (["BTCUSDT", "--output", "/nowhere/at/all.csv"], 2, "No such file or directory"),
    ],
)
def test_what_cannot_be_written_is_told(arguments: list[str], status: int, told: str) -> None:
    result = CliRunner().invoke(main, ["export", *arguments])
    assert result.exit_code == status
    assert told in result.stderr
