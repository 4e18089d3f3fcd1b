"""What a line of the log says it is about, so that one symbol's trouble can be found among fifty."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from src.logs import configure_logging
from src.warehouse.series import set_tracked
from tests.service.rig import BTC, Rig
from tests.unit.test_logs import undo_configuration  # noqa: F401  a fixture, in use for all tests here


def retries(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    return [line for line in lines if line["event"] == "will retry"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("klines", {"exchange": "binance", "symbol": "BTCUSDT", "interval": "1m"}),
        ("depth", {"exchange": "binance", "symbol": "BTCUSDT", "data_type": "depth"}),
    ],
)
def test_retry_names_what_it_is_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str, said: dict[str, str]
) -> None:
    with Rig(tmp_path) as rig:
        rig.warehouse.run(lambda connection: set_tracked(connection, [BTC], tracked=True))
        rig.simulator.add_fault(f"5xx:path={path},count=1")
        process = rig.start()
        configure_logging("info")
        assert process.extraction.run_once().failures == {}
    [line] = retries(capsys)
    assert said.items() <= line.items()
    assert (line["level"], line["attempt"]) == ("warning", 1)
