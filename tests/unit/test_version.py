"""Which code this is, from what a git checkout says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.version import VERSION, code_version, find_commit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    "files",
    [
        {"HEAD": f"{COMMIT}\n"},
        {"HEAD": "ref: refs/heads/main\n", "refs/heads/main": f"{COMMIT}\n"},
        {"HEAD": "ref: refs/heads/main\n", "packed-refs": f"# pack-refs\n{COMMIT} refs/heads/main\n"},
    ],
)
def test_commit_is_found_loose_packed_and_detached(tmp_path: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert find_commit(tmp_path) == COMMIT


@pytest.mark.parametrize("head", [None, "", "ref: refs/heads/none\n", "no commit\n"])
def test_what_is_no_checkout_has_no_commit(tmp_path: Path, head: str | None) -> None:
    if head is not None:
        (tmp_path / "HEAD").write_text(head)
    assert find_commit(tmp_path) is None


def test_version_fits_into_the_catalog() -> None:
    assert code_version().startswith(VERSION)
    assert len(code_version()) <= 40
