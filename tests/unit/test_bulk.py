"""Load files that a killed process left in memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from src.clock import SystemClock
from src.domain import HOUR_MS
from src.warehouse import bulk


def test_old_leftovers_are_swept_and_young_ones_left_to_their_writers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_MEMORY_FOLDER", tmp_path)
    now_ms = SystemClock().now_ms()
    for name, age_ms in (
        ("candlehouse-a.tsv", 2 * HOUR_MS),
        ("candlehouse-b.tsv", 60_000),
        ("c.tsv", 9 * HOUR_MS),
    ):
        file = tmp_path / name
        file.touch()
        os.utime(file, ns=(0, (now_ms - age_ms) * 1_000_000))
    assert bulk.sweep_leftovers() == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["c.tsv", "candlehouse-b.tsv"]
