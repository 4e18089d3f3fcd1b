"""Memory and descriptors, at a small size here; ``make soak`` runs thousands of cycles."""

from __future__ import annotations

from pathlib import Path

from bench.endurance import Usage, find_growth, measure


def test_neither_memory_nor_descriptors_grow_with_cycles(tmp_path: Path) -> None:
    usages = list(measure(tmp_path, cycles=60))
    assert [usage.cycles for usage in usages] == [6, 12, 30, 60]
    assert find_growth(usages) == []


def test_growth_is_found() -> None:
    warm, leaking = Usage(20, 20, 100.0, 10), Usage(100, 100, 116.0, 11)
    first = Usage(10, 10, 10.0, 1)
    assert find_growth([first, warm, warm, Usage(100, 100, 114.0, 10)]) == []
    assert find_growth([first, warm, warm, leaking]) == [
        "memory from 100.0 to 116.0 MB",
        "open descriptors from 10 to 11",
    ]
