"""A leader that loads what waits and freezes itself at a chosen moment of the load, as SIGSTOP would.

    python -m tests.faults.frozen URL LAKE 'all but the check' TTL_S SILENCE_S

Woken by SIGCONT it goes on, and says on standard output how its load ended.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from src.clock import SystemClock
from src.errors import CandlehouseError
from src.jobs import leadership
from src.jobs.leadership import Leadership
from src.lake.local_store import LocalStore
from src.transform.manager import TransformManager
from src.warehouse import bulk, loading
from src.warehouse.engine import open_warehouse

# The functions that have to return, one after the other, before it freezes.
MOMENTS: dict[str, list[tuple[Any, str]]] = {
    "facts without rollups": [(bulk, "insert_rows")],
    "all but the check": [(loading, "mark_loaded")],
    "between check and commit": [(loading, "mark_loaded"), (leadership, "check_token")],
}
# Never, in the seconds that a test takes: the moment must not fall into a renewal.
_RENEW_S = 60.0


def main() -> None:
    """Lead, load, freeze on the way."""
    url, lake, moment, ttl_s, silence_s = sys.argv[1:]
    clock = SystemClock()
    with closing(open_warehouse(url, silence_s=int(silence_s))) as warehouse:
        assert Leadership(warehouse, clock, ttl_s=float(ttl_s), renew_s=_RENEW_S).try_acquire()
        manager = TransformManager(warehouse, LocalStore(Path(lake)), clock)
        _freeze_after(MOMENTS[moment])
        try:
            manager.load_waiting()
            _say("committed")
        except CandlehouseError as error:
            _say(f"{type(error).__name__}: {error}")


def _freeze_after(calls: list[tuple[Any, str]]) -> None:
    (owner, name), *rest = calls
    original: Callable[..., Any] = getattr(owner, name)

    def freezing(*args: Any, **named: Any) -> Any:
        result = original(*args, **named)
        setattr(owner, name, original)  # once
        if rest:
            _freeze_after(rest)
        else:
            # To this thread, which then stops right here; the process may hand it to another thread first.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        return result

    setattr(owner, name, freezing)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
