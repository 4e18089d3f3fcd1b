"""The daemon, made to halt at a chosen moment of its work and to say so, in order to be killed right there.

    python -m tests.faults.halting 'an object is half written' 2

halts the second time that moment comes: it logs "halted" and waits. Other threads go on, as they would
during the microseconds that the moment lasts otherwise. Nothing else differs from ``scheduler.py``.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog
from urllib3.connection import HTTPConnection

from src.extract import landing
from src.lake import local_store
from src.logs import configure_logging
from src.settings import load_settings
from src.warehouse import bulk, loading, rollups
from src.wiring import build

log = structlog.get_logger()


class Phase(StrEnum):
    """Where in its work a daemon is killed."""

    WRITING = "an object is written"
    BETWEEN = "between object and commit"
    LOADING = "inside a load"
    ANYWHERE = "anywhere"


class Halt:
    """Lets the first *nth* - 1 moments pass and never lets go of the next."""

    def __init__(self, moment: str, nth: int) -> None:
        self._moment = moment
        self._left = nth
        self._lock = threading.Lock()

    def is_due(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left == 0

    def wait_for_the_end(self) -> None:
        log.info("halted", moment=self._moment)
        threading.Event().wait()

    def here(self) -> None:
        if self.is_due():
            self.wait_for_the_end()


def _before(owner: Any, name: str, halt: Halt) -> None:
    original = getattr(owner, name)

    def halting(*args: Any, **kwargs: Any) -> Any:
        halt.here()
        return original(*args, **kwargs)

    setattr(owner, name, halting)


def _after(owner: Any, name: str, halt: Halt) -> None:
    original = getattr(owner, name)

    def halting(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        halt.here()
        return result

    setattr(owner, name, halting)


def _in_half_an_object(halt: Halt) -> None:
    """Halt with half of a temporary file written, or half of an upload sent."""
    write, send = local_store._write_synced, HTTPConnection.send

    def write_half(path: Path, content: bytes) -> None:
        if halt.is_due():
            path.write_bytes(content[: len(content) // 2])
            halt.wait_for_the_end()
        write(path, content)

    def send_half(connection: HTTPConnection, data: Any) -> None:
        if _is_upload(data) and halt.is_due():
            send(connection, data[: len(data) // 2])
            halt.wait_for_the_end()
        send(connection, data)

    _replace(local_store, "_write_synced", write_half)
    _replace(HTTPConnection, "send", send_half)


def _in_an_unanswered_object(halt: Halt) -> None:
    """Halt with the object in its place before its writer knows: linked, or sent without an answer."""
    _after(local_store, "_publish", halt)
    send = HTTPConnection.send

    def send_and_halt(connection: HTTPConnection, data: Any) -> None:
        send(connection, data)
        if _is_upload(data):
            halt.here()

    _replace(HTTPConnection, "send", send_and_halt)


def _is_upload(data: Any) -> bool:
    return isinstance(data, bytes) and data.startswith(b'{"exchange"')


def _replace(owner: Any, name: str, function: Callable[..., None]) -> None:
    setattr(owner, name, function)


def _before_the_catalog_row(halt: Halt) -> None:
    _before(landing, "record_landed", halt)


def _before_the_commit(halt: Halt) -> None:
    """Halt with catalog row and watermark written and not committed."""
    _after(landing, "advance_watermark", halt)
    _after(landing, "note_depth", halt)


MOMENTS: dict[Phase, dict[str, Callable[[Halt], None]]] = {
    Phase.WRITING: {
        "an object is half written": _in_half_an_object,
        "an object is there and its writer does not know": _in_an_unanswered_object,
    },
    Phase.BETWEEN: {
        "before the catalog row": _before_the_catalog_row,
        "after the watermark moved, before the commit": _before_the_commit,
    },
    Phase.LOADING: {
        "facts without rollups": lambda halt: _after(bulk, "insert_rows", halt),
        "rollups half done": lambda halt: _after(rollups.WarehouseAggregator, "roll_up", halt),
        "all but committed": lambda halt: _after(loading, "mark_loaded", halt),
    },
    Phase.ANYWHERE: {},
}


def main() -> None:
    """Run the daemon that halts."""
    moment, nth = sys.argv[1], int(sys.argv[2])
    settings = load_settings()
    configure_logging(settings.log_level)
    install = next(moments[moment] for moments in MOMENTS.values() if moment in moments)
    install(Halt(moment, nth))
    build(settings).daemon.run()


if __name__ == "__main__":
    main()
