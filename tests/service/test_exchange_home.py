"""Simulated candles never get among real ones: the start refuses an exchange of the other kind."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.extract.exchange_kind import ExchangeKind, find_kind
from src.simulator.simulator import Simulator
from tests.tiny_server import Reply, TinyServer
from tests.unit.test_cli import (
    environment,  # noqa: F401  a fixture
    exchange,  # noqa: F401  a fixture
    fail,
    simulated,  # noqa: F401  a fixture
    succeed,
)


@pytest.fixture
def mirror() -> Iterator[str]:
    """Give the address of one that passes on what the real exchange says, when it says something."""
    with TinyServer(lambda asked: Reply(404 if asked.path == "/simulator/clock" else 502)) as server:
        yield server.base_url


def count_objects(folder: Path) -> int:
    with sqlite3.connect(folder / "data" / "warehouse.db") as warehouse:
        return int(warehouse.execute("SELECT COUNT(*) FROM lake_objects").fetchone()[0])


def test_kind_is_told_by_the_address_or_by_who_answers(exchange: Simulator, mirror: str) -> None:  # noqa: F811
    assert find_kind("https://data-api.binance.vision") is ExchangeKind.REAL
    assert find_kind(exchange.base_url) is ExchangeKind.SIMULATOR
    assert find_kind(mirror) is ExchangeKind.REAL
    assert find_kind(f"{mirror}/an-error-page") is None
    assert find_kind("http://127.0.0.1:9") is None


def test_real_exchange_is_refused_by_a_warehouse_of_simulated_candles(
    simulated: Simulator,  # noqa: F811
    mirror: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    succeed("cycle")
    before = count_objects(tmp_path)
    monkeypatch.setenv("BINANCE_BASE_URL", mirror)
    told = fail(2, "cycle")
    assert f"BINANCE_BASE_URL is the real binance ({mirror}), but this warehouse holds simulated" in told
    assert "CANDLEHOUSE_DATA_DIR of its own" in told
    assert count_objects(tmp_path) == before
    monkeypatch.setenv("CANDLEHOUSE_DATA_DIR", str(tmp_path / "other"))
    assert "502" in fail(1, "cycle"), "a new warehouse takes it"
    monkeypatch.setenv("CANDLEHOUSE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("BINANCE_BASE_URL", simulated.base_url)
    succeed("cycle")


def test_simulator_is_refused_by_a_warehouse_of_real_candles(
    simulated: Simulator,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    with monkeypatch.context() as real:
        real.setattr("src.maintenance.exchange_home.find_kind", lambda _: ExchangeKind.REAL)
        succeed("cycle")
    before = count_objects(tmp_path)
    told = fail(2, "cycle")
    assert (
        f"BINANCE_BASE_URL={simulated.base_url} is a simulator, but this warehouse holds candles of" in told
    )
    assert count_objects(tmp_path) == before > 0


def test_exchange_that_is_away_stops_no_start(simulated: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    succeed("cycle")
    monkeypatch.setenv("BINANCE_BASE_URL", "http://127.0.0.1:9")
    succeed("transform")
    assert "Connection refused" in fail(1, "cycle")
