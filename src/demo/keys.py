"""Single keys from the terminal while something else is drawn; nothing where there is no terminal."""

from __future__ import annotations

import queue
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

try:
    import termios
    import tty
except ImportError:  # Windows
    _HAS_TERMIOS = False
else:
    _HAS_TERMIOS = True

_POLL_S = 0.2


@contextmanager
def pressed_keys() -> Iterator[queue.SimpleQueue[str]]:
    """Give a queue of the keys pressed; the terminal is as before afterwards. Ctrl-C still interrupts."""
    keys: queue.SimpleQueue[str] = queue.SimpleQueue()
    if not _HAS_TERMIOS or not sys.stdin.isatty():
        yield keys
        return
    before = termios.tcgetattr(sys.stdin)
    done = threading.Event()
    reader = threading.Thread(target=_read, args=(keys, done), daemon=True)
    try:
        tty.setcbreak(sys.stdin)
        reader.start()
        yield keys
    finally:
        done.set()
        reader.join()
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _read(keys: queue.SimpleQueue[str], done: threading.Event) -> None:
    while not done.is_set():
        ready, _, _ = select.select([sys.stdin], [], [], _POLL_S)
        if ready and (key := sys.stdin.read(1)):
            keys.put(key.lower())
