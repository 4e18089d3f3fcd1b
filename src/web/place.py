"""Where the web app's sources are, what is built of them, and whether that was built of these."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# What a build does not depend on.
_OTHER_FOLDERS = frozenset(
    {"node_modules", "dist", "e2e", "coverage", "test-results", "playwright-report", "blob-report"}
)
# In the built folder: of which sources it was built. Not by time: a checkout gives all files the time of now.
_DIGEST_FILE = ".built-of"


@dataclass(frozen=True, slots=True)
class WebPlace:
    """The folder *root* with the sources; what is built, and how far that is, lies in it."""

    root: Path

    @property
    def dist(self) -> Path:
        return self.root / "dist"

    @property
    def work(self) -> Path:
        """The folder in which building happens and leaves its log."""
        return self.root / ".build"

    @property
    def log(self) -> Path:
        return self.work / "build.log"

    @property
    def has_sources(self) -> bool:
        return (self.root / "package-lock.json").is_file()

    @property
    def is_built(self) -> bool:
        return (self.dist / "index.html").is_file()

    @property
    def is_current(self) -> bool:
        """Whether there is nothing to build: it was built of these sources, or came without any."""
        if not self.is_built or not self.has_sources:
            return self.is_built
        try:
            return (self.dist / _DIGEST_FILE).read_text(encoding="ascii") == self.digest()
        except OSError:
            return False

    def digest(self) -> str:
        """Return what is the same for the same sources, on every machine."""
        whole = hashlib.sha256()
        for name in self._source_names():
            content = hashlib.sha256((self.root / name).read_bytes())
            whole.update(f"{name}\0{content.hexdigest()}\n".encode())
        return whole.hexdigest()

    def _source_names(self) -> Iterator[str]:
        for folder, folders, files in os.walk(self.root):
            here = Path(folder).relative_to(self.root)
            if here == Path():
                folders[:] = [name for name in folders if name not in _OTHER_FOLDERS]
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(files):
                if not name.startswith(".") and ".test." not in name:
                    yield (here / name).as_posix()


def note_digest(dist: Path, digest: str) -> None:
    """Say in a built folder of which sources it was built."""
    (dist / _DIGEST_FILE).write_text(digest, encoding="ascii")


FRONTEND = WebPlace(Path(__file__).resolve().parents[2] / "frontend")
"""The web app of this checkout."""
