"""Data folders that cannot be used: said in a sentence, never in a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from src.cli import main


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *command: str) -> tuple[int, str]:
    monkeypatch.setenv("CANDLEHOUSE_DATA_DIR", str(folder))
    monkeypatch.setenv("BINANCE_BASE_URL", "http://127.0.0.1:9")
    result = CliRunner().invoke(main, command)
    assert isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_data_folder_that_is_a_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("not a folder")
    status, said = run(monkeypatch, file, "symbols", "list")
    assert (status, "CANDLEHOUSE_DATA_DIR" in said) == (1, True)


def test_warehouse_that_is_no_database_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "warehouse.db").write_bytes(bytes(range(256)) * 20)
    status, said = run(monkeypatch, tmp_path, "symbols", "list")
    assert status == 1
    assert "is no SQLite database" in said
    assert "move it away" in said
