"""An API with data, made once for all tests that only read, and anew for those that change something."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.simulator.config import SimulatorConfig
from src.simulator.simulator import Simulator
from tests.api.rig import Api, fill, open_api, settings_for


@pytest.fixture(scope="session")
def filled_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with what ``rig.fill`` loads, on SQLite; to be copied or read."""
    folder = tmp_path_factory.mktemp("filled")
    fill(settings_for(folder))
    return folder


@pytest.fixture(scope="session")
def api(filled_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Give an API whose data nobody changes."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copytree(filled_folder, folder, dirs_exist_ok=True)
    with open_api(settings_for(folder)) as opened:
        yield opened


@pytest.fixture
def own_folder(filled_folder: Path, tmp_path: Path) -> Path:
    """Return a copy of ``filled_folder`` of the test's own."""
    folder = tmp_path / "data"
    shutil.copytree(filled_folder, folder)
    return folder


@pytest.fixture
def own_api(own_folder: Path) -> Iterator[Api]:
    """Give an API that a test may change."""
    with open_api(settings_for(own_folder)) as opened:
        yield opened


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """Give an exchange on the machine's clock."""
    running = Simulator(SimulatorConfig()).serve_in_thread()
    yield running
    running.stop()


@pytest.fixture
def trading_api(own_folder: Path, simulator: Simulator) -> Iterator[Api]:
    """Give an API that a test may change, with an exchange to ask."""
    with open_api(settings_for(own_folder, binance_base_url=simulator.base_url)) as opened:
        yield opened
