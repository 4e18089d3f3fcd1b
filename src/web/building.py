"""Building the web app: install what is missing, build beside what is served, then swap the two."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from src.errors import CandlehouseError
from src.web.node import NoNode, check_node, is_installed, run_npm
from src.web.place import WebPlace, note_digest
from src.web.progress import Step, alone, tell

Say = Callable[[str], None]

_PACKED = frozenset({".js", ".css", ".svg", ".json", ".html", ".map", ".txt", ".webmanifest"})
_PACKED_FROM_BYTES = 1_000
# Scripts that packages want to run when they are installed: none of ours needs one.
_INSTALL = ["ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund"]


def build_web(place: WebPlace, environment: Mapping[str, str], say: Say) -> bool:
    """Build what is served, unless it is of these sources; return whether that took something.

    Another process that builds is waited for; *say* hears each step and all that npm says. Raises NoNode or
    NpmFailed, of which the page that is served meanwhile tells, too; OSError where nothing can be written.
    """
    with alone(place) as lock:
        if place.is_current:
            return False
        with place.log.open("w", encoding="utf-8") as log:

            def note(line: str) -> None:
                print(line, file=log, flush=True)
                say(line)

            try:
                check_node()
                _build(place, environment, note, lock)
            except CandlehouseError as error:
                note(str(error))
                tell(place, Step.NO_NODE if isinstance(error, NoNode) else Step.FAILED, str(error))
                raise
            tell(place, Step.NOTHING)
    return True


def install_packages(place: WebPlace, environment: Mapping[str, str], say: Say, lock: int) -> None:
    """Install what package-lock.json names, where that is not there; *lock* is that of ``alone``."""
    if not is_installed(place.root):
        tell(place, Step.INSTALLING)
        say("installing what package-lock.json names into node_modules …")
        run_npm(_INSTALL, place.root, environment, say, lock)


def _build(place: WebPlace, environment: Mapping[str, str], say: Say, lock: int) -> None:
    install_packages(place, environment, say, lock)
    tell(place, Step.BUILDING)
    say("building …")
    # Before, not after: what is changed meanwhile is built next time.
    digest = place.digest()
    made = place.work / "dist"
    shutil.rmtree(made, ignore_errors=True)
    options = ["--outDir", str(made.relative_to(place.root)), "--emptyOutDir"]
    run_npm(["run", "build", "--", *options], place.root, environment, say, lock)
    _pack(made)
    note_digest(made, digest)
    _swap(made, place.dist)
    say("built.")


def _pack(folder: Path) -> None:
    """Leave a packed copy beside each file that is worth it: as small as can be, since it is made once."""
    for path in folder.rglob("*"):
        if path.suffix in _PACKED and path.is_file() and path.stat().st_size >= _PACKED_FROM_BYTES:
            packed = path.with_name(f"{path.name}.gz")
            packed.write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))


def _swap(made: Path, dist: Path) -> None:
    """Put *made* in the place of *dist*. Between two renames there is none, for which the page waits, too."""
    old = made.with_name("old")
    shutil.rmtree(old, ignore_errors=True)
    if dist.exists():
        dist.rename(old)
    made.rename(dist)
    shutil.rmtree(old, ignore_errors=True)
