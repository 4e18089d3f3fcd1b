"""Which code this is: its version, and the commit where it runs from a git checkout."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

VERSION = "0.1.0"

_LENGTH = 12


@lru_cache(maxsize=1)
def code_version() -> str:
    """Return e.g. ``0.1.0+3f2a9c41d07b``, the version alone where there is no checkout."""
    commit = find_commit(Path(__file__).resolve().parent.parent / ".git")
    return f"{VERSION}+{commit[:_LENGTH]}" if commit else VERSION


def find_commit(folder: Path) -> str | None:
    """Return the commit that is checked out by what *folder*, a ``.git``, says; None when that is unclear."""
    try:
        head = (folder / "HEAD").read_text("ascii").strip()
        if not head.startswith("ref: "):
            return _checked(head)
        name = head.removeprefix("ref: ")
        loose = folder / name
        if loose.is_file():
            return _checked(loose.read_text("ascii").strip())
        packed = (folder / "packed-refs").read_text("ascii").splitlines()
        return next((_checked(line.split()[0]) for line in packed if line.endswith(f" {name}")), None)
    except (OSError, UnicodeDecodeError):
        return None


def _checked(commit: str) -> str | None:
    return commit if re.fullmatch(r"[0-9a-f]{40,64}", commit) else None
